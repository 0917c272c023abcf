"""From a CSV file to columns of numbers and text, each cell as it stands in the file.

A column is a number if every cell that is not missing is written as one (`is_number`); the rule looks at all rows,
so the answer does not depend on where in the file a value stands.
"""

from __future__ import annotations

import csv
import difflib
import hashlib
import io
import os
import re
import stat
import sys
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from mlpcli.config import ReadOptions
from mlpcli.data.dialect import Dialect, decode, decompress, find_delimiter, find_dialect, refuse_foreign
from mlpcli.data.structure import Structure, line_of, scan
from mlpcli.errors import DataError, MachineError

# Possessive (++, *+): a million digits before a letter are then read once, not once for each digit.
NUMBER = re.compile(r"\s*+[+-]?(?:[0-9]++(?:\.[0-9]*+)?|\.[0-9]++)(?:[eE][+-]?[0-9]{1,4})?\s*+", re.ASCII)
LEADING_ZERO = re.compile(r"\s*[+-]?0[0-9]+")
STRAY_SHARE = 0.01  # of a column's values, below which text in a number column is a mistake and not a category
SAMPLE_ROWS = 1000
SHOWN = 5  # bad rows named one by one
NAMES_SHOWN = 10

csv.field_size_limit(1 << 31)  # the header only; a longer field than its 128 kB is no reason to stop


def is_number(text: str) -> bool:
    """Whether a cell is written as a number: digits with optional sign, point and exponent; not nan, inf, 1_000."""
    return NUMBER.fullmatch(text) is not None


