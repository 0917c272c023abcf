"""The model file: damage of any kind is refused, and nothing is inflated or executed on the way."""

from __future__ import annotations

import gzip
import io
import os
import pickle
import re
import sys
import tracemalloc
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlpcli.errors import DataError, MachineError, ModelError
from mlpcli.files import archive

HEADER = {"name": "열 [red]", "numbers": [1, 2.5, None, True]}
ARRAYS = {"members": np.arange(6, dtype=np.float32).reshape(2, 3)}
GOOD = archive.pack(HEADER, ARRAYS)
GOLDEN = Path(__file__).parent / "golden" / "format-1-raw.npz"


def zipped(members: dict[str, bytes], method: int = zipfile.ZIP_STORED) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", method) as made:
        for name, data in members.items():
            made.writestr(zipfile.ZipInfo(name), data, method)
    return out.getvalue()


def npz(**arrays) -> bytes:
    out = io.BytesIO()
    np.savez(out, **arrays)
    return out.getvalue()


def npy(array, **options) -> bytes:
    out = io.BytesIO()
    np.lib.format.write_array(out, array, **options)
    return out.getvalue()


def test_what_is_packed_is_unpacked_and_numpy_reads_it():
    header, arrays = archive.unpack(GOOD)
    assert header == HEADER
    assert arrays["members"].tolist() == ARRAYS["members"].tolist()
    with np.load(io.BytesIO(GOOD), allow_pickle=False) as loaded:
        assert loaded["members"].tolist() == ARRAYS["members"].tolist()


def test_the_bytes_depend_on_the_content_alone():
    assert archive.pack(dict(reversed(HEADER.items())), ARRAYS) == GOOD


def test_the_bytes_do_not_depend_on_the_system(monkeypatch):
    monkeypatch.setattr(sys, "platform", "win32")
    assert archive.pack(HEADER, ARRAYS) == GOOD


@pytest.mark.parametrize("shape", [(0,), (123456789, 0), (0, 10**15), (1, 1), (1, 1 << 22)])
def test_arrays_of_one_and_two_axes_are_read_however_large_or_long_their_shape_is_written(shape):
    arrays = {"members": np.zeros(shape, np.float32)}
    assert archive.unpack(archive.pack(HEADER, arrays))[1]["members"].shape == shape


def test_M17_the_first_format_is_read_for_ever():
    assert GOLDEN.read_bytes() == GOOD
    assert archive.load(str(GOLDEN))[0] == HEADER


def test_M01_every_prefix_is_refused():
    for n in range(len(GOOD)):
        with pytest.raises(ModelError):
            archive.unpack(GOOD[:n])


