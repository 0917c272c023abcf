"""Writing a file so that it is either the old one or the complete new one, whatever happens.

The order is that of SQLite and of every careful program: a temporary file in the same folder, write, fsync, rename,
fsync of the folder. An output that is a symbolic link has its target replaced, and the link stays.
"""

from __future__ import annotations

import contextlib
import errno
import os
import re
import secrets
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from mlpcli.errors import MachineError, UsageError

TEMPORARY = re.compile(r"\.(?P<name>.+)\.(?P<pid>[0-9]+)\.[0-9a-f]{16}\.tmp")


def write_error(error: OSError, path: str) -> MachineError:
    """The house form of what the operating system refused."""
    hints = {
        errno.ENOSPC: "free some space, or write to another disk with -o",
        errno.EACCES: "choose a folder you may write to with -o",
        errno.EROFS: "choose a folder you may write to with -o",
        errno.ENOENT: "make the folder first, or choose another with -o",
    }
    return MachineError(f"cannot write: {error.strerror}", hint=hints.get(error.errno or 0), file=path)


@contextlib.contextmanager
def write_atomically(path: str) -> Iterator[BinaryIO]:
    """A file to write to, which becomes `path` at the end of the block, or nothing after an error in it.

    Raises MachineError when the operating system refuses; the old file is then untouched.
    """
    target = resolved(path)
    remove_stale(target)
    temporary = target.parent / f".{target.name[:100]}.{os.getpid()}.{secrets.token_hex(8)}.tmp"
    try:
        # Opened first: what could not be opened after the renaming would leave a new file and an error.
        folder = os.open(target.parent, os.O_RDONLY | os.O_CLOEXEC)
        try:
            descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                yield file
                file.flush()
                os.fsync(file.fileno())
                os.fchmod(file.fileno(), permissions(target))
            os.rename(temporary, target)
            sync_folder(folder)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(temporary)
            raise
        finally:
            os.close(folder)
    except OSError as error:
        raise write_error(error, path) from error


def unnamed_file(folder: str) -> int:
    """The descriptor of a new file that no folder lists and that is gone when it is closed, whatever happens.

    In `folder`, or among the system's temporary files where one may not write there. Raises MachineError.
    """
    problem: OSError | None = None
    for place in (folder or ".", tempfile.gettempdir()):
        name = os.path.join(place, f".mlpcli.{os.getpid()}.{secrets.token_hex(8)}.tmp")
        try:
            descriptor = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            os.unlink(name)
            return descriptor
        except OSError as error:
            problem = problem or error
    assert problem is not None
    raise write_error(problem, folder) from problem


def resolved(path: str) -> Path:
    """The file behind links. Raises MachineError where there is no working folder."""
    try:
        return Path(os.path.realpath(path))
    except FileNotFoundError as error:
        raise MachineError("the working folder is gone", "go to another one", file=path) from error


def permissions(target: Path) -> int:
    """Those of the file replaced, or what the umask leaves for a new one."""
    try:
        return target.stat().st_mode & 0o777
    except OSError:
        umask = os.umask(0o077)
        os.umask(umask)
        return 0o666 & ~umask


def sync_folder(folder: int) -> None:
    """Makes a rename last through a power cut; file systems that cannot say EINVAL."""
    try:
        os.fsync(folder)
    except OSError as error:
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise


def remove_stale(target: Path) -> None:
    """Removes what a killed run left behind for this path."""
    with contextlib.suppress(OSError):
        for entry in target.parent.iterdir():
            found = TEMPORARY.fullmatch(entry.name)
            if found and found["name"] == target.name[:100] and not is_alive(int(found["pid"])):
                with contextlib.suppress(OSError):
                    entry.unlink()


def is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass
    return True


def check_output(path: str, inputs: Sequence[str], suffix: str = "") -> None:
    """Refuses, before any work, an output that could not be written, would destroy an input, or is misnamed.

    A suffix keeps a slip of the hand from replacing a file of another kind. Raises UsageError or MachineError.
    """
    target = resolved(path)
    for name in inputs:
        with contextlib.suppress(OSError):
            if os.path.samefile(target, name):
                raise UsageError(f"the output '{path}' is an input too", hint="choose another file with -o")
    if suffix and not path.endswith(suffix):
        raise UsageError(f"the output '{path}' does not end in {suffix}", hint=f"name it {path}{suffix}")
    if target.is_dir():
        raise UsageError(f"the output '{path}' is a folder", hint="name a file in it with -o")
    if target.exists() and not target.is_file():
        raise UsageError(f"the output '{path}' is not a regular file", hint="choose another file with -o")
    if not target.parent.is_dir():
        raise MachineError("no such folder", hint="make the folder first, or choose another with -o", file=path)
    if target.exists() and not os.access(target, os.W_OK):
        raise MachineError("the file may not be written to", hint="choose another file with -o", file=path)
    if not os.access(target.parent, os.W_OK | os.X_OK):
        raise MachineError("cannot write to this folder", hint="choose another folder with -o", file=path)