@dataclass
class Source:
    """An open table: its names, its bytes as UTF-8, and where each row stands."""

    name: str
    data: bytes
    structure: Structure  # of the data rows
    names: tuple[str, ...]
    dialect: Dialect
    notes: tuple[str, ...]
    sha256: str
    first_line: int = 1  # physical line of the first byte of `data`; more for a later part of a stream

    @property
    def n_rows(self) -> int:
        return len(self.structure.starts)

    def line_of(self, row: int) -> int:
        """Physical line of a data row, counted from 1."""
        return line_of(self.data, int(self.structure.starts[row])) + self.first_line - 1

    def record(self, row: int) -> bytes:
        """The bytes of a data row as they stand in the file, with one line end."""
        return self.data[self.structure.starts[row] : self.structure.ends[row]].rstrip(b"\r") + b"\n"

    @property
    def header(self) -> bytes:
        """The header line, or nothing when the file has none."""
        if not self.dialect.header:
            return b""
        out = io.StringIO()
        csv.writer(out, delimiter=self.dialect.delimiter, quotechar=self.dialect.quote, lineterminator="\n").writerow(
            self.names
        )
        return out.getvalue().encode("utf-8")

    def column(self, name: str) -> str:
        """The name itself, or DataError with the nearest one."""
        return known_column(name, self.names, self.name)

    def read(
        self, *, numbers: Collection[str] = (), texts: Collection[str] = (), target: str | None = None
    ) -> pd.DataFrame:
        """All rows: float64 for numbers, NaN where missing; categoricals of the exact cells for text.

        Columns in neither collection follow the rule of this room. In the target only an empty cell is missing.
        Raises DataError naming the cell that does not fit.
        """
        sample = self.parse(texts=self.names, target=target, rows=SAMPLE_ROWS)
        guessed = {n for n in self.names if n not in numbers and not looks_numeric(sample[n])}
        as_text = guessed | set(texts) | {n for n in self.with_leading_zeros() if n not in numbers}
        frame = self.parse(texts=as_text, target=target)
        surprises = [n for n in self.names if n not in as_text and frame[n].dtype.kind not in "iuf"]
        if surprises:
            frame[surprises] = self.parse(texts=self.names, target=target)[surprises]
        columns = {}
        for name in self.names:
            column = frame[name]
            if column.dtype.kind in "iuf":
                column = column.astype(np.float64)
            elif name not in texts:
                column = self.number_or_text(column, name in numbers)
            if column.dtype.kind == "f":
                self.refuse_infinite(column)
            columns[name] = column
        return pd.DataFrame(columns, copy=False)

    def with_leading_zeros(self) -> set[str]:
        return {self.names[i] for i in self.structure.leading_zeros if i < len(self.names)}

    def number_or_text(self, column: pd.Series[Any], must: bool) -> pd.Series[Any]:
        """Text that turns out to be numbers becomes numbers; a few strays among numbers are refused."""
        cells = column.array
        assert isinstance(cells, pd.Categorical)
        fits = np.array([is_number(plain(c, self.dialect)) for c in cells.categories], bool)
        zeros = any(LEADING_ZERO.match(c) for c in cells.categories)
        stray = np.flatnonzero(np.append(~fits, False)[cells.codes])
        n_values = int((cells.codes >= 0).sum())
        if len(stray) and (must or len(stray) < STRAY_SHARE * n_values):
            row, cell = int(stray[0]), str(cells[int(stray[0])])
            more = f" (and {len(stray) - 1} more)" if len(stray) > 1 else ""
            raise DataError(
                f"expected a number, found '{cell}'{more}",
                f"--category {column.name} to use it as a category, or --missing {cell} to treat it as missing",
                file=self.name, line=self.line_of(row), column=str(column.name),
            )  # fmt: skip
        if len(stray) or not n_values or (zeros and not must):
            return column
        values = np.array([*(float(plain(c, self.dialect)) for c in cells.categories), np.nan])
        return pd.Series(values[cells.codes], name=column.name)

    def refuse_infinite(self, column: pd.Series[Any]) -> None:
        rows = np.flatnonzero(np.isinf(column.to_numpy()))
        if len(rows):
            raise DataError(
                f"the number is infinite or too large ({column[int(rows[0])]})", "--missing inf to treat it as missing",
                file=self.name, line=self.line_of(int(rows[0])), column=str(column.name),
            )  # fmt: skip

    def records(self, n_rows: int) -> bytes:
        """The bytes of the first rows, without the blank lines, comments and skipped rows between them."""
        starts, ends = self.structure.starts[:n_rows], self.structure.ends[:n_rows]
        if (starts[1:] - ends[:-1] <= 2).all():  # a line end is two bytes at most; pandas passes over a blank line
            return self.data[starts[0] : ends[-1]]
        return b"\n".join(self.data[a:b].rstrip(b"\r") for a, b in zip(starts.tolist(), ends.tolist(), strict=True))

    def parse(self, *, texts: Collection[str], target: str | None = None, rows: int | None = None) -> pd.DataFrame:
        """pandas' C parser on exactly the bytes of the data rows, with our notion of missing and of quoting."""
        n_rows = self.n_rows if rows is None else min(rows, self.n_rows)
        if n_rows == 0:
            return pd.DataFrame({n: pd.Categorical([]) for n in self.names})
        frame = parse_bytes(self.records(n_rows), self.names, self.dialect, texts=texts, target=target)
        if len(frame) != n_rows:
            raise DataError(
                f"{n_rows} rows by its delimiters and quotes, {len(frame)} by the parser",
                "look for stray quotes; --quote names another quote character", file=self.name,
            )  # fmt: skip
        return frame


def parse_bytes(
    data: bytes, names: Sequence[str], dialect: Dialect, *, texts: Collection[str], target: str | None = None
) -> pd.DataFrame:
    """Records without header -> a frame of pandas' types, categoricals of the exact cells for `texts`."""
    columns = list(range(len(names)))  # by number: names may look alike to pandas
    frame: pd.DataFrame = pd.read_csv(  # type: ignore[call-overload]  # the stubs want literals
        io.BytesIO(data), header=None, names=columns, index_col=False, sep=dialect.delimiter,
        quotechar=dialect.quote, escapechar=dialect.escape, comment=None, decimal=dialect.decimal,
        thousands=dialect.thousands, encoding="utf-8", engine="c", low_memory=False, keep_default_na=False,
        na_values={i: [""] if n == target else list(dialect.missing) for i, n in enumerate(names)},
        dtype={i: str for i, n in enumerate(names) if n in set(texts)}, skip_blank_lines=True,
    )  # fmt: skip
    wanted = set(texts)
    # Not dtype="category" above: pandas 3 turns categories that look like numbers into numbers.
    return pd.DataFrame(
        {name: pd.Categorical(frame[i]) if name in wanted else frame[i] for i, name in enumerate(names)},
        copy=False,
    )


