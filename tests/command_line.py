"""The command line in this process: as a process of its own would run it, without the time to start one."""

from __future__ import annotations

import contextlib
import os
import shlex
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import typer.main

from mlpcli.cli import app, register
from mlpcli.cli.app import exit_code_of

register()
COMMANDS = [c.name or c.callback.__name__ for c in app.registered_commands]
COMMAND = typer.main.get_command(app)  # made once: it takes longer than many a command
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
ENV = {k: v for k, v in os.environ.items() if not k.startswith("MLPCLI_")} | {"COLUMNS": "80", "LC_ALL": "C.UTF-8"}


def mlpcli(*args: object, cwd: str | Path, stdin: str = "", env: dict[str, str] | None = None):
    """Exit code and what was written to the standard streams, which are files, not terminals."""
    with contextlib.chdir(cwd), set_environment(ENV | (env or {})):
        return run(args, stdin)


def run_lines(lines: Iterable[str], cwd: Path) -> subprocess.CompletedProcess[str]:
    """Lines of a shell one after another, up to the first that fails: that of the last one that ran.

    A line that only starts mlpcli runs in this process, any other in a shell in which `mlpcli` is this Python's. The
    folder has sample_data.
    """
    if not (cwd / "sample_data").exists():
        (cwd / "sample_data").symlink_to(Path(__file__).parents[1] / "sample_data")
    function = f'set -eo pipefail\nmlpcli() {{ "{sys.executable}" -m mlpcli "$@"; }}\n'
    for line in lines:
        if line.startswith("mlpcli ") and not set("|<>&;$") & set(line):
            done = mlpcli(*shlex.split(line.replace("\\\n", ""))[1:], cwd=cwd)
        else:
            done = subprocess.run(
                ["bash", "-c", function + line], cwd=cwd, env=ENV, capture_output=True, encoding="utf-8", timeout=120,
                check=False,
            )  # fmt: skip
        if done.returncode:
            break
    return done


def run(args: tuple[object, ...], stdin: str = "") -> subprocess.CompletedProcess[str]:
    texts = [os.fsdecode(a) if isinstance(a, bytes) else str(a) for a in args]
    handlers = {number: signal.getsignal(number) for number in SIGNALS}
    with contextlib.ExitStack() as stack:
        files = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(3)]
        files[0].write(stdin.encode())
        files[0].seek(0)
        stack.enter_context(standard_streams(*(file.fileno() for file in files)))
        try:
            code = exit_code_of(
                lambda: COMMAND.main(texts, prog_name="mlpcli", standalone_mode=False), as_json="--json" in texts
            )
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
            sys.stdout.flush()
            sys.stderr.flush()
        for file in files:
            file.seek(0)
        out, err = (file.read().decode("utf-8", "surrogateescape") for file in files[1:])
    return subprocess.CompletedProcess(texts, code, out, err)


def interrupted(*args, cwd, after):
    """The process, stopped by Ctrl-C when `after` has been written to standard error."""
    command = [sys.executable, "-m", "mlpcli", *map(str, args)]
    with subprocess.Popen(command, cwd=cwd, env=ENV, stdout=-1, stderr=-1, text=True, start_new_session=True) as run:
        assert run.stderr is not None
        seen = ""
        while after not in seen:
            seen += (line := run.stderr.readline())
            assert line, seen
        os.killpg(run.pid, signal.SIGINT)
        out, rest = run.communicate(timeout=60)
    return subprocess.CompletedProcess(command, run.returncode, out, seen + rest)


@contextlib.contextmanager
def standard_streams(*descriptors: int) -> Iterator[None]:
    """Descriptors 0, 1 and 2 are these for a while, and sys.stdin, stdout and stderr read and write them."""
    streams, saved = (sys.stdin, sys.stdout, sys.stderr), [os.dup(i) for i in range(3)]
    for i, descriptor in enumerate(descriptors):
        os.dup2(descriptor, i)
    try:
        with (
            open(0, encoding="utf-8", closefd=False) as sys.stdin,
            open(1, "w", encoding="utf-8", closefd=False) as sys.stdout,
            open(2, "w", encoding="utf-8", closefd=False) as sys.stderr,
        ):
            yield
    finally:
        for i, descriptor in enumerate(saved):
            os.dup2(descriptor, i)
            os.close(descriptor)
        sys.stdin, sys.stdout, sys.stderr = streams


@contextlib.contextmanager
def set_environment(wanted: dict[str, str]) -> Iterator[None]:
    saved = dict(os.environ)
    os.environ.clear()
    os.environ.update(wanted)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(saved)
