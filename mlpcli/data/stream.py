"""Rows from a pipe as they come: large parts when the producer is fast, single lines when it is slow.

Memory does not grow with the number of rows; the checks and the reading rules are those of table.py.
"""

from __future__ import annotations

import codecs
import fcntl
import os
import select
from collections.abc import Iterator, Sequence
from contextlib import suppress
from itertools import chain

import numpy as np

from mlpcli.config import ReadOptions
from mlpcli.data.block import Block
from mlpcli.data.dialect import BOM, BOMS, Dialect, check_characters, check_format, decode, decompress
from mlpcli.data.header import header_names
from mlpcli.data.rows import MAX_RECORD_BYTES, bad_row, good_rows, starts_trailing
from mlpcli.data.source import dialect_for
from mlpcli.data.structure import Scanner, Structure, after_lines, line_of
from mlpcli.errors import DataError

PART = 1 << 21  # bytes handled at once when they come fast
PIPE = 1 << 20  # bytes that wait in a pipe: the producer and we take fewer turns
PATIENCE = 0.05  # seconds without new bytes after which the complete rows so far are answered
COMPRESSED = (b"\x1f\x8b", b"BZh", b"\xfd7zXZ\x00", b"PK\x03\x04")


def parts_of(descriptor: int) -> Iterator[bytes]:
    """What a file descriptor has to give, at most about PART bytes at a time."""
    if hasattr(fcntl, "F_SETPIPE_SZ"):
        with suppress(OSError):  # no pipe
            fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, PIPE)
    at_hand = bytearray()
    while True:
        ready = not at_hand or select.select([descriptor], [], [], PATIENCE)[0]
        block = os.read(descriptor, PART) if ready else b""
        at_hand += block
        if at_hand and (not block or len(at_hand) >= PART):
            yield bytes(at_hand)
            at_hand.clear()
        if ready and not block:
            return


def utf8_parts(parts: Iterator[bytes], name: str, asked: str | None) -> Iterator[tuple[bytes, str]]:
    """Parts of any encoding or compression -> parts of UTF-8 without byte-order mark, with the encoding's name."""
    first = next(parts, b"")
    if not first:
        raise DataError("empty file", file=name)
    if first.startswith(COMPRESSED):
        yield decode(decompress(first + b"".join(parts), name), asked, name)
        return
    check_format(first, name)
    wide = next((code for mark, code in BOMS.items() if first.startswith(mark) and code != "utf-8-sig"), None)
    encoding = asked or wide
    if encoding is None or asked is not None:
        # A part may end inside a character, so the encoding is judged by its whole lines.
        whole = first[: first.rfind(b"\n") + 1] or first
        _, encoding = decode(whole if asked is None else b"", asked, name)
    bom = BOM if encoding == "utf-8" and first.startswith(BOM) else b""
    decoder = codecs.getincrementaldecoder(encoding)()
    n_lines = 0
    for part in chain([first[len(bom) :]], parts, [b""]):
        try:
            # ASCII is the rule, and seen at once; the decoder holds back half a character at the end of a part.
            is_plain = encoding == "utf-8" and part.isascii() and decoder.getstate() == (b"", 0)
            text = part if is_plain else decoder.decode(part, final=not part).encode("utf-8")
        except UnicodeError as error:
            at = getattr(error, "start", 0)
            line = n_lines + part[:at].count(b"\n") + 1
            raise DataError(
                f"a byte here is not {encoding} text",
                "name the encoding, e.g. --encoding latin-1",
                file=name,
                line=line,
            ) from error  # fmt: skip
        n_lines += part.count(b"\n")
        if text:
            yield text, encoding


def stream(
    descriptor: int, name: str, dialect: Dialect, options: ReadOptions, expect: Sequence[str] = ()
) -> Iterator[tuple[Block, Structure]]:
    """Parts of a CSV as Blocks, each with the structure of all its records, the ragged ones included.

    The first part may have no rows. A ragged row is a DataError once the rows before it have been given, or is
    left out of the Block on --bad-rows skip. Raises DataError with the physical line.
    """
    names: tuple[str, ...] | None = None
    trailing: bool | None = None  # known from the first row
    rest, first_line = b"", 1
    model_dialect, scanner = dialect, Scanner(",")
    parts = utf8_parts(parts_of(descriptor), name, options.encoding)
    for data, encoding in ended(parts):
        is_last = data is None
        data = rest + (data or b"")
        if names is None:
            dialect = dialect_for(data, model_dialect.for_file(options, encoding), options, expect)
            scanner = Scanner(
                dialect.delimiter, dialect.quote, dialect.escape, dialect.comment, dialect.header, dialect.spaces,
                zeros=None,  # the model says which columns are numbers
            )  # fmt: skip
        found = scanner.scan(data, after_lines(data, dialect.skip_rows) if names is None else 0, is_last)
        check_characters(data, found, dialect, name, first_line)
        if found.open_quote is not None:
            line = first_line + line_of(data, found.open_quote) - 1
            raise DataError("quote opened here is never closed", file=name, line=line)
        if not is_last and not len(found.starts):
            rest = data
            if len(rest) > MAX_RECORD_BYTES:
                raise DataError(
                    f"a record longer than {MAX_RECORD_BYTES >> 20} MB", "look for a missing line end or quote",
                    file=name, line=first_line,
                )  # fmt: skip
            continue
        rows = found
        if names is None:
            names, _ = header_names(data, found, dialect, name)
            rows = found.rows(slice(1 if dialect.header else 0, None))
            bad = np.flatnonzero(rows.widths != len(names))
            if expect and not set(names).intersection(expect) and len(bad):  # no header, it seems, but a line above it
                raise bad_row(data, rows, int(bad[0]), len(names), dialect, name, n_bad=len(bad))
        if trailing is None and len(rows.widths):
            trailing = starts_trailing(data, rows, len(names), dialect)
        yield from checked_part(data, rows, names, bool(trailing), dialect, name, first_line)
        end = len(data) if is_last else found.stop
        first_line += line_of(data, end) - 1
        rest = data[end:]


def ended(parts: Iterator[tuple[bytes, str]]) -> Iterator[tuple[bytes | None, str]]:
    """The parts, then None: a slow producer's rows must be answered before its next part has come."""
    encoding = ""
    for part, encoding in parts:
        yield part, encoding
    yield None, encoding


def checked_part(
    data: bytes, rows: Structure, names: tuple[str, ...], trailing: bool, dialect: Dialect, name: str, first_line: int
) -> Iterator[tuple[Block, Structure]]:
    """The good rows up to the first bad one, and then DataError; on --bad-rows skip all good rows."""
    good = good_rows(data, rows, len(names), trailing, dialect)
    bad = np.flatnonzero(~good)
    stop = int(bad[0]) if len(bad) and dialect.bad_rows == "error" else len(good)
    kept = rows.rows(slice(stop))
    if stop or stop == len(good):
        yield Block(name, data, kept.rows(good[:stop]), names, dialect, first_line, trailing), kept
    if stop < len(good):
        raise bad_row(data, rows, stop, len(names), dialect, name, n_bad=len(bad), first_line=first_line)
