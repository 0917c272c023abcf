"""How many cells the sheets of a workbook span, before a library makes room for them all.

One cell far below or to the right of a table makes a sheet of 17 billion cells in a file of 2 kB.
"""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterator

BLOCK = 1 << 20  # bytes of XML at once
WORKSHEET = re.compile(r"xl/worksheets/[^/]+\.xml")
ROW_START, ROW_END = b"<table:table-row", b"</table:table-row>"
PLACE = re.compile(rb'\sr="([A-Z]{1,3})(\d{1,7})"')
CELL = re.compile(rb"<table:(?:covered-)?table-cell\b[^>]*>")
REPEATED = re.compile(rb'number-(?:rows|columns)-repeated="(\d{1,9})"')
MAX_OVERLAP = 1 << 10  # bytes of one tag


def n_cells(archive: zipfile.ZipFile) -> int:
    """Cells of the largest sheet of an Excel file, or of all sheets of an OpenDocument file."""
    sizes = [excel_cells(blocks_of(archive, name)) for name in archive.namelist() if WORKSHEET.fullmatch(name)]
    if "content.xml" in archive.namelist():
        sizes.append(open_document_cells(archive.read("content.xml")))
    return max(sizes, default=0)


def blocks_of(archive: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    with archive.open(name) as file:
        while block := file.read(BLOCK):
            yield block


def excel_cells(blocks: Iterator[bytes]) -> int:
    """Cells of the rectangle from A1 to the last row and the last column that hold a cell."""
    n_columns = n_rows = 0
    rest = b""
    for block in blocks:
        text = rest + block
        for letters, digits in PLACE.findall(text):
            n_columns, n_rows = max(n_columns, column_number(letters)), max(n_rows, int(digits))
        rest = text[-MAX_OVERLAP:]
    return n_columns * n_rows


def column_number(letters: bytes) -> int:
    """A is 1, Z 26, AA 27."""
    number = 0
    for letter in letters:
        number = number * 26 + letter - ord("A") + 1
    return number


def open_document_cells(content: bytes) -> int:
    """Cells of rows up to the last one with a value, each as often as the row and the cell are repeated."""
    found = 0
    for row in content.split(ROW_START)[1:]:
        head, _, cells = row.partition(b">")
        width = filled = 0
        for tag in CELL.findall(cells.partition(ROW_END)[0]):
            width += repeats(tag)
            filled = width if b"value-type" in tag else filled
        found += repeats(head) * filled
    return found


def repeats(tag: bytes) -> int:
    match = REPEATED.search(tag)
    return int(match[1]) if match else 1
