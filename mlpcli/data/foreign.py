"""Tables that are not CSV, known by their first bytes: Excel, OpenDocument, Parquet, Feather, JSON and JSON lines.

They are read whole, into a frame, so they have a largest size. To add a format: a line in READERS.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
import re
import sys
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import pandas as pd

from mlpcli.config.settings import ReadOptions
from mlpcli.data.dialect import Dialect
from mlpcli.data.formats.numbers import NumberFormat
from mlpcli.data.frame import FrameSource, as_text
from mlpcli.data.kinds.protocol import Format
from mlpcli.data.raw import ReadableFile, open_bytes
from mlpcli.data.scan import MAX_COLUMNS
from mlpcli.data.source import Source, open_table
from mlpcli.data.storage import Storage
from mlpcli.data.text import files_of, joined_digest, of_sheet
from mlpcli.data.workbook import n_cells
from mlpcli.engine.arrays import Ints
from mlpcli.errors import DataError, MachineError

MAX_WHOLE_BYTES = 1 << 30  # bytes of content that are read into memory
MAX_CELLS = MAX_WHOLE_BYTES // 24  # of a sheet; 24 bytes each in memory
HEAD_BYTES = 1 << 12  # enough to know a format by
BLOCK_ROWS = 4096  # rows predicted at once
MAX_EXACT = 1e15  # whole numbers up to this are written without a point
INDEX = re.compile(r"__index_level_\d+__")
JSON_LINES = re.compile(rb"\s*\{\s*[\"}]")
JSON_ARRAY = re.compile(rb"\s*\[\s*(?:\{|$)")


@dataclass(frozen=True)
class Table:
    """A frame, and the row or line of the file at which each of its rows stands."""

    frame: pd.DataFrame
    lines: Sequence[int]


class ForeignSource(FrameSource):
    """The rows of files that are no CSV: of one, or of several with the same columns."""

    def __init__(
        self, tables: Sequence[Table], names: Sequence[str], options: ReadOptions, storage: Storage, sha256: str
    ) -> None:
        frame = pd.concat([table.frame for table in tables], ignore_index=True) if tables[1:] else tables[0].frame
        super().__init__(frame, options, storage, names[0])
        self.sha256 = sha256
        self.places = [(name, line) for name, table in zip(names, tables, strict=True) for line in table.lines]
        self.typed_numbers = frozenset(n for n, column in self.columns.items() if is_numeric(column))

    def place(self, row: int) -> tuple[str, int]:
        """The file, and the row of the sheet or the line, counted from 1."""
        return self.places[row]

    @property
    def header(self) -> bytes:
        return csv_lines([self.names])

    def lines(self, rows: Ints) -> Iterator[bytes]:
        """These rows as lines of a CSV."""
        for start in range(0, len(rows), BLOCK_ROWS):
            yield csv_rows(pd.DataFrame(self.columns).iloc[rows[start : start + BLOCK_ROWS]], {})


def is_numeric(column: pd.Series[Any]) -> bool:
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


# --- opening ----------------------------------------------------------------------------------------------


def open_any(
    path: str,
    options: ReadOptions,
    *,
    dialect: Dialect | None = None,
    expect: Sequence[str] = (),
    storage: Storage | None = None,
) -> Source | ForeignSource:
    """A table of any format: see `open_table` for a CSV, and for what the arguments mean."""
    storage = storage or Storage(options.memory)
    file, name = opened = open_bytes(files_of(path)[0], storage.folder)
    asked = dialect.for_file(options).options(options.memory) if dialect else options
    if reader_of(file) is None:
        if options.sheet is not None:
            raise DataError("is no workbook, and has no sheets", "leave --sheet out", file=name)
        return open_table(path, options, dialect=dialect, expect=expect, storage=storage, opened=opened)
    others = [open_bytes(other, storage.folder) for other in files_of(path)[1:]]
    source = foreign_source([opened, *others], asked, storage)
    if others:
        source.name, source.notes = path, (f"one table of {1 + len(others)} files",)
    if dialect is not None:
        source.dialect = dialect.for_file(options)
    return source


def foreign_source(files: Sequence[tuple[ReadableFile, str]], options: ReadOptions, storage: Storage) -> ForeignSource:
    """Open files of these formats as one table. Raises DataError or MachineError."""
    tables: list[Table] = []
    digests = []
    for file, name in files:
        table = foreign_table(file, name, options)
        if table is None or set(table.frame.columns) != set(tables[0].frame.columns if tables else table.frame.columns):
            raise DataError(f"not the columns of {files[0][1]}", "files of one table have one header", file=name)
        tables.append(table)
        digest = hashlib.sha256()
        for block in file.blocks():
            digest.update(block)
        digests.append(digest.hexdigest())
    names = [name for _, name in files]
    return ForeignSource(tables, names, options, storage, of_sheet(joined_digest(digests), options.sheet))


def foreign_table(file: ReadableFile, name: str, options: ReadOptions) -> Table | None:
    """The content of an open file; None when it is none of these formats. Raises DataError or MachineError."""
    reader = reader_of(file)
    if reader is None:
        return None
    if file.size > MAX_WHOLE_BYTES:
        raise too_large(file.size, name)
    return read_whole(reader, b"".join(file.blocks()), name, options)


def read_whole(reader: Reader, data: bytes, name: str, options: ReadOptions) -> Table:
    """The content of a file. Raises DataError for one that is damaged, MachineError when its library is missing."""
    try:
        table = reader(data, name, options)
    except (DataError, MachineError):
        raise
    except Exception as error:  # each library has errors of its own
        raise DataError(f"cannot be read: {error}", "it may be damaged: save or fetch it again", file=name) from error
    return table


def check_width(n_columns: int, name: str) -> None:
    """DataError for no column, and for more than a model holds, before a frame is made of them."""
    if not 0 < n_columns <= MAX_COLUMNS:
        raise DataError(f"{n_columns:,} columns; a model holds 1 to {MAX_COLUMNS:,}", file=name)


def too_large(size: int, name: str) -> DataError:
    limit = MAX_WHOLE_BYTES >> 20
    what = f"holds {size >> 20:,} MB; files of this format are read whole, up to {limit:,} MB"
    return DataError(what, "export the table as CSV, which is read in parts", file=name)


def library(module: str, extra: str, name: str) -> Any:
    """A library that reads a format. Raises MachineError with the command that installs it."""
    package = module.partition(".")[0]
    if sys.modules.get(package, package) is None:  # the command line hides it from pandas, to start faster
        del sys.modules[package]
    try:
        return import_module(module)
    except ImportError as error:
        raise MachineError(
            f"needs the extra '{extra}' to be read", f"pip install 'mlpcli[{extra}]'", file=name
        ) from error


# --- formats ----------------------------------------------------------------------------------------------


def read_sheet(data: bytes, name: str, options: ReadOptions) -> Table:
    """One sheet of a workbook: the first, or the one that --sheet names."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        size = sum(member.file_size for member in archive.infolist())
        if size > MAX_WHOLE_BYTES:
            raise too_large(size, name)
        n_spanned = n_cells(archive)
    if n_spanned > MAX_CELLS:
        raise DataError(
            f"a sheet spans {n_spanned:,} cells; up to {MAX_CELLS:,} are read",
            "delete what stands far below or to the right of the table, or export it as CSV", file=name,
        )  # fmt: skip
    workbook = library("python_calamine", "excel", name).CalamineWorkbook.from_filelike(io.BytesIO(data))
    sheet = options.sheet or workbook.sheet_names[0]
    if sheet not in workbook.sheet_names:
        raise DataError(f"no sheet '{sheet}'", "--sheet takes one of: " + ", ".join(workbook.sheet_names), file=name)
    grid = workbook.get_sheet_by_name(sheet).to_python(skip_empty_area=False)
    rows = [(i, row) for i, row in enumerate(grid, 1) if i > options.skip_rows and any(cell != "" for cell in row)]
    if not rows:
        raise DataError(f"sheet '{sheet}' is empty", "--sheet names another", file=name)
    check_width(len(rows[0][1]), name)
    numbered = [f"col{i}" for i in range(1, len(rows[0][1]) + 1)]
    names = numbered
    if options.header:
        names = [as_cell(cell) or other for cell, other in zip(rows[0][1], numbered, strict=True)]
        rows = rows[1:]
    rows = rows[: len(rows) - options.skip_last]
    cells = [[None if cell == "" else cell for cell in row] for _, row in rows]
    frame = pd.DataFrame(cells, columns=names, dtype=object)
    return Table(typed(frame), [i for i, _ in rows])


