"""Text of any encoding as UTF-8, block by block; half a character at the end of a block waits for the next one."""

from __future__ import annotations

import codecs
import io
import re
from collections.abc import Iterable, Iterator
from itertools import chain

from mlpcli.data.encodings import from_cell, looks_korean, undecodable
from mlpcli.data.raw import ReadableFile, is_settled, with_start
from mlpcli.data.structure import line_of
from mlpcli.errors import DataError

SAMPLE_BYTES = 1 << 16  # around the first byte that is not UTF-8, to see what else the text may be
BOMS = {  # longest first: UTF-32's begins with UTF-16's
    codecs.BOM_UTF32_LE: "utf-32", codecs.BOM_UTF32_BE: "utf-32", codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16",
}  # fmt: skip
BOM = codecs.BOM_UTF8
MAX_LINE_BYTES = 1 << 28
ASCII = bytes(range(32, 127)) + b"\t\r\n"


class UndecodableError(DataError):
    """A byte that is no text in some encoding: byte `at` of the file, and byte `bad` of the data around it."""

    def __init__(self, at: int, data: bytes, bad: int, encoding: str, file: str, line: int) -> None:
        byte = data[bad] if bad < len(data) else 0
        readings, hint = undecodable(from_cell(data[: bad + SAMPLE_BYTES], bad))
        super().__init__(f"byte {at} is not {encoding} text (0x{byte:02x}){readings}", hint, file=file, line=line)
        self.at = at


def encoding_mark(start: bytes) -> bytes:
    """The byte-order mark at the start of a text, or nothing."""
    return next((mark for mark in BOMS if start.startswith(mark)), b"")


def require_encoding(encoding: str, name: str) -> None:
    """DataError for what is no encoding of text, such as rot13."""
    try:
        io.TextIOWrapper(io.BytesIO(), encoding)
    except LookupError as error:
        raise DataError(f"no such text encoding '{encoding}'", "e.g. --encoding cp949", file=name) from error


def guessed_encoding(file: ReadableFile, name: str) -> str:
    """utf-8, or cp949 if what is not UTF-8 looks Korean. Raises DataError naming the first byte that is not UTF-8."""
    try:
        check_text(file, "utf-8", name)
        return "utf-8"
    except UndecodableError as error:
        start = max(error.at - SAMPLE_BYTES, 0)
        sample = from_cell(file.read(start, 2 * SAMPLE_BYTES), error.at - start)
        if looks_korean(sample) and is_text(file, "cp949", name):
            return "cp949"
        raise


def check_text(file: ReadableFile, encoding: str, name: str) -> None:
    """Raises UndecodableError for the first byte that is no text in this encoding."""
    for _ in utf8(file.blocks(), encoding, name):
        pass


def is_text(file: ReadableFile, encoding: str, name: str) -> bool:
    try:
        check_text(file, encoding, name)
    except UndecodableError:
        return False
    return True


def utf8(blocks: Iterable[bytes], encoding: str, name: str) -> Iterator[bytes]:
    """Blocks of text in some encoding as UTF-8. Raises UndecodableError once the text before it was given."""
    require_encoding(encoding, name)
    decoder = codecs.getincrementaldecoder(encoding)()
    at, line = 0, 1
    for block in chain(blocks, [b""]):
        state = decoder.getstate()
        before = state[0]
        try:
            if encoding == "utf-8" and not before and block.isascii():
                text = block
            else:
                text = decoder.decode(block, not block).encode("utf-8")
        except UnicodeError as error:
            bad = getattr(error, "start", 0)
            data = before + block
            n_good = max(bad - len(before), 0)
            decoder.setstate(state)
            yield decoder.decode(block[:n_good]).encode("utf-8")
            line += line_of(block, n_good) - 1
            raise UndecodableError(at - len(before) + bad, data, bad, encoding, name, line) from error
        if text:
            yield text
        at += len(block)
        line += line_of(block, len(block)) - 1


