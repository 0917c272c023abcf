"""One sentence on a model: what it does, how good that is, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence

from mlpcli.diagnosis.findings import Finding
from mlpcli.errors import plural
from mlpcli.evaluation.evaluate import Evaluation
from mlpcli.model.trained import TrainedModel
from mlpcli.reporter.html.document import percent
from mlpcli.reporter.tables import number
from mlpcli.training.networks import build_loss


def verdict(model: TrainedModel, evaluation: Evaluation, findings: Sequence[Finding]) -> str:
    """The sentence, from the test rows where there are some."""
    target, n_columns = model.schema.target, len(model.schema.features)
    what = f"{target.name}, one of {len(target.labels)} classes," if target.labels else f"the number {target.name}"
    does = f"The model predicts {what} from {plural(n_columns, 'column')}; "
    if "test" not in evaluation.metrics:
        return f"{does}no test rows were kept, so that nothing says how good it is on new rows."
    # Of another file nobody knows whether its rows were trained on.
    known = "it has never seen" if "train" in evaluation.metrics else f"of {evaluation.data}"
    rows = f"{plural(len(evaluation.y), 'row')} {known}"
    is_imbalanced = any(f.code == "imbalanced" for f in findings)
    metric = "balanced_accuracy" if is_imbalanced else "accuracy" if target.labels else build_loss(model.config).metric
    found = evaluation.metrics["test"][metric]
    if target.labels:
        share = "of each class, on average, in" if is_imbalanced else "of"
        ends = f"{percent(found.low, 0)} to {percent(found.high, 0)}"
        good = f"it is right on {percent(found.value)} {share} {rows} (95 %: {ends})"
    else:
        ends = f"{found.low:.3g} to {found.high:.3g}"
        good = f"its {metric.replace('_', ' ')} is {number(found.value)} on {rows} (95 %: {ends})"
    problems = [f.message for f in findings if f.severity == "problem"]
    but = f"; but {problems[0]}" if problems else ""
    return f"{does}{good}{against(metric, evaluation, bool(target.labels))}{but}."


def against(metric: str, evaluation: Evaluation, is_share: bool) -> str:
    """The same of the baselines, the constant answer first."""
    shown = [
        f"{percent(values[metric]) if is_share else number(values[metric])} for "
        + ("a linear model" if name == "linear" else f"the {name} alone")
        for name, values in evaluation.baselines.items()
    ]
    return f", against {' and '.join(shown)}" if shown else ""
