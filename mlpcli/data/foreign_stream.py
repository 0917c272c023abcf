"""Rows of any format as they come: CSV and JSON lines as they arrive, other formats whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from itertools import chain

from mlpcli.config.settings import ReadOptions
from mlpcli.data.block import Block
from mlpcli.data.dialect import Dialect, has_format
from mlpcli.data.foreign import (
    BLOCK_ROWS,
    JSON_LINES,
    MAGIC,
    Table,
    as_cell,
    csv_lines,
    csv_rows,
    decimal_of,
    foreign_table,
    is_whole,
    json_record,
)
from mlpcli.data.kinds.protocol import Format
from mlpcli.data.raw import copied, is_settled, with_start
from mlpcli.data.stream import FOLDER, stream
from mlpcli.data.structure import Structure
from mlpcli.data.unpack import magic_of
from mlpcli.errors import DataError

LineOf = Callable[[int], int]  # a line of the CSV that is read -> the line or row of the file that came


def any_stream(
    parts: Iterable[bytes],
    name: str,
    model: Dialect,
    options: ReadOptions,
    formats: Mapping[str, Format | None],
    expect: Sequence[str],
) -> Iterator[tuple[Block, Structure, LineOf]]:
    """`stream` of a table of any format, and the lines of its rows. Raises DataError or MachineError."""
    line_of: LineOf = int
    start, parts = with_start(iter(parts), is_enough)
    if JSON_LINES.match(start):
        parts, line_of = json_parts(parts, name, formats), line_before
    elif is_whole(start):
        file = copied(parts, FOLDER)
        table = foreign_table(file, name, model.for_file(options).options())
        parts = file.blocks()
        if table is not None:
            parts, line_of = table_parts(table, formats), partial(line_in, table)
    if line_of is not int:
        plain = {"encoding": "utf-8", "delimiter": ",", "spaces": False, "quote": '"', "escape": None}
        model = replace(model, **plain, comment=None, header=True, skip_rows=0)  # type: ignore[arg-type]
        options = ReadOptions(delimiter=",", missing=options.missing, inf=options.inf)
    for block, records in stream(parts, name, model, options, expect):
        yield block, records, line_of


def is_enough(start: bytes) -> bool:
    """Whether these first bytes tell the format."""
    return bool(start) and is_settled(start, MAGIC) and (magic_of(start) is not None or has_format(start))


def line_before(line: int) -> int:
    """Of JSON lines: the header takes one more."""
    return line - 1


def line_in(table: Table, line: int) -> int:
    return table.lines[line - 2]


def table_parts(table: Table, formats: Mapping[str, Format | None]) -> Iterator[bytes]:
    """A table as lines of a CSV, some rows at a time."""
    yield csv_lines([[str(name) for name in table.frame.columns]])
    for start in range(0, len(table.frame), BLOCK_ROWS):
        yield csv_rows(table.frame.iloc[start : start + BLOCK_ROWS], formats)


def json_parts(parts: Iterator[bytes], name: str, formats: Mapping[str, Format | None]) -> Iterator[bytes]:
    """JSON lines as lines of a CSV, as many as came. The first record names the columns; a key not there is missing.

    Raises DataError at a line that is no record, once the lines before it have been given.
    """
    names: list[str] = []
    rest, number = b"", 0
    for part in chain(parts, [b"\n"]):
        *lines, rest = (rest + part).split(b"\n")
        done: list[bytes] = []
        for line in lines:
            number += 1
            try:
                record = json_record(line, number, name) if line.strip() else None
            except DataError:
                yield b"".join(done)
                raise
            if record is not None and not names:
                names = list(record)
                done.append(csv_lines([names]))
            done.append(csv_lines([json_cells(record, names, formats)]) if record is not None else b"\n")
        if done:
            yield b"".join(done)


def json_cells(record: dict[str, object], names: Sequence[str], formats: Mapping[str, Format | None]) -> list[str]:
    return [as_cell(record.get(name), decimal_of(formats.get(name))) for name in names]
