"""A model and a DataFrame: columns in any order, of any type that fits, and what is missing is named."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from samples import DIABETES, IRIS, csv_of

import mlpcli
from mlpcli.engine.network import PREDICT_ROWS
from mlpcli.errors import DataError

QUICK = ("--preset", "classic", "--epochs", "2")


def test_a_model_predicts_frames_in_any_order_and_names_what_is_missing(small):
    model = mlpcli.load(str(small / "iris.npz"))
    frame = pd.read_csv(IRIS)
    whole = model.predict(frame)
    assert (model.predict(frame[frame.columns[::-1]]) == whole).all()
    assert model.predict_proba(frame).shape == (150, 3)
    with pytest.raises(DataError, match="missing columns: sepal_length") as caught:
        model.predict(frame.rename(columns={"sepal_length": "sepal_lengthy"}))
    assert "did you mean 'sepal_lengthy'" in str(caught.value.hint)


def test_a_frame_of_numbers_where_the_model_has_text_is_read_as_text(here):
    data = csv_of(here / "d.csv", "k,x,y\n" + "".join(f"{'7a'[i % 2]},{i % 9},{i % 2}\n" for i in range(60)))
    model = mlpcli.fit(data, preset="classic", epochs=2)
    frame = pd.DataFrame({"k": pd.Categorical(["7", "a"]), "x": [1, 2]})
    plain = pd.DataFrame({"k": ["7", "a"], "x": ["1", "2"]})
    assert (model.predict_proba(frame) == model.predict_proba(plain)).all()
    regression = mlpcli.fit(str(DIABETES), target="progression", preset="classic", epochs=1)
    assert regression.predict(pd.read_csv(DIABETES).drop(columns="progression")).dtype == np.float64


def test_texts_that_all_look_like_numbers_are_still_the_model_s_texts(call, here):
    rows = "".join(f"{['x', '1', '2.5'][i % 3]},{i % 3 == 0}\n" for i in range(90))
    data = csv_of(here / "d.csv", "kind,y\n" + rows)
    assert call("train", data, *QUICK, "--category", "kind", "-q", "-o", "m.npz")[0] == 0
    only = csv_of(here / "n.csv", "kind\n1\n2.5\n")
    model = mlpcli.load("m.npz")
    frame = pd.read_csv(only)
    assert model.predict(frame).tolist() == call("predict", "m.npz", only)[1].split()[1:]


def test_a_row_gets_the_same_bits_alone_among_few_and_among_many(small):
    model, frame = mlpcli.load(str(small / "iris.npz")), pd.read_csv(IRIS)
    rows = pd.concat([frame] * 8)[: PREDICT_ROWS + 30]
    whole = model.outputs(rows)
    assert model.exact_sizes[-1] == PREDICT_ROWS
    for n in (1, 8, 9, 40, 137, 1000):
        assert (model.outputs(rows[:n]) == whole[:n]).all()


def test_rows_fill_the_largest_blocks_that_are_exact(small):
    model = mlpcli.load(str(small / "iris.npz"))
    model.__dict__["exact_sizes"] = (8, 128, PREDICT_ROWS)
    assert [model.rows_at_once(n) for n in (1, 9, 128, 1000, 5000)] == [8, 8, 128, 128, PREDICT_ROWS]
    model.__dict__["exact_sizes"] = (PREDICT_ROWS,)
    assert model.rows_at_once(3) == PREDICT_ROWS