def read_parquet(data: bytes, name: str, options: ReadOptions) -> Table:
    file = library("pyarrow.parquet", "parquet", name).ParquetFile(io.BytesIO(data))
    groups = [file.metadata.row_group(i) for i in range(file.metadata.num_row_groups)]
    size = sum(group.total_byte_size for group in groups)
    if size > MAX_WHOLE_BYTES:
        raise too_large(size, name)
    check_width(len(file.schema_arrow), name)
    return of_arrow(file.read())


def read_feather(data: bytes, name: str, options: ReadOptions) -> Table:
    table = library("pyarrow.feather", "parquet", name).read_table(io.BytesIO(data))
    check_width(table.num_columns, name)
    return of_arrow(table)


def of_arrow(table: Any) -> Table:
    """Dictionaries become what they stand for, decimals numbers. The nameless index that pandas writes is left out."""
    table = table.select([name for name in table.column_names if not INDEX.fullmatch(name)])
    frame = table.to_pandas(ignore_metadata=True)
    columns = {}
    for i, field in enumerate(table.schema):
        column = frame.iloc[:, i]
        columns[i] = column.astype(float) if str(field.type).startswith("decimal") else column
        if isinstance(column.dtype, pd.CategoricalDtype):
            columns[i] = typed(column.astype(object).to_frame()).iloc[:, 0]
    made = pd.DataFrame(columns)
    made.columns = pd.Index([field.name for field in table.schema])
    return Table(made, range(1, len(made) + 1))


