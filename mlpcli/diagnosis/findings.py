"""Findings of a finished training, each with a stable code, its numbers and remedies.

To add one: write a function from DiagnosisInput to Finding or None, add a line to CHECKS and a page to the guide. The
bounds here and in bounds.py say from which size on a fact matters; that it is not chance, its interval says. They were
chosen on the planted cases of tests/benchmarks/doctor.py with other seeds than those it reports.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from mlpcli.config.flags import as_flag, as_flags
from mlpcli.config.settings import Settings
from mlpcli.diagnosis.bounds import IMBALANCE, LEAK_STRENGTH
from mlpcli.errors import plural
from mlpcli.evaluation.evaluate import Evaluation, EvaluationEvidence
from mlpcli.metrics.intervals import Interval, wilson
from mlpcli.model.trained import TrainedModel
from mlpcli.training.events import History
from mlpcli.training.evidence import Evidence
from mlpcli.training.kinds import hidden_of, obeys_hidden

Severity = Literal["problem", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("problem", "warning", "note")

GAP_SHARE, GAP_SHARE_LOW = 0.5, 0.25  # of the training rows' gain over a constant: value, low end of its interval
ROSE, TURNED = 0.5, 0.15  # rise of the validation loss after its best epoch, as a share of its gain over a constant
SIGNIFICANT = 4.0  # standard errors from which on a change is taken for real
MISSED = 0.05  # share of the target's variance that a second model must add
STILL_FALLING = 0.05  # share of the whole fall of the loss that the last fifth of the epochs still brought
THROWN = 10.0  # times the loss of a constant answer that the first epoch can leave only by steps far too long
JUMPY = 0.1  # typical jump of the training loss from epoch to epoch, as a share of its gain over a constant answer
WIDE = 0.2  # width of the interval of the accuracy, or of the loss's share, that is too wide
AT_99 = 2.576 / 1.96  # from the half-width of a 95 % interval to that of 99 %
WORSE = 0.1  # rise of the loss on test rows above that on validation rows, as a share of the latter's gain
MOVED = "test-differs-from-validation"
DEAD, SATURATED = 0.5, 0.5  # share of a hidden layer's units


@dataclass(frozen=True)
class Finding:
    """One thing to know about a model: `code` is stable, `remedies` are flags to copy."""

    code: str
    severity: Severity
    message: str
    numbers: dict[str, float] = field(default_factory=dict)
    remedies: tuple[str, ...] = ()


@dataclass(frozen=True)
class DiagnosisInput:
    """What the checks look at; `test_evidence` is there where test rows, or another file, were scored."""

    history: History
    config: Settings  # resolved
    evidence: Evidence
    test_evidence: EvaluationEvidence | None = None
    known: frozenset[str] = frozenset()  # codes that checks of the table have reported already

    @property
    def gain(self) -> float:
        """What the best validation loss gained over a constant answer, at least a tenth of the constant's loss."""
        constant = self.evidence.constant_loss
        return max(constant - min(self.history.valid_loss or self.history.train_loss), 0.1 * constant, 1e-12)


def overfitting(case: DiagnosisInput) -> Finding | None:
    """Training rows are fitted much better than others, or went on to be while the validation loss rose."""
    h, e = case.history, case.evidence
    numbers = {"train_loss": e.train_loss.value, "constant_loss": e.constant_loss}
    if e.valid_loss is not None and e.gap is not None and e.gap_share is not None:
        numbers |= {
            "valid_loss": e.valid_loss.value, "gap": e.gap.value, "gap_low": e.gap.low, "gap_high": e.gap.high,
            "gap_share": e.gap_share.value, "gap_share_low": e.gap_share.low, "gap_share_high": e.gap_share.high,
        }  # fmt: skip
    rise = rise_after_best(h)
    is_lost = e.gap_share is not None and e.gap_share.value > GAP_SHARE
    # Where the kept epoch is sound, a rise that early stopping cut short is its price: see overfitting_averted.
    if rise.is_significant and rise.height > ROSE * case.gain and (is_lost or h.stopped_by != "patience"):
        return Finding(
            "overfitting", "warning",
            f"{rise.describe(case)}; the model keeps epoch {h.best_epoch}",
            {"rise": rise.height, "noise": rise.noise, "best_epoch": h.best_epoch, **numbers},
            overfitting_remedies(case),
        )  # fmt: skip
    if e.gap_share is None or e.gap is None or not is_lost or e.gap.low <= 0 or e.gap_share.low < GAP_SHARE_LOW:
        return None
    return Finding(
        "overfitting", "warning",
        f"{share(e.gap_share.value)} (95 %: {share(e.gap_share.low)} to {share(e.gap_share.high)}) of what the "
        "network gains over a constant answer on its training rows is lost on rows it has not seen",
        numbers, overfitting_remedies(case),
    )  # fmt: skip


