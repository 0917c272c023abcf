"""From which size on a fact matters, once for the checks of a table and the findings of a training.

Both look for the same leaks, shifts and rare classes: before training in the cells, after it in what the model keeps.
"""

from __future__ import annotations

IMBALANCE = 20.0  # times the largest class is larger than the smallest

# A leak: one column nearly determines the target. The three say the same of different measures, about 0.2 % of the
# target's variance or 2 % of a constant answer's errors left: see tests/benchmarks/table_checks.py and doctor.py.
LEAK_STRENGTH = 0.95  # of `Evidence.univariate_strength`, agreement of rows that are neighbours in the column
LEAK_ERROR = 0.02  # errors of the column's best answer on other rows, as a share of a constant's
LEAK_R2 = 0.999  # share of the target's variance that the column explains on other rows

# A shift, by the Kolmogorov-Smirnov distance of test rows and others: `evaluation.evaluate` holds MOVED_FAR, the
# distance that matters, and MOVED_ALARM, of a false alarm over all columns.
