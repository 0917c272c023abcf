"""What is fitted on the columns of a frame, beside a target that is always the same."""

from __future__ import annotations

import numpy as np
import pandas as pd

from mlpcli.config.settings import Config
from mlpcli.data.fit_columns import fit_columns
from mlpcli.data.schema import Schema
from mlpcli.data.target import fit_target

CLASSIFIER, REGRESSOR = Config().resolve("classification"), Config().resolve("regression")


def fitted(frame, config=CLASSIFIER, task="classification", formats=None):
    target = fit_target("y", task, pd.Categorical(["a", "b"]) if task == "classification" else np.arange(3.0))
    return Schema(fit_columns(frame, config, task, {}, formats or {}), target)
