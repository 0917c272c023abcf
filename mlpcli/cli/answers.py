"""What `train` and `evaluate` answer alike: findings, gates, the JSON value."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from mlpcli.cli.app import SCHEMA
from mlpcli.errors import GateFailed, UsageError

if TYPE_CHECKING:
    from mlpcli.evaluation.evaluate import Evaluation
    from mlpcli.events import History
    from mlpcli.model.trained import TrainedModel
    from mlpcli.training.prepare import PreparedTraining


def show_plan(console: Any, prepared: PreparedTraining, suspected: tuple[Any, ...]) -> None:
    """What was decided for the user, and what looks wrong with the table."""
    from mlpcli.reporter.tables import finding_lines
    from mlpcli.reporter.text import safe

    for line in [*(safe(note, 300) for note in [*prepared.notes, rows_note(prepared)]), *finding_lines(suspected)]:
        console.print(line, soft_wrap=True)


def rows_note(prepared: PreparedTraining) -> str:
    from mlpcli.training.networks import layer_widths

    config = prepared.config
    sets = prepared.table.sets
    shapes = [" - ".join(map(str, layer_widths(config, prepared.schema, kind))) for kind in prepared.kinds]
    each = len(prepared.members) // len(shapes)
    kind = f"network {' and '.join(shapes)}" if each == 1 else f"{each} networks {f', {each} of '.join(shapes)}"
    if prepared.by_fold:
        kind += ", each validated on a fold of its own"
    n_test = int((sets == 2).sum())
    return (
        f"rows: {len(sets) - n_test} for training and validation, {n_test} for testing (--validation, --test); "
        f"{kind} (--hidden, --ensemble{', --kinds' * (len(shapes) > 1)}); seed {config.seed} (--seed)"
    )


def answer(
    model: TrainedModel, evaluation: Evaluation, findings: tuple[Any, ...], path: str, history: History
) -> dict[str, Any]:
    from mlpcli.files.jsonable import to_json

    metrics = {
        name: {k: {"value": v.value, "low": v.low, "high": v.high} for k, v in found.items()}
        for name, found in evaluation.metrics.items()
    }
    return {
        "schema": SCHEMA, "model": path, "data": evaluation.data, "target": model.schema.target.name,
        "task": model.task, "seed": model.config.seed, "rows": evaluation.rows, "epochs": len(history.train_loss),
        "best_epoch": history.best_epoch, "kinds": {part.kind: part.weight for part in model.record.components},
        "metrics": metrics, "baselines": evaluation.baselines,
        "findings": to_json(findings), "seconds": history.seconds,
    }  # fmt: skip


def check_codes(codes: list[str] | None) -> None:
    if codes:
        from mlpcli.diagnosis.findings import CHECKS
        from mlpcli.diagnosis.table_checks import TABLE_CHECKS

        known = [*CHECKS, *TABLE_CHECKS]
        for code in codes:
            if code not in known:
                near = difflib.get_close_matches(code, known, n=1)
                mean = f"; did you mean {near[0]}?" if near else ""
                raise UsageError(f"--fail-on: no finding '{code}'{mean}", "one of " + ", ".join(known))


def read_gates(texts: list[str] | None) -> dict[str, float]:
    """accuracy=0.9 -> {"accuracy": 0.9}; UsageError for an unknown metric."""
    gates = {}
    for text in texts or []:
        from mlpcli.metrics.scoring import METRICS

        name, _, value = text.partition("=")
        try:
            gates[name] = float(value)
        except ValueError:
            raise UsageError(f"--fail-under: expected METRIC=VALUE, found '{text}'") from None
        if name not in METRICS:
            raise UsageError(f"--fail-under: no metric '{name}'", "one of " + ", ".join(METRICS))
    return gates


def check_gates(gates: dict[str, float], evaluation: Evaluation) -> None:
    from mlpcli.metrics.scoring import METRICS

    for name, bound in gates.items():
        found = evaluation.metrics.get("test", {}).get(name)
        if found is None:
            raise UsageError(f"--fail-under {name}: there is no such metric on test rows here")
        fails = found.value < bound if METRICS[name].higher_is_better else found.value > bound
        if fails:
            raise GateFailed(f"{name} on test rows is {found.value:.4g}, and --fail-under asks for {bound:g}")
