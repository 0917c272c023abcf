"""The confusion table is scikit-learn's."""

from __future__ import annotations

import numpy as np
import pytest
import sklearn.metrics as peer

from mlpcli.metrics.confusion import confusion, per_class


def test_confusion_and_per_class_are_those_of_scikit_learn():
    y, labels = np.random.default_rng(0).integers(0, 3, (2, 200))
    table = confusion(y, labels, 3)
    assert table.tolist() == peer.confusion_matrix(y, labels).tolist()
    expected = peer.precision_recall_fscore_support(y, labels)
    for ours, theirs in zip(per_class(table), expected, strict=True):
        assert ours == pytest.approx(theirs)
