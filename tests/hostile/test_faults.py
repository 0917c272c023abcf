"""The machine refuses, stops or cuts us off: one message, the right exit code, and nothing lost."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import re
import resource
import shlex
import shutil
import signal
import subprocess
import sys
import time
import types
from pathlib import Path

import numpy as np
import pytest

from mlpcli.errors import MachineError
from mlpcli.files import archive

pytestmark = pytest.mark.slow  # a process or several for each test
ROOT = Path(__file__).parents[2]
IRIS = ROOT / "sample_data" / "iris.csv"
NOBODY = 65534
QUICK = "--preset classic --epochs 2"

needs_root = pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("setpriv"), reason="needs root and setpriv")


@pytest.fixture(autouse=True)
def unmeasured(request, monkeypatch):
    """Processes without descriptors, disk or permissions cannot write down which of their lines ran.

    Those that only lack a standard stream, or are stopped in the middle, can.
    """
    if not request.function.__name__.startswith(("test_N06", "test_N07", "test_N08", "test_N09_a_stop_that_is")):
        monkeypatch.delenv("COVERAGE_PROCESS_START", raising=False)


def is_loadable(path: Path) -> bool:
    from mlpcli.model.trained import load

    load(str(path))
    return True


def fails_well(done, *words: str, code: int = 1) -> None:
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert done.stderr.count("mlpcli: ") == 1
    for word in words:
        assert word in done.stderr


# --- every system call of a save fails once ---------------------------------------------------------------


class Faults:
    """Counts the calls by which a save reaches the disk, and lets one of them fail."""

    def __init__(self, monkeypatch, fail_at: int | None, number: int) -> None:
        self.calls: list[str] = []
        self.fail_at, self.number = fail_at, number
        for name in ("open", "fsync", "rename", "fchmod"):
            monkeypatch.setattr(os, name, self.failing(name, getattr(os, name)))
        monkeypatch.setattr(os, "fdopen", lambda descriptor, mode: FaultyFile(descriptor, self))

    def failing(self, name, real):
        def call(*args, **kwargs):
            self.count(name)
            return real(*args, **kwargs)

        return call

    def count(self, name: str) -> None:
        self.calls.append(name)
        if len(self.calls) == self.fail_at:
            raise OSError(self.number, os.strerror(self.number))


class FaultyFile(io.FileIO):
    """A file whose writes, 4,096 bytes at a time as a small buffer would make them, and whose close can fail."""

    def __init__(self, descriptor: int, faults: Faults) -> None:
        super().__init__(descriptor, "wb")
        self.faults = faults

    def write(self, data):
        for i in range(0, len(data), 4096):
            self.faults.count("write")
            super().write(data[i : i + 4096])
        return len(data)

    def close(self):
        if not self.closed:
            super().close()
            self.faults.count("close")


CONTENT = {"numbers": [1, 2]}, {"members": np.arange(5000, dtype=np.float32)}


def save_with_fault(path: Path, fail_at: int | None, number: int = errno.EIO) -> list[str]:
    with pytest.MonkeyPatch.context() as patch:
        faults = Faults(patch, fail_at, number)
        archive.save(str(path), *CONTENT)
    return faults.calls


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO, errno.EDQUOT, errno.EROFS], ids=errno.errorcode.get)
def test_N01_N02_every_system_call_of_a_save_that_fails_once_leaves_the_old_file(number, tmp_path):
    path = tmp_path / "m.npz"
    calls = save_with_fault(path, None)
    assert calls.count("write") > 4
    assert set(calls) == {"open", "write", "fsync", "fchmod", "close", "rename"}
    new = path.read_bytes()
    last = len(calls)
    assert calls[-1] == "fsync"  # of the folder, after the renaming: the file is new and complete by then
    for k in range(1, last + 1):
        path.write_bytes(b"old")
        with pytest.raises(MachineError, match=os.strerror(number)):
            save_with_fault(path, k, number)
        assert path.read_bytes() == (new if k == last else b"old")
        assert [p.name for p in tmp_path.iterdir()] == ["m.npz"]


@pytest.mark.parametrize("number", [errno.EINVAL, errno.ENOTSUP], ids=errno.errorcode.get)
def test_N24_a_file_system_that_cannot_sync_folders_is_borne(number, tmp_path):
    path = tmp_path / "m.npz"
    calls = save_with_fault(path, None)
    save_with_fault(path, len(calls), number)
    assert archive.load(str(path))[0] == CONTENT[0]


SYSTEM_CALLS = "openat", "write", "fsync", "rename", "fchmod", "close"
SAVE = """
import os, sys
import numpy as np
from mlpcli.files import archive
from mlpcli.errors import MachineError
os.access("/save-begins", 0)
try:
    archive.save(sys.argv[1], {}, {"members": np.zeros(100_000, np.float32)})
