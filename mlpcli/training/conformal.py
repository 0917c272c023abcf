"""What the out-of-fold outputs of a training promise of new rows: intervals of numbers, sets of classes.

Each row is scored by the member that never saw it, as in CV+ (Barber et al. 2021). A model answers with the mean of its
members, whose errors are smaller than one member's: by how much is read from how far members differ on a row.
"""

from __future__ import annotations

import numpy as np

from mlpcli.engine.arrays import Array, Floats, Ints
from mlpcli.metrics.conformal import (
    MAX_CLASSES,
    Conformal,
    ConformalIntervals,
    ConformalSets,
    ScoreQuantiles,
    true_class_scores,
)
from mlpcli.metrics.error_scale import MAX_FITTED_ROWS, fit_error_scale
from mlpcli.training.ensemble import Calibration, Ensemble, OutOfFold
from mlpcli.training.prepare import PreparedTraining

# The members' variance on a row that none has seen lies between what its own member shows against the others, which
# were fitted to the row, and what these show among themselves. This share of the middle holds best what is promised on
# 14 regressions: tests/benchmarks/README.md.
VARIANCE_SHARE = 0.9
MIN_FACTOR = 0.3
CUT_QUANTILE = 0.95  # of the sizes of errors, at which they and the differences are cut: a few would decide alone
TINY = 1e-12
N_PARTS = 5  # of validation rows that no fold parts


def calibrate_conformal(
    prepared: PreparedTraining, found: OutOfFold, calibration: Calibration, outputs: Array
) -> Conformal:
    """The promise for new rows, from out-of-fold outputs (n, n_classes) or (n,) of validated rows."""
    groups = groups_of(prepared, found.rows)
    if found.target.labels:
        return sets_of(outputs, found.y[found.rows], groups)
    return intervals_of(prepared, found, calibration, outputs, groups)


def groups_of(prepared: PreparedTraining, rows: Ints) -> Ints | None:
    """(n,) number of the group of each encoded row; None without --group."""
    if prepared.settings.group is None:
        return None
    cells = prepared.dataset.column(prepared.settings.group).to_numpy()[prepared.encoded.rows[rows]]
    return np.unique(cells.astype(str), return_inverse=True)[1].astype(np.int64)


def sets_of(probabilities: Array, y: Ints, groups: Ints | None) -> ConformalSets:
    """Out-of-fold probabilities (n, n_classes) and true classes (n,) -> how improbable a true class may be"""
    scores = true_class_scores(probabilities[np.arange(len(y)), y])
    n_classes = probabilities.shape[1]
    by_class = []
    for number in range(n_classes if n_classes <= MAX_CLASSES else 0):
        here = y == number
        by_class.append(ScoreQuantiles.of(scores[here], None if groups is None else groups[here]))
    return ConformalSets("sets", ScoreQuantiles.of(scores, groups), tuple(by_class))


def intervals_of(
    prepared: PreparedTraining, found: OutOfFold, calibration: Calibration, outputs: Array, groups: Ints | None
) -> ConformalIntervals:
    """Out-of-fold answers (n,) in the target's unit -> how far the truth lies from an answer."""
    answers = np.asarray(found.target.standardise(outputs), np.float64)
    errors = found.y[found.rows] - answers
    parts = parts_of(prepared, found)
    x = prepared.encoded.x[:, prepared.schema.blocks["plain"]]
    scale, expected = fit_error_scale(x, found.rows, answers, np.abs(errors), parts)
    factor = 1.0
    if prepared.by_fold and len(found.lead) > 1:
        first = slice(MAX_FITTED_ROWS)
        others, variances = other_answers(prepared, found, calibration, found.rows[first], parts[first])
        factor = ensemble_factor(answers[first] - others, variances, errors[first], len(found.lead))
    prepared.members[0].train.release()
    return ConformalIntervals("intervals", ScoreQuantiles.of(np.abs(errors) / expected, groups), scale, factor)


def parts_of(prepared: PreparedTraining, found: OutOfFold) -> Ints:
    """(n,) the fold of each validated row; without folds one of N_PARTS."""
    if not prepared.by_fold:
        return np.arange(len(found.rows)) % N_PARTS
    fold = np.empty(len(found.y), np.int64)
    for number, one in enumerate(found.lead):
        fold[one.index] = number
    return fold[found.rows]


def other_answers(
    prepared: PreparedTraining, found: OutOfFold, calibration: Calibration, rows: Ints, fold: Ints
) -> tuple[Floats, Floats]:  # fmt: skip
    """Encoded rows (n,) and their folds (n,) -> mean and variance (n,) of the standardised answers of all members but
    their own; no variance of a single one.
    """
    kinds = {group.kind: [m for m in group.members if m.valid is not None] for group in prepared.groups}
    chosen = [kinds[component.kind] for component in calibration.components]
    n_others = len(found.lead) - 1
    alone = Ensemble(calibration.components, ((),) * len(chosen), found.loss, found.target)
    answers = np.zeros((n_others + 1, len(rows)))
    is_other = fold != np.arange(n_others + 1)[:, None]
    for number, places in enumerate(map(np.flatnonzero, is_other)):
        logits = [[of[number].train.logits(of[number].network, rows[places])] for of in chosen]
        answers[number, places] = found.target.standardise(alone.combine(logits))
    mean = answers.sum(axis=0) / n_others
    deviations = np.where(is_other, answers - mean, 0.0)
    return mean, np.square(deviations).sum(axis=0) / max(n_others - 1, 1)


def ensemble_factor(differences: Floats, variances: Floats, errors: Floats, n_members: int) -> float:
    """The error of the ensemble over that of one member, both of rows that no member saw.

    `differences` (n,) of the answer of a row's own member from the mean of the others', `variances` (n,) among these,
    `errors` (n,) of its own. The squared error of a mean is that of its members, on average, less their variance (Krogh
    & Vedelsby 1995).
    """
    cut = np.quantile(np.abs(errors), CUT_QUANTILE)
    of_own, error = (float(np.square(np.minimum(np.abs(x), cut)).mean()) for x in (differences, errors))
    among_others = float(np.minimum(variances, cut**2).mean())
    still = (n_members - 1) / n_members  # of a variance, about the mean that it is part of
    variance = (of_own * still + among_others) / 2
    return float(np.sqrt(max(1 - VARIANCE_SHARE * still * variance / max(error, TINY), MIN_FACTOR**2)))