def utf8_by_line(blocks: Iterable[bytes], otherwise: str, name: str) -> Iterator[bytes]:
    """The same where a line that is not UTF-8 is text in another encoding, so that no line depends on others."""
    held: list[bytes] = []  # the start of a line that may turn out to be either
    at, line = 0, 1  # of what is held
    for block in chain(blocks, [b""]):
        end = max(block.rfind(b"\n"), block.rfind(b"\r")) + 1
        if block and not end and not held and block.isascii():
            yield block
            at += len(block)
            continue
        if block and not end:
            held.append(block)
            if sum(map(len, held)) > MAX_LINE_BYTES:
                raise DataError(f"a line longer than {MAX_LINE_BYTES >> 20} MB", "look for a missing line end",
                                file=name, line=line)  # fmt: skip
            continue
        lines = b"".join([*held, block[:end]])
        held = [block[end:]] if end < len(block) else []
        yield from lines_as_utf8(lines, otherwise, name, at, line)
        at += len(lines)
        line += line_of(lines, len(lines)) - 1


def lines_as_utf8(lines: bytes, otherwise: str, name: str, at: int, line: int) -> Iterator[bytes]:
    """Whole lines, the first of which starts at byte `at` of its file and is its line `line`."""
    if is_utf8(lines):
        if lines:
            yield lines
        return
    found: list[bytes] = []
    for text in lines.splitlines(keepends=True):
        if not is_utf8(text):
            try:
                text = text.decode(otherwise).encode("utf-8")
            except UnicodeError as error:
                yield b"".join(found)
                bad, n_lines = getattr(error, "start", 0), len(found)
                at += sum(map(len, lines.splitlines(keepends=True)[:n_lines])) + bad
                raise UndecodableError(at, text, bad, f"utf-8 or {otherwise}", name, line + n_lines) from error
        found.append(text)
    yield b"".join(found)


def is_utf8(data: bytes) -> bool:
    try:
        return data.isascii() or bool(data.decode("utf-8"))
    except UnicodeDecodeError:
        return False


def can_stand_beside_utf8(encoding: str) -> bool:
    """Whether a line may be in this encoding and others in UTF-8: ASCII, with its line ends, is the same in both."""
    try:
        return codecs.lookup(encoding).name != "utf-8" and ASCII.decode(encoding) == ASCII.decode()
    except (UnicodeError, LookupError):
        return False


def text_parts(
    blocks: Iterable[bytes], encoding: str | None, otherwise: str | None, name: str, has_header: bool = True
) -> Iterator[bytes]:
    """Blocks as UTF-8 without a byte-order mark. Their encoding is the one asked for, that of the mark, or UTF-8.

    With `otherwise`, a model's, a first line that is not UTF-8 is in that one, and so is the whole text. A first line
    that could be either, or is a row, decides nothing: then each line that is not UTF-8 is in `otherwise`.
    """
    start, parts = with_start(iter(blocks), lambda start: is_settled(start, BOMS))
    found = encoding or BOMS.get(encoding_mark(start))
    if found is None and otherwise is not None and can_stand_beside_utf8(otherwise):
        start, parts = with_start(parts, lambda start: has_line(start) or len(start) > MAX_LINE_BYTES)
        first = FIRST_LINE.match(start)
        line = first.group() if first else start
        if line.isascii() or not has_header:
            return utf8_by_line(parts, otherwise, name)
        found = "utf-8" if is_utf8(line) else otherwise
    return without_mark(utf8(parts, found or "utf-8", name))


FIRST_LINE = re.compile(rb"\s*[^\r\n]+[\r\n]")  # that is not blank


def has_line(start: bytes) -> bool:
    return FIRST_LINE.match(start) is not None


def without_mark(parts: Iterator[bytes]) -> Iterator[bytes]:
    """UTF-8 without the byte-order mark at its start."""
    start, parts = with_start(parts, lambda start: is_settled(start, [BOM]))
    if start.startswith(BOM):
        next(parts)
        if start != BOM:
            yield start[len(BOM) :]
    yield from parts