except MachineError as error:
    os._exit(7)
os._exit(0)
"""


def traced(path: Path, log: Path, *options: str) -> tuple[int, list[tuple[str, int]]]:
    """Exit code of a save, and (system call, its running number in the process) for each one that it made."""
    names = ",".join(SYSTEM_CALLS)
    command = ["strace", "-qq", "-o", str(log), "-e", f"trace=access,faccessat,faccessat2,{names}", *options]
    command += [sys.executable, "-c", SAVE, str(path)]
    code = subprocess.run(command, cwd=ROOT, timeout=60, check=False, capture_output=True).returncode
    before, _, during = log.read_text().partition("/save-begins")
    counts = {name: len(re.findall(rf"^{name}\(", before, re.M)) for name in SYSTEM_CALLS}
    found = []
    for name in re.findall(r"^(\w+)\(", during, re.M):
        counts[name] += 1
        found.append((name, counts[name]))
    return code, found


def traced_with_fault(path: Path, log: Path, calls: list[tuple[str, int]], fault: str) -> int:
    """Exit code of a save whose last of `calls` meets `fault`.

    What a process calls before the save depends on more than the program: the C library's allocator asks for the
    number of cores when two threads meet in it, for one. Where a run counted otherwise, calls are counted anew.
    """
    for _ in range(10):
        path.write_bytes(b"old")
        name, k = calls[-1]
        code, found = traced(path, log, "-e", f"inject={name}:{fault}:when={k}")
        if found[: len(calls)] == calls:
            return code
        calls = traced(path, log)[1][: len(calls)]
    raise AssertionError("no run of ten made the calls of the run before it")


@pytest.mark.skipif(not shutil.which("strace"), reason="needs strace")
def test_N01_N02_N13_the_kernel_fails_or_kills_at_every_system_call_of_a_save(tmp_path):
    """As above, but with the real calls of a real process: errors, and a SIGKILL at each."""
    path, folder = tmp_path / "out" / "m.npz", tmp_path / "out"
    folder.mkdir()
    log = tmp_path / "log"
    code, calls = traced(path, log)
    assert code == 0
    assert {name for name, _ in calls} == set(SYSTEM_CALLS)
    new = path.read_bytes()
    renamed = [name for name, _ in calls].index("rename")
    harmless = []
    for i, (name, k) in enumerate(calls):
        for fault in ("error=EIO", "signal=SIGKILL"):
            code = traced_with_fault(path, log, calls[: i + 1], fault)
            if fault == "signal=SIGKILL":
                assert path.read_bytes() in ((b"old",) if i < renamed else (b"old", new))
                assert len(list(folder.iterdir())) <= 2
                archive.save(str(path), {}, {"members": np.zeros(100_000, np.float32)})  # clears away what was left
                assert path.read_bytes() == new
            else:
                assert code in (0, 7), (name, k, fault)
                assert path.read_bytes() == (new if code == 0 or i > renamed else b"old")
                harmless += [name] if code == 0 else []
            assert [p.name for p in folder.iterdir()] == ["m.npz"]
    # Listing the folder for what a killed save left there may fail without harm; nothing else may.
    assert sorted(harmless) == ["close", "openat"]


@pytest.mark.skipif(os.geteuid() != 0 or not shutil.which("mount"), reason="needs root")
def test_N01_N23_a_full_disk_is_said_and_leaves_the_old_file(tmp_path, shell):
    """A file system of 64 kB; the model needs more."""
    mounted = tmp_path / "small"
    mounted.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", mounted], check=False).returncode:
        pytest.skip("cannot mount here")
    try:
        (mounted / "m.npz").write_bytes(b"old")
        done = shell(f"mlpcli train {IRIS} {QUICK} --hidden 200,200 -o m.npz", mounted, TMPDIR=str(tmp_path / "no"))
        fails_well(done, "m.npz: cannot write: No space left on device", "hint: free some space")
        assert os.listdir(mounted) == ["m.npz"]
        assert (mounted / "m.npz").read_bytes() == b"old"
    finally:
        subprocess.run(["umount", mounted], check=False)


def test_N16_a_limit_on_the_size_of_files_is_said_and_leaves_the_old_file(tmp_path, shell):
    (tmp_path / "m.npz").write_bytes(b"old")
    done = shell(f"ulimit -f 20; mlpcli train {IRIS} {QUICK} --hidden 200,200 -o m.npz", tmp_path)
    fails_well(done, "m.npz: cannot write: File too large")
    assert [(p.name, p.read_bytes()) for p in tmp_path.iterdir()] == [("m.npz", b"old")]


def test_N16_few_open_files_are_enough(small, shell):
    done = shell("ulimit -n 16; mlpcli predict iris.npz iris.csv | tail -1", small)
    assert (done.stdout, done.stderr) == ("virginica\n", "")


# --- folders and files that refuse ------------------------------------------------------------------------


def as_nobody(folder: Path, *args: str) -> subprocess.CompletedProcess[str]:
    command = ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", sys.executable, "-c"]
    code = f"import os, sys; sys.path.insert(0, {str(ROOT)!r}); sys.argv = ['mlpcli', *{list(args)!r}]\n"
    code += "from mlpcli.__main__ import main; main()"
    env = os.environ | {"HOME": "/nonexistent", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run([*command, code], cwd=folder, env=env, capture_output=True, text=True, check=False)


@needs_root
@pytest.mark.parametrize("what", ["folder", "file"])
def test_N03_what_may_not_be_written_to_is_said_before_training(what):
    """Under /tmp itself: the folders above that of a test are root's alone."""
    folder = Path(subprocess.run(["mktemp", "-d"], capture_output=True, text=True, check=True).stdout.strip())
    try:
        (folder / "iris.csv").write_bytes(IRIS.read_bytes())
        (folder / "m.npz").write_bytes(b"old")
        (folder / "m.npz").chmod(0o444)
        folder.chmod(0o555 if what == "folder" else 0o777)
        done = as_nobody(folder, "train", "iris.csv", "-o", "n.npz" if what == "folder" else "m.npz")
        if "ModuleNotFoundError" in done.stderr or "Permission denied: '/" in done.stderr:
            pytest.skip("the interpreter is root's alone")
        fails_well(done, "cannot write to this folder" if what == "folder" else "may not be written to")
        assert "epoch" not in done.stderr
        assert sorted(p.name for p in folder.iterdir()) == ["iris.csv", "m.npz"]
    finally:
        shutil.rmtree(folder)


