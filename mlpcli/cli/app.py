"""The application and its error boundary: what went wrong becomes one message and an exit code."""

from __future__ import annotations

import ctypes
import errno
import functools
import gc
import inspect as introspect
import os
import re
import resource
import signal
import sys
import threading
import time
import weakref
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Annotated, Any

import typer
from typer.core import TyperGroup
from typer.models import OptionInfo

from mlpcli import __version__
from mlpcli.cli import streams
from mlpcli.errors import GateFailed, MachineError, MlpcliError, UsageError
from mlpcli.reporter.answers import error_answer, print_answer


class Commands(TyperGroup):
    """All commands, whose texts are taken as they were typed.

    typer has pydantic look at each value, also at one that is not given, and to load pydantic takes a tenth of a start.
    """

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        for command in (self, *self.commands.values()):
            assert command.callback is not None  # all of ours do something
            given = introspect.signature(command.callback).parameters
            for parameter in command.get_params(ctx):
                hint = given[parameter.name].annotation if parameter.name in given else None  # --help
                is_text = getattr(hint, "__origin__", None) in (str, str | None)
                parameter.process_value = functools.partial(as_typed, parameter, is_text)  # type: ignore[method-assign]
        return super().parse_args(ctx, args)


def as_typed(parameter: Any, is_text: bool, context: Any, value: Any) -> Any:
    """The value of a parameter: a text, or none, as it is; others as typer has them."""
    if value is None and not parameter.required:
        return () if parameter.multiple or parameter.nargs == -1 else None
    return value if is_text and isinstance(value, str) else type(parameter).process_value(parameter, context, value)


app = typer.Typer(
    name="mlpcli",
    cls=Commands,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

FLAG = re.compile(r"(?<![\w-])--[a-z][a-z0-9-]*")
OTHER_COMMAND = re.compile(r"\bmlpcli [a-z]")
BUG = 70  # exit code, as in sysexits.h
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # malloc.h
MAX_KEPT_ARRAY, MAX_KEPT = 8 << 20, 32 << 20  # bytes: of one, and of all at the end of the heap
MIN_MEMORY = 256 << 20  # bytes of address space that the interpreter and its modules take


@app.callback(invoke_without_command=True)
def root(
    context: typer.Context, version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False
) -> None:
    """Train multi-layer perceptrons on CSV data from the command line.

    \b
    mlpcli train data.csv
    mlpcli evaluate model.npz
    cat new.csv | mlpcli predict model.npz - | head
    """
    if version:
        print(f"mlpcli {__version__}")
        raise typer.Exit(0)
    if context.invoked_subcommand is None:
        print(context.get_help())
        raise typer.Exit(0)


def main() -> None:
    """The command line from its arguments to its exit code."""
    streams.repair_streams()
    try:
        code = exit_code_of(lambda: app(prog_name="mlpcli", standalone_mode=False), as_json="--json" in sys.argv)
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_DFL)  # nothing is left to be kept: end, and show no traceback
    if code > 128 and threading.active_count() > 1:  # threads that parse would be waited for
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, streams.ReaderLeftError):
                stream.flush()
        os._exit(code)
    gc.freeze()  # all of it ends with the process: not looked through for garbage once more
    sys.exit(code)


class StoppedError(KeyboardInterrupt):
    """SIGTERM or SIGHUP, treated like Ctrl-C but for the exit code."""

    last: tuple[int, weakref.ref[StoppedError]] | None = None  # number of the last signal, and what it raised
    waiting: int | None = None  # number of a signal that waits for the end of an import

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def swallowed_stop() -> int | None:
    """The number of a stop that nobody holds any more: whoever catches one keeps it until the process ends."""
    if StoppedError.last is None:
        return None
    number, raised = StoppedError.last
    return number if raised() is None else None


