"""A finished training becomes a model."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mlpcli.data import splits
from mlpcli.data.text import shown_path
from mlpcli.errors import TrainingError
from mlpcli.events import History
from mlpcli.files.archive import versions
from mlpcli.model.record import DataOrigin, ModelRecord
from mlpcli.model.trained import TrainedModel
from mlpcli.training.evidence import gather
from mlpcli.training.networks import build_loss
from mlpcli.training.prepare import MAX_EVALUATED, PreparedTraining


def assemble(prepared: PreparedTraining, history: History) -> TrainedModel:
    """The trained model. Raises TrainingError when no epoch was finished, or its answers are not finite."""
    if not history.train_loss:
        raise TrainingError("stopped before the first epoch ended; no model was written")
    if len(prepared.rows) > MAX_EVALUATED:
        return assemble(prepared.first(MAX_EVALUATED), history)
    held_out = prepared.held_out()
    temperatures = [prepared.temperature(prepared.of_kind(kind, held_out)) for kind in prepared.kinds]
    parts, threshold, validation = prepared.judged(held_out, temperatures)
    if not (all(np.isfinite(z).all() for _, z in held_out) and np.isfinite(list(validation.values())).all()):
        raise TrainingError(
            "the network's answers are not finite; no model was written", "lower --lr, or set --clip-norm 1"
        )
    table = prepared.table
    counts = [int((table.sets == s).sum()) for s in (splits.TRAIN, splits.VALIDATION, splits.TEST)]
    lead = prepared.of_kind(prepared.kinds[0], prepared.members)
    held_out = prepared.of_kind(prepared.kinds[0], held_out)
    evidence = gather(
        lead, build_loss(prepared.config), prepared.schema, len(prepared.y), [z for _, z in held_out], temperatures[0],
        prepared.config.seed,
    )  # fmt: skip
    history = replace(history, seconds=0.0)  # the file's bytes depend on data and settings alone
    record = ModelRecord(
        "mlpcli model", dict(versions()), prepared.schema, prepared.config, table.source.dialect,
        DataOrigin(shown_path(table.source.name), table.source.sha256, table.source.n_rows, *counts),
        parts, constant_answer(prepared), threshold, prepared.by_fold, validation, history, evidence,
    )  # fmt: skip
    return TrainedModel(record, [m.network for part in parts for m in prepared.of_kind(part.kind, prepared.members)])


def constant_answer(prepared: PreparedTraining) -> tuple[float, ...]:
    """What to answer always, fitted on the rows that networks are fitted on: (n_classes,) shares, or (1,) value.

    The value is the best under the loss, in the target's unit. Rows count the same, whatever --class-weight says.
    """
    loss, target = build_loss(prepared.config), prepared.schema.target
    fitted = np.unique(np.concatenate([member.train.index for member in prepared.members]))
    logits = loss.constant(prepared.y[fitted], n_classes=target.n_outputs)
    return tuple(target.in_units(loss.link(logits[None])[0]).tolist())
