"""The names of the columns, and finding one by its name."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Collection, Sequence

from mlpcli.data.dialect import Dialect, cells_of
from mlpcli.data.numbers import is_number
from mlpcli.data.structure import MALFORMED, STRAY, Structure, line_of
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


def header_names(
    data: bytes, structure: Structure, dialect: Dialect, file: str, first_line: int = 1
) -> tuple[tuple[str, ...], list[str]]:
    """Column names and notes. Raises DataError when the first record cannot name the columns."""
    if not len(structure.starts) or not data[structure.starts[0] : structure.ends[0]].strip():
        raise DataError("no header: the file holds only blank lines", file=file)
    line = line_of(data, int(structure.starts[0])) + first_line - 1
    width = int(structure.widths[0])
    if not dialect.header:
        return tuple(f"col{i}" for i in range(1, width + 1)), []
    notes = []
    cells = cells_of(data[structure.starts[0] : structure.ends[0]], dialect)
    if width in (MALFORMED, STRAY) or len(cells) != width:
        raise DataError("text after a closing quote", "double the quotes inside quoted names", file=file, line=line)
    trimmed = [cell.strip() for cell in cells]
    if width > 2 and sum(map(bool, trimmed)) == 1:
        check_title(data, structure, dialect, file, first_line)
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


def check_title(data: bytes, structure: Structure, dialect: Dialect, file: str, first_line: int) -> None:
    """DataError when the first record, which has one filled cell, stands above one that fills every column."""
    top = structure.rows(slice(TITLE_ROWS))
    for start, end, width in zip(top.starts.tolist(), top.ends.tolist(), top.widths.tolist(), strict=True):
        if width == top.widths[0] and all(cell.strip() for cell in cells_of(data[start:end], dialect)):
            first, line = (line_of(data, at) + first_line - 1 for at in (int(top.starts[0]), start))
            raise DataError(
                f"one filled cell of {width}: a title above the header?",
                f"--skip-rows {line - 1} if the header is on line {line}", file=file, line=first,
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


def shown_some(names: Sequence[str]) -> str:
    return ", ".join(names[:NAMES_SHOWN]) + (
        f" and {len(names) - NAMES_SHOWN} more" if len(names) > NAMES_SHOWN else ""
    )
