"""Gates: conditions that a user sets on a model, with an exit code of their own when one fails."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mlpcli.errors import GateFailed, UsageError

if TYPE_CHECKING:
    from mlpcli.diagnosis.findings import Finding
    from mlpcli.evaluation.evaluate import Evaluation


@dataclass(frozen=True)
class Gates:
    """Bounds on test metrics (`--fail-under`) and codes of findings (`--fail-on`)."""

    bounds: Mapping[str, float]
    codes: Sequence[str] = ()

    def __bool__(self) -> bool:
        return bool(self.bounds or self.codes)

    def check(self, evaluation: Evaluation, found: Sequence[Finding] = ()) -> None:
        """Raises GateFailed for the first one that does not hold, UsageError where there is no such metric."""
        from mlpcli.metrics.scoring import METRICS

        for name, bound in self.bounds.items():
            reached = evaluation.metrics.get("test", {}).get(name)
            if reached is None:
                raise UsageError(f"--fail-under {name}: there is no such metric on test rows here")
            if reached.value < bound if METRICS[name].higher_is_better else reached.value > bound:
                raise GateFailed(f"{name} on test rows is {reached.value:.4g}, and --fail-under asks for {bound:g}")
        for code in self.codes:
            if any(f.code == code for f in found):
                raise GateFailed(f"finding {code}, asked for by --fail-on")


def read_gates(bounds: Sequence[str] | None, codes: Sequence[str] | None = None) -> Gates:
    """accuracy=0.9 -> {"accuracy": 0.9}. Raises UsageError for an unknown metric or code."""
    if codes:
        from mlpcli.diagnosis.codes import CODES

        for code in codes:
            if code not in CODES:
                near = difflib.get_close_matches(code, CODES, n=1)
                mean = f"; did you mean {near[0]}?" if near else ""
                raise UsageError(f"--fail-on: no finding '{code}'{mean}", "one of " + ", ".join(CODES))
    return Gates(dict(read_bound(text) for text in bounds or ()), tuple(codes or ()))


def read_bound(text: str) -> tuple[str, float]:
    from mlpcli.metrics.scoring import METRICS

    name, _, value = text.partition("=")
    try:
        bound = float(value)
    except ValueError:
        raise UsageError(f"--fail-under: expected METRIC=VALUE, found '{text}'") from None
    if name not in METRICS:
        raise UsageError(f"--fail-under: no metric '{name}'", "one of " + ", ".join(METRICS))
    return name, bound