def on_stop_signal(number: int, frame: FrameType | None) -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # the second one leaves at once
    began = time.monotonic()

    def stop(_: int, frame: FrameType | None) -> None:
        if not is_importing(frame):
            signal.setitimer(signal.ITIMER_REAL, 0)
            StoppedError.waiting = None
            raise raise_until_handled(StoppedError(number))
        if time.monotonic() - began > IMPORT_PATIENCE:
            os._exit(128 + number)  # nothing is kept or half written while a module is imported
        StoppedError.waiting = number
        signal.signal(signal.SIGALRM, stop)
        signal.setitimer(signal.ITIMER_REAL, IMPORT_STEP)

    stop(number, frame)


IMPORT_PATIENCE, IMPORT_STEP = 1.0, 0.02  # seconds that a stop waits for the end of an import, and between two looks


def is_importing(frame: FrameType | None) -> bool:
    """Whether a module is being imported: what is raised there is swallowed, shown, or made another error of."""
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def stop_behind(error: BaseException | None) -> int | None:
    """The number of the stop of which an error was made, or that still waited when the error came."""
    while error is not None:
        if isinstance(error, StoppedError):
            return error.number
        error = error.__cause__ or error.__context__
    return StoppedError.waiting if StoppedError.waiting is not None else swallowed_stop()


def raise_until_handled(error: StoppedError) -> StoppedError:
    """The stop, raised anew every half a second as long as it is lost.

    Some C extensions swallow what is raised while they are imported, and Python what is raised in a `__del__`.
    """

    def again(_: int, frame: FrameType | None) -> None:
        if (number := swallowed_stop()) is not None:
            on_stop_signal(number, frame)

    StoppedError.last = error.number, weakref.ref(error)
    signal.signal(signal.SIGALRM, again)
    signal.setitimer(signal.ITIMER_REAL, 0.5, 0.5)
    return error


def with_error_boundary(command: Callable[..., None]) -> Callable[..., None]:
    """Makes a command stop cleanly on signals, turns what goes wrong in it into an exit code, and adds --debug."""
    debug = introspect.Parameter(
        "debug", introspect.Parameter.KEYWORD_ONLY, default=False,
        annotation=Annotated[
            bool, typer.Option("--debug", envvar="MLPCLI_DEBUG", show_envvar=False, help="Show tracebacks of errors.")
        ],
    )  # fmt: skip

    @functools.wraps(command)
    def run(*args: Any, debug: bool = False, **kwargs: Any) -> None:
        # One thread a matrix product: the same bits whatever the number of cores, and no fight with --jobs.
        for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
            os.environ[name] = "1"
        StoppedError.last = StoppedError.waiting = None
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, on_stop_signal)
        code = exit_code_of(lambda: run_command(command, args, kwargs), bool(kwargs.get("json")), debug, flags)
        if code:
            raise typer.Exit(code)

    signature = introspect.signature(command, eval_str=True)
    flags = frozenset(
        name
        for parameter in (*signature.parameters.values(), debug)
        for option in getattr(parameter.annotation, "__metadata__", ())
        if isinstance(option, OptionInfo)
        for names in (option.default, *(option.param_decls or ()))  # the first one is where typer expects a default
        for name in str(names).split("/")
    ) | {"--help"}
    run.__signature__ = signature.replace(parameters=[*signature.parameters.values(), debug])  # type: ignore[attr-defined]
    run.__annotations__ = {name: p.annotation for name, p in signature.parameters.items()} | {
        "debug": debug.annotation, "return": None,
    }  # fmt: skip
    return run


def run_command(command: Callable[..., None], args: Any, kwargs: Any) -> None:
    """Runs a command where there is memory enough for numpy, which would otherwise end the process itself."""
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if 0 <= limit < MIN_MEMORY:
        raise MachineError(
            f"not enough memory: the limit is {limit >> 20} MB, and mlpcli needs about {MIN_MEMORY >> 20}",
            "raise it with ulimit -v",
        )
    if limit >= 0:
        import numpy as np

        np.ones((64, 64)) @ np.ones((64, 64))  # BLAS takes its own memory before the rows do: later it would give up
    keep_freed_memory()
    sys.modules.setdefault("pyarrow", None)  # type: ignore[arg-type]  # pandas would load it, which few tables need
    command(*args, **kwargs)


