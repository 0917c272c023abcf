"""What the report on a model says: in the order of a reader's questions, the same numbers in each form."""

from __future__ import annotations

import hashlib
import shlex
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from command_line import mlpcli
from reporter.html.pages import parsed, tables

from mlpcli.config.settings import Config, ReadOptions
from mlpcli.data.formats.dates import TimeFormat
from mlpcli.diagnosis.findings import CHECKS, Finding
from mlpcli.diagnosis.table_checks import TABLE_CHECKS
from mlpcli.evaluation.details import class_details, value_details
from mlpcli.evaluation.evaluate import Evaluation
from mlpcli.evaluation.explain.effects import Effect
from mlpcli.evaluation.explain.importance import ColumnImportance, Importance
from mlpcli.metrics.intervals import Interval
from mlpcli.model.assemble import assemble
from mlpcli.reporter.html.classes import class_blocks
from mlpcli.reporter.html.explanation import MAX_BARS, MAX_LINES, MAX_NAMED, effect_picture, importance_blocks
from mlpcli.reporter.html.model import (
    curve_blocks,
    findings_blocks,
    gather,
    linear_words,
    model_document,
    report_answer,
    train_command,
)
from mlpcli.reporter.html.page import page
from mlpcli.reporter.html.svg import picture as svg
from mlpcli.reporter.html.values import value_blocks
from mlpcli.reporter.html.verdict import verdict
from mlpcli.reporter.tables import number
from mlpcli.training.events import History
from mlpcli.training.prepare import prepare

PICTURES = {
    "classes": ["Loss curve", "ROC curve", "Precision and recall", "Reliability", "What each threshold costs"],
    "two classes": ["Loss curve", "ROC curve", "Precision and recall", "Reliability", "What each threshold costs"],
    "numbers": ["Loss curve", "Predicted against true", "Residuals", "Errors by size"],
}


@pytest.mark.parametrize("name", PICTURES)
def test_every_question_has_its_section_and_every_picture_its_numbers(name, made):
    shown = parsed(page(made(name).document))
    middle = "How far off it is" if name == "numbers" else "Which mistakes it makes"
    assert [h.text for h in shown.all("h2")] == [
        "How good it is", "What to know, and what to try", "How it learned", middle, "Which columns matter, and how",
        "The columns", "How to make it again",
    ]  # fmt: skip
    titles = [f.all("h3")[0].text for f in shown.all("figure")]
    n_effects = len(made(name).report.effects)
    assert titles[:-n_effects] == [*PICTURES[name], "Importance of the columns"]
    assert titles[-n_effects:] == [f"Effect of {e.column}" for e in made(name).report.effects]
    assert n_effects == min(4, len(made(name).report.model.schema.features))


@pytest.mark.parametrize("name", PICTURES)
def test_the_numbers_of_the_page_are_those_of_json(name, made):
    shown, answer = tables(parsed(page(made(name).document))), report_answer(made(name).report)
    metrics, *_ = (rows for caption, rows in shown.items() if caption.startswith("Metrics"))
    for row in metrics[1:]:
        cells, found = dict(zip(metrics[0], row, strict=True)), answer["metrics"]["test"][row[0]]
        assert cells["test"] == number(found["value"])
        if found["low"] is not None:
            assert cells["test interval (95 %)"] == f"{found['low']:.3g} to {found['high']:.3g}"
        for baseline, values in answer["baselines"].items():
            assert cells[baseline] == number(values[row[0]])
    curve = shown["Loss curve: numbers"][1:]
    for epoch, *losses in curve:
        at = int(epoch) - 1
        assert losses == [number(answer["curve"][name][at]) for name in ("train_loss", "valid_loss")]
    assert [row[0] for row in shown["Importance of the columns: numbers"][1:]] == [
        one["column"] for one in answer["explanation"]["importance"]
    ]
    details = answer["details"]
    if name == "numbers":
        assert shown["Errors by size: numbers"][1:] == [
            [number(b["low"]), number(b["high"]), str(b["rows"]), *(number(b[k]) for k in ("bias", "mae", "rmse"))]
            for b in details["by_size"]
        ]
    else:
        (confusion,) = (rows[1:] for caption, rows in shown.items() if caption.startswith("Rows of each true class"))
        assert [[int(cell.split(" ")[0]) for cell in row[1:-1]] for row in confusion] == [
            list(row) for row in details["confusion"]
        ]
        assert all(row[-1] == str(sum(counts)) for row, counts in zip(confusion, details["confusion"], strict=True))
        expected = details["thresholds"] or details["confidences"]
        assert len(shown["What each threshold costs: numbers"]) == 1 + len(expected)
    assert shown["What it was made of"][-1] == ["sha256 of the model", answer["sha256"]["model"]]


def test_the_hashes_are_those_of_the_files(made):
    answer, folder = report_answer(made("classes").report), made("classes").folder
    digests = {p.name: hashlib.sha256(p.read_bytes()).hexdigest() for p in folder.iterdir()}
    assert answer["sha256"] == {"data": digests["iris.csv"], "model": digests["model.npz"]}


