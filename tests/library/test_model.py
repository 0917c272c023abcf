"""A model of the library: what it predicts and how it is evaluated, of a file and of a frame."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from samples import IRIS

import mlpcli
from mlpcli.errors import DataError

FAST = {"preset": "classic", "epochs": 8, "seed": 2}


@pytest.fixture(scope="module")
def twins():
    """A model of a CSV, and one of the DataFrame of the same rows."""
    frame = pd.read_csv(IRIS)
    return frame, mlpcli.fit(str(IRIS), **FAST), mlpcli.fit(frame, **FAST)


def test_a_frame_trains_what_its_csv_trains(twins):
    frame, of_csv, of_frame = twins
    assert of_csv.labels == of_frame.labels
    assert (of_csv.predict(frame) == of_frame.predict(frame)).all()
    np.testing.assert_allclose(of_csv.predict_proba(frame), of_frame.predict_proba(frame), rtol=1e-6)


def test_a_path_and_a_frame_are_predicted_alike(twins):
    frame, of_csv, _ = twins
    assert (of_csv.predict(str(IRIS)) == of_csv.predict(frame)).all()
    assert (of_csv.predict_proba(str(IRIS)) == of_csv.predict_proba(frame)).all()


def test_a_model_of_a_frame_is_evaluated_on_the_test_rows_of_that_frame(twins, tmp_path):
    frame, of_csv, of_frame = twins
    of_csv.path = str(IRIS)
    assert of_frame.evaluate(frame).metrics == of_csv.evaluate(str(IRIS)).metrics
    with pytest.raises(DataError, match="trained on a DataFrame"):
        of_frame.evaluate()


def test_all_rows_of_another_frame_are_evaluated(twins, tmp_path):
    frame, of_csv, _ = twins
    other = frame.iloc[::3].reset_index(drop=True)
    other.to_csv(tmp_path / "other.csv", index=False)
    found = of_csv.evaluate(other)
    assert found.rows == {"test": 50}
    assert found.metrics == of_csv.evaluate(str(tmp_path / "other.csv")).metrics
    with pytest.raises(DataError, match="no rows with a target"):
        of_csv.evaluate(other.assign(species=None))
    with pytest.raises(DataError, match="petal_width"):
        of_csv.evaluate(other.drop(columns="petal_width"))
