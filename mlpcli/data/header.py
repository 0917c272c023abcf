"""The names of the columns, and finding one by its name."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from mlpcli.config.settings import ReadOptions
from mlpcli.data.dialect import DELIMITERS, SAMPLE_BYTES, Dialect, cells_of
from mlpcli.data.numbers import is_number
from mlpcli.data.raw import with_start
from mlpcli.data.rows import Stretch
from mlpcli.data.scan import checked_width
from mlpcli.data.structure import MALFORMED, STRAY, Scanner, after_lines
from mlpcli.errors import DataError

NAMES_SHOWN = 10
TITLE_ROWS = 20  # records below a title in which the header is looked for


def known_column(name: str, names: Collection[str], file: str) -> str:
    """The name itself, or DataError with the nearest one: alike but for case and spaces, or in most letters."""
    if name in names:
        return name
    alike = [n for n in names if plain_name(n) == plain_name(name)]
    near = alike or difflib.get_close_matches(name, names, n=1)
    shown = list(names)[:NAMES_SHOWN]
    raise DataError(
        f"no column '{name}'" + (f"; did you mean '{near[0]}'?" if near else ""),
        "columns: " + ", ".join(shown) + (" ..." if len(names) > NAMES_SHOWN else ""), file=file,
    )  # fmt: skip


def require_columns(wanted: Collection[str], names: Collection[str], file: str) -> None:
    """DataError when some are missing: for one with the nearest name, for more with all of theirs."""
    missing = [name for name in wanted if name not in names]
    if len(missing) < 2:
        for name in missing:
            known_column(name, names, file)
        return
    quoted = [f"'{name}'" for name in missing]
    raise DataError(f"no column {shown_some(quoted)}", f"the file has {shown_some(list(names))}", file=file)


def plain_name(name: str) -> str:
    return "".join(unicodedata.normalize("NFC", name).casefold().split())


def header_names(rows: Stretch, dialect: Dialect) -> tuple[tuple[str, ...], list[str]]:
    """Column names and notes. Raises DataError when the first record cannot name the columns."""
    file, start = rows.file, int(rows.found.starts[0])
    head = rows.data[start : rows.found.ends[0]]
    if not head.strip():
        raise no_header(file)
    line, width = rows.line(start), int(rows.found.widths[0])
    if not dialect.header:
        return tuple(f"col{i}" for i in range(1, width + 1)), []
    notes = []
    cells = cells_of(head, dialect)
    if width in (MALFORMED, STRAY) or len(cells) != width:
        raise DataError("text after a closing quote", "double the quotes inside quoted names", file=file, line=line)
    trimmed = [cell.strip() for cell in cells]
    if len(set(trimmed)) < len(set(cells)):
        trimmed = cells  # only spaces tell some apart
    names = [cell or f"unnamed_{i}" for i, cell in enumerate(trimmed, 1)]
    if "" in trimmed:
        unnamed = [n for n, cell in zip(names, trimmed, strict=True) if not cell]
        notes.append("columns without a name are called " + shown_some(unnamed))
    if len(names) > 1 and all(is_number(n) for n in names):
        notes.append("the first line looks like data; --no-header reads it as a row")
    first: dict[str, int] = {}
    alike: dict[str, str] = {}
    for i, one in enumerate(names):
        if one in first:
            raise DataError(
                f"column '{one}' appears twice (columns {first[one] + 1}, {i + 1})",
                "rename one of them in the first line", file=file, line=line,
            )  # fmt: skip
        first[one] = i
        other = alike.setdefault(plain_name(one), one)
        if other != one:
            notes.append(f"columns '{other}' and '{one}' differ only in case, spaces or the form of accents")
    return tuple(names), notes


def check_title(rows: Stretch, dialect: Dialect) -> None:
    """DataError when the first record, which has one filled cell, stands above one that fills every column."""
    top = rows.found.rows(slice(TITLE_ROWS))
    width = int(top.widths[0])
    records = [rows.data[a:b] for a, b in zip(top.starts.tolist(), top.ends.tolist(), strict=True)]
    if not dialect.header or width < 3 or sum(bool(cell.strip()) for cell in cells_of(records[0], dialect)) != 1:
        return
    for start, record, n_fields in zip(top.starts.tolist(), records, top.widths.tolist(), strict=True):
        if n_fields == width and all(cell.strip() for cell in cells_of(record, dialect)):
            line = rows.line(start)
            raise DataError(
                f"one filled cell of {width}: a title above the header?",
                f"--skip-rows {line - 1} if the header is on line {line}",
                file=rows.file, line=rows.line(int(top.starts[0])),
            )  # fmt: skip


# Words that columns are often called by, to tell two names that lost the delimiter between them.
NAME_WORDS = (
    "age amount category city class code color comment comments cost count country customer date day description email "
    "gender height hour id item label month name note number order phone price product qty quantity rate score sex "
    "size state status target text time title total type unit url user value weight year"
)


def check_lost_delimiter(names: Sequence[str], file: str) -> None:
    """DataError when one of the names may be two: then the empty field at the end of every row is the last column."""
    for name in names:
        if looks_like_two(name, [other for other in names if other != name]):
            raise DataError(
                "two names without a delimiter? Every row ends with an empty field that the header has no name for",
                "put the delimiter back into the header, or take the last one off every row", file=file, column=name,
            )  # fmt: skip


def looks_like_two(name: str, others: Sequence[str]) -> bool:
    """Whether a name may have lost a delimiter inside: by its quotes, letters, words or length beside the others'."""
    if '"' in name or re.search(r"[^\W_A-Z][A-Z]|[A-Z]{2}[a-z]|[0-9][^\W\d_]", name):
        return True
    if len(name) > 5 and name.isupper() and not all(other.isupper() for other in others):
        return True
    if len(others) > 1 and {2 * len(other) for other in others} == {len(name)}:
        return True
    words = {*NAME_WORDS.split(), *(word for other in others for word in words_of(other) if len(word) > 2)}
    return any(word[:i] in words and word[i:] in words for word in words_of(name) for i in range(1, len(word)))