def plain(cell: str, dialect: Dialect) -> str:
    """The cell with the decimal point of Python's and without marks between thousands."""
    if dialect.thousands:
        cell = cell.replace(dialect.thousands, "")
    return cell.replace(dialect.decimal, ".") if dialect.decimal != "." else cell


def looks_numeric(sample: pd.Series[Any]) -> bool:
    cells = sample.array.categories if isinstance(sample.array, pd.Categorical) else sample
    return len(cells) == 0 or any(is_number(str(c)) for c in list(cells)[:50])


def known_column(name: str, names: Sequence[str], file: str) -> str:
    if name in names:
        return name
    near = difflib.get_close_matches(name, names, n=1)
    raise DataError(
        f"no column '{name}'" + (f"; did you mean '{near[0]}'?" if near else ""),
        "columns: " + ", ".join(names[:NAMES_SHOWN]) + (" ..." if len(names) > NAMES_SHOWN else ""), file=file,
    )  # fmt: skip


def read_bytes(path: str) -> tuple[bytes, str]:
    """The bytes of a file, or of standard input for '-', and the name to show. Raises MachineError."""
    if path == "-":
        return sys.stdin.buffer.read(), "<stdin>"
    try:
        if stat.S_ISDIR(os.stat(path).st_mode):
            raise MachineError("is a folder", "name a CSV file", file=path)
        with open(path, "rb") as file:
            return file.read(), path
    except (OSError, ValueError) as error:
        raise MachineError(f"cannot read: {getattr(error, 'strerror', error)}", file=path) from error


def open_table(
    path: str, options: ReadOptions, *, dialect: Dialect | None = None, expect: Sequence[str] = ()
) -> Source:
    """Reads the bytes of a CSV and proves their structure; '-' is standard input.

    With `dialect`, a model's, cells are read by its rules; only encoding, delimiter and --bad-rows are the file's own.
    Raises DataError or MachineError with file and line.
    """
    raw, name = read_bytes(path)
    sha256 = hashlib.sha256(raw).hexdigest()
    if not raw:
        raise DataError("empty file", file=name)
    raw = decompress(raw, name)
    refuse_foreign(raw, name)
    data, encoding = decode(raw, options.encoding, name)
    at = data.find(b"\0")
    if at >= 0:
        hint = "UTF-16? name it with --encoding utf-16" if data[:64].count(b"\0") > 8 else "remove the NUL bytes"
        raise DataError("NUL byte: no CSV text holds one", hint, file=name, line=line_of(data, at))
    if dialect is None:
        dialect = find_dialect(data, encoding, options)
    else:
        delimiter = delimiter_for(data, dialect, options, expect)
        dialect = replace(dialect, encoding=encoding, delimiter=delimiter, bad_rows=options.bad_rows)
    notes = [f"encoding: {encoding} (--encoding)"] if encoding != "utf-8" else []
    if dialect.delimiter != "," and options.delimiter is None:
        notes.append(f"delimiter: {dialect.delimiter!r} (--delimiter)")
    structure = scan(data, dialect.delimiter, dialect.quote, dialect.escape, dialect.comment, dialect.skip_rows)
    if structure.open_quote is not None:
        line = line_of(data, structure.open_quote)
        raise DataError(
            "quote opened here is never closed", "--quote names another quote character", file=name, line=line
        )
    if not len(structure.starts) or not data[structure.starts[0] : structure.ends[0]].strip():
        raise DataError("no header: the file holds only blank lines", file=name)
    names, trailing, name_notes = header_names(data, structure, dialect, name)
    first = 1 if dialect.header else 0
    rows = Structure(
        structure.starts[first:], structure.ends[first:], structure.widths[first:], None, structure.leading_zeros
    )
    rows, row_notes = checked_rows(data, rows, names, trailing, dialect, name)
    if trailing:
        names = (*names, TRAILING)
    return Source(name, data, rows, names, dialect, (*notes, *name_notes, *row_notes), sha256)


