"""A finished training becomes a model."""

from __future__ import annotations

from dataclasses import replace

from mlpcli.data import splits
from mlpcli.data.text import shown_path
from mlpcli.errors import TrainingError
from mlpcli.events import History
from mlpcli.files.archive import versions
from mlpcli.model.record import Data, Record
from mlpcli.model.trained import TrainedModel
from mlpcli.training.evidence import gather
from mlpcli.training.networks import build_loss
from mlpcli.training.prepare import MOST_JUDGED, Fitting


def assemble(fitting: Fitting, history: History) -> TrainedModel:
    """The trained model. Raises TrainingError when no epoch was finished."""
    if not history.train_loss:
        raise TrainingError("stopped before the first epoch ended; no model was written")
    if len(fitting.rows) > MOST_JUDGED:
        return assemble(fitting.first(MOST_JUDGED), history)
    held_out = fitting.held_out()
    temperatures = [fitting.temperature(fitting.of_kind(kind, held_out)) for kind in fitting.kinds]
    parts, threshold, validation = fitting.judged(held_out, temperatures)
    table = fitting.table
    counts = [int((table.sets == s).sum()) for s in (splits.TRAIN, splits.VALIDATION, splits.TEST)]
    lead = fitting.of_kind(fitting.kinds[0], fitting.members)
    held_out = fitting.of_kind(fitting.kinds[0], held_out)
    evidence = gather(
        lead, build_loss(fitting.config), fitting.schema, len(fitting.y), [z for _, z in held_out], temperatures[0],
        fitting.config.seed,
    )  # fmt: skip
    history = replace(history, seconds=0.0)  # the file's bytes depend on data and settings alone
    record = Record(
        "mlpcli model", dict(versions()), fitting.schema, fitting.config, table.source.dialect,
        Data(shown_path(table.source.name), table.source.sha256, table.source.n_rows, *counts),
        parts, threshold, fitting.by_fold, validation, history, evidence,
    )  # fmt: skip
    return TrainedModel(record, [m.network for part in parts for m in fitting.of_kind(part.kind, fitting.members)])
