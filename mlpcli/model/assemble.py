"""A finished training becomes a model."""

from __future__ import annotations

import os
from dataclasses import replace

import numpy as np

from mlpcli.data import splits
from mlpcli.data.text import shown_path
from mlpcli.errors import TrainingError
from mlpcli.files.archive import versions
from mlpcli.metrics.costs import rule_of
from mlpcli.model.record import DataOrigin, ModelRecord
from mlpcli.model.trained import TrainedModel
from mlpcli.training.conformal import calibrate_conformal
from mlpcli.training.ensemble import Ensemble, OutOfFold, held_out
from mlpcli.training.events import History
from mlpcli.training.evidence import gather
from mlpcli.training.networks import build_loss
from mlpcli.training.prepare import MAX_EVALUATED, PreparedTraining
from mlpcli.training.profile import profile_training
from mlpcli.training.row_weights import given_weights


def assemble(prepared: PreparedTraining, history: History) -> TrainedModel:
    """The trained model. Raises TrainingError when no epoch was finished, or its answers are not finite."""
    if not history.train_loss:
        raise TrainingError("stopped before the first epoch ended; no model was written")
    if len(prepared.encoded.rows) > MAX_EVALUATED:
        return assemble(prepared.first(MAX_EVALUATED), history)
    settings, schema, dataset = prepared.settings, prepared.schema, prepared.dataset
    out_of_fold = out_of_fold_outputs(prepared)
    calibration = out_of_fold.calibrate()
    if not (all(np.isfinite(found.logits).all() for kind in out_of_fold.held_out.values() for found in kind)
            and np.isfinite(list(calibration.validation.values())).all()):  # fmt: skip
        raise TrainingError(
            "the network's answers are not finite; no model was written", "lower --lr, or set --clip-norm 1"
        )
    loss = build_loss(settings)
    evidence = gather(
        prepared.groups[0].members, loss, schema, len(prepared.encoded.y),
        [found.logits for found in out_of_fold.lead], calibration.temperature, settings.seed,
    )  # fmt: skip
    outputs = out_of_fold.mean_outputs(calibration.components) if out_of_fold.lead else None
    rule = rule_of(settings, schema.target.labels, calibration.threshold)
    profile = profile_training(dataset, prepared.encoded.rows, schema, outputs, rule)
    counts = [dataset.total(number) for number in (splits.TRAIN, splits.VALIDATION, splits.TEST)]
    record = ModelRecord(
        "mlpcli model", dict(versions()), schema, settings, dataset.dialect,
        DataOrigin(shown_path(dataset.name), dataset.sha256, dataset.n_rows, *counts),
        calibration.components, constant_answer(prepared), calibration.threshold, prepared.by_fold,
        calibration.validation,
        replace(history, seconds=0.0),  # the file's bytes depend on data and settings alone
        evidence, profile,
        "no validation rows" if outputs is None else calibrate_conformal(prepared, out_of_fold, calibration, outputs),
        prepared.started_from, prepared.n_shares if prepared.n_shares > 1 else None,
    )  # fmt: skip
    by_kind = {group.kind: tuple(member.network for member in group.members) for group in prepared.groups}
    networks = tuple(by_kind[component.kind] for component in calibration.components)
    ensemble = Ensemble(calibration.components, networks, loss, schema.target)
    return TrainedModel(record, ensemble, data_folder=os.path.dirname(os.path.abspath(dataset.name)))


def out_of_fold_outputs(prepared: PreparedTraining) -> OutOfFold:
    """What the members of each kind say of the rows that validate them."""
    weights = given_weights(prepared.dataset, prepared.settings)
    return OutOfFold(
        prepared.settings, prepared.schema.target, prepared.encoded.y,
        None if weights is None else weights[prepared.encoded.rows],
        {group.kind: held_out(group.members) for group in prepared.groups},
    )  # fmt: skip


def constant_answer(prepared: PreparedTraining) -> tuple[float, ...]:
    """What to answer always, fitted on the rows that networks are fitted on: (n_classes,) shares, or (1,) value.

    The value is the best under the loss, in the target's unit. Rows count the same, whatever --class-weight says.
    """
    loss, target = build_loss(prepared.settings), prepared.schema.target
    fitted = np.unique(np.concatenate([member.train.index for member in prepared.members]))
    logits = loss.constant(prepared.encoded.y[fitted], n_classes=target.n_outputs)
    return tuple(target.in_units(loss.link(logits[None])[0]).tolist())
