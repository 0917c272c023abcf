"""The model file: damage of any kind is refused, and nothing is inflated or executed on the way."""

from __future__ import annotations

import errno
import io
import os
import pickle
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlpcli import archive, files
from mlpcli.errors import MachineError, ModelError, UsageError

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


def test_the_first_format_is_read_for_ever():
    assert GOLDEN.read_bytes() == GOOD
    assert archive.load(str(GOLDEN))[0] == HEADER


def test_every_prefix_is_refused():
    for n in range(len(GOOD)):
        with pytest.raises(ModelError):
            archive.unpack(GOOD[:n])


def test_every_flipped_bit_is_refused():
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


BOMB = npy(np.zeros(1 << 24, np.float32))
HOSTILE = {
    "nothing": b"",
    "random": os.urandom(500),
    "csv": b"a,b\n1,2\n",
    "gzip": b"\x1f\x8b" + bytes(40),
    "bare npy": npy(np.zeros(3)),
    "bare pickle": pickle.dumps({"a": 1}),
    "prefix": b"#!/bin/sh\n" + GOOD,
    "suffix": GOOD + b"\0",
    "twice": GOOD + GOOD,
    "deflate bomb": zipped({"header.npy": BOMB}, zipfile.ZIP_DEFLATED),
    "object array": zipped({"header.npy": npy(np.array([{}], object), allow_pickle=True)}),
    "path in name": zipped({"../../x.npy": b""}),
    "absolute name": zipped({"/abs.npy": b""}),
    "escape in name": zipped({"\x1b[31mheader.npy": b""}),
    "no header": zipped({"members.npy": npy(np.zeros(3, np.float32))}),
    "many members": zipped({f"a{'b' * (i % 30)}{'c' * (i // 30)}.npy": b"" for i in range(900)}),
    "header is no json": zipped({"header.npy": npy(np.frombuffer(b"{", np.uint8))}),
    "json null": zipped({"header.npy": npy(np.frombuffer(b"null", np.uint8))}),
    "deep json": zipped({"header.npy": npy(np.frombuffer(b"[" * 100_000, np.uint8))}),
    "json nan": zipped({"header.npy": npy(np.frombuffer(b'{"format": NaN}', np.uint8))}),
    "double key": zipped({"header.npy": npy(np.frombuffer(b'{"format":1,"format":1}', np.uint8))}),
    "big-endian": zipped({"header.npy": npy(np.zeros(3, ">f4"))}),
    "complex": zipped({"header.npy": npy(np.zeros(3, np.complex64))}),
    "fortran": zipped({"header.npy": npy(np.asfortranarray(np.zeros((2, 3))))}),
    "rank 3": zipped({"header.npy": npy(np.zeros((1, 1, 1), np.float32))}),
    "nan weight": archive.pack(HEADER, {"members": np.array([np.nan], np.float32)}),
    "infinite weight": archive.pack(HEADER, {"members": np.array([np.inf], np.float32)}),
    "brackets in npy": zipped({"header.npy": b"\x93NUMPY\x01\x00" + b"\xff\xff" + b"(" * 65535}),
    "huge shape": zipped({"header.npy": npy(np.zeros(3, np.float32)).replace(b"(3,)", b"(9999999999,)")}),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_files_are_refused(name, tmp_path):
    file = tmp_path / "m.npz"
    file.write_bytes(HOSTILE[name])
    with pytest.raises(ModelError) as caught:
        archive.load(str(file))
    assert caught.value.file == str(file)


def test_a_future_format_asks_for_an_upgrade(monkeypatch):
    monkeypatch.setattr(archive, "FORMAT", 1003)
    future = archive.pack(HEADER, ARRAYS)
    monkeypatch.undo()
    with pytest.raises(ModelError, match="format 1003; this mlpcli reads 1"):
        archive.unpack(future)


@pytest.mark.parametrize("kind", ["directory", "fifo", "dangling", "loop", "/dev/zero", "/dev/null", "absent"])
def test_what_is_no_regular_file_is_refused_at_once(kind, tmp_path):
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
    with pytest.raises((ModelError, MachineError)):
        archive.load(str(path))


# --- saving -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
@pytest.mark.parametrize("call", ["open", "fsync", "rename", "fchmod"])
def test_a_failed_system_call_leaves_the_old_file_and_nothing_else(call, number, tmp_path, monkeypatch):
    path = tmp_path / "m.npz"
    path.write_bytes(b"old")
    real, seen = getattr(os, call), []

    def failing(*args, **kwargs):
        seen.append(args)
        if call == "fsync" and len(seen) > 1:  # the folder's, after the rename: the new file is then complete
            return real(*args, **kwargs)
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, call, failing)
    with pytest.raises(MachineError):
        archive.save(str(path), HEADER, ARRAYS)
    monkeypatch.undo()
    assert seen
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["m.npz"]


def test_an_interruption_in_the_middle_leaves_the_old_file_and_nothing_else(tmp_path):
    path = tmp_path / "m.npz"
    path.write_bytes(b"old")

    def interrupted() -> None:
        with files.write_atomically(str(path)) as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert path.read_bytes() == b"old"
    assert [p.name for p in tmp_path.iterdir()] == ["m.npz"]


def test_an_output_through_a_link_replaces_the_target_and_keeps_the_link(tmp_path):
    target, link = tmp_path / "real.npz", tmp_path / "link.npz"
    target.write_bytes(b"old")
    link.symlink_to(target)
    archive.save(str(link), HEADER, ARRAYS)
    assert link.is_symlink()
    assert target.read_bytes() == GOOD


def test_outputs_that_cannot_be_are_refused_before_any_work(tmp_path):
    data = tmp_path / "d.csv"
    data.write_text("a\n")
    with pytest.raises(UsageError, match="an input"):
        files.check_output(str(data), [str(data)])
    with pytest.raises(UsageError, match="folder"):
        files.check_output(str(tmp_path), [])
    with pytest.raises(MachineError, match="no such folder"):
        files.check_output(str(tmp_path / "no" / "m.npz"), [])


SAVER = """
import sys, numpy as np
from mlpcli import archive
print("ready", flush=True)
i = 0
while True:
    i += 1
    archive.save(sys.argv[1], {"i": i}, {"members": np.full((200, 500), i, np.float32)})
"""


def kill_at(path: str, delay: float) -> None:
    with subprocess.Popen([sys.executable, "-c", SAVER, path], stdout=subprocess.PIPE) as child:
        assert child.stdout is not None
        child.stdout.readline()
        try:
            child.wait(delay)
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)


@pytest.mark.slow
def test_two_hundred_kills_never_leave_a_broken_model(tmp_path):
    path = tmp_path / "m.npz"
    archive.save(str(path), {"i": 0}, {"members": np.zeros((200, 500), np.float32)})
    rng = np.random.default_rng(0)
    for _ in range(200):
        kill_at(str(path), float(rng.uniform(0, 0.05)))
        header, arrays = archive.load(str(path))
        assert (arrays["members"] == header["i"]).all()
        assert len(list(tmp_path.iterdir())) <= 2  # at most one temporary file, which the next save removes