@pytest.mark.slow
def test_M02_every_flipped_bit_is_refused():
    for i in range(8 * len(GOOD)):
        data = bytearray(GOOD)
        data[i // 8] ^= 1 << (i % 8)
        with pytest.raises(ModelError):
            archive.unpack(bytes(data))


@given(st.binary(max_size=64), st.integers(0, len(GOOD)), st.integers(0, 64))
@settings(max_examples=300, deadline=None)
def test_any_splice_is_refused_or_the_same(piece, at, length):
    data = GOOD[:at] + piece + GOOD[at + length :]
    if data != GOOD:
        with pytest.raises(ModelError):
            archive.unpack(data)


def as_json(text: bytes) -> bytes:
    return zipped({"header.npy": npy(np.frombuffer(text, np.uint8))})


def edited(at: int, value: bytes, data: bytes = GOOD) -> bytes:
    return data[:at] + value + data[at + len(value) :]


def everywhere(offset: int, value: bytes) -> bytes:
    """A field of the first member's local header and of its record in the central directory."""
    record = GOOD.index(b"PK\x01\x02")
    return edited(record + offset + 2, value, edited(offset, value))


def overlapping() -> bytes:
    """Many records of the central directory that point at one member."""
    record, end = GOOD.index(b"PK\x01\x02"), GOOD.index(b"PK\x05\x06")
    directory = GOOD[record:end] * 200
    n = (400).to_bytes(2, "little")
    tail = edited(8, n + n + len(directory).to_bytes(4, "little"), GOOD[end:])
    return GOOD[:record] + directory + tail


def linked() -> bytes:
    info = zipfile.ZipInfo("header.npy")
    info.create_system, info.external_attr = 3, 0o120777 << 16
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        made.writestr(info, "/etc/passwd")
    return out.getvalue()


class Trap:
    """Its pickle makes a folder when it is read."""

    def __reduce__(self):
        return os.mkdir, ("trapped",)


def lies_about_shape(shape: bytes) -> bytes:
    told = b"(3,), }"
    room = b" " * min(len(shape) - 4, 40)  # the header stays as long as NumPy makes it, where it can
    return zipped({"header.npy": npy(np.zeros(3, np.float32)).replace(told + room, shape + b", }")})


BOMB = npy(np.zeros(1 << 24, np.float32))
DEFLATED = zipfile.ZIP_DEFLATED
NPY_LONG = b"\x93NUMPY\x02\x00" + b"\xf0\xff\xff\xff" + b"{" + bytes(1 << 20)
HOSTILE = {
    "M03 nothing": b"",
    "M03 random": np.random.default_rng(0).bytes(500),
    "M03 csv": b"a,b\n1,2\n",
    "M03 html": b"<!doctype html><html></html>",
    "M03 gzip": gzip.compress(GOOD),
    "M03 bare npy": npy(np.zeros(3)),
    "M04 bare pickle": pickle.dumps(Trap()),
    "M04 object array": zipped({"header.npy": npy(np.array([Trap()], object), allow_pickle=True)}),
    "M04 pickle member": zipped({"data.pkl": pickle.dumps(Trap())}),
    "M04 extra pickle member": zipped({"header.npy": npy(np.zeros(3, np.uint8)), "a.pkl": pickle.dumps(Trap())}),
    "M05 bomb": zipped({"header.npy": BOMB}, DEFLATED),
    "M05 bomb in another member": zipped({"members.npy": BOMB}, DEFLATED),
    "M06 overlapping members": overlapping(),
    "M07 brackets in npy": zipped({"header.npy": b"\x93NUMPY\x01\x00" + b"\xff\xff" + b"(" * 65535}),
    "M07 long npy header": zipped({"header.npy": NPY_LONG}),
    "M07 call in npy": zipped({"header.npy": npy(np.zeros(3)).replace(b"(3,)", b"f()*")}),
    "M08 huge": lies_about_shape(b"(1099511627776,)"),
    "M08 product overflows to 0": lies_about_shape(b"(4294967296, 4294967296)"),
    "M08 negative": lies_about_shape(b"(-3,)"),
    "M08 of rank 40": lies_about_shape(b"(" + b"1," * 40 + b")"),
    "M08 of rank 3": zipped({"header.npy": npy(np.zeros((1, 1, 1), np.float32))}),
    "M08 without axes": zipped({"header.npy": npy(np.float32(3))}),
    "M08 one row more": lies_about_shape(b"(4,)"),
    "M08 empty": lies_about_shape(b"(0,)"),
    **{
        f"M09 {dtype}": zipped({"header.npy": npy(np.zeros(3, dtype))})
        for dtype in ("c8", "i1", "S4", "U4", "?", "M8[s]", "V8", "f4,i4", "f2")
    },
    "M10 big-endian": zipped({"header.npy": npy(np.zeros(3, ">f4"))}),
    "M10 fortran": zipped({"header.npy": npy(np.asfortranarray(np.zeros((2, 3))))}),
    "M11 nan weight": archive.pack(HEADER, {"members": np.array([np.nan], np.float32)}),
    "M11 infinite weight": archive.pack(HEADER, {"members": np.array([-np.inf], np.float32)}),
    "M12 no header": zipped({"members.npy": npy(np.zeros(3, np.float32))}),
    "M12 many members": zipped({f"a{'b' * (i % 30)}{'c' * (i // 30)}.npy": b"" for i in range(900)}),
    "M12 the same twice": GOOD[: GOOD.index(b"PK\x01\x02")] + GOOD,
    "M13 path in name": zipped({"../../x.npy": b""}),
    "M13 absolute name": zipped({"/abs.npy": b""}),
    "M13 escape and markup in name": zipped({"\x1b[31m[red]header.npy": b""}),
    "M13 symbolic link": linked(),
    "M14 encrypted": everywhere(6, b"\1\0"),
    "M14 method 99": everywhere(8, b"\x63\0"),
    "M14 bzip2": everywhere(8, b"\x0c\0"),
    "M14 wrong checksum": everywhere(14, bytes(4)),
    "M14 smaller than said": everywhere(18, b"\xff\xff\xff\x7f\xff\xff\xff\x7f"),
    "M14 zip64 sizes": everywhere(18, b"\xff" * 8),
    "M14 more members than said": edited(len(GOOD) - 14, b"\1\0\1\0"),
    "M15 prefix": b"#!/bin/sh\n" + GOOD,
    "M15 suffix": GOOD + b"\0",
    "M15 twice": GOOD + GOOD,
    "M15 comment": GOOD[:-2] + b"\3\0abc",
    "M16 cut": as_json(b'{"format": 1'),
    "M16 nothing": as_json(b""),
    "M16 empty object": as_json(b"{}"),
    "M16 null": as_json(b"null"),
    "M16 deep": as_json(b"[" * 100_000),
    "M16 deep objects": as_json(b'{"a":' * 50 + b"1" + b"}" * 50),
    "M16 nan": as_json(b'{"format": NaN}'),
    "M16 infinite": as_json(b'{"format": -Infinity}'),
    "M16 endless number": as_json(b'{"format": ' + b"9" * 10_000 + b"}"),
    "M16 double key": as_json(b'{"format":1,"format":1}'),
    "M16 not ascii": as_json(b'{"format": "\xff"}'),
    "M16 values without end": as_json(b"[" + b"[]," * 3_000_000 + b"0]"),
    "M16 format no number": as_json(b'{"format": "1"}'),
    "M22 another zip": zipped({"word/document.xml": b"<xml/>"}, DEFLATED),
    "M22 numpy's own": npz(a=np.zeros(3)),
    "M22 tar": b"a.npy".ljust(257, b"\0") + b"ustar  \0".ljust(255, b"\0"),
}
SAYS = {  # the first pattern that a name begins with
    "M04 object|M07|M08 negative|M08 of rank 40|M09|M10|M13 symbolic": "an array has a form no mlpcli writes",
    "M08 huge|M08 product|M08 of rank 3|M08 one|M08 empty": "does not fill its place",
    "M11": "a weight is not a finite number",
    "M06|M14 enc|M14 wrong|M14 more|M15 [^p]|M16 empty|M16 format": "the content does not match its digest",
    "M16 deep|M16 values": "the header is too large",
    "M16 null": "the header is no JSON object",
    "M16|M08 without": "the header is no JSON",
    "M": "not an mlpcli model",
}
MOST_MEMORY = 200 << 20  # bytes that refusing a file may take


@pytest.mark.parametrize("name", HOSTILE)
def test_M03_to_M16_M22_X06_hostile_files_are_refused(name, tmp_path, monkeypatch):
    """Before anything of the size that they claim is allocated, and without anything run or written."""
    monkeypatch.chdir(tmp_path)
    Path("m.npz").write_bytes(HOSTILE[name])
    tracemalloc.start()
    try:
        with pytest.raises(ModelError) as caught:
            archive.load("m.npz")
        assert tracemalloc.get_traced_memory()[1] < MOST_MEMORY
    finally:
        tracemalloc.stop()
    assert caught.value.file == "m.npz"
    assert caught.value.message.isprintable()
    assert caught.value.message.endswith(next(says for names, says in SAYS.items() if re.match(names, name)))
    is_zip = HOSTILE[name].startswith(b"PK\x03\x04")
    assert caught.value.hint == (archive.DAMAGED if is_zip else "name a model file that mlpcli train wrote")
    assert os.listdir() == ["m.npz"]


def test_M11_other_weights_are_read(tmp_path):
    for value in (0.0, -0.0, 3e38, 1e-45):
        data = archive.pack(HEADER, {"members": np.full((2, 3), value, np.float32)})
        assert (archive.unpack(data)[1]["members"] == np.float32(value)).all()


def spread(n: int, n_values: int = 0) -> bytes:
    """A JSON object of n bytes and n_values values."""
    values = b'{"a":[' + b"1," * (n_values - 2) + b'"'
    return values + b"x" * (n - len(values) - 3) + b'"]}'


@pytest.mark.slow
def test_M16_a_header_is_read_up_to_32_MiB_two_million_values_and_32_brackets():
    assert archive.read_header(spread(32 << 20)).keys() == {"a"}
    assert len(archive.read_header(spread(8 << 20, 2_000_000))["a"]) == 1_999_999
    for deepest in (b"[" * 31 + b"]" * 31, b'{"a":' * 31 + b"1" + b"}" * 31):
        archive.read_header(b'{"a":' + deepest + b"}")
        with pytest.raises(ModelError, match="the header is too large"):
            archive.read_header(b'{"a":[' + deepest + b"]}")
    for text in (spread((32 << 20) + 1), spread(8 << 20, 2_000_001)):
        with pytest.raises(ModelError, match="the header is too large"):
            archive.read_header(text)


def test_a_header_is_written_up_to_the_size_that_is_read(monkeypatch):
    with np.load(io.BytesIO(GOOD)) as loaded:
        size = len(loaded["header"])
    monkeypatch.setattr(archive, "MAX_HEADER_BYTES", size)
    assert archive.pack(HEADER, ARRAYS) == GOOD
    assert archive.unpack(GOOD)[0] == HEADER
    monkeypatch.setattr(archive, "MAX_HEADER_BYTES", size - 1)
    with pytest.raises(DataError, match="too many columns"):
        archive.pack(HEADER, ARRAYS)


def test_M12_sixteen_members_are_read_and_no_more():
    arrays = {f"a{'b' * i}": np.zeros(1, np.float32) for i in range(16)}
    with pytest.raises(ModelError, match="does not match"):
        archive.unpack(archive.pack({}, arrays))
    arrays.popitem()
    assert archive.unpack(archive.pack({}, arrays))[1].keys() == arrays.keys()


def test_what_no_reader_takes_is_no_number_or_array_to_write():
    with pytest.raises(ValueError, match="JSON compliant"):
        archive.pack({"a": float("nan")}, ARRAYS)
    with pytest.raises(ValueError, match="allow_pickle=False"):
        archive.pack(HEADER, {"members": np.array([Trap()], object)})


def test_no_header_is_written_that_no_reader_takes(tmp_path):
    with pytest.raises(DataError, match="too many columns"):
        archive.save(str(tmp_path / "m.npz"), {"a": [[]] * archive.MAX_VALUES}, ARRAYS)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize(("number", "hint"), [(1003, "upgrade mlpcli"), (0, "train it again")])
def test_M17_another_format_says_what_to_do(number, hint, monkeypatch):
    monkeypatch.setattr(archive, "FORMAT", number)
    other = archive.pack(HEADER, ARRAYS)
    monkeypatch.undo()
    with pytest.raises(ModelError, match=f"format {number}; this mlpcli reads 1") as caught:
        archive.unpack(other)
    assert caught.value.hint == hint


@pytest.mark.parametrize("block", [1, 7, 1 << 20])
def test_M16_brackets_are_counted_over_the_whole_header(block, monkeypatch):
    monkeypatch.setattr(archive, "BLOCK", block)
    deepest = b"[" * archive.MAX_DEPTH + b"1" + b"]" * archive.MAX_DEPTH
    assert archive.is_moderate(b"[" + b"[1]," * 40 + b"{}," * 40 + b"1]")
    assert archive.is_moderate(deepest)
    assert not archive.is_moderate(b"[" + deepest + b"]")
    assert not archive.is_moderate(b'{"a":1},' + b"[" * (archive.MAX_DEPTH + 1))
    monkeypatch.setattr(archive, "MAX_VALUES", 20)
    assert archive.is_moderate(b"[" + b"1," * 19 + b"1]")
    assert not archive.is_moderate(b"[" + b"1," * 20 + b"1]")
    assert archive.is_moderate(b"[" + b"{}," * 9 + b"1]")
    assert not archive.is_moderate(b"[" + b"{}," * 10 + b"1]")


def test_M05_a_file_larger_than_any_model_is_not_read(tmp_path):
    path = tmp_path / "m.npz"
    path.touch()
    os.truncate(path, 2 << 30)  # a hole: it takes no room
    with pytest.raises(ModelError, match="not an mlpcli model"):
        archive.load(str(path))
    os.truncate(path, (2 << 30) + 1)
    with pytest.raises(ModelError, match="larger than any mlpcli model") as caught:
        archive.load(str(path))
    assert (caught.value.file, caught.value.hint) == (str(path), archive.DAMAGED)


def test_M18_a_refused_file_is_closed(tmp_path):
    before = len(os.listdir("/proc/self/fd"))
    for _ in range(5):
        with pytest.raises(ModelError):
            archive.load(str(tmp_path))
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.timeout(20)
@pytest.mark.parametrize("kind", ["directory", "fifo", "dangling", "loop", "/dev/zero", "/dev/null", "absent"])
def test_M18_what_is_no_regular_file_is_refused_at_once(kind, tmp_path):
    path = tmp_path / "m.npz"
    if kind == "directory":
        path.mkdir()
    elif kind == "fifo":
        os.mkfifo(path)
    elif kind == "dangling":
        path.symlink_to(tmp_path / "nowhere")
    elif kind == "loop":
        path.symlink_to(path)
    elif kind.startswith("/dev"):
        path = Path(kind)
    with pytest.raises((ModelError, MachineError)) as caught:
        archive.load(str(path))
    assert caught.value.file == str(path)
    assert caught.value.hint or kind in ("dangling", "loop", "absent")


def test_M18_a_model_larger_than_any_is_refused(small, tmp_path):
    path = tmp_path / "m.npz"
    with path.open("wb") as file:
        file.write(b"PK\x03\x04")
        file.truncate(archive.MAX_FILE_BYTES + 1)  # a hole: no disk is used
    with pytest.raises(ModelError, match="larger than any"):
        archive.load(str(path))
