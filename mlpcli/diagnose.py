"""What a training run tells about itself: findings, each with a stable code, its numbers and remedies.

To add one: write a function from Case to Finding or None, add a line to CHECKS.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

import numpy as np

from mlpcli.config import Config
from mlpcli.events import History
from mlpcli.metrics import DEFAULT_METRIC, METRICS, Interval

Severity = Literal["problem", "warning", "note"]
SEVERITIES: tuple[Severity, ...] = ("problem", "warning", "note")

RISE = 0.10  # of the validation loss above its best, relative; less is the noise of any healthy run
NOISE = 4.0  # standard deviations of the loss's steps from epoch to epoch that a rise must exceed
WIDE = 0.25  # an accuracy's interval as wide as this tells little
CONVERGED = 0.02  # relative fall of the validation loss over the last fifth of epochs that still counts as falling
IMBALANCE = 20.0  # times the largest class is larger than the smallest


@dataclass(frozen=True)
class Finding:
    """One thing to know about a model: `code` is stable, `remedies` are flags to copy."""

    code: str
    severity: Severity
    message: str
    numbers: dict[str, float] = field(default_factory=dict)
    remedies: tuple[str, ...] = ()


@dataclass(frozen=True)
class Case:
    """What the checks look at."""

    history: History
    config: Config  # resolved
    task: Literal["classification", "regression"]
    metrics: Mapping[str, Mapping[str, Interval]] = field(default_factory=dict)
    baselines: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    class_counts: Mapping[str, int] = field(default_factory=dict)


def overfitting(case: Case) -> Finding | None:
    """The validation loss rose after its best epoch, by more than its own noise, while the training loss fell."""
    h = case.history
    best = h.best_epoch - 1
    if len(h.valid_loss) < best + 4 or best < 0:
        return None
    train, valid = np.array(h.train_loss), np.array(h.valid_loss)
    end = slice(-max(3, (len(valid) - best) // 4), None)
    now, least = float(np.median(valid[end])), float(valid[best])
    train_now, train_then = float(np.median(train[end])), float(train[best])
    noise = float(np.median(np.abs(np.diff(valid[max(best - 10, 0) :])))) if len(valid) > 2 else 0.0
    if now - least < max(RISE * abs(least), NOISE * noise) or train_now >= train_then:
        return None
    return Finding(
        "overfitting", "warning",
        f"validation loss rose from {least:.3g} to {now:.3g} after epoch {h.best_epoch} while training loss fell "
        f"from {train_then:.3g} to {train_now:.3g}; the model keeps epoch {h.best_epoch}",
        {"best_valid_loss": least, "last_valid_loss": now, "best_epoch": h.best_epoch, "train_loss": train_now},
        ("--dropout 0.2", "--weight-decay 0.01", "more rows"),
    )  # fmt: skip


def underfitting(case: Case) -> Finding | None:
    """Training rows are predicted no better than by a constant: the network is too small, or learns too slowly."""
    name = DEFAULT_METRIC[case.task]
    simple = case.baselines.get("majority class") or case.baselines.get("mean")
    train = case.metrics.get("train")
    if simple is None or train is None or case.history.stopped_by == "diverged":
        return None
    ours, theirs = train[name].value, simple[name]
    gain = ours - theirs if METRICS[name].higher_is_better else theirs - ours
    if gain > 0.02 * max(abs(theirs), 1e-12):
        return None
    return Finding(
        "underfitting", "warning",
        f"even the training rows are predicted no better than by a constant ({name} {ours:.3g} against {theirs:.3g})",
        {"train": ours, "baseline": theirs}, ("--hidden 128,128", "--lr 0.01", "--epochs 500"),
    )  # fmt: skip


def not_converged(case: Case) -> Finding | None:
    """Training ended by --epochs or --time-limit while the validation loss was still falling."""
    h = case.history
    if h.stopped_by not in ("epochs", "time limit", "interrupted") or len(h.valid_loss) < 5:
        return None
    valid = np.array(h.valid_loss)
    fifth = max(len(valid) // 5, 2)
    before, after = float(valid[-2 * fifth : -fifth].mean()), float(valid[-fifth:].mean())
    if before - after < CONVERGED * abs(before) or h.best_epoch < len(valid) - fifth:
        return None
    return Finding(
        "not-converged", "warning",
        f"the validation loss was still falling when training ended at epoch {len(valid)} ({h.stopped_by})",
        {"epochs": len(valid), "before": before, "after": after}, (f"--epochs {4 * h.max_epochs}", "--time-limit 10m"),
    )  # fmt: skip


def diverged(case: Case) -> Finding | None:
    """The loss became infinite or not a number, again and again."""
    if case.history.stopped_by != "diverged":
        return None
    lr = case.config.lr or 0.0
    return Finding(
        "diverged", "problem",
        f"the loss stopped being a finite number; the model keeps epoch {case.history.best_epoch}",
        {"lr": lr}, (f"--lr {lr / 10:g}", "--clip-norm 1"),
    )  # fmt: skip


def no_better_than_baseline(case: Case) -> Finding | None:
    """On test rows the model is not clearly better than always saying the same."""
    simple = case.baselines.get("majority class") or case.baselines.get("mean")
    test = case.metrics.get("test")
    if simple is None or test is None:
        return None
    name = "balanced_accuracy" if case.task == "classification" else "rmse"
    constant = 1 / max(len(case.class_counts), 2) if case.task == "classification" else simple["rmse"]
    worse = test[name].low <= constant if METRICS[name].higher_is_better else test[name].high >= constant
    if not worse:
        return None
    return Finding(
        "no-better-than-baseline", "problem",
        f"on test rows {name} {test[name].value:.3g} (95 %: {test[name].low:.3g} to {test[name].high:.3g}) is not "
        f"clearly better than a constant answer ({constant:.3g})",
        {"value": test[name].value, "low": test[name].low, "high": test[name].high, "baseline": constant},
        ("columns that tell more about the target", "more rows"),
    )  # fmt: skip


def linear_is_enough(case: Case) -> Finding | None:
    """A network without hidden layers does as well on test rows, within the interval."""
    name = DEFAULT_METRIC[case.task]
    linear, test = case.baselines.get("linear"), case.metrics.get("test")
    if linear is None or test is None or not case.config.hidden:
        return None
    gain = test[name].value - linear[name] if METRICS[name].higher_is_better else linear[name] - test[name].value
    if gain > 0:
        return None
    return Finding(
        "linear-is-enough", "note",
        f"a linear model does as well on test rows ({name} {linear[name]:.3g} against {test[name].value:.3g})",
        {"linear": linear[name], "value": test[name].value}, ("--hidden ''",),
    )  # fmt: skip


def validation_too_small(case: Case) -> Finding | None:
    """Too few rows judge: the 95 % interval of the accuracy on test rows is wide."""
    test = case.metrics.get("test")
    if test is None or case.task != "classification":
        return None
    low, high = test["accuracy"].low, test["accuracy"].high
    if high - low < WIDE:
        return None
    return Finding(
        "validation-too-small", "note",
        f"too few rows to tell: accuracy on test rows lies anywhere from {low:.2f} to {high:.2f}",
        {"low": low, "high": high}, ("--test 0.3", "more rows"),
    )  # fmt: skip


def imbalanced(case: Case) -> Finding | None:
    """One class is many times as frequent as another, so accuracy says little."""
    counts = case.class_counts
    if len(counts) < 2 or max(counts.values()) < IMBALANCE * max(min(counts.values()), 1):
        return None
    rare, common = min(counts, key=counts.__getitem__), max(counts, key=counts.__getitem__)
    return Finding(
        "imbalanced", "note",
        f"class '{rare}' has {counts[rare]} rows, '{common}' has {counts[common]}; look at balanced_accuracy",
        {"smallest": counts[rare], "largest": counts[common]}, ("--class-weight balanced",),
    )  # fmt: skip


CHECKS: dict[str, Callable[[Case], Finding | None]] = {
    "overfitting": overfitting,
    "underfitting": underfitting,
    "not-converged": not_converged,
    "diverged": diverged,
    "no-better-than-baseline": no_better_than_baseline,
    "linear-is-enough": linear_is_enough,
    "validation-too-small": validation_too_small,
    "imbalanced": imbalanced,
}


def diagnose(case: Case) -> tuple[Finding, ...]:
    """All findings, the most severe first."""
    found = [finding for check in CHECKS.values() if (finding := check(case)) is not None]
    return tuple(sorted(found, key=lambda f: SEVERITIES.index(f.severity)))