def read_json_lines(data: bytes, name: str, options: ReadOptions) -> Table:
    lines = [(i, line) for i, line in enumerate(data.split(b"\n"), 1) if line.strip()]
    return of_records([json_record(line, i, name) for i, line in lines], [i for i, _ in lines], name)


def read_json(data: bytes, name: str, options: ReadOptions) -> Table:
    found = json.loads(data)
    for i, record in enumerate(found, 1):
        check_record(record, i, name)
    return of_records(found, range(1, len(found) + 1), name)


def of_records(records: Sequence[dict[str, Any]], lines: Sequence[int], name: str) -> Table:
    """The columns are the keys of all records, in the order in which they first appear."""
    names = list(dict.fromkeys(key for record in records for key in record))
    check_width(len(names), name)
    frame = pd.DataFrame([[record.get(key) for key in names] for record in records], columns=names, dtype=object)
    return Table(typed(frame), lines)


def json_record(line: bytes, number: int, name: str) -> dict[str, Any]:
    """One line as a record. Raises DataError."""
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise DataError(f"no JSON: {error}", "write one record a line", file=name, line=number) from error
    check_record(record, number, name)
    return dict(record)


def check_record(record: object, number: int, name: str) -> None:
    """DataError for what is not a record of plain values."""
    if not isinstance(record, dict):
        raise DataError("not a JSON record", "write each row as {...}", file=name, line=number)
    for key, value in record.items():
        if isinstance(value, dict | list):
            raise DataError("a value with values in it", "write plain values", file=name, line=number, column=key)


def typed(frame: pd.DataFrame) -> pd.DataFrame:
    """Columns of numbers only as float64; the others stay as they are, whole numbers among them without a point."""
    columns = {}
    for i in range(frame.shape[1]):
        column = frame.iloc[:, i]
        there = column.dropna()
        if all(isinstance(value, int | float) and not isinstance(value, bool) for value in there):
            columns[i] = column.astype(float)
        else:
            columns[i] = column.map(lambda v: as_cell(v) if isinstance(v, float) else v, na_action="ignore")
    made = pd.DataFrame(columns, index=frame.index)
    made.columns = frame.columns
    return made


Reader = Callable[[bytes, str, ReadOptions], Table]

READERS: dict[str, Reader] = {
    "sheet": read_sheet, "parquet": read_parquet, "feather": read_feather, "json": read_json,
    "json lines": read_json_lines,
}  # fmt: skip
MAGIC = {b"PAR1": "parquet", b"ARROW1": "feather", b"FEA1": "feather"}
SHEETS = re.compile(r"xl/workbook\.|content\.xml$")  # a member that only workbooks have


def reader_of(file: ReadableFile) -> Reader | None:
    """What reads a file, by its content; None for what is no table, or a CSV."""
    head = file.read(0, HEAD_BYTES)
    for magic, kind in MAGIC.items():
        if head.startswith(magic):
            return READERS[kind]
    if head.startswith(b"PK\x03\x04"):
        return read_sheet if is_workbook(file) else None
    if JSON_LINES.match(head):
        return read_json_lines
    return read_json if JSON_ARRAY.match(head) else None


def is_whole(start: bytes) -> bool:
    """Whether a file that begins so may be one that has to be read whole."""
    return start.startswith((*MAGIC, b"PK\x03\x04")) or bool(JSON_ARRAY.match(start))


def is_workbook(file: ReadableFile) -> bool:
    try:
        with open(file.descriptor, "rb", closefd=False) as raw, zipfile.ZipFile(raw) as archive:
            return any(SHEETS.match(member) for member in archive.namelist())
    except (zipfile.BadZipFile, OSError):
        return False  # the reader of zips says what is wrong


# --- as lines of a CSV ------------------------------------------------------------------------------------


def as_cell(value: object, decimal: str = ".") -> str:
    """A value as a cell of a CSV: nothing for none, whole numbers without a point."""
    if type(value) is float and value % 1 and value == value and decimal == ".":  # most: sooner seen than the rest
        return repr(value)
    if value is None or value != value:
        return ""
    if isinstance(value, float):
        if value.is_integer() and abs(value) < MAX_EXACT:
            return str(int(value))
        return repr(float(value)) if decimal == "." else repr(float(value)).replace(".", decimal)
    return str(value)


def as_cells(values: Sequence[object], decimal: str = ".") -> list[str]:
    """The same of many values."""
    return [v if isinstance(v, str) else as_cell(v, decimal) for v in values]


def csv_lines(rows: Sequence[Sequence[str]]) -> bytes:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue().encode("utf-8", "replace")


def csv_rows(frame: pd.DataFrame, formats: Mapping[str, Format | None]) -> bytes:
    """Rows as lines of a CSV, numbers with the decimal mark of their column's format."""
    columns = []
    for name in frame.columns:
        column, decimal = frame[name], decimal_of(formats.get(str(name)))
        if is_numeric(column):
            columns.append([as_cell(value, decimal) for value in column.astype(float).tolist()])
        else:
            columns.append([as_cell(value) for value in as_text(column).tolist()])
    return csv_lines(list(zip(*columns, strict=True)))


def decimal_of(form: Format | None) -> str:
    return form.decimal if isinstance(form, NumberFormat) else "."
