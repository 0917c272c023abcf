"""`mlpcli serve`: a model that answers over HTTP.

`rows.py` and `service.py` turn the body of a request into answers, `schema.py` tells what a row is, all without HTTP;
`web.py` gives each a path, `server.py` holds connections and signals.
"""

from __future__ import annotations

import asyncio
import json as text
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mlpcli.cli import streams
from mlpcli.cli.app import app, with_error_boundary
from mlpcli.cli.options import ModelFile, Quiet, check_choice
from mlpcli.config.settings import ReadOptions
from mlpcli.errors import MachineError, MlpcliError

if TYPE_CHECKING:
    from mlpcli.cli.serve.service import Service, Wishes
    from mlpcli.evaluation.drift import Shift
    from mlpcli.evaluation.explain.predictions import LargestContributions
    from mlpcli.model.trained import TrainedModel

LOOPBACK = ("127.0.0.1", "::1", "localhost")
OPEN = "no password and no encryption: whoever reaches this address can ask, and read names of columns and levels"


@app.command(short_help="Answer over HTTP: rows in, predictions out.")
@with_error_boundary
def serve(
    model: ModelFile,
    *,
    host: Annotated[
        str, typer.Option("--host", metavar="HOST", help="Where it listens; 0.0.0.0 is for other machines too.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="0 takes a free one.")] = 8080,
    proba: Annotated[bool, typer.Option("--proba", help="Add p_LABEL for each class.")] = False,
    interval: Annotated[
        float | None, typer.Option("--interval", metavar="LEVEL", help="Add low and high, as predict does.")
    ] = None,
    explain: Annotated[
        int | None, typer.Option("--explain", min=1, metavar="N", help="Add the N columns that contribute most.")
    ] = None,
    drift: Annotated[
        str | None, typer.Option("--drift", metavar="warn", help="Say when the rows no longer look like training rows.")
    ] = None,
    max_body: Annotated[float, typer.Option("--max-body", min=0.001, metavar="MB", help="Of a request.")] = 8,
    max_rows: Annotated[int, typer.Option("--max-rows", min=1, help="Of a request.")] = 10_000,
    max_seconds: Annotated[float, typer.Option("--max-seconds", min=0.1, help="Of a request.")] = 10,
    max_connections: Annotated[int, typer.Option("--max-connections", min=1, help="At once.")] = 64,
    quiet: Quiet = False,
) -> None:
    """Answer POST /predict with the predictions of its rows, in JSON, JSON lines or CSV.

    SIGTERM and Ctrl-C end it: exit code 0 once all requests are answered, 143 or 130 where some were cut off.

    \b
    mlpcli serve model.npz > requests.jsonl
    mlpcli serve model.npz --proba --drift warn --port 8000
    curl localhost:8000/predict -H 'Content-Type: text/csv' --data-binary @new.csv
    """
    check_choice("--drift", drift, ["warn"])
    try:
        from mlpcli.cli.serve import server, web
    except ImportError as error:
        raise MachineError("serve needs the extra 'serve'", "pip install 'mlpcli[serve]'") from error
    from mlpcli.cli.predict import say
    from mlpcli.cli.serve.service import Limits, Wishes

    limits = Limits(round(max_body * (1 << 20)), max_rows, max_seconds, max_connections)
    wishes = Wishes(proba, interval, explain, drift is not None)
    current = web.Current(service_of(model, wishes), limits, host in LOOPBACK)
    listener = server.bound(host, port)
    made = server.server_of(web.application(current, write), limits, write, lambda: reload(current))
    if not quiet:
        say(greeting(model, host, listener.getsockname()[1]))
    try:
        asyncio.run(made.serve([listener]))
    finally:
        current.executor.shutdown(cancel_futures=True)
    raise typer.Exit(made.exit_code)


def greeting(model: str, host: str, port: int) -> list[str]:
    """What is said at the start: where, and what that means."""
    name = f"[{host}]" if ":" in host else host
    where = f"serving {model} on http://{name}:{port}"
    if host in LOOPBACK:
        return [f"{where} (Ctrl-C ends it)", "only programs of this machine reach it; --host 0.0.0.0 is for others too"]
    return [f"{where} (Ctrl-C ends it)", f"other machines reach it: {OPEN}"]


def service_of(path: str, wishes: Wishes) -> Service:
    """The model, ready. Raises MlpcliError."""
    from mlpcli.cli.predict import contributions_of
    from mlpcli.cli.serve.service import load_service

    def explain(model: TrainedModel, n: int) -> LargestContributions:
        return contributions_of(model, n, ReadOptions(), None)

    def report(shift: Shift) -> None:
        from mlpcli.reporter.drift import shift_line

        write_event({"event": "drift", "what": shift.what, "name": shift.name, "message": shift_line(shift)})

    return load_service(path, wishes, explain, report)


async def reload(current: Any) -> None:
    """Loads the model anew where its file was replaced; the old one stays where that fails."""
    from mlpcli.cli.serve.service import version_of

    old = current.service
    if version_of(old.path) == old.version:
        return write_event({"event": "reload", "model": old.digest, "message": "the file is the same"})
    try:
        current.service = await asyncio.to_thread(service_of, old.path, old.wishes)
    except (MlpcliError, OSError) as error:
        return write_event({"event": "reload", "model": old.digest, "error": str(error)})
    return write_event({"event": "reload", "model": current.service.digest})


def write_event(record: dict[str, Any]) -> None:
    from mlpcli.cli.serve.web import timed

    write(timed(record))


def write(record: dict[str, Any]) -> None:
    """A line of the log; a reader who left is no reason to stop."""
    with suppress(OSError, streams.ReaderLeftError):
        print(text.dumps(record), flush=True)