def keep_freed_memory() -> None:
    """Has glibc hand freed arrays out again: to give each back to the system, which zeroes it, takes a twentieth."""
    with suppress(AttributeError):  # of another C library
        set_option = ctypes.CDLL(None).mallopt
        set_option(M_MMAP_THRESHOLD, MAX_KEPT_ARRAY)
        set_option(M_TRIM_THRESHOLD, MAX_KEPT)


# typer brings its own click, and exports its exceptions but not what they have in common.
CLICK_USAGE_ERROR: type[Exception] = typer.BadParameter.__mro__[1]


def exit_code_of(
    work: Callable[[], int | None], as_json: bool, debug: bool = False, flags: frozenset[str] | None = None
) -> int:
    """The exit code of `work`: its own, or that of what went wrong, which is shown in one message.

    `flags` are those of the command at hand: its hints name no others.
    """
    try:
        try:
            code = work() or 0
        except typer.Exit as error:
            code = error.exit_code
        sys.stdout.flush()
        return code
    except (streams.ReaderLeftError, BrokenPipeError):
        streams.silence_stdout()
        return 0
    except StoppedError as error:
        return 128 + error.number
    except KeyboardInterrupt:
        return 128 + signal.SIGINT
    except Exception as error:
        if (number := stop_behind(error)) is not None:  # a C extension made another error of it
            return 128 + number
        problem = as_problem(error)
        if debug:
            report_traceback(error)
        if problem is None:
            report_bug(error)
            return BUG
        if flags is not None and problem.hint:
            problem.hint = usable(problem.hint, flags)
        report_problem(problem, as_json)
        return problem.exit_code


def usable(hint: str, flags: frozenset[str]) -> str | None:
    """The parts of a hint, between semicolons or before an `or`, that can be followed; None if there are none.

    These name only flags of the command at hand, or another command with its own.
    """
    parts = re.split(r"; |, or (?=--)", hint)
    return "; ".join(p for p in parts if OTHER_COMMAND.search(p) or flags.issuperset(FLAG.findall(p))) or None


def as_problem(error: Exception) -> MlpcliError | None:
    """What the user can do something about, or None for a bug."""
    if isinstance(error, MlpcliError):
        return error
    if isinstance(error, CLICK_USAGE_ERROR):
        context = getattr(error, "ctx", None)
        path = context.command_path if context is not None else "mlpcli"
        return UsageError(error.format_message(), f"{path} --help shows what there is")  # type: ignore[attr-defined]
    if isinstance(error, MemoryError):
        return MachineError("not enough memory", "fewer columns with --drop, smaller --hidden, or --jobs 1")
    if isinstance(error, OSError):
        if error.filename is not None:
            return MachineError(error.strerror or str(error), file=os.fsdecode(error.filename))
        is_stdin = error.errno == errno.EBADF  # standard output names itself
        return MachineError("standard input is closed" if is_stdin else error.strerror or str(error))
    return None


def report_bug(error: Exception) -> None:
    show(
        f"mlpcli: this is a bug in mlpcli: {type(error).__name__}: ", str(error), 200,
        "run it again with --debug for the traceback, and report it",
    )  # fmt: skip


def report_traceback(error: Exception) -> None:
    import traceback

    from mlpcli.reporter.text import make_console, safe

    for line in "".join(traceback.format_exception(error)).splitlines():
        make_console(sys.stderr).print(safe(line, 400), soft_wrap=True)


def report_problem(error: MlpcliError, as_json: bool) -> None:
    for one in (error, *error.others):
        show("mlpcli: ", str(one), 600, one.hint)
    if as_json and not isinstance(error, GateFailed):  # which stands behind an answer: one value is promised
        print_answer(error_answer(error))
    try:
        sys.stdout.flush()
    except (streams.ReaderLeftError, OSError):
        streams.silence_stdout()


def show(start: str, message: str, width: int, hint: str | None) -> None:
    try:
        from mlpcli.reporter.text import make_console, safe
    except (MemoryError, OSError):  # too little is left to load it
        print(start + ascii(message), file=sys.stderr)
        return
    text = start + safe(message, width)
    make_console(sys.stderr).print(text + (f"\nhint: {safe(hint, 300)}" if hint else ""), soft_wrap=True)