def overfitting_averted(case: DiagnosisInput) -> Finding | None:
    """The validation loss turned and rose, but early stopping kept an epoch that is not seen to overfit."""
    h, rise = case.history, rise_after_best(case.history)
    if h.stopped_by != "patience" or not rise.is_significant or rise.height < TURNED * case.gain or overfitting(case):
        return None
    return Finding(
        "overfitting-averted", "note",
        f"{rise.describe(case)}; early stopping kept epoch {h.best_epoch}, which is not seen to overfit",
        {"rise": rise.height, "noise": rise.noise, "best_epoch": h.best_epoch}, overfitting_remedies(case),
    )  # fmt: skip


def underfitting(case: DiagnosisInput) -> Finding | None:
    """A second, simple model finds structure in the network's errors: too small a network, or too short a training."""
    found = case.evidence.residual_signal
    if found is None or found.low < MISSED:
        return None
    return Finding(
        "underfitting", "warning",
        f"the errors on validation rows are not noise: a second model of the same columns explains another "
        f"{share(found.value)} (95 %: {share(found.low)} to {share(found.high)}) of the target's variance",
        {"missed": found.value, "low": found.low, "high": found.high},
        (larger(case.config), f"--lr {3 * case.config.lr:g}", f"--epochs {4 * case.history.max_epochs}"),
    )  # fmt: skip


