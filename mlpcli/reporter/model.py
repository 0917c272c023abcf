"""What `inspect` shows of a model."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich.console import RenderableType

from mlpcli.config.flags import as_flags
from mlpcli.diagnosis.findings import Finding
from mlpcli.errors import plural
from mlpcli.metrics.conformal import ConformalIntervals
from mlpcli.model.trained import TrainedModel
from mlpcli.reporter.chart import loss_chart
from mlpcli.reporter.tables import chosen_by, columns_table, finding_lines
from mlpcli.training.networks import layer_widths


def model_view(model: TrainedModel, findings: Sequence[Finding]) -> Iterator[RenderableType]:
    """Facts, findings, the loss curve, and what becomes of each column."""
    yield from (f"{name}: {fact}" for name, fact in model_facts(model).items())
    yield from finding_lines(findings)
    history = model.record.history
    yield loss_chart(history.train_loss, history.valid_loss, history.best_epoch)
    yield columns_table(model.schema.columns)


def model_facts(model: TrainedModel) -> dict[str, str]:
    record, history, data = model.record, model.record.history, model.record.data
    best = f"{history.best_epoch}{chosen_by(model.config)}"
    folds = ", each network validated on a fold of its own" if record.by_fold else ""
    return {
        "target": f"{model.schema.target.name} ({model.task})",
        "classes": ", ".join(model.labels) or "none",
        "networks": "; ".join(network_facts(model)),
        "trained on": f"{data.path}, {plural(data.n_rows, 'row')}, sha256 {data.sha256}",
        "rows": f"{data.n_train} for training, {data.n_validation} for validation, {data.n_test} for testing{folds}",
        **({"distilled from": f"sha256 {record.distilled_from}"} if record.distilled_from else {}),
        "epochs": f"{len(history.train_loss)}, best {best}, stopped by {history.stopped_by}",
        "validation": ", ".join(f"{k} {v:.4g}" for k, v in record.validation.items()) or "none",
        "promises": promise_facts(model),
        "settings": as_flags(vars(model.config)),
        "versions": ", ".join(f"{k} {v}" for k, v in record.versions.items()),
    }


def promise_facts(model: TrainedModel) -> str:
    """What is known of new rows, from how many rows, and up to which level."""
    found = model.record.conformal
    if isinstance(found, str):
        return f"none: {found}"
    what = "intervals" if isinstance(found, ConformalIntervals) else "label sets"
    unit = "validation row" if model.config.group is None else "group of validation rows/groups of validation rows"
    return f"{what} up to level {found.quantiles.highest:g}, from {plural(found.quantiles.n, unit)}"


def network_facts(model: TrainedModel) -> Iterator[str]:
    """What each kind of network is, and its weight where there are several."""
    each, components = len(model.lead), model.record.components
    for i, part in enumerate(components):
        network = model.networks[i * each]
        widths = " - ".join(map(str, layer_widths(model.config, model.schema, part.kind)))
        size = f"{plural(network.n_layers, 'layer')}, {widths} units, {plural(len(network.params), 'parameter')}"
        facts = f"{each} of {size}"
        yield facts if len(components) == 1 else f"{part.kind}, {part.weight:.0%} of the answer: {facts}"
