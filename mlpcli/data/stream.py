"""Rows as they come: whatever is complete is given at once, many rows from a fast producer, single ones from a slow.

Memory does not grow with the number of rows. What a row is depends on the row, the header and the model alone: not on
the rows around it, nor on where the parts end.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from mlpcli.config.settings import ReadOptions
from mlpcli.data.block import Block, RowForm
from mlpcli.data.decoding import text_parts
from mlpcli.data.dialect import Dialect, check_format, has_format
from mlpcli.data.header import check_title, dialect_for, header_names, no_header
from mlpcli.data.raw import is_settled, with_start
from mlpcli.data.rows import Stretch, bad_row, good_rows
from mlpcli.data.scan import scanner_of, stretches
from mlpcli.data.structure import Structure
from mlpcli.data.unpack import COMPRESSED, magic_of, unpacked
from mlpcli.errors import DataError

FOLDER = "."  # where a zip from a pipe is copied to


def plain_text(
    parts: Iterable[bytes], name: str, options: ReadOptions, otherwise: str, has_header: bool = True
) -> Iterator[bytes]:
    """The bytes of a file of any compression and encoding as UTF-8. Raises DataError."""
    start, blocks = with_start(iter(parts), lambda start: bool(start) and is_settled(start, COMPRESSED))
    if not start:
        raise DataError("empty file", file=name)
    magic = magic_of(start)
    if magic is not None:
        blocks = unpacked(blocks, magic, name, FOLDER)
    start, blocks = with_start(blocks, has_format)
    check_format(start, name)
    return text_parts(blocks, options.encoding, otherwise, name, has_header)


def stream(
    parts: Iterable[bytes], name: str, model: Dialect, options: ReadOptions, expect: Sequence[str] = ()
) -> Iterator[tuple[Block, Structure]]:
    """The rows of a CSV that comes in parts as Blocks, each with the structure of all its records, the ragged included.

    The first Block may have no rows. A ragged row is a DataError once the rows before it have been given, or is
    left out of the Block on --bad-rows skip. Raises DataError with the physical line.
    """
    text = plain_text(parts, name, options, model.encoding, model.header)
    dialect, text = dialect_for(text, model, options, expect, name)
    names: tuple[str, ...] = ()
    scanner = scanner_of(dialect, None)  # the model says which columns are numbers
    for rows in stretches(text, dialect, scanner, name):
        if not names:
            names, _ = header_names(rows, dialect)
            if expect and not set(names).intersection(expect):
                check_header(rows, len(names), dialect)
            rows = rows.rows(slice(1 if dialect.header else 0, None))
        yield from checked(rows, names, dialect)
    if not names:
        raise no_header(name)


def check_header(rows: Stretch, width: int, dialect: Dialect) -> None:
    """DataError when the first record is no header, it seems, but a line above it."""
    check_title(rows, dialect)
    rows = rows.rows(slice(1 if dialect.header else 0, None))
    bad = np.flatnonzero(rows.found.widths != width)
    if len(bad):
        raise bad_row(rows, int(bad[0]), width, dialect, n_bad=len(bad))


def checked(rows: Stretch, names: tuple[str, ...], dialect: Dialect) -> Iterator[tuple[Block, Structure]]:
    """The good rows up to the first bad one, and then DataError; on --bad-rows skip all good rows.

    A row may end with a delimiter that the header does not have, whatever the others do.
    """
    trailing = good_rows(rows, len(names), True, dialect) & dialect.header
    good = good_rows(rows, len(names), False, dialect) | trailing
    bad = np.flatnonzero(~good)
    stop = int(bad[0]) if len(bad) and dialect.bad_rows == "error" else len(good)
    kept = rows.rows(slice(stop))
    yield Block(kept.rows(good[:stop]), RowForm(names, dialect, bool(trailing[:stop].any()))), kept.found
    if stop < len(good):
        raise bad_row(rows, stop, len(names), dialect, n_bad=len(bad))