FLAGS = ["--epochs 2", "--preset classic --hidden '' --epochs 3", "--ensemble 2 --lr 0.5 --epochs 2 -t island"]


@pytest.mark.slow
@pytest.mark.parametrize("flags", FLAGS)
def test_the_command_in_a_report_makes_the_same_model(flags, tmp_path):
    (tmp_path / "d.csv").write_text(
        "island;x;species\n" + "".join(f"{'abc'[i % 3]};{i * 7 % 11},5;{'de'[i % 2]}\n" for i in range(90))
    )
    train = ["train", "d.csv", "--decimal", ",", *shlex.split(flags), "-q"]
    assert mlpcli(*train, "-o", "a.npz", "--report", "a.html", cwd=tmp_path).returncode == 0
    command = parsed((tmp_path / "a.html").read_bytes()).all("code")[0].text.splitlines()[0]
    again = shlex.split(command)[1:]
    done = mlpcli(*again, "-q", "-o", "b.npz", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_a_command_names_only_what_is_not_the_default(made):
    command = train_command(made("numbers").report.model)
    read = "--encoding utf-8 --delimiter ,"
    assert command == f"mlpcli train diabetes.csv --target progression --epochs 8 --preset classic {read}"


def test_another_file_is_evaluated_whole_and_its_training_table_is_not_checked(made, tmp_path):
    report = made("classes").report
    path = tmp_path / "new.csv"
    path.write_bytes((made("classes").folder / "iris.csv").read_bytes().replace(b"5.1", b"5.2"))
    found = gather(report.model, report.path, str(path), ReadOptions())
    assert (found.evaluation.rows["test"], found.table_findings) == (150, None)
    text = parsed(page(model_document(found))).text
    assert "was not checked: another file was evaluated" in text
    assert report_answer(found)["table_findings"] is None


def test_without_test_rows_a_report_says_so(tmp_path, made):
    source = made("classes").folder / "iris.csv"
    prepared = prepare(str(source), Config(preset="classic", epochs=2, test="0", validation="0"))
    model = assemble(prepared, History.of(prepared.events()))
    model.path = str(tmp_path / "m.npz")
    model.save(model.path)
    report = gather(model, model.path, str(source), ReadOptions())
    assert (report.details, report.importance, report.effects) == (None, None, ())
    content = page(model_document(report))
    assert "no test rows were kept, so that nothing says how good it is" in content.decode()
    assert [f.all("h3")[0].text for f in parsed(content).all("figure")] == ["Loss curve"]


def test_the_verdict_says_what_how_good_and_beside_what(made):
    report = made("classes").report
    evaluation = report.evaluation
    found = verdict(report.model, evaluation, ())
    accuracy = evaluation.metrics["test"]["accuracy"].value
    assert found.startswith("The model predicts species, one of 3 classes, from 4 columns; it is right on ")
    assert f"{100 * accuracy:.1f}".removesuffix(".0") + " % of 22 rows it has never seen (95 %: " in found
    assert found.endswith(" for the majority class alone and 95.5 % for a linear model.")
    rare = verdict(report.model, evaluation, [Finding("imbalanced", "note", "")])
    assert "of each class, on average, in 22 rows" in rare
    bad = verdict(report.model, evaluation, [Finding("no-better-than-baseline", "problem", "it is not")])
    assert bad.endswith("; but it is not.")
    assert verdict(report.model, replace(evaluation, baselines={}), ()).endswith(" %).")
    numbers = verdict(made("numbers").report.model, made("numbers").report.evaluation, ())
    assert numbers.startswith("The model predicts the number progression from 10 columns; its rmse is ")


def test_who_is_better_is_said_with_how_sure_that_is():
    better = linear_words(Interval(0.5, 0.1, 0.9))
    assert "50 % more over a constant answer than a linear model" in better
    assert better.endswith("(95 %: 10 % to 90 %): better.")
    assert "less over" in linear_words(Interval(-0.5, -0.9, -0.1))
    assert linear_words(Interval(-0.5, -0.9, -0.1)).endswith(": worse.")
    assert linear_words(Interval(0.5, -0.1, 0.9)).endswith(": not reliably better or worse.")


def test_findings_come_with_their_meaning_and_remedies_and_the_others_are_named():
    found = Finding("overfitting", "warning", "the gap is wide", {}, ("--dropout 0.2", "more rows"))
    items, others = findings_blocks([found], CHECKS)
    lines = items.rows[0].lines
    assert items.rows[0].title == "overfitting (warning)"
    assert lines[0] == "The gap is wide."
    assert lines[1].startswith("What it means: Training rows are fitted much better than others")
    assert lines[2] == "Try: --dropout 0.2; more rows"
    assert "overfitting," not in others
    assert "underfitting" in others
    (clear,) = findings_blocks([], TABLE_CHECKS)
    assert all(code in clear for code in TABLE_CHECKS)


def test_of_many_classes_the_mistakes_are_listed_and_those_without_test_rows_have_no_curve():
    labels = tuple(f"class {i}" for i in range(14))
    y = np.arange(280) % 13
    proba = np.full((280, 14), 0.01)
    proba[np.arange(280), y * (np.arange(280) % 5 > 0)] = 0.87
    model = SimpleNamespace(labels=labels, record=SimpleNamespace(rule=None))
    details = class_details(model, Evaluation("d.csv", {}, {}, {}, y, proba))
    mistakes, each, *pictures = class_blocks(details, labels)
    assert mistakes.title == "most frequent mistakes"
    assert len(each.rows) == 14
    assert [p.title for p in pictures] == [
        "ROC curve",
        "Precision and recall",
        "Reliability",
        "What each threshold costs",
    ]
    lone = class_details(model, Evaluation("d.csv", {}, {}, {}, np.zeros(5, int), proba[:5]))
    assert [p.title for p in list(class_blocks(lone, labels))[2:]] == ["Reliability", "What each threshold costs"]


def test_residuals_that_all_lie_in_bins_say_nothing_of_others():
    truth = np.repeat([1.0, 2.0], 20)
    details = value_details(Evaluation("d.csv", {}, {}, {}, truth, truth + 0.5), 0)
    _, _, residuals, _ = value_blocks(details, "y")
    assert residuals.description == "How many rows have which prediction minus truth; 0 is right."
    assert residuals.chart.mark == 0.0


def test_columns_without_sure_effect_are_named_up_to_a_number():
    columns = tuple(ColumnImportance(f"c{i}", (f"c{i}",), 0.0, -1.0, 1.0) for i in range(MAX_NAMED + 5))
    picture, unsure = importance_blocks(Importance("accuracy", True, 0.9, 50, 3, 0.8, columns))
    assert f"c{MAX_NAMED - 1} and 5 more." in unsure
    assert "By how much the accuracy (0.9) falls when" in picture.description
    assert picture.description.endswith(f"The first {MAX_BARS} of {MAX_NAMED + 5} are drawn.")
    assert len(picture.numbers.rows) == MAX_NAMED + 5


def test_a_long_curve_keeps_its_ends_and_its_best_epoch(made):
    report = made("classes").report
    n = 5_000
    history = History("cross_entropy", "accuracy", [1 / (i + 1) for i in range(n)], best_epoch=n)
    record = replace(report.model.record, history=replace(history, valid_loss=history.train_loss, best_epoch=3_333))
    picture, *_ = curve_blocks(replace(report.model, record=record))
    epochs = [int(row[0]) for row in picture.numbers.rows]
    assert len(epochs) < 130
    assert {1, 3_333, n} <= set(epochs)
    assert picture.chart.mark == 3_333
    lone = replace(record, history=replace(history, best_epoch=0))
    picture, *_ = curve_blocks(replace(report.model, record=lone))
    assert (picture.chart.mark, len(picture.chart.lines)) == (None, 1)


def effect(at, values, rows, outputs=("y",), column="x"):
    return Effect(column, "number", "accumulated local effects", outputs, (0.5,) * len(outputs), at, values, rows, 9, 0)


def test_an_effect_along_levels_has_a_bar_each_and_the_missing_one_is_named():
    values = ((0.1, -0.2, 0.0), (0.0, 0.0, 0.3), (0.0, 0.1, 0.0))
    picture = effect_picture(effect(("a", None, "b"), values, (5, 3, 1), ("A", "B", "C")), None)
    assert [name for name, *_ in picture.chart.rows] == ["a (5 rows)", "(missing) (3 rows)", "b (1 row)"]
    assert [value for _, value, *_ in picture.chart.rows] in ([0.1, -0.2, 0.0], [0.0, 0.0, 0.3])
    assert [list(row) for row in picture.numbers.rows][1] == ["(missing)", "3", "-0.2", "0", "0.1"]


def test_an_effect_along_numbers_draws_the_classes_on_which_it_acts_most():
    names = tuple("abcdefgh")
    found = effect((0.0, 1.0), tuple((0.0, k / 10) for k in range(8)), (4, 5), names)
    picture = effect_picture(found, None)
    assert [line.name for line in picture.chart.lines] == list(names[-MAX_LINES:])
    assert picture.chart.strip == [(0.0, 0.5, 4.0), (0.5, 1.0, 5.0)]
    two = effect_picture(effect((0.0, 1.0), ((0.0, 0.1), (0.0, -0.1)), (9,), ("no", "yes")), None)
    assert [line.name for line in two.chart.lines] == ["yes"]
    one = effect_picture(effect((0.0, 1.0), ((0.0, 0.1),), (9,)), None)
    assert one.description.startswith("How the prediction differs from the mean one (y 0.5)")


def test_an_effect_along_dates_is_written_in_dates():
    days = tuple(86_400.0 * k for k in (0, 200, 400))
    picture = effect_picture(effect(days, ((0.0, 1.0, 2.0),), (5, 4)), TimeFormat("date", ()))
    assert [row[0] for row in picture.numbers.rows] == ["1970-01-01", "1970-07-20", "1971-02-05"]
    shown = svg(picture.chart, "n", "t", "d")
    assert ">1970-07-20<" in shown
    assert ">1971-02-05<" in shown
