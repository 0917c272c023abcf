"""A DataFrame in place of a CSV: the CSV twin is the judge."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from mlpcli.config.settings import Config, ReadOptions
from mlpcli.data.dataset import DataSet
from mlpcli.data.formats.number_format import NumberFormat
from mlpcli.data.frame import FrameSource, as_text, as_values
from mlpcli.data.storage import Storage
from mlpcli.errors import DataError, UsageError
from mlpcli.training.prepare import prepare_dataset


def frame_of(n=120):
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "x": np.where(rng.random(n) < 0.1, np.nan, rng.normal(size=n)),
            "k": rng.integers(0, 50, n),
            "day": pd.date_range("2024-01-01", periods=n),
            "color": rng.choice(["red", "green", "blue"], n),
            "y": rng.choice(["no", "yes"], n),
        }
    )


def test_a_frame_gives_the_same_columns_and_inputs_as_its_csv(tmp_path):
    frame = frame_of()
    frame.to_csv(tmp_path / "t.csv", index=False)
    config = Config(ensemble=2, epochs=1)
    twins = [
        prepare_dataset(data, config)
        for data in (DataSet.read(str(tmp_path / "t.csv"), config, ReadOptions()), DataSet.from_frame(frame, config))
    ]
    assert [c.kind for c in twins[0].schema.columns] == [c.kind for c in twins[1].schema.columns]
    np.testing.assert_allclose(twins[0].encoded.x, twins[1].encoded.x, atol=1e-6)
    assert (twins[0].encoded.y == twins[1].encoded.y).all()


def test_text_of_digits_stays_text_and_marked_numbers_are_read():
    n = 60
    frame = pd.DataFrame(
        {
            "code": [f"{i % 7 + 10}" for i in range(n)],
            "fee": [f"${i},{i % 10}00.50" for i in range(1, n + 1)],
            "y": ["a", "b"] * (n // 2),
        }
    )
    dataset = DataSet.from_frame(frame, Config())
    assert dataset.frame["code"].dtype.name == "category"
    assert dataset.frame["fee"].tolist()[:2] == [1100.5, 2200.5]


def test_a_name_that_appears_twice_is_refused():
    frame = pd.DataFrame([[1, 2, "a"]] * 20, columns=["x", "x", "y"])
    with pytest.raises(DataError, match="column 'x' appears twice"):
        DataSet.from_frame(frame, Config())


def test_a_cell_that_is_no_number_is_named_by_its_row():
    frame = frame_of().assign(x=["1.5"] * 119 + ["many"])
    with pytest.raises(DataError) as caught:
        DataSet.from_frame(frame, Config())
    assert (caught.value.file, caught.value.line) == ("<frame>", 120)


def test_the_digest_is_of_names_and_cells():
    frame = frame_of()

    def digest(changed):
        return FrameSource(changed, ReadOptions(), Storage(1 << 30)).sha256

    assert digest(frame) == digest(frame.copy().set_index(np.arange(5, 125)))
    assert digest(frame) != digest(frame.rename(columns={"x": "z"}))
    assert digest(frame) != digest(frame.assign(k=frame.k + 1))


def test_numbers_as_text_are_as_a_person_writes_them():
    assert as_text(pd.Series([1.0, 2.5, np.nan])).tolist()[:2] == ["1", "2.5"]
    assert as_text(pd.Series([1, 2])).tolist() == ["1", "2"]
    assert as_text(pd.Series([True, None])).tolist()[0] == "True"


def test_a_frame_has_no_lines_to_write():
    with pytest.raises(UsageError, match="frame"):
        list(DataSet.from_frame(frame_of(), Config()).lines(0))


def test_moments_and_spans_are_seconds():
    days = pd.Series(pd.to_datetime(["1970-01-02", None]))
    for moments in (days, days.dt.tz_localize("UTC")):
        np.testing.assert_array_equal(as_values(moments, NumberFormat()), [86400, np.nan])
    np.testing.assert_array_equal(as_values(days - days[0], NumberFormat()), [0, np.nan])


def test_a_source_of_a_frame_gives_cells_and_reads_written_values():
    source = FrameSource(pd.DataFrame({"a": ["1 kg", None, "x"]}), ReadOptions(), Storage())
    odd: list[int] = []

    def read(texts):
        return np.array([1.0 if text == "1 kg" else np.nan for text in texts])

    values = source.parse_written("a", read, odd.append)
    np.testing.assert_array_equal(values, [1, np.nan, np.nan])
    assert odd == [2]
    assert source.cell(2, "a") == "x"
