"""The report on a model: its numbers, gathered once, and what is said of them, in the order of a reader's questions."""

from __future__ import annotations

import hashlib
import os
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from mlpcli.config.flags import as_flags, different
from mlpcli.config.settings import Config, ReadOptions
from mlpcli.data import splits
from mlpcli.data.dataset import DataSet
from mlpcli.diagnosis.findings import CHECKS, Finding, findings
from mlpcli.diagnosis.table_checks import TABLE_CHECKS, TableFacts, run_checks
from mlpcli.errors import plural
from mlpcli.evaluation.details import ClassDetails, Details, details_of
from mlpcli.evaluation.evaluate import (
    Evaluation,
    evaluate_dataset,
    evaluate_rows,
    read_with_target,
    trained_table,
)
from mlpcli.evaluation.explain.effects import Effect, main_effects
from mlpcli.evaluation.explain.importance import Importance, importance
from mlpcli.evaluation.explain.rows import ExplainedRows, drawn, rows_of_dataset
from mlpcli.files.jsonable import to_json
from mlpcli.metrics.intervals import Interval
from mlpcli.model.trained import TrainedModel
from mlpcli.reporter.answers import Answer, explain_answer, interval, model_answer
from mlpcli.reporter.chart import Series
from mlpcli.reporter.grid import Grid
from mlpcli.reporter.html.classes import class_blocks
from mlpcli.reporter.html.document import (
    Block,
    Chart,
    Commands,
    Document,
    Item,
    Items,
    Section,
    line_picture,
    percent,
    sentence,
    thinned,
)
from mlpcli.reporter.html.explanation import effect_picture, importance_blocks
from mlpcli.reporter.html.values import value_blocks
from mlpcli.reporter.html.verdict import verdict
from mlpcli.reporter.model import model_facts
from mlpcli.reporter.tables import chosen_by, columns_table, metrics_table
from mlpcli.reporter.training import curve_note
from mlpcli.training.events import History


@dataclass(frozen=True)
class ModelReport:
    """All that a report says, as numbers."""

    model: TrainedModel
    evaluation: Evaluation
    findings: tuple[Finding, ...]  # of the training and its test rows
    table_findings: tuple[Finding, ...] | None  # None where the training file was not looked at
    details: Details | None  # None without evaluated rows
    rows: ExplainedRows | None  # on which importance and effects were measured
    importance: Importance | None  # None without two rows to shuffle
    effects: tuple[Effect, ...]  # of the most important columns
    path: str  # of the model file
    sha256: str

    @property
    def history(self) -> History:
        return self.model.record.history


def gather(model: TrainedModel, path: str, data: str | None, options: ReadOptions) -> ModelReport:
    """Evaluates a model that was loaded from `path` on its test rows, or on all rows of another file.

    Raises DataError.
    """
    table = trained_table(model, data, options, "report")
    if table is None:
        assert data is not None
        frame, cells, source = read_with_target(model, data, options)  # once: it may be standard input
        evaluation = evaluate_rows(model, frame, cells, source.name, source.storage)
        return report_of(model, path, evaluation, None, drawn(model, source.name, frame, cells))
    checks = run_checks(TableFacts.of(table, model.schema, model.config))
    return report_of(model, path, evaluate_dataset(model, table, linear=True), checks, test_rows(model, table))


def test_rows(model: TrainedModel, table: DataSet) -> ExplainedRows | None:
    """The test rows of the table a model was trained on; None where it kept none."""
    return rows_of_dataset(model, table) if (table.sets == splits.TEST).any() else None


