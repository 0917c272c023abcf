"""What `train` shows: what will be trained and why, then the curve, the numbers and the findings."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence

from rich.console import RenderableType

from mlpcli.data import splits
from mlpcli.diagnosis.findings import Finding
from mlpcli.errors import plural
from mlpcli.evaluation.evaluate import Evaluation
from mlpcli.model.trained import TrainedModel
from mlpcli.reporter.chart import loss_chart
from mlpcli.reporter.tables import chosen_by, columns_table, finding_lines, metrics_table
from mlpcli.training.events import History
from mlpcli.training.loop import MIN_SAMPLED, SAMPLE_ROWS
from mlpcli.training.networks import layer_widths
from mlpcli.training.prepare import PreparedTraining


def table_view(prepared: PreparedTraining, findings: Sequence[Finding]) -> Iterator[RenderableType]:
    """How a table would be read: size, decisions, and what becomes of each column."""
    dataset = prepared.dataset
    yield f"{dataset.name}: {plural(dataset.n_rows, 'row')}, {plural(len(dataset.column_names), 'column')}"
    yield from plan_view(prepared, findings)
    yield columns_table(prepared.schema.columns)


def plan_view(prepared: PreparedTraining, findings: Sequence[Finding]) -> Iterator[RenderableType]:
    """What was decided for the user, each with the flag that changes it, and what looks wrong with the table."""
    yield from prepared.notes
    yield rows_note(prepared)
    yield from finding_lines(findings)


def rows_note(prepared: PreparedTraining) -> str:
    config, dataset = prepared.settings, prepared.dataset
    shapes = [" - ".join(map(str, layer_widths(config, prepared.schema, kind))) for kind in prepared.settings.kinds]
    each = len(prepared.members) // len(shapes)
    networks = f"network {' and '.join(shapes)}" if each == 1 else f"{each} networks {f', {each} of '.join(shapes)}"
    if prepared.by_fold:
        networks += ", each validated on a fold of its own"
    n_fit = dataset.total(splits.TRAIN) + dataset.total(splits.VALIDATION)
    return (
        f"{plural(n_fit, 'row')} for training and validation, {dataset.total(splits.TEST):,} for testing "
        f"(--validation, --test); {networks} (--hidden, --ensemble{', --kinds' * (len(shapes) > 1)}); "
        f"seed {config.seed} (--seed)"
    )


def result_view(
    model: TrainedModel, history: History, evaluation: Evaluation, findings: Sequence[Finding], *,
    kinds: Sequence[str], path: str, verbose: bool,
) -> Iterator[RenderableType]:  # fmt: skip
    """The loss curve and what it is, metrics beside baselines, findings, and what to do next."""
    yield loss_chart(history.train_loss, history.valid_loss, history.best_epoch)
    yield (
        f"{plural(len(history.train_loss), 'epoch')} in {history.seconds:.1f} s; stopped by {history.stopped_by}; "
        f"best epoch {history.best_epoch}{chosen_by(model.config)}"
    )
    if note := curve_note(model, history, kinds[0] if len(kinds) > 1 else ""):
        yield note
    if len(kinds) > 1:
        weights = {part.kind: part.weight for part in model.record.components}
        shares = ", ".join(f"{kind} {weights.get(kind, 0):.0%}" for kind in kinds)
        yield f"weights of the kinds of network, from validation rows: {shares}"
    yield metrics_table(evaluation.metrics, evaluation.baselines, verbose)
    yield from evaluation.notes
    yield ""
    yield from finding_lines(findings) or ["no warnings"]
    shown = shlex.quote(path)
    yield f"model: {path}  (mlpcli evaluate {shown}; mlpcli predict {shown} new.csv)"


def curve_note(model: TrainedModel, history: History, lead: str) -> str:
    """Which losses the curves are, how far the networks are apart, and why the table says other numbers."""
    n, at = history.n_members, history.best_epoch - 1
    sampled = max(SAMPLE_ROWS // n, MIN_SAMPLED)
    sample = f", training losses on a sample of {sampled:,} rows" if history.n_train > sampled else ""
    if n == 1:
        return f"curves are losses after each epoch{sample}; the metrics are of all rows" if sample else ""
    networks = f"{n} {lead} networks" if lead else f"{n} networks"
    losses = f"training losses are {history.train_loss[at]:.3g} ± {history.train_spread[at]:.2g}"
    if history.valid_loss:
        losses += f", their validation losses {history.valid_loss[at]:.3g} ± {history.valid_spread[at]:.2g}"
    note = (
        f"curves are means over {networks}{sample and sample + ' each'}; at epoch {at + 1} their {losses} "
        "(standard deviation); the metrics are of the ensemble, on all rows"
    )
    return note + ", validation: each row by the network that never saw it" if model.record.by_fold else note
