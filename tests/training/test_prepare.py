"""From a table and settings to a training: what is refused, and what depends on the number of rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from samples import csv_of

from mlpcli.config.settings import Config, ReadOptions
from mlpcli.data.dataset import DataSet
from mlpcli.errors import DataError
from mlpcli.training.prepare import prepare, prepare_dataset

REFUSED = {
    "too many classes": ("x,y\n" + "".join(f"{i % 7},c{i}\n" for i in range(60)), {}, "look like an id"),
    "target mostly missing": ("x,y\n" + "1,\n2,a\n3,\n4,b\n5,\n" * 12, {}, "missing"),
    "too few rows": ("x,y\n" + "1,a\n2,b\n" * 6, {"ensemble": 8}, "too few rows"),
    "a text as time": ("t,x,y\n" + "".join(f"w{i},{i % 5},{i % 2}\n" for i in range(60)), {"time": "t"}, "neither"),
    "no time": ("t,x,y\n" + "".join(f"{i or ''},{i % 5},{i % 2}\n" for i in range(60)), {"time": "t"}, "no time here"),
    "weights below 0": ("w,x,y\n" + "".join(f"-1,{i % 5},{i % 2}\n" for i in range(60)), {"weight": "w"}, "at least 0"),
    "weights no numbers": ("w,x,y\n" + "".join(f"q{i % 2},{i % 5},{i % 2}\n" for i in range(60)), {"weight": "w"},
                           "at least 0"),
    "weight 0 in all test rows": ("w,t,x,y\n" + "".join(f"{int(i < 51)},{i},{i % 7},{i % 2}\n" for i in range(60)),
                                  {"weight": "w", "time": "t"}, "all test rows have the weight 0"),
    "weight 0 to validate by": ("w,t,x,y\n" + "".join(f"{int(i < 42)},{i},{i % 7},{i % 2}\n" for i in range(60)),
                                {"weight": "w", "time": "t"}, "all validation rows have the weight 0"),
    "weight 0 in a whole fold": ("w,x,y\n" + "".join(f"{int(i < 6)},{i % 7},{i % 2}\n" for i in range(60)),
                                 {"weight": "w", "test": "0", "ensemble": 8}, "trains or validates have the weight 0"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_tables_that_cannot_be_trained_on_are_refused(name, here):
    text, settings, message = REFUSED[name]
    with pytest.raises(DataError, match=message):
        prepare(csv_of(here / "d.csv", text), Config(preset="classic", epochs=1, **({"ensemble": 1} | settings)))


@pytest.mark.parametrize(("n", "size"), [(40, "32"), (240, "32"), (1200, "128"), (3000, "256")])
def test_small_tables_have_small_batches(tmp_path, n, size):
    pd.DataFrame({"x": np.random.default_rng(0).random(n), "y": ["a", "b"] * (n // 2)}).to_csv(
        tmp_path / "t.csv", index=False
    )
    assert prepare(str(tmp_path / "t.csv"), Config(test="0")).settings.batch_size == size


@pytest.mark.parametrize(("n_rows", "many"), [(60, False), (4000, True)])
def test_small_steps_are_left_to_one_core(n_rows, many, monkeypatch):
    monkeypatch.setattr("mlpcli.training.prepare.n_cores", lambda: 8)
    x = np.random.default_rng(0).normal(size=(n_rows, 10))
    frame = pd.DataFrame(x, columns=[f"x{i}" for i in range(10)]).assign(y=np.where(x[:, 0] > 0, "a", "b"))
    config = Config(target="y")
    assert prepare_dataset(DataSet.from_frame(frame, config, ReadOptions()), config).usual_jobs == (8 if many else 1)