def report_of(
    model: TrainedModel, path: str, evaluation: Evaluation, table_findings: tuple[Finding, ...] | None,
    rows: ExplainedRows | None,
) -> ModelReport:  # fmt: skip
    """The report on a model that was evaluated; `table_findings` are those of the table it was trained on."""
    found = findings(model, evaluation, table_findings or ())
    with open(path, "rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    matters = importance(model, rows) if rows is not None and len(rows) > 1 else None
    effects = main_effects(model, rows, matters) if rows is not None and matters is not None else ()
    details = details_of(model, evaluation)
    return ModelReport(model, evaluation, found, table_findings, details, rows, matters, effects, path, digest)


def report_answer(report: ModelReport) -> Answer:
    """Of `report`: the numbers of the page."""
    model, evidence = report.model, report.evaluation.test_evidence
    history = report.history
    return {
        **model_answer(model, report.evaluation, report.findings, report.path, history),
        "verdict": verdict(model, report.evaluation, report.findings),
        "advantage_over_linear": interval(None if evidence is None else evidence.advantage),
        "curve": {"loss": history.loss, "train_loss": history.train_loss, "valid_loss": history.valid_loss},
        "details": to_json(report.details),
        "explanation": explain_answer(model, report.rows, report.importance, report.effects, ()),
        "columns": to_json(model.schema.columns),
        "table_findings": to_json(report.table_findings),
        "command": train_command(model), "versions": model.record.versions,
        "sha256": {"data": model.record.data.sha256, "model": report.sha256},
    }  # fmt: skip


def model_document(report: ModelReport) -> Document:
    """The report as a page."""
    model = report.model
    sections = [
        Section("How good it is", [*goodness(report.evaluation)]),
        Section("What to know, and what to try", [*findings_blocks(report.findings, CHECKS)]),
        Section("How it learned", [*curve_blocks(report.model)]),
    ]
    if report.details is not None:
        is_classes = isinstance(report.details, ClassDetails)
        sections.append(
            Section(
                "Which mistakes it makes" if is_classes else "How far off it is",
                [*details_blocks(model, report.details)],
            )
        )
    if report.importance is not None:
        sections.append(Section("Which columns matter, and how", [*explanation_blocks(report, report.importance)]))
    sections += [
        Section("The columns", [*column_blocks(report)]),
        Section("How to make it again", [*origin_blocks(report)]),
    ]
    target, data = model.schema.target.name, report.evaluation.data
    return Document(
        f"{target}: a model of {model.record.data.path}", verdict(model, report.evaluation, report.findings), sections,
        f"Made by mlpcli {model.record.versions['mlpcli']} from {os.path.basename(report.path)} and "
        f"{os.path.basename(data)}.",
    )  # fmt: skip


def goodness(evaluation: Evaluation) -> Iterator[Block]:
    """Metrics with intervals beside the baselines."""
    yield test_first(metrics_table(evaluation.metrics, evaluation.baselines, verbose=True), evaluation)
    evidence = evaluation.test_evidence
    if evidence is not None and evidence.advantage is not None:
        yield linear_words(evidence.advantage)
    if "train" in evaluation.metrics:
        yield (
            "Intervals are 95 % bootstrap intervals over the test rows. Training rows were fitted, validation rows "
            "chose the epoch; only test rows say what to expect of new ones."
        )
    else:
        yield f"Intervals are 95 % bootstrap intervals over the rows of {evaluation.data}."
    yield from map(sentence, evaluation.notes)


def test_first(grid: Grid, evaluation: Evaluation) -> Grid:
    """The table of metrics with what matters first: test rows, their baselines, and the sets the model knows last."""
    known = [set_name for set_name in evaluation.metrics if set_name != "test"]
    order = [0, *(i for i, name in enumerate(grid.columns) if i and name not in known)]
    order += [grid.columns.index(name) for name in reversed(known)]
    columns = ["metric", *(grid.columns[i] for i in order[1:])]
    rows = [[row[i] for i in order] for row in grid.rows]
    return Grid(columns, rows, title="Metrics of the model, and those of simple answers on the same rows")


def linear_words(gain: Interval) -> str:
    """Who is better, and whether that is sure; `gain` is ours over a linear model's, as a share of that one's."""
    much = f"{percent(abs(gain.value))} {'more' if gain.value >= 0 else 'less'}"
    sure = "better" if gain.low > 0 else "worse" if gain.high < 0 else "not reliably better or worse"
    return (
        f"In loss the model gains {much} over a constant answer than a linear model does on the same rows "
        f"(95 %: {percent(gain.low)} to {percent(gain.high)}): {sure}."
    )


def findings_blocks(found: Sequence[Finding], checks: Mapping[str, Any]) -> Iterator[Block]:
    """Findings in words with their remedies, and what was looked for and not found."""
    items = [Item(f.severity, f"{f.code} ({f.severity})", [*finding_lines(f, checks)]) for f in found]
    if items:
        yield Items(items)
    clear = [code for code in checks if code not in {f.code for f in found}]
    yield f"Looked for and not found: {', '.join(clear)}."


def finding_lines(found: Finding, checks: Mapping[str, Any]) -> Iterator[str]:
    yield sentence(found.message)
    if found.code in checks:
        yield f"What it means: {' '.join((checks[found.code].__doc__ or '').split())}"
    if found.remedies:
        yield "Try: " + "; ".join(found.remedies)


def curve_blocks(model: TrainedModel) -> Iterator[Block]:
    """The loss curve."""
    history = model.record.history
    n, best = len(history.train_loss), history.best_epoch
    lines = [Series("training loss", range(1, n + 1), history.train_loss)]
    if history.valid_loss:
        lines.append(Series("validation loss", range(1, n + 1), history.valid_loss))
    by = chosen_by(model.config)
    kept = f", the best{by}" if by else ""
    ended = f"{plural(n, 'epoch')}, stopped by {history.stopped_by}; the model keeps epoch {best}{kept}"
    seen = f"Loss ({history.loss.replace('_', ' ')}) after each epoch: {ended}."
    chart = Chart("epoch", "loss", thinned(lines, best), mark=best if history.valid_loss and best else None)
    yield line_picture("Loss curve", seen, chart)
    if note := curve_note(model, history, ""):
        yield sentence(note)


def details_blocks(model: TrainedModel, details: Details) -> Iterator[Block]:
    """What the evaluated rows say, by task."""
    target = model.schema.target
    if isinstance(details, ClassDetails):
        yield from class_blocks(details, target.labels)
    else:
        yield from value_blocks(details, target.name)


def explanation_blocks(report: ModelReport, found: Importance) -> Iterator[Block]:
    """Importance of all columns, and how the answer changes along the most important ones."""
    yield from importance_blocks(found)
    formats = report.model.schema.formats()
    yield from (effect_picture(effect, formats[effect.column]) for effect in report.effects)


def column_blocks(report: ModelReport) -> Iterator[Block]:
    """What becomes of each column, and what looks wrong with the table."""
    grid = columns_table(report.model.schema.columns)
    yield Grid(grid.columns, grid.rows, grid.texts, "What the model does with each column, or why it is left out")
    yield f"Target: {report.model.schema.target.name} ({report.model.task})."
    if report.table_findings is None:
        yield "The table it was trained on was not checked: another file was evaluated."
    else:
        yield from findings_blocks(report.table_findings, TABLE_CHECKS)


def origin_blocks(report: ModelReport) -> Iterator[Block]:
    """Commands, versions and hashes."""
    record = report.model.record
    name = shlex.quote(os.path.basename(report.path))
    yield Commands([train_command(report.model), f"mlpcli report {name}"])
    facts = model_facts(report.model)
    rows = [(fact, facts[fact]) for fact in ("networks", "rows", "epochs")]
    rows += [(f"version of {package}", version) for package, version in record.versions.items()]
    rows += [("data file", f"{record.data.path}, {plural(record.data.n_rows, 'row')}")]
    rows += [("sha256 of the data", record.data.sha256), ("sha256 of the model", report.sha256)]
    yield Grid(["what", "value"], rows, (0, 1), "What it was made of")
    yield "The same command, versions and data give the same model, byte for byte."


def train_command(model: TrainedModel) -> str:
    """What trains this model again: its file, and every setting that is not the default."""
    config, record, task = model.config, model.record, model.schema.target.task
    n_rows = record.data.n_train + record.data.n_validation
    # What the preset says depends on the number of networks, which it also says itself.
    usual = replace(
        Config(preset=config.preset, ensemble=config.ensemble).resolve(task, n_rows, record.evidence.n_train),
        preset=Config.preset, ensemble=Config(preset=config.preset).resolve(task, n_rows).ensemble,
    )  # fmt: skip
    read = record.dialect.options()
    given = {"target": config.target} | different(config, usual) | different(read, ReadOptions())
    return f"mlpcli train {shlex.quote(record.data.path)} {as_flags(given)}"
