"""What each row counts."""

from __future__ import annotations

import numpy as np
import pytest

from mlpcli.config.settings import Config, ReadOptions
from mlpcli.data.dataset import DataSet
from mlpcli.errors import DataError
from mlpcli.training.row_weights import MAX_COUNT, given_weights, row_weights


def read(tmp_path, weights, config: Config) -> DataSet:
    path = tmp_path / "d.csv"
    path.write_text("a,w,target\n" + "".join(f"{i % 7},{w},{'yn'[i % 3 == 0]}\n" for i, w in enumerate(weights)))
    return DataSet.read(str(path), config, ReadOptions())


def test_counts_stay_as_they_are_and_other_weights_are_scaled_by_a_power_of_two(tmp_path):
    config = Config(target="target", weight="w")
    counts = np.arange(60) % 4 + 1.0
    np.testing.assert_array_equal(given_weights(read(tmp_path, counts, config), config), counts)
    for scale in (1e-9, 1e200, MAX_COUNT):
        large = (counts + 0.5) * scale
        found = given_weights(read(tmp_path, large, config), config)
        assert 0.5 <= found.max() <= 1
        ratio = large / found
        assert np.all(ratio == ratio[0])
        assert np.frexp(ratio[0])[0] == 0.5


def test_without_weights_rows_count_the_same(tmp_path):
    dataset = read(tmp_path, [1] * 60, Config(target="target"))
    assert given_weights(dataset, Config(target="target")) is None
    y = np.zeros(60, np.int64)
    assert row_weights(dataset, np.arange(60), y, Config(target="target").resolve("classification")) is None


def test_balanced_classes_count_the_same_in_sum_and_rows_one_in_the_mean(tmp_path):
    config = Config(target="target", weight="w", class_weight="balanced", drop=())
    given = np.arange(60) % 4 + 1.0
    dataset = read(tmp_path, given, config)
    y = (np.arange(60) % 3 == 0).astype(np.int64)
    found = row_weights(dataset, np.arange(60), y, config.resolve("classification"))
    assert found.mean() == pytest.approx(1, rel=1e-6)
    assert found[y == 0].sum() == pytest.approx(found[y == 1].sum(), rel=1e-5)
    np.testing.assert_allclose(found[y == 0] / found[y == 0][0], given[y == 0] / given[y == 0][0], rtol=1e-5)


@pytest.mark.parametrize("weights", [["1", "-1"] * 30, ["1", "x"] * 30], ids=["negative", "text"])
def test_what_is_no_weight_is_refused(tmp_path, weights):
    config = Config(target="target", weight="w")
    with pytest.raises(DataError, match="weights must be numbers of at least 0"):
        given_weights(read(tmp_path, weights, config), config)
