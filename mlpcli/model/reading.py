"""DATA for a model: another file, read by the rules of the training file, or a user's frame. One way for both.

Whoever opens a table says which columns must be there; who reads rows one part after another, as predictions of a pipe
are made, does so in `prediction.py` and `evaluation/drift.py`.
"""

from __future__ import annotations

import pandas as pd

from mlpcli.config.settings import ReadOptions
from mlpcli.data.foreign import ForeignSource, open_any
from mlpcli.data.frame import FrameSource, as_values
from mlpcli.data.header import require_columns
from mlpcli.data.kinds.protocol import Format
from mlpcli.data.reading import read_written
from mlpcli.data.source import Source
from mlpcli.data.storage import Storage
from mlpcli.data.values import as_frame
from mlpcli.model.trained import TrainedModel

Table = Source | ForeignSource | FrameSource


def open_for(model: TrainedModel, data: str | pd.DataFrame, options: ReadOptions, *, with_target: bool) -> Table:
    """A table to be read by the model's rules. Raises DataError or MachineError."""
    if isinstance(data, pd.DataFrame):
        return FrameSource(data, ReadOptions(), Storage())
    expect = [*formats_of(model, with_target)]
    return open_any(data, options, dialect=model.record.dialect, expect=expect)


def read_rows(model: TrainedModel, data: str | pd.DataFrame, options: ReadOptions) -> tuple[pd.DataFrame, Table]:
    """The model's columns of all rows of a table, and the open table. Raises DataError or MachineError."""
    table = open_for(model, data, options, with_target=False)
    require_columns(model.schema.formats(), table.names, table.name)
    return read_for(model, table, with_target=False), table


def read_for(model: TrainedModel, table: Table, *, with_target: bool) -> pd.DataFrame:
    """All rows of an open table that has them: the model's columns, and behind them its target where that is wanted.

    Raises DataError for a cell of a file that is not written like its column; in a frame it is missing.
    """
    formats = formats_of(model, with_target)
    if isinstance(table, FrameSource) and not isinstance(table, ForeignSource):
        return as_frame({name: as_values(table.columns[name], form) for name, form in formats.items()})
    return read_written(table, formats, model.schema.target.name if with_target else None)


def formats_of(model: TrainedModel, with_target: bool) -> dict[str, Format | None]:
    """How the columns that are read are written."""
    target = model.schema.target
    return model.schema.formats() | ({target.name: target.format} if with_target else {})
