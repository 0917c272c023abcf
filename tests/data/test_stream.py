"""Rows of a pipe: the same however the bytes come."""

from __future__ import annotations

import os
import threading

import pytest

from mlpcli.config.settings import ReadOptions
from mlpcli.data.dialect import find_dialect
from mlpcli.data.raw import parts_of
from mlpcli.data.stream import stream
from mlpcli.errors import DataError

GOOD = "a,b,c\n" + "".join(f"{i},{i * 0.5},x{i % 3}\n" for i in range(50))


def streamed(pieces: list[bytes], options: ReadOptions | None = None) -> list[tuple]:
    """The rows of all parts when the bytes come in these pieces."""
    reader, writer = os.pipe()

    def feed() -> None:
        with os.fdopen(writer, "wb", buffering=0) as pipe:
            for piece in pieces:
                pipe.write(piece)
                threading.Event().wait(0.12 if len(pieces) < 10 else 0)

    feeder = threading.Thread(target=feed)
    feeder.start()
    options = options or ReadOptions()
    try:
        rows = []
        dialect = find_dialect(b"a,b,c\n1,2,3\n", "utf-8", options)
        for source, _ in stream(parts_of(reader), "pipe", dialect, options, ["a"]):
            frame = source.parse(texts=source.names)
            rows += [tuple(r) for r in frame.astype(object).itertuples(index=False)]
        return rows
    finally:
        feeder.join()
        os.close(reader)


@pytest.mark.parametrize("size", [1, 7, 64, 10_000])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_stream_gives_the_same_rows_however_the_bytes_come(size, end):
    data = GOOD.replace("x1", '"x,\n1"').replace("\n", end).encode()
    whole = streamed([data])
    assert len(whole) == 50
    assert streamed([data[i : i + size] for i in range(0, len(data), size)]) == whole


def test_a_slow_stream_names_the_physical_line_of_a_bad_row():
    with pytest.raises(DataError, match=r"pipe:5: 2 fields, expected 3"):
        streamed([b"a,b,c\n1,2,3\n", b"4,5,6\n", b'7,"8', b'",9\n1,2\n3,4,5\n'])


def test_a_stream_in_utf_16():
    assert streamed([GOOD.encode("utf-16")]) == streamed([GOOD.encode()])
