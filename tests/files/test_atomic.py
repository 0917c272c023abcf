"""An output is whole or not there: whatever fails, the old file stays and nothing else is left."""

from __future__ import annotations

import errno
import os
import re
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from mlpcli.errors import MachineError, UsageError
from mlpcli.files import archive
from mlpcli.files import atomic as files

HEADER = {"name": "열 [red]", "numbers": [1, 2.5, None, True]}
ARRAYS = {"members": np.arange(6, dtype=np.float32).reshape(2, 3)}
GOOD = archive.pack(HEADER, ARRAYS)


def test_a_process_of_another_user_is_alive(monkeypatch):
    def forbidden(pid, number):
        raise PermissionError

    monkeypatch.setattr(os, "kill", forbidden)
    assert files.is_alive(1)


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


def test_X10_an_output_through_a_link_replaces_the_target_and_keeps_the_link(tmp_path):
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


KILLER = """
import os, random, signal, sys, time
import numpy as np
from mlpcli.files import archive

def save(i):
    archive.save(sys.argv[1], {"i": i}, {"members": np.full((200, 500), i, np.float32)})

save(0)
random.seed(0)
for _ in range(200):
    child = os.fork()  # so that the interpreter and its modules are started once
    while not child:
        save(random.randrange(1000))
    time.sleep(random.uniform(0, 0.05))
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    header, arrays = archive.load(sys.argv[1])
    assert (arrays["members"] == header["i"]).all()
    assert len(os.listdir(os.path.dirname(sys.argv[1]))) <= 2  # one temporary file, which the next save removes
print(header)
"""


@pytest.mark.slow
def test_two_hundred_kills_never_leave_a_broken_model(tmp_path):
    command = [sys.executable, "-c", KILLER, str(tmp_path / "m.npz")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout != "{'i': 0}\n"


def test_X09_a_temporary_file_is_new_unforeseeable_and_its_owners_alone(tmp_path, monkeypatch):
    opened, real = [], os.open

    def watching(path, flags, mode=0o777, **more):
        descriptor = real(path, flags, mode, **more)
        if str(path).endswith(".tmp"):
            opened.append((str(path), flags, stat.S_IMODE(os.fstat(descriptor).st_mode)))
        return descriptor

    monkeypatch.setattr(os, "open", watching)
    old = os.umask(0o027)
    try:
        for _ in range(2):
            archive.save(str(tmp_path / "m.npz"), {}, {"a": np.zeros(3, np.float32)})
    finally:
        os.umask(old)
    names = {name for name, _, _ in opened}
    assert len(names) == 2
    for name, flags, mode in opened:
        assert Path(name).parent == tmp_path
        assert flags & os.O_EXCL
        assert flags & os.O_CREAT
        assert mode == 0o600
        assert re.search(r"\.[0-9a-f]{16}\.tmp$", name)
    assert stat.S_IMODE((tmp_path / "m.npz").stat().st_mode) == 0o640
    (tmp_path / "m.npz").chmod(0o604)
    archive.save(str(tmp_path / "m.npz"), {}, {"a": np.zeros(3, np.float32)})
    assert stat.S_IMODE((tmp_path / "m.npz").stat().st_mode) == 0o604  # a file replaced keeps its permissions


def test_N13_what_a_killed_run_left_is_removed_and_what_a_living_one_has_is_not(tmp_path):
    dead = tmp_path / f".m.npz.{2**22 + 1}.{'0' * 16}.tmp"
    of_init, own = (tmp_path / f".m.npz.{pid}.{'0' * 16}.tmp" for pid in (1, os.getpid()))
    endless, other = tmp_path / f".m.npz.{10**30}.{'0' * 16}.tmp", tmp_path / f".n.npz.{2**22 + 1}.{'0' * 16}.tmp"
    for path in (dead, of_init, own, endless, other):
        path.write_bytes(b"")
    archive.save(str(tmp_path / "m.npz"), {}, {})
    assert sorted(p.name for p in tmp_path.iterdir()) == sorted(
        ["m.npz", of_init.name, own.name, endless.name, other.name]
    )


def test_N23_a_file_without_a_name_goes_where_there_is_room_or_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(files.tempfile, "gettempdir", lambda: str(tmp_path))
    os.close(files.unnamed_file("/nonexistent"))
    assert os.listdir(tmp_path) == []
    monkeypatch.setattr(files.tempfile, "gettempdir", lambda: "/nonexistent")
    with pytest.raises(MachineError, match="cannot write: No such file"):
        files.unnamed_file("/nonexistent")


def test_N03_what_may_not_be_written_to_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "m.npz"
    path.write_bytes(b"")
    monkeypatch.setattr(os, "access", lambda where, mode: where != path)
    with pytest.raises(MachineError, match="may not be written to"):
        files.check_output(str(path), [])
    monkeypatch.setattr(os, "access", lambda where, mode: where != tmp_path)
    with pytest.raises(MachineError, match="cannot write to this folder"):
        files.check_output(str(path), [])


def test_N05_without_a_working_folder_a_name_cannot_be(tmp_path, monkeypatch):
    monkeypatch.setattr(os.path, "realpath", lambda path: os.stat("/nonexistent"))
    with pytest.raises(MachineError, match="the working folder is gone"):
        files.resolved("m.npz")
