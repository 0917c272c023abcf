"""What every model has to beat on the same rows: always the same answer, and a linear model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from mlpcli.config.settings import Config
from mlpcli.data import splits
from mlpcli.data.dataset import DataSet
from mlpcli.data.schema import Schema
from mlpcli.engine.arrays import Array
from mlpcli.engine.losses import Target
from mlpcli.engine.network import PREDICT_ROWS
from mlpcli.errors import NothingToLearnError
from mlpcli.metrics.intervals import Interval, estimate, resampled_means, share_of
from mlpcli.model.trained import TrainedModel
from mlpcli.training.ensemble import Component, Ensemble
from mlpcli.training.networks import build_loss
from mlpcli.training.prepare import prepare_dataset

LINEAR_BATCH, LINEAR_STEPS = 64, 3000  # rows; enough for a convex loss at a falling rate to settle
MIN_LINEAR_EPOCHS, MAX_LINEAR_EPOCHS = 10, 300
LINEAR_RATE = 0.02  # of a batch; of larger ones in proportion, as so many fewer steps are taken (Goyal et al. 2017)


def constant_outputs(model: TrainedModel, n: int) -> Array:
    """The constant answer that is best for the rows the model was fitted on, for n rows.

    Class shares (n, n_classes), or one value in the target's unit (n,).
    """
    return np.tile(model.record.constant, (n, 1)) if model.labels else np.full(n, model.record.constant[0])


@dataclass(frozen=True)
class LinearModel:
    """A network without hidden layers, to compare with: nothing more is known of it than its answers."""

    schema: Schema
    ensemble: Ensemble

    def outputs(self, frame: pd.DataFrame, release: Callable[[], None]) -> Array:
        """n rows -> probabilities (n, n_classes), or values (n,); `release` as of `TrainedModel.outputs`"""
        found = []
        for x in self.schema.encoded_parts(frame):
            found += [self.ensemble.outputs(x[rows]) for rows in splits.blocks(len(x), PREDICT_ROWS)]
            release()
        return np.concatenate(found)


def fit_linear(table: DataSet, config: Config) -> LinearModel | None:
    """A network of the same loss without hidden layers, trained on the same rows. Raises as `prepare_dataset` does.

    None where no column of these rows, which may be a sample, holds anything to learn from.
    """
    n = len(table.sets)
    batch = LINEAR_BATCH * max(1, n * MIN_LINEAR_EPOCHS // (LINEAR_STEPS * LINEAR_BATCH))
    epochs = int(np.clip(LINEAR_STEPS // (n // batch + 1), MIN_LINEAR_EPOCHS, MAX_LINEAR_EPOCHS))
    linear = replace(
        config, preset="classic", ensemble=1, kinds=("mlp",), hidden=(), embed_numbers="none",
        parametrization="standard", init="auto", optimizer="adam", lr=LINEAR_RATE * batch / LINEAR_BATCH,
        schedule="cosine", epochs=epochs, batch_size=str(batch), patience=0, dropout=0.0, input_noise=0.0,
        normalization="none", label_smoothing=0.0, calibrate=False, time_limit=None,
    )  # fmt: skip
    try:
        prepared = prepare_dataset(table, linear)
    except NothingToLearnError:
        return None
    list(prepared.events())  # trains it
    target, networks = prepared.schema.target, tuple(member.network for member in prepared.members)
    alone = Component("mlp", weight=1.0, temperature=1.0)
    return LinearModel(prepared.schema, Ensemble((alone,), (networks,), build_loss(prepared.settings), target))


def row_losses(model: TrainedModel, truth: Target, outputs: Array) -> Array:
    """Truth (n,), outputs (n, n_classes) or (n,) in the target's unit -> (n,) losses, as the model's loss has them"""
    target = model.schema.target
    standardised = target.standardise(outputs.reshape(len(truth), -1))
    return build_loss(model.config).rows_of_outputs(standardised, target.standardise(truth))


def loss_ratio(model: TrainedModel, truth: Target, ours: Array, theirs: Array) -> Interval:
    """Their loss minus ours on the same rows, as a share of what theirs gains over a constant; paired bootstrap.

    Truth (n,), outputs (n, n_classes) or (n,) in the target's unit; the loss is the model's.
    """
    n = len(truth)
    of_ours, of_theirs, of_constant = (
        row_losses(model, truth, outputs) for outputs in (ours, theirs, constant_outputs(model, n))
    )
    rng = np.random.default_rng([model.config.seed, n, 1])
    means = resampled_means(np.column_stack([of_theirs - of_ours, of_constant - of_theirs]), rng)
    return estimate(share_of(means[:, 0], np.maximum(means[:, 1], 0)))


def loss_gain(model: TrainedModel, truth: Target, ours: Array, theirs: Array) -> Interval:
    """Their loss minus ours on the same rows, as a share of theirs; paired bootstrap, arguments as of `loss_ratio`."""
    of_ours, of_theirs = (row_losses(model, truth, outputs) for outputs in (ours, theirs))
    rng = np.random.default_rng([model.config.seed, len(truth), 2])
    means = resampled_means(np.column_stack([of_theirs - of_ours, of_theirs]), rng)
    return estimate(share_of(means[:, 0], means[:, 1]))
