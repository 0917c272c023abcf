"""What is asked of a model: of its file as of the model itself, of a frame as of a file."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from samples import DIABETES, IRIS

import mlpcli
from mlpcli.errors import DataError, UsageError
from mlpcli.files.jsonable import to_json


@pytest.fixture(scope="module")
def path(iris, tmp_path_factory):
    path = str(tmp_path_factory.mktemp("verbs") / "iris.npz")
    iris.save(path)
    return path


@pytest.mark.slow
def test_a_path_is_as_good_as_a_model(iris, path):
    file = str(IRIS)
    assert mlpcli.evaluate(path, file).metrics == mlpcli.evaluate(iris, file).metrics
    assert mlpcli.evaluate(path, file, linear=False).baselines.keys() < mlpcli.evaluate(path, file).baselines.keys()
    assert mlpcli.predict(path, file).frame().equals(iris.predictions(file).frame())
    assert mlpcli.drift(path, file).shifts == iris.drift(file).shifts


@pytest.mark.slow
def test_explain_is_the_command_of_a_file_and_of_a_frame(call, path):
    frame, file = pd.read_csv(IRIS), str(IRIS)
    for flags, asked in (
        ((), {}), (("--column", "petal_width,sepal_width"), {"columns": ["petal_width", "sepal_width"]}),
        (("--row", 7), {"row": 7}), (("--metric", "accuracy"), {"metric": "accuracy"}),
    ):  # fmt: skip
        code, out, err = call("explain", path, file, *flags, "--json")
        assert code == 0, err
        theirs = json.loads(out)
        ours = mlpcli.explain(path, file, jobs=2, **asked)
        of_frame = mlpcli.explain(path, frame.iloc[::-1].iloc[::-1].set_axis(range(5, 155)), **asked)
        assert [c["value"] for c in theirs["importance"]] == (
            [c.value for c in ours.importance.columns] if ours.importance else []
        )
        assert theirs["rows"] == to_json(ours.explained)
        assert len(theirs["effects"]) == len(ours.effects) + (ours.joint is not None)
        assert list(of_frame.frame()) == list(ours.frame())
    assert of_frame.importance is not None


def test_a_row_of_a_frame_is_explained_against_the_training_file_or_the_frame(iris):
    frame = pd.read_csv(IRIS)
    iris_of_frame = mlpcli.fit(frame, preset="classic", epochs=3)
    row = iris_of_frame.explain(frame, row=2).explained[0]
    assert (row.row, row.file, row.line) == (2, "<frame>", 2)
    assert row.background == "22 test rows of <frame>"
    other = iris_of_frame.explain(frame.drop(columns="species").head(60), row=2).explained[0]
    assert other.background == "60 rows of <frame>"
    with pytest.raises(UsageError, match="no row 200"):
        iris_of_frame.explain(frame, row=200)


def test_what_cannot_be_asked_is_refused(iris, diabetes):
    with pytest.raises(UsageError, match="--column: 3 columns"):
        iris.explain(str(IRIS), columns=["sepal_width", "petal_width", "petal_length"])
    with pytest.raises(UsageError, match="is for numbers"):
        iris.predictions(str(IRIS), interval=0.9)
    with pytest.raises(UsageError, match="is for classes"):
        diabetes.predictions(str(DIABETES), label_set=0.9)
    with pytest.raises(DataError, match="species"):
        iris.evaluate(pd.read_csv(IRIS).drop(columns="species"))
    with pytest.raises(DataError, match="no data rows"):
        iris.evaluate(pd.read_csv(IRIS).head(0))
