"""What attacks on real exports and on the machine found ends in a message or a model; the ids are of a checklist."""

from __future__ import annotations

import numpy as np
import pytest

from mlpcli.config import Config, ReadOptions
from mlpcli.data.dataset import read_dataset
from mlpcli.evaluation import evaluate
from mlpcli.training.prepare import given_weights

TINY = ("--preset", "classic", "--hidden", "4", "--epochs", "2")


def test_R06_a_sample_without_its_last_informative_row_costs_the_baseline_and_not_the_model(
    call, tmp_path, monkeypatch
):
    monkeypatch.setattr(evaluate, "MAX_EVALUATED", 20)
    (tmp_path / "d.csv").write_text("a,y\n" + "p,0\n" * 400 + "q,1\n" * 3)
    code, _, err = call("train", tmp_path / "d.csv", *TINY, "--target", "y", "-o", tmp_path / "m.npz")
    assert code == 0, err
    assert "no linear baseline: no column of its rows holds anything to learn from\n" in err
    assert (tmp_path / "m.npz").exists()
    code, out, err = call("evaluate", tmp_path / "m.npz")
    assert code == 0, err
    assert "no linear baseline" in out


@pytest.mark.filterwarnings("error")
def test_V03_weights_whose_sum_would_be_infinite_count_as_their_ratios(tmp_path):
    rows = "".join(f"{i % 7},{'1e308' if i % 2 else '1e-308'},{'pq'[i % 2]}\n" for i in range(40))
    (tmp_path / "d.csv").write_text("a,w,y\n" + rows)
    config = Config(weight="w", target="y")
    weights = given_weights(read_dataset(str(tmp_path / "d.csv"), config, ReadOptions()), config)
    assert np.isfinite(weights.sum())
    assert 0.5 <= weights.max() < 1