TRAILING = "unnamed (after the last delimiter)"


def delimiter_for(data: bytes, dialect: Dialect, options: ReadOptions, expect: Sequence[str]) -> str:
    """--delimiter, else the model's if the header then holds its columns, else what the new file shows."""
    if options.delimiter:
        return options.delimiter
    first = data[: data.find(b"\n") if b"\n" in data else len(data)]
    cells = next(csv.reader([first.decode("utf-8", "replace").strip("\r\n")], delimiter=dialect.delimiter), [])
    if not dialect.header or not expect or any(name in cells for name in expect):
        return dialect.delimiter
    return find_delimiter(data, options, expect)


def header_names(
    data: bytes, structure: Structure, dialect: Dialect, file: str
) -> tuple[tuple[str, ...], bool, list[str]]:
    """Column names, whether all data rows end with one delimiter more than the header, and notes."""
    notes = []
    width = int(structure.widths[0])
    if dialect.header:
        text = data[structure.starts[0] : structure.ends[0]].decode("utf-8").rstrip("\r\n")
        cells = next(
            csv.reader([text], delimiter=dialect.delimiter, quotechar=dialect.quote, escapechar=dialect.escape), []
        )
        names = [cell.strip() or f"unnamed_{i}" for i, cell in enumerate(cells, 1)]
        if len(names) > 1 and all(is_number(n) for n in names):
            notes.append("the first line looks like data; --no-header reads it as a row")
        for i, one in enumerate(names):
            if one in names[:i]:
                raise DataError(
                    f"column '{one}' appears twice (columns {names.index(one) + 1}, {i + 1})",
                    "rename one of them in the first line", file=file, line=line_of(data, int(structure.starts[0])),
                )  # fmt: skip
    else:
        names = [f"col{i}" for i in range(1, width + 1)]
    rows = structure.widths[1:]
    ends = structure.ends[1:]
    trailing = bool(
        dialect.header
        and len(rows)
        and (rows == len(names) + 1).all()
        and all(data[s:e].rstrip(b"\r\n").endswith(dialect.delimiter.encode())
                for s, e in zip(structure.starts[1:], ends, strict=True))
    )  # fmt: skip
    if trailing:
        notes.append("every row ends with a delimiter; the empty field after it is left out")
    return tuple(names), trailing, notes


def checked_rows(
    data: bytes, rows: Structure, names: Sequence[str], trailing: bool, dialect: Dialect, file: str
) -> tuple[Structure, list[str]]:
    """Data rows that all have the header's number of fields; else DataError, or without them on --bad-rows skip."""
    width = len(names) + trailing
    bad = np.flatnonzero(rows.widths != width)
    notes = []
    if len(bad):
        lines = ", ".join(str(line_of(data, int(rows.starts[i]))) for i in bad[:SHOWN])
        if dialect.bad_rows == "error":
            if len(bad) == len(rows.widths) and len(set(rows.widths.tolist())) == 1:
                message = f"rows have {rows.widths[0]} fields, header has {width}"
            else:
                message = f"{rows.widths[bad[0]]} fields, expected {width}"
            more = f"; {len(bad)} such rows, lines {lines}" + (", ..." if len(bad) > SHOWN else "")
            raise DataError(
                message + (more if len(bad) > 1 else ""),
                "mend the file, or leave such rows out with --bad-rows skip; --skip-rows N for lines above the header",
                file=file, line=line_of(data, int(rows.starts[bad[0]])),
            )  # fmt: skip
        notes.append(
            f"{len(bad)} rows of another width are left out: lines {lines}" + (" ..." if len(bad) > SHOWN else "")
        )
    good = rows.widths == width
    return Structure(rows.starts[good], rows.ends[good], rows.widths[good], None, rows.leading_zeros), notes
