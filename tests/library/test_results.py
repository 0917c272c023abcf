"""What every result gives: a DataFrame, one safe line, and markup of its own in a notebook."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from reporter.html.pages import parsed
from samples import DIABETES, IRIS

import mlpcli
from mlpcli.library.results import Result

CURVE = {"preset": "classic", "hidden": (4,), "epochs": 2}
HOSTILE = '<img src=x onerror="alert(1)">\x1b[2J'


def asked(iris, diabetes):
    """Every kind of result, of classes and of numbers."""
    file, other = str(IRIS), str(DIABETES)
    return {
        "model": lambda: iris,
        "evaluation": lambda: iris.evaluate(file),
        "evaluation of numbers": lambda: diabetes.evaluate(other),
        "comparison of models": lambda: iris.compare(iris, file),
        "drift": lambda: iris.drift(pd.read_csv(file).head(40)),
        "importance": lambda: iris.explain(file),
        "effects": lambda: iris.explain(file, columns=["petal_width", "sepal_width"]),
        "row": lambda: iris.explain(file, row=3),
        "row of numbers": lambda: diabetes.explain(other, row=3),
        "predictions": lambda: iris.predictions(file),
        "predicted numbers": lambda: diabetes.predictions(other, interval=0.8),
        "predicted sets": lambda: iris.predictions(file, label_set=0.9),
        "nothing predicted": lambda: diabetes.predictions(pd.read_csv(other).head(0)),
        "cv": lambda: mlpcli.cv(file, folds=2, **CURVE),
        "compare": lambda: mlpcli.compare(file, vary="lr=0.01,0.1", repeats=2, **CURVE),
        "learning_curve": lambda: mlpcli.learning_curve(other, "progression", repeats=2, sizes=3, **CURVE),
        "tune": lambda: mlpcli.tune(file, trials=2, folds=2, space=["hidden=2,4"], **CURVE),
    }


KINDS = list(asked(None, None))


@pytest.fixture(scope="module")
def results(iris, diabetes):
    return {name: ask() for name, ask in asked(iris, diabetes).items()}


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "model"])
def test_every_result_gives_a_frame(results, kind):
    found = results[kind]
    frame = found.frame()
    assert isinstance(found, Result)
    assert len(frame) == (0 if kind == "nothing predicted" else len(frame.dropna(how="all")))
    assert len(frame.columns) > 0


@pytest.mark.parametrize("kind", KINDS)
def test_every_result_says_itself_in_one_line_and_draws_itself(results, kind):
    found = results[kind]
    assert found.summary().verdict == repr(found)
    assert "\n" not in repr(found)
    drawn = parsed(found._repr_html_().encode())
    assert drawn.all("p")[0].text == repr(found)
    assert drawn.all("table")
    assert not drawn.all("script")
    assert "http" not in re.sub(r"http://www.w3.org/\S+", "", found._repr_html_())


def test_no_two_results_share_an_id_or_style_what_is_not_theirs(results):
    pages = {kind: found._repr_html_() for kind, found in results.items()}
    ids = [set(re.findall(r' id="([^"]+)"', page)) for page in pages.values()]
    assert sum(map(len, ids)) == len(set().union(*ids)) > 20
    for page in pages.values():
        style = page.split("<style>")[1].split("</style>")[0]
        assert style.startswith(".mlpcli-result {")
        assert style.count("{") == style.count("}")
        assert ":root" not in style
        assert not re.search(r"(?<!t)body", style)


def test_the_same_result_is_drawn_the_same(iris):
    assert iris.evaluate(str(IRIS))._repr_html_() == iris.evaluate(str(IRIS))._repr_html_()


def test_long_tables_name_the_frame_that_has_the_rest(results):
    assert "and 50 more rows, which its frame() lists" in results["predictions"]._repr_html_()


def test_names_and_labels_of_others_do_nothing_on_a_page_or_a_terminal():
    frame = pd.DataFrame(
        {HOSTILE: [f"{HOSTILE}{i % 2}" for i in range(60)], "y": [f"{HOSTILE}{i % 2}" for i in range(60)]}
    )
    model = mlpcli.fit(frame, "y", preset="classic", epochs=2, hidden=(2,))
    for found in (
        model,
        model.evaluate(frame),
        model.drift(frame),
        model.predictions(frame),
        model.explain(frame, row=1),
    ):
        page = found._repr_html_()
        assert "\x1b" not in page + repr(found)
        assert not parsed(page.encode()).all("img")


def test_the_frame_of_predictions_has_the_columns_of_the_command(call, results, iris, diabetes, tmp_path):
    for kind, flags, file in (
        ("predictions", (), IRIS), ("predicted numbers", ("--interval", 0.8), DIABETES),
        ("predicted sets", ("--label-set", 0.9), IRIS),
    ):  # fmt: skip
        (iris if file == IRIS else diabetes).save(str(tmp_path / "m.npz"))
        code, out, _ = call("predict", tmp_path / "m.npz", file, "--proba", *flags, "-o", tmp_path / "p.csv")
        assert code == 0, out
        written, frame = pd.read_csv(tmp_path / "p.csv"), results[kind].frame()
        assert list(written) == list(frame)
        assert len(results[kind]) == len(frame)
        numbers = frame.select_dtypes("number")
        np.testing.assert_allclose(written[numbers.columns], numbers, atol=1e-6)


def test_numbers_without_an_interval_have_no_ends(results):
    frame = results["evaluation"].frame()
    of_baselines = frame[frame["answers"] != "model"]
    assert len(of_baselines)
    assert of_baselines[["low", "high"]].isna().all(axis=None)
    assert results["evaluation"].findings == tuple(results["evaluation"].findings)