def not_converged(case: DiagnosisInput) -> Finding | None:
    """Training ended by --epochs or --time-limit while the loss was still falling, by more than its noise."""
    h = case.history
    losses = np.array(h.valid_loss or h.train_loss)
    if h.stopped_by not in ("epochs", "time limit", "interrupted") or len(losses) < 5:
        return None
    fifth = max(len(losses) // 5, 3)
    noise = noise_of(losses[-2 * fifth :])
    slope, error = trend(losses[-fifth:], noise)
    fall, whole = -slope * fifth, float(losses[0] - losses.min())
    if -slope < SIGNIFICANT * error or fall < STILL_FALLING * whole or whole <= 0:
        return None
    return Finding(
        "not-converged", "warning",
        f"the loss was still falling when training ended at epoch {len(losses)} ({h.stopped_by}): the last fifth of "
        f"the epochs brought {share(fall / whole)} of the whole fall",
        {"epochs": len(losses), "fall": fall, "whole_fall": whole, "noise": noise},
        (f"--epochs {4 * h.max_epochs}", f"--lr {10 * case.config.lr:g}"),
    )  # fmt: skip


def diverged(case: DiagnosisInput) -> Finding | None:
    """The loss became infinite or not a number, again and again."""
    if case.history.stopped_by != "diverged":
        return None
    lr = case.config.lr
    return Finding(
        "diverged", "problem",
        f"the loss is no longer finite; the model keeps epoch {case.history.best_epoch}: "
        + case.history.recoveries[-1],
        {"lr": lr}, (f"--lr {lr / 10:g}", "--clip-norm 1"),
    )  # fmt: skip


def recovered(case: DiagnosisInput) -> Finding | None:
    """The loss became infinite or not a number, and training went on from the best epoch at a lower rate."""
    recoveries = case.history.recoveries
    if not recoveries or case.history.stopped_by == "diverged":
        return None
    lr = case.config.lr
    return Finding(
        "recovered", "warning",
        f"training diverged {plural(len(recoveries), 'time')} and went on; the last: {recoveries[-1]}",
        {"times": len(recoveries), "lr": lr}, (f"--lr {lr / 10:g}", "--clip-norm 1"),
    )  # fmt: skip


def unstable(case: DiagnosisInput) -> Finding | None:
    """The training loss jumps from epoch to epoch, or was thrown far up by the first one: the steps are too long."""
    losses, constant = np.array(case.history.train_loss), case.evidence.constant_loss
    jump = float(np.mean(np.maximum(np.diff(losses), 0))) if len(losses) > 3 else 0.0
    size = max(constant - float(losses.min()), 0.1 * constant, 1e-12)
    if jump >= JUMPY * size:
        describe = (
            f"jumps up by {jump:.3g} from epoch to epoch, {share(jump / size)} of all it gains over a constant answer"
        )
    elif losses[0] > THROWN * max(constant, 1e-12):
        describe = (
            f"was {losses[0]:.3g} after the first epoch, {times(float(losses[0]), constant)} that of a constant answer"
        )
    else:
        return None
    lr = case.config.lr
    return Finding(
        "unstable", "warning", f"the training loss {describe}",
        {"jump": jump, "gain": size, "first": float(losses[0]), "lr": lr},
        (f"--lr {lr / 10:g}", "--schedule cosine", "--clip-norm 1"),
    )  # fmt: skip


def no_better_than_baseline(case: DiagnosisInput) -> Finding | None:
    """On rows it has not seen the model is not reliably better than always giving the same answer."""
    if case.evidence.skill is None:
        return None
    # At 99 %, as there are two chances to be called skilled, and the epoch was chosen on the same rows.
    gain, skill = at_99(case.evidence.skill), case.evidence.class_skill and at_99(case.evidence.class_skill)
    if gain.low > 0 or (skill is not None and skill.low > 0):
        return None
    name, found = ("loss", gain) if skill is None else ("balanced accuracy", skill)
    return Finding(
        "no-better-than-baseline", "problem",
        f"on validation rows the {name} is {share(found.value)} of the way from a constant answer to perfect "
        f"(99 %: {share(found.low)} to {share(found.high)}): not reliably better than always giving the same answer",
        {"value": found.value, "low": found.low, "high": found.high},
        ("columns with more information about the target", "more rows"),
    )  # fmt: skip


def linear_is_enough(case: DiagnosisInput) -> Finding | None:
    """On test rows a network without hidden layers is as good, and there are enough rows to know."""
    test_evidence = case.test_evidence
    if test_evidence is None or test_evidence.advantage is None or not hidden_of(case.config, case.config.lead):
        return None
    found = test_evidence.advantage
    if found.low > 0 or found.high > WIDE / 2:
        return None
    better = "is better" if found.high < 0 else "does as well"
    gain = f"{share(found.value)} of what it gains over a constant answer"
    return Finding(
        "linear-is-enough", "note",
        f"a linear model {better} on test rows: hidden layers add nothing measurable "
        f"({gain}, 95 %: {share(found.low)} to {share(found.high)})",
        {"advantage": found.value, "low": found.low, "high": found.high}, ("--hidden ''",),
    )  # fmt: skip


def validation_too_small(case: DiagnosisInput) -> Finding | None:
    """Too few validation rows: the interval of what is measured on them is wide."""
    e = case.evidence
    found, name = (e.accuracy, "accuracy") if e.accuracy is not None else (e.skill, "gain over a constant answer")
    if found is None or e.n_valid == 0:
        return None
    low, high = wilson(found.value, e.n_valid) if e.accuracy is not None else (found.low, found.high)
    if high - low < WIDE:
        return None
    return Finding(
        "validation-too-small", "note",
        f"{e.n_valid} validation rows are too few: the {name} lies anywhere from {low:.2f} to {high:.2f}",
        {"n_valid": e.n_valid, "low": low, "high": high}, ("--ensemble 5", "--validation 0.3", "more rows"),
    )  # fmt: skip


def leak_suspected(case: DiagnosisInput) -> Finding | None:
    """One column alone nearly determines the target: it may hold the answer."""
    alone = case.evidence.univariate_strength
    suspects = sorted((n for n, found in alone.items() if found.low > LEAK_STRENGTH), key=lambda n: -alone[n].value)
    if not suspects or len(suspects) == len(alone):
        return None
    first = suspects[0]
    return Finding(
        "leak-suspected", "warning",
        f"column '{first}' alone determines the target almost completely ({share(alone[first].value)}); is it known "
        f"when the prediction is made?",
        {"strength": alone[first].value, "low": alone[first].low, "high": alone[first].high},
        tuple(as_flag("drop", (name,)) for name in suspects),
    )  # fmt: skip


def imbalanced(case: DiagnosisInput) -> Finding | None:
    """One class is many times as frequent as another, so accuracy says little."""
    return imbalance(case.evidence.class_counts)


def imbalance(counts: Mapping[str, int]) -> Finding | None:
    """Rows of each class -> the finding, or None where they are less than IMBALANCE times apart."""
    if len(counts) < 2 or max(counts.values()) < IMBALANCE * max(min(counts.values()), 1):
        return None
    rare, common = min(counts, key=counts.__getitem__), max(counts, key=counts.__getitem__)
    return Finding(
        "imbalanced", "note",
        f"class '{rare}' has {counts[rare]:,} of {sum(counts.values()):,} rows, '{common}' has {counts[common]:,}; "
        "look at balanced_accuracy",
        {"smallest": counts[rare], "largest": counts[common]}, ("--class-weight balanced",),
    )  # fmt: skip


def dead_units(case: DiagnosisInput) -> Finding | None:
    """Units of a hidden layer pass no gradient back on any row: their output is constant and they learn no more."""
    dead = case.evidence.dead
    if not dead or max(dead) < DEAD:
        return None
    layer = int(np.argmax(dead))
    lr = case.config.lr
    return Finding(
        "dead-units", "warning",
        f"{share(dead[layer])} of the units of hidden layer {layer + 1} are dead: no training row moves them any more",
        {f"layer_{i + 1}": d for i, d in enumerate(dead)},
        (f"--lr {lr / 10:g}", "--activation leaky_relu", "--activation silu"),
    )  # fmt: skip


def saturated_units(case: DiagnosisInput) -> Finding | None:
    """Units of a hidden layer stand at the flat ends of their activation on nearly all rows, where learning is slow."""
    saturated = case.evidence.saturated
    if not saturated or max(saturated) < SATURATED:
        return None
    layer = int(np.argmax(saturated))
    scaled = ("--scale standard",) if case.config.scale == "none" else ()
    return Finding(
        "saturated-units", "warning",
        f"{share(saturated[layer])} of the units of hidden layer {layer + 1} stand at the flat ends of "
        f"{case.config.activation} on nearly all rows, where gradients vanish",
        {f"layer_{i + 1}": s for i, s in enumerate(saturated)},
        (*scaled, f"--lr {case.config.lr / 10:g}", "--init glorot_uniform", "--activation silu"),
    )  # fmt: skip


def test_differs_from_validation(case: DiagnosisInput) -> Finding | None:
    """The test rows are of another kind: their loss is reliably higher, or columns are distributed differently."""
    test_evidence = case.test_evidence
    if test_evidence is None:
        return None
    rose, moved = test_evidence.loss_rise, test_evidence.moved if MOVED not in case.known else {}
    is_worse = rose is not None and rose.low > 0 and rose.value > WORSE * case.gain and test_evidence.rank > SIGNIFICANT
    if not is_worse and not moved:
        return None
    parts, numbers = [], {}
    if rose is not None:
        numbers = {"loss_rise": rose.value, "low": rose.low, "high": rose.high, "rank": test_evidence.rank}
    if is_worse and rose is not None:
        parts.append(f"the loss is higher by {rose.value:.3g} (99 %: {rose.low:.3g} to {rose.high:.3g})")
    if moved:
        name = max(moved, key=moved.__getitem__)
        numbers["moved"] = moved[name]
        more = f" and {len(moved) - 1} more" if len(moved) > 1 else ""
        parts.append(f"the values of '{name}'{more} are distributed differently")
    return Finding(
        MOVED, "warning",
        "test rows are not like the validation rows: " + "; ".join(parts), numbers,
        ("--time COL", "--group COL", "a fresh sample of rows"),
    )  # fmt: skip


CHECKS: dict[str, Callable[[DiagnosisInput], Finding | None]] = {
    "overfitting": overfitting,
    "overfitting-averted": overfitting_averted,
    "underfitting": underfitting,
    "not-converged": not_converged,
    "diverged": diverged,
    "recovered": recovered,
    "unstable": unstable,
    "no-better-than-baseline": no_better_than_baseline,
    "linear-is-enough": linear_is_enough,
    "validation-too-small": validation_too_small,
    "leak-suspected": leak_suspected,
    "imbalanced": imbalanced,
    "dead-units": dead_units,
    "saturated-units": saturated_units,
    "test-differs-from-validation": test_differs_from_validation,
}


def diagnose(case: DiagnosisInput) -> tuple[Finding, ...]:
    """All findings, the most severe first; of a fact that is known already only what is new."""
    checks = [check for code, check in CHECKS.items() if code == MOVED or code not in case.known]
    found = [finding for check in checks if (finding := check(case)) is not None]
    return tuple(sorted(found, key=lambda f: SEVERITIES.index(f.severity)))


def findings(
    model: TrainedModel, evaluation: Evaluation | None = None, known: Sequence[Finding] = ()
) -> tuple[Finding, ...]:
    """The findings of a model, with those on test rows where they were scored; `known` are those of its table."""
    record = model.record
    test_evidence = None if evaluation is None else evaluation.test_evidence
    codes = frozenset(f.code for f in known)
    return diagnose(DiagnosisInput(record.history, record.config, record.evidence, test_evidence, codes))


# --- what several checks need -----------------------------------------------------------------------------


def noise_of(losses: NDArray[np.float64]) -> float:
    """The standard deviation of a curve's noise, from its second differences, which a trend does not touch."""
    if len(losses) < 4:
        return 0.0
    second = np.diff(losses, 2)
    return float(1.4826 * np.median(np.abs(second)) / 6**0.5)


def trend(losses: NDArray[np.float64], noise: float) -> tuple[float, float]:
    """Slope of the least-squares line through a curve, a step each epoch, and its standard error under this noise."""
    steps = np.arange(len(losses)) - (len(losses) - 1) / 2
    return float(steps @ losses / (steps @ steps)), noise / float(steps @ steps) ** 0.5


@dataclass(frozen=True)
class Rise:
    """How far the validation loss stands above its best in the end, while the training loss fell."""

    epoch: int  # of the least validation loss
    height: float
    noise: float  # standard deviation of the curve since then, without its trend
    is_significant: bool  # against the noise
    least_train: float

    def describe(self, case: DiagnosisInput) -> str:
        h = case.history
        valid, train = h.valid_loss[self.epoch - 1], h.train_loss[self.epoch - 1]
        return (
            f"validation loss rose from {valid:.3g} to {valid + self.height:.3g} after epoch {self.epoch} while "
            f"training loss fell from {train:.3g} to {self.least_train:.3g}; the rise is "
            f"{share(self.height / case.gain)} of the whole gain and {times(self.height, self.noise)} the curve's "
            "noise"
        )


def rise_after_best(history: History) -> Rise:
    """From the epoch of the least validation loss on, which with --stop-on need not be the one that is kept."""
    train, valid = np.array(history.train_loss), np.array(history.valid_loss)
    best = int(valid.argmin()) if len(valid) else -1
    end = slice(-max(3, (len(valid) - best) // 4), None)
    if best < 0 or len(valid) < best + 4 or float(np.median(train[end])) >= train[best]:
        return Rise(best + 1, 0.0, 0.0, False, 0.0)
    noise = noise_of(valid[best:])
    slope, error = trend(valid[best:], noise)
    return Rise(
        best + 1, float(np.median(valid[end]) - valid[best]), noise, slope > SIGNIFICANT * error, float(train.min())
    )


def overfitting_remedies(case: DiagnosisInput) -> tuple[str, ...]:
    return "--dropout 0.2", f"--weight-decay {decay(case.config):g}", smaller(case.config), "more rows"


def at_99(found: Interval) -> Interval:
    """The 99 % interval of what has this 95 % interval, by the normal law on either side."""
    low, high = AT_99 * (found.value - found.low), AT_99 * (found.high - found.value)
    return Interval(found.value, found.value - low, found.value + high)


def share(value: float) -> str:
    return f"{100 * value:.0f} %"


def times(value: float, unit: float) -> str:
    return f"{value / unit:.0f} times" if unit > 0 else "far above"


def decay(config: Settings) -> float:
    """The weight decay that takes a thousandth of each weight a step, whatever the learning rate."""
    return float(f"{1e-3 / config.lr:.2g}")


def smaller(config: Settings) -> str:
    return resized(config, [max(w // 4, 1) for w in hidden_of(config, config.lead)])


def larger(config: Settings) -> str:
    return resized(config, [min(max(4 * w, 32), 1024) for w in hidden_of(config, config.lead)] or [64, 64])


def resized(config: Settings, widths: list[int]) -> str:
    """The flags for hidden layers of these widths."""
    kinds = {} if obeys_hidden(config) else {"kinds": ("mlp",)}
    return as_flags({**kinds, "hidden": tuple(widths)})
