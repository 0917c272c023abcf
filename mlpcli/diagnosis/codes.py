"""Every code that a finding can have, before training or after it: one code, one fact; and what its numbers mean."""

from __future__ import annotations

from mlpcli.diagnosis.findings import CHECKS
from mlpcli.diagnosis.table_checks import TABLE_CHECKS

CODES = tuple(dict.fromkeys([*CHECKS, *TABLE_CHECKS]))

# What the numbers of findings mean, for those who want to know.
NUMBERS = {
    "train_loss": "mean loss of the training rows, by the networks fitted on them",
    "valid_loss": "mean loss of the validation rows, by the networks that never saw them",
    "constant_loss": "mean loss of the best constant answer under the loss: class shares, the mean, the median",
    "gap": "generalisation gap: validation minus training loss",
    "gap_low": "low end of its 95 % interval",
    "gap_high": "high end of its 95 % interval",
    "gap_share": "gap as a share of what training rows gain over a constant answer",
    "gap_share_low": "low end of its 95 % interval",
    "gap_share_high": "high end of its 95 % interval",
    "rise": "validation loss in the end minus its least",
    "noise": "standard deviation of the loss from a smooth curve",
    "best_epoch": "epoch that the model keeps: that of the least validation loss, or of the best metric of --stop-on",
    "missed": "share of the target's variance that a second model adds from the same columns",
    "low": "low end of the interval",
    "high": "high end of the interval",
    "epochs": "passes over the training rows",
    "fall": "fall of the loss over the last fifth of the epochs",
    "whole_fall": "fall of the loss from the first epoch to its least",
    "lr": "learning rate",
    "times": "how often training went back to its best epoch",
    "jump": "mean rise of the training loss from epoch to epoch, falls counted as 0",
    "gain": "what the training loss gains over a constant answer",
    "value": "0 for a constant answer, 1 for a perfect one",
    "advantage": "loss of a linear model minus ours, as a share of what it gains over a constant answer",
    "n_valid": "validation rows",
    "strength": "1 when rows that agree in this column agree in the target, 0 when they do so by chance",
    "smallest": "rows of the rarest class",
    "largest": "rows of the most frequent class",
    "loss_rise": "loss of test rows minus that of validation rows, with a 99 % interval",
    "rank": "standard deviations by which losses of test rows rank above those of validation rows",
    "moved": "Kolmogorov-Smirnov distance of the column's values in test and other rows, 0 to 1",
}