def start_training(folder: Path, *more: str, epochs: int = 100_000) -> subprocess.Popen[str]:
    """A training that would take hours, after its third epoch."""
    log = folder / "run.jsonl"
    log.unlink(missing_ok=True)
    command = [sys.executable, "-m", "mlpcli", "train", str(IRIS), "--epochs", str(epochs), "--patience", "0"]
    run = subprocess.Popen(
        [*command, "--log", str(log), *more], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    wait_for(lambda: log.exists() and log.read_text().count("\n") >= 3, run)
    return run


def wait_for(true, run: subprocess.Popen[str]) -> None:
    for _ in range(2000):
        if true():
            return
        assert run.poll() is None, run.communicate()
        time.sleep(0.02)
    raise AssertionError("waited in vain")


def test_N04_an_output_folder_that_vanishes_while_training_is_said(tmp_path):
    (tmp_path / "out").mkdir()
    run = start_training(tmp_path, "-o", "out/m.npz")
    (tmp_path / "out").rmdir()
    run.send_signal(signal.SIGINT)
    _, err = run.communicate(timeout=20)
    assert run.returncode == 1
    assert "out/m.npz: cannot write: No such file or directory" in err
    assert "Traceback" not in err


# --- signals ----------------------------------------------------------------------------------------------

SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_N09_N11_a_stop_in_training_keeps_model_and_checkpoint(number, code, tmp_path):
    run = start_training(tmp_path, "--checkpoint", "run.ckpt", "-o", "m.npz")
    run.send_signal(number)
    _, err = run.communicate(timeout=20)
    assert run.returncode == code
    assert re.search(r"interrupted; best model \(epoch \d+\) saved to m.npz\n", err)
    assert "--resume run.ckpt" in err
    assert is_loadable(tmp_path / "m.npz")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["m.npz", "run.ckpt", "run.jsonl"]


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_N09_N11_a_stop_before_the_first_epoch_ended_changes_nothing(number, code, tmp_path):
    (tmp_path / "model.npz").write_bytes(b"old")
    (tmp_path / "d.csv").write_text("x,y\n" + "".join(f"{i % 97},{i % 7 / 7}\n" for i in range(200_000)))
    command = [sys.executable, "-m", "mlpcli", "train", "d.csv", "--task", "regression", "--batch-size", "1"]
    with subprocess.Popen(command, cwd=tmp_path, stderr=subprocess.PIPE, text=True) as run:
        assert run.stderr is not None
        while "seed 0" not in (line := run.stderr.readline()):  # the last note before training
            assert line
        time.sleep(0.3)
        run.send_signal(number)
        err = run.communicate(timeout=20)[1]
    assert run.returncode == code
    assert err == "interrupted before the first epoch ended; no model was written\n"
    assert (tmp_path / "model.npz").read_bytes() == b"old"


@pytest.mark.parametrize("delay", [0.0, 0.05, 0.1, 0.2, 0.4, 0.8])
@pytest.mark.parametrize("command", ["train", "predict"])
def test_N09_a_stop_at_any_moment_shows_no_traceback(command, delay, small, tmp_path):
    """While modules are imported, the file is read, columns are fitted, rows are predicted."""
    args = [IRIS, "-o", tmp_path / "m.npz", "--epochs", "100000", "--patience", "0"]
    args = args if command == "train" else [small / "iris.npz", "-"]
    with subprocess.Popen(
        [sys.executable, "-X", "importtime", "-m", "mlpcli", command, *map(str, args)], cwd=tmp_path,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as run:  # fmt: skip
        assert run.stderr is not None
        while "typer" not in run.stderr.readline():  # past the start of the interpreter itself
            pass
        time.sleep(delay)
        run.send_signal(signal.SIGINT)
        err = run.communicate(timeout=20)[1]
    assert run.returncode in (130, -signal.SIGINT)  # before a command runs the signal itself ends the process
    assert "Traceback" not in err
    assert {p.name for p in tmp_path.iterdir()} <= {"m.npz"}


def test_N09_a_stop_that_is_swallowed_is_raised_anew(tmp_path):
    """Cython swallows what is raised while its modules are imported, Python what is raised in a `__del__`."""
    code = """
import os, signal, sys
from mlpcli.files import atomic as files
from mlpcli.cli import main
class Swallowing:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGINT)
check = files.check_output
def stopped(*args):
    Swallowing()
    return check(*args)
files.check_output = stopped
sys.argv = ["mlpcli", *sys.argv[1:]]
main()
"""
    args = [IRIS, "-o", tmp_path / "m.npz", "--epochs", "100000", "--patience", "0"]
    run = subprocess.run(
        [sys.executable, "-c", code, "train", *map(str, args)], capture_output=True, text=True, timeout=60
    )
    assert "Exception ignored in" in run.stderr  # the first one was swallowed
    assert run.returncode == 130


def test_N09_a_stop_of_which_another_error_was_made_is_a_stop(call, small, monkeypatch):
    """C extensions say that an import failed, whatever stopped it."""

    def converting(path):
        with contextlib.suppress(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGTERM)
            time.sleep(5)
        raise ImportError("numpy._core.multiarray failed to import")

    monkeypatch.setattr("mlpcli.model.trained.load", converting)
    assert call("inspect", small / "iris.npz") == (143, "", "")


def test_N09_an_interrupt_that_no_signal_of_ours_raised_ends_a_command_alike(call, small, monkeypatch):
    def stopped(path):
        raise KeyboardInterrupt

    monkeypatch.setattr("mlpcli.model.trained.load", stopped)
    assert call("inspect", small / "iris.npz") == (130, "", "")


def test_N10_the_second_interrupt_leaves_at_once(tmp_path):
    """The first one is held up by a save that never ends: its folder is a disk that does not answer."""
    code = """
import os, sys, time
from mlpcli.files import atomic as files
real = os.fsync
def fsync(descriptor):
    print("saving", flush=True)
    time.sleep(1000)
os.fsync = fsync
from mlpcli.__main__ import main
main()
"""
    command = [sys.executable, "-c", code, "train", str(IRIS), "--epochs", "100000", "--log", "l", "--patience", "0"]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as run:  # fmt: skip
        wait_for(lambda: (tmp_path / "l").exists() and (tmp_path / "l").read_text().count("\n") > 1, run)
        run.send_signal(signal.SIGINT)
        assert run.stdout is not None
        assert run.stdout.readline() == "saving\n"
        began = time.monotonic()
        run.send_signal(signal.SIGINT)
        run.wait(10)
    assert run.returncode == -signal.SIGINT
    assert time.monotonic() - began < 5
    assert not (tmp_path / "model.npz").exists()


def test_N12_a_stop_while_saving_leaves_the_old_or_the_new_file(tmp_path, monkeypatch, call):
    """The signal comes at each system call of the save in turn."""
    path = tmp_path / "m.npz"
    real = os.open, os.fsync, os.rename
    for name in ("open", "fsync", "rename"):
        path.write_bytes(b"old")

        def stopping(*args, _name=name, **kwargs):
            if _name != "open" or str(args[0]).endswith(".tmp"):
                os.kill(os.getpid(), signal.SIGTERM)
            return dict(zip(("open", "fsync", "rename"), real, strict=True))[_name](*args, **kwargs)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(os, name, stopping)
            code, _, _ = call("train", IRIS, *QUICK.split(), "-q", "-o", path)
        assert code == 143
        assert path.read_bytes() == b"old" or is_loadable(path)
        assert [p.name for p in tmp_path.iterdir()] == ["m.npz"]


def test_N14_a_pause_changes_nothing(tmp_path):
    results = []
    for pauses in (False, True):
        run = start_training(tmp_path, "--ensemble", "2", "-o", f"{pauses}.npz", epochs=60)
        if pauses:
            run.send_signal(signal.SIGSTOP)
            time.sleep(1)
            run.send_signal(signal.SIGCONT)
        assert "Traceback" not in run.communicate(timeout=60)[1]
        results.append((tmp_path / f"{pauses}.npz").read_bytes())
    assert results[0] == results[1]


def test_N13_two_hundred_kills_while_training_and_saving_never_lose_a_file():
    command = [sys.executable, str(ROOT / "tests" / "benchmarks" / "kill_saves.py"), "200"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert int(re.search(r"(\d+) of them in the middle", done.stdout)[1]) > 0


# --- memory -----------------------------------------------------------------------------------------------


def limited(monkeypatch, megabytes: int) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda which: (megabytes << 20, megabytes << 20))


def test_N15_a_limit_too_small_for_numpy_is_said_before_it_is_loaded(call, small, monkeypatch):
    limited(monkeypatch, 146)
    code, out, err = call("inspect", small / "iris.npz")
    assert (code, out) == (1, "")
    assert "not enough memory: the limit is 146 MB, and mlpcli needs about 256" in err
    assert "hint: raise it with ulimit -v" in err


def test_N15_a_limit_that_is_large_enough_changes_nothing(call, small, monkeypatch):
    free = call("predict", small / "iris.npz", small / "iris.csv")
    limited(monkeypatch, 4000)
    assert call("predict", small / "iris.npz", small / "iris.csv") == free
    assert free[0] == 0


def test_N15_an_error_is_told_plainly_where_too_little_is_left_to_load_the_console(call, tmp_path, monkeypatch):
    class Lacking(types.ModuleType):
        def __getattr__(self, name):
            raise MemoryError

    monkeypatch.setitem(sys.modules, "mlpcli.reporter.text", Lacking("mlpcli.reporter.text"))
    code, out, err = call("inspect", tmp_path / "none.npz")
    assert (code, out, err) == (1, "", "mlpcli: 'not enough memory'\n")


# --- standard streams, places and words -------------------------------------------------------------------

TRAIN = f"mlpcli train {IRIS} {QUICK}"


@pytest.mark.parametrize("command", ["predict iris.npz iris.csv", "evaluate iris.npz", "inspect iris.csv"])
def test_N06_a_closed_stdout_is_an_error_where_there_is_something_to_say(command, small, shell):
    done = shell(f"mlpcli {command} >&-; exit $?", small)
    fails_well(done, "standard output: Bad file descriptor")


def test_N06_a_closed_stdout_does_not_stop_a_training(tmp_path, shell):
    assert shell(f"{TRAIN} >&-; exit $?", tmp_path).returncode == 0
    assert is_loadable(tmp_path / "model.npz")
    fails_well(shell(f"{TRAIN} --json >&-; exit $?", tmp_path), "standard output: Bad file descriptor")


@pytest.mark.parametrize("command", ["predict iris.npz -", "train - -o m.npz", "split -"])
def test_N06_a_closed_stdin_is_an_error(command, small, shell):
    done = shell(f"mlpcli {command} <&-; exit $?", small)
    fails_well(done, "standard input is closed")
    assert not (small / "m.npz").exists()


@pytest.mark.parametrize("closed", ["2>&-", "2>/dev/full", "2> >(exec true)", "<&- >&- 2>&-"])
def test_N06_what_cannot_be_told_does_not_stop_a_training(closed, tmp_path, shell):
    done = shell(f"{TRAIN} {closed}; exit $?", tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert is_loadable(tmp_path / "model.npz")


def test_N06_a_closed_stderr_puts_nothing_into_the_data(small, shell):
    done = shell("mlpcli predict iris.npz iris.csv 2>&-", small)
    assert set(done.stdout.splitlines()) == {"prediction", "setosa", "versicolor", "virginica"}


@pytest.mark.parametrize(
    "command", ["predict iris.npz iris.csv", "evaluate iris.npz --json", "inspect iris.npz", "--help", "--version"]
)
def test_N07_a_full_stdout_is_an_error(command, small, shell):
    done = shell(f"mlpcli {command} > /dev/full; exit $?", small)
    fails_well(done, "standard output: No space left on device")


@pytest.mark.parametrize("command", ["predict iris.npz iris.csv", "inspect iris.npz", "--help"])
def test_N08_a_reader_that_leaves_ends_a_command_quietly(command, small, shell):
    done = shell(f"mlpcli {command} | true; exit ${{PIPESTATUS[0]}}", small)
    assert (done.returncode, done.stderr) == (0, "")


PLACES = {
    "HOME unset": ("", {"HOME": None, "XDG_CONFIG_HOME": None}),
    "HOME unwritable": ("", {"HOME": "/proc", "XDG_CACHE_HOME": "/proc", "XDG_CONFIG_HOME": "relative"}),
    "no folder for temporary files": ("", {"TMPDIR": "/nonexistent"}),
    "threads misspelt": ("", {"OMP_NUM_THREADS": "abc", "OPENBLAS_NUM_THREADS": "-3", "OPENBLAS_CORETYPE": "Foo"}),
    "LANG=C": ("", {"LANG": "C", "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONIOENCODING": "ascii"}),
    "COLUMNS=1": ("", {"COLUMNS": "1", "LINES": "1"}),
    "COLUMNS=20": ("", {"COLUMNS": "20"}),
    "COLUMNS=100000": ("", {"COLUMNS": "100000"}),
    "COLUMNS=x": ("", {"COLUMNS": "x"}),
    "TERM=dumb": ("", {"TERM": "dumb", "NO_COLOR": "1"}),
    "TERM unset": ("", {"TERM": None}),
    "colours forced": ("", {"FORCE_COLOR": "1", "TERM": "xterm-256color", "COLUMNS": "10"}),
}


@pytest.mark.parametrize("name", PLACES)
def test_N05_N17_N18_F10_F12_no_environment_changes_the_result(name, small, tmp_path, shell):
    """The model's bytes are those of an ordinary run; what is shown holds no escape where none is asked for."""
    before, env = PLACES[name]
    done = shell(f"{before} mlpcli train {small}/iris.csv --preset classic --epochs 5 -o iris.npz", tmp_path, **env)
    assert done.returncode == 0, done.stderr
    assert done.stdout == ""
    assert "training loss" in done.stderr or env.get("COLUMNS") in ("1", "10", "20")
    assert ("\x1b" in done.stderr) == ("FORCE_COLOR" in env)
    assert (tmp_path / "iris.npz").read_bytes() == (small / "iris.npz").read_bytes()
    helped = shell("mlpcli train --help", tmp_path, **env)
    assert helped.returncode == 0
    assert "\x1b" not in helped.stdout


def test_N05_a_working_folder_that_is_gone_is_no_problem_for_absolute_paths(small, tmp_path, shell):
    (tmp_path / "gone").mkdir()
    script = f"cd gone && rmdir ../gone && mlpcli predict {small}/iris.npz {small}/iris.csv -o {tmp_path}/p.csv"
    done = shell(script + f" && mlpcli train {IRIS} {QUICK} -q -o {tmp_path}/m.npz", tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "p.csv").read_text().count("\n") == 151
    fails_well(shell(f"mkdir gone; cd gone && rmdir ../gone && {TRAIN}", tmp_path), "the working folder is gone")


def in_one_process(commands: list[list[str]]) -> str:
    """A program of Python that runs command lines one after another, up to the first that fails."""
    return f"""
import sys; sys.path[:0] = {[str(ROOT), str(ROOT / "tests")]!r}
from command_line import run
for args in {commands!r}:
    done = run(args)
    sys.stdout.write(done.stdout)
    sys.stderr.write(done.stderr)
    if done.returncode:
        sys.exit(done.returncode)
"""


PYTHONS = ["-O", "-OO", "-W error", "-X dev", "-X utf8=0", "-B -s -P"]


@pytest.mark.parametrize("options", PYTHONS)
def test_N19_no_option_of_the_interpreter_changes_the_result(options, small, tmp_path):
    train = ["train", "iris.csv", "--preset", "classic", "--epochs", "5", "-q", "-o", str(tmp_path / "m.npz")]
    commands = [train, ["evaluate", str(tmp_path / "m.npz"), "--json"], ["predict", "iris.npz", "iris.csv"]]
    command = [sys.executable, *options.split(), "-c", in_one_process(commands)]
    done = subprocess.run(command, cwd=small, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.count("setosa") > 1
    assert (tmp_path / "m.npz").read_bytes() == (small / "iris.npz").read_bytes()


CONFIGURATIONS = [
    "", "--ensemble 1", "--preset classic", "--preset fast", "--optimizer sgd --lr 0.1", "--optimizer rmsprop",
    "--optimizer adagrad", "--optimizer nesterov --parametrization standard --lr 0.01", "--dropout 0.3",
    "--input-noise 0.1", "--normalization batch --parametrization standard", "--normalization layer",
    "--activation mish --hidden 30,20", "--hidden ''", "--scale robust --embed-numbers none", "--batch-size full",
    "--batch-size 7", "--class-weight balanced --label-smoothing 0.2", "--l1 0.001 --l2 0.01 --max-norm 2",
    "--seed 18446744073709551615 --schedule one_cycle --warmup 0.2",
]  # fmt: skip


def test_N19_N21_hash_seed_and_jobs_and_cores_change_no_byte(tmp_path, shell, call, monkeypatch):
    """Twenty configurations, here and in two processes: another hash seed, other jobs and threads, one core."""
    monkeypatch.chdir(tmp_path)
    trains = [shlex.split(f"train {ROOT}/sample_data/penguins.csv --epochs 3 -q {flags}") for flags in CONFIGURATIONS]
    for i, train in enumerate(trains):
        assert call(*train, "--jobs", "1", "-o", f"a{i}.npz")[0] == 0
    b, c = (
        in_one_process([[*train, "--jobs", jobs, "-o", f"{name}{i}.npz"] for i, train in enumerate(trains)])
        for name, jobs in (("b", "2"), ("c", "5"))
    )
    script = f"""
        PYTHONHASHSEED=2 OPENBLAS_NUM_THREADS=2 OMP_NUM_THREADS=2 {sys.executable} -c {shlex.quote(b)} &&
        PYTHONHASHSEED=random taskset -c 0 {sys.executable} -c {shlex.quote(c)}
    """
    done = shell(script, tmp_path, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    for i, flags in enumerate(CONFIGURATIONS):
        first, *others = ((tmp_path / f"{name}{i}.npz").read_bytes() for name in "abc")
        assert others == [first, first], flags


# --- several at once --------------------------------------------------------------------------------------


def test_C01_two_trainings_of_one_output_leave_one_whole_model(tmp_path, shell):
    done = shell(f"{TRAIN} --seed 1 & a=$!; {TRAIN} --seed 2 & wait $a && wait $!", tmp_path)
    assert done.returncode == 0, done.stderr
    assert is_loadable(tmp_path / "model.npz")
    assert [p.name for p in tmp_path.iterdir()] == ["model.npz"]


def test_C02_a_model_that_is_replaced_is_always_read_whole(tmp_path):
    """Ten thousand replacements by another process; every reading is one of them."""
    path = tmp_path / "m.npz"
    archive.save(str(path), {"i": 0}, {"members": np.zeros(500, np.float32)})
    code = """
import sys, numpy as np
from mlpcli.files import archive, atomic as files
import os
os.fsync = lambda descriptor: None  # ten thousand of them would only wait for the disk
for i in range(1, 10_001):
    archive.save(sys.argv[1], {"i": i}, {"members": np.full(500, i, np.float32)})
"""
    with subprocess.Popen([sys.executable, "-c", code, str(path)], cwd=ROOT) as writer:
        seen = set()
        while writer.poll() is None:
            header, arrays = archive.load(str(path))
            assert (arrays["members"] == header["i"]).all()
            seen.add(header["i"])
            time.sleep(0.001)  # leaves the processor to the writer, that it replaces while this one reads
    assert writer.returncode == 0
    assert len(seen) > 10
    assert archive.load(str(path))[0] == {"i": 10_000}


def test_M21_a_prediction_keeps_the_model_it_began_with(small, tmp_path):
    shutil.copy(small / "iris.npz", tmp_path / "m.npz")
    lines = IRIS.read_text().splitlines(keepends=True)
    with subprocess.Popen(
        [sys.executable, "-m", "mlpcli", "predict", "m.npz", "-"], cwd=tmp_path, stdin=subprocess.PIPE,
        stdout=subprocess.PIPE, text=True,
    ) as run:  # fmt: skip
        assert run.stdin is not None
        assert run.stdout is not None
        run.stdin.write("".join(lines[:2]))
        run.stdin.flush()
        assert run.stdout.readline() == "prediction\n"
        (tmp_path / "m.npz").write_bytes(b"another file")
        run.stdin.write("".join(lines[2:]))
        run.stdin.close()
        assert len(run.stdout.readlines()) == 150
    assert run.returncode == 0


def test_C03_predictions_at_once_are_identical_and_leave_no_file(small, tmp_path, shell):
    shutil.copy(small / "iris.npz", tmp_path)
    before = (tmp_path / "iris.npz").stat()
    jobs = " & ".join(f"mlpcli predict iris.npz {IRIS} > p{i}" for i in range(4))
    assert shell(f"{jobs} & wait", tmp_path).returncode == 0
    assert len({p.read_bytes() for p in tmp_path.glob("p*")}) == 1
    assert len(list(tmp_path.iterdir())) == 5
    assert (tmp_path / "iris.npz").stat().st_mtime_ns == before.st_mtime_ns


def test_X16_no_socket_is_ever_opened(small, tmp_path, shell):
    if not shutil.which("strace"):
        pytest.skip("needs strace")
    script = f"strace -f -qq -e trace=network -o log {sys.executable} -m mlpcli "
    shutil.copy(IRIS, tmp_path)
    for command in (f"train iris.csv {QUICK} -q -o m.npz", "evaluate m.npz", f"predict m.npz {IRIS}", "inspect m.npz"):
        done = shell(script + command, tmp_path)
        assert done.returncode == 0, done.stderr
        assert (tmp_path / "log").read_text() == ""
