"""The confusion table of classes and labels, and what it says of each class."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from mlpcli.engine.arrays import Floats
from mlpcli.metrics.scoring import Labels, ratio_of


class PerClass(NamedTuple):
    """Precision, recall and F1 (0 where undefined) and the number of true rows, each (n_classes,)."""

    precision: Floats
    recall: Floats
    f1: Floats
    support: Labels


def confusion(y: Labels, labels: Labels, n_classes: int) -> Labels:
    """Classes (n,) and labels (n,) -> counts (n_classes, n_classes): a row a true class, a column a label."""
    return np.bincount(y.astype(np.intp) * n_classes + labels, minlength=n_classes**2).reshape(n_classes, -1)


def per_class(table: Labels) -> PerClass:
    """Precision, recall, F1 and support of each class from a confusion table (n_classes, n_classes)."""
    hits, predicted, support = table.diagonal().astype(np.float64), table.sum(axis=0), table.sum(axis=1)
    precision, recall = ratio_of(hits, predicted), ratio_of(hits, support)
    return PerClass(precision, recall, ratio_of(2 * hits, predicted + support), support)