def words_of(name: str) -> list[str]:
    return re.findall(r"[^\W\d_]+", name.casefold())


def dialect_for(
    parts: Iterator[bytes], model: Dialect, options: ReadOptions, expect: Collection[str], name: str
) -> tuple[Dialect, Iterator[bytes]]:
    """A model's dialect for another text, and the text: all is as in training but the delimiter.

    That is the one under which the header holds the most of the names expected; the model's own where no other holds
    more. The rows have no say. Raises DataError for a header too wide for the memory.
    """
    dialect = model.for_file(options)
    if options.delimiter is None and dialect.header and expect:
        parts = checked_width(parts, dialect, name)
        start, parts = with_start(parts, lambda start: first_record(start, dialect) is not None)
        head = first_record(start, dialect, is_last=True) or b""

        def n_known(delimiter: str) -> int:
            cells = cells_of(head, replace(dialect, delimiter=delimiter))
            return len({cell.strip() for cell in cells}.intersection(expect))

        dialect = replace(dialect, delimiter=max((dialect.delimiter, *DELIMITERS), key=n_known))
    return replace(dialect, spaces=dialect.spaces and dialect.delimiter != " "), checked_width(parts, dialect, name)


def first_record(start: bytes, dialect: Dialect, is_last: bool = False) -> bytes | None:
    """The first record of a text by its first bytes; None when it may go on."""
    scanner = Scanner(dialect.delimiter, dialect.quote, dialect.escape, dialect.comment, spaces=dialect.spaces)
    for data in (start[:SAMPLE_BYTES], start):
        found = scanner.scan(data, after_lines(data, dialect.skip_rows), is_last and len(data) == len(start))
        if len(found.starts):
            return data[found.starts[0] : found.ends[0]]
    return None


def no_header(file: str) -> DataError:
    return DataError("no header: the file holds only blank lines", file=file)


def shown_some(names: Sequence[str], at_most: int = NAMES_SHOWN) -> str:
    """The first names, and how many more there are."""
    return ", ".join(names[:at_most]) + (f" and {len(names) - at_most:,} more" if len(names) > at_most else "")
