"""The command line: flags, one library call, show. The one error boundary is `guarded`.

Options of settings are made from the fields of Config and ReadOptions, so a new field is a new flag by itself.
Neither numpy nor pandas is imported before a command runs.
"""

from __future__ import annotations

import functools
import inspect as introspect
import json as jsonlib
import os
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from mlpcli import __version__
from mlpcli.config import Config, ReadOptions, flag, from_text, read_config_file, setting_type
from mlpcli.errors import DataError, GateFailed, MlpcliError, UsageError

if TYPE_CHECKING:
    from mlpcli.evaluation import Evaluation
    from mlpcli.events import History
    from mlpcli.fitting import Fitting
    from mlpcli.model import Model

app = typer.Typer(
    name="mlpcli",
    help="Train multi-layer perceptrons on CSV data from the command line.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

SCHEMA = 1  # of every --json answer
BUG = 70  # exit code, as in sysexits.h
OWN_CONFIG = "mlpcli.toml"  # read from the working folder without being named
SHORT = {"target": "-t"}


# --- settings as options ----------------------------------------------------------------------------------


def setting_options(*owners: type[Config] | type[ReadOptions]) -> list[introspect.Parameter]:
    """One keyword parameter a field, typed as typer wants it; None means: not given."""
    found = []
    for owner in owners:
        for spec in fields(owner):
            kind, many = setting_type(owner, spec.name)
            meta = spec.metadata
            texts = [meta["help"]]
            if meta["choices"] and len(meta["choices"]) <= 12:
                texts.append(f"[{', '.join(meta['choices'])}]")
            if spec.default not in (None, (), True, False):
                texts.append(f"Default: {spec.default}.")
            names = [flag(spec.name)]
            if kind is bool:
                names = [f"--{spec.name.replace('_', '-')}/--no-{spec.name.replace('_', '-')}"]
            elif spec.name in SHORT:
                names.insert(0, SHORT[spec.name])
            option = typer.Option(
                *names, help=" ".join(texts), envvar=f"MLPCLI_{spec.name.upper()}", show_default=False,
                show_envvar=False, rich_help_panel=meta["group"],
                metavar=None if kind is bool else meta["metavar"] or ("A,B" if many else kind.__name__.upper()),
            )  # fmt: skip
            hint = bool | None if kind is bool else str | None
            found.append(
                introspect.Parameter(
                    spec.name, introspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[hint, option]
                )
            )
    return found


def with_settings(*owners: type[Config] | type[ReadOptions]) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Gives a command with **settings the options of these settings."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        signature = introspect.signature(command, eval_str=True)
        own = [p for p in signature.parameters.values() if p.kind is not p.VAR_KEYWORD]
        parameters = [*own, *setting_options(*owners)]
        parameters.sort(key=lambda p: p.kind)
        command.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
        command.__annotations__ = {p.name: p.annotation for p in parameters} | {"return": None}
        return command

    return decorate


def settings_of(config_file: str | None, given: dict[str, Any]) -> tuple[Config, ReadOptions]:
    """Flags and environment over the configuration file over the defaults."""
    path = config_file or (OWN_CONFIG if os.path.isfile(OWN_CONFIG) else None)
    texts = read_config_file(Path(path)) if path else {}
    texts |= {k: str(v).lower() if isinstance(v, bool) else v for k, v in given.items() if v is not None}
    reading = {f.name for f in fields(ReadOptions)}
    return (
        from_text(Config, {k: v for k, v in texts.items() if k not in reading}),
        from_text(ReadOptions, {k: v for k, v in texts.items() if k in reading}),
    )


# --- the error boundary -----------------------------------------------------------------------------------


class StoppedError(KeyboardInterrupt):
    """SIGTERM or SIGHUP, treated like Ctrl-C but for the exit code."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def stop(number: int, frame: object) -> None:
    signal.signal(signal.SIGINT, signal.SIG_DFL)  # the second one leaves at once
    raise StoppedError(number)


def guarded(command: Callable[..., None]) -> Callable[..., None]:
    """Turns what went wrong into one message and an exit code."""

    @functools.wraps(command)
    def run(*args: Any, **kwargs: Any) -> None:
        # One thread a matrix product: the same bits whatever the number of cores, and no fight with --jobs.
        for name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
            os.environ[name] = "1"
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, stop)
        try:
            command(*args, **kwargs)
            sys.stdout.flush()
        except MlpcliError as error:
            tell(error, as_json=bool(kwargs.get("json")))
            raise typer.Exit(error.exit_code) from None
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            raise typer.Exit(0) from None
        except StoppedError as error:
            raise typer.Exit(128 + error.number) from None
        except (typer.Exit, typer.Abort):
            raise
        except MemoryError:
            tell(DataError("not enough memory", "fewer columns with --drop, or smaller --hidden"), as_json=False)
            raise typer.Exit(1) from None
        except OSError as error:
            from mlpcli.errors import MachineError

            tell(MachineError(f"{error.strerror or error}", file=error.filename), as_json=bool(kwargs.get("json")))
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            raise typer.Exit(1) from None
        except Exception as error:
            if os.environ.get("MLPCLI_DEBUG"):
                raise
            from mlpcli.reporter.text import make_console, safe

            make_console(sys.stderr).print(
                f"mlpcli: this is a bug in mlpcli: {type(error).__name__}: {safe(str(error), 200)}\n"
                "hint: run it again with MLPCLI_DEBUG=1 for the traceback, and report it", soft_wrap=True,
            )  # fmt: skip
            raise typer.Exit(BUG) from None

    run.__signature__ = introspect.signature(command)  # type: ignore[attr-defined]
    run.__annotations__ = command.__annotations__
    return run


def tell(error: MlpcliError, as_json: bool) -> None:
    from mlpcli.reporter.text import make_console, safe

    message = f"mlpcli: {safe(str(error), 400)}"
    make_console(sys.stderr).print(message + (f"\nhint: {safe(error.hint, 300)}" if error.hint else ""), soft_wrap=True)
    if as_json:
        problem = {
            "kind": error.kind, "message": error.message, "hint": error.hint, "file": error.file,
            "line": error.line, "column": error.column,
        }  # fmt: skip
        print(jsonlib.dumps({"schema": SCHEMA, "error": problem}))


# --- arguments that several commands share ----------------------------------------------------------------

DataFile = Annotated[str, typer.Argument(metavar="DATA", help="A CSV file; - for standard input.")]
ModelFile = Annotated[str, typer.Argument(metavar="MODEL", help="A model file written by mlpcli train.")]
OtherData = Annotated[str | None, typer.Argument(metavar="[DATA]", help="A CSV file; - for standard input.")]
ConfigFile = Annotated[str | None, typer.Option("--config", help="TOML file of settings.", metavar="FILE")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Errors only.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON value on standard output.")]
Gates = Annotated[
    list[str] | None,
    typer.Option("--fail-under", metavar="METRIC=VALUE", help="Exit 3 when a test metric is worse than this."),
]


@app.callback(invoke_without_command=True)
def root(version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False) -> None:
    """Train multi-layer perceptrons on CSV data from the command line."""
    if version:
        print(f"mlpcli {__version__}")
        raise typer.Exit(0)


# --- commands ---------------------------------------------------------------------------------------------


@app.command()
@guarded
@with_settings(Config, ReadOptions)
def train(
    data: DataFile,
    *,
    output: Annotated[str, typer.Option("--output", "-o", metavar="FILE", help="Model file.")] = "model.npz",
    config: ConfigFile = None,
    jobs: Annotated[int, typer.Option("--jobs", min=1, max=256, help="Members trained at once.")] = 1,
    log: Annotated[str | None, typer.Option("--log", metavar="FILE", help="One JSON line an epoch.")] = None,
    json: Json = False,
    quiet: Quiet = False,
    fail_under: Gates = None,
    fail_on: Annotated[
        list[str] | None, typer.Option("--fail-on", metavar="CODE", help="Exit 3 on this finding.")
    ] = None,
    **settings: Any,
) -> None:
    """Train a network on a CSV file and write it to model.npz.

    \b
    mlpcli train data.csv
    mlpcli train data.csv --target price --output price.npz
    mlpcli train data.csv --preset classic --hidden 16 --activation tanh
    """
    from mlpcli.files import check_output

    chosen, options = settings_of(config, settings)
    gates = read_gates(fail_under)
    check_codes(fail_on)
    check_output(output, [data, *([log] if log else []), *(f for f in (chosen.validation, chosen.test))])
    from mlpcli.evaluation import evaluate_table
    from mlpcli.events import History
    from mlpcli.fitting import prepare
    from mlpcli.reporter.text import make_console, safe

    console = make_console(sys.stderr)
    fitting = prepare(data, chosen, options)
    if not quiet:
        for note in [*fitting.notes, rows_note(fitting)]:
            console.print(safe(note, 300), soft_wrap=True)
    history = History()
    interrupted: StoppedError | None = None
    with open(log, "w", encoding="utf-8") if log else nullcontext() as lines:
        try:
            for event in watched(fitting, jobs, console, lines, quiet):
                history.add(event)
        except StoppedError as error:
            interrupted = error
            history.stopped_by = "interrupted"
    model = fitting.model(history)
    model.save(output)
    if interrupted is not None:
        console.print(f"interrupted; best model (epoch {history.best_epoch}) saved to {safe(output)}", soft_wrap=True)
        raise typer.Exit(128 + interrupted.number)
    if quiet and not (json or gates or fail_on):
        return
    evaluation = evaluate_table(model, fitting.table, linear=True)
    findings = findings_of(model, evaluation, history)
    if not quiet:
        show_training(console, history, evaluation, findings)
        console.print(
            f"model: {safe(output)}  (mlpcli evaluate {safe(output)}; mlpcli predict {safe(output)} new.csv)",
            soft_wrap=True,
        )
    if json:
        print(jsonlib.dumps(answer(model, evaluation, findings, output, history), allow_nan=False))
    check_gates(gates, evaluation)
    for code in fail_on or []:
        if any(f.code == code for f in findings):
            raise GateFailed(f"finding {code}, asked for by --fail-on")


def rows_note(fitting: Fitting) -> str:
    config, members = fitting.config, len(fitting.members)
    sets = fitting.table.sets
    widths = [str(w) for w in (config.hidden or ())]
    shape = " - ".join([str(fitting.schema.n_inputs), *widths, str(fitting.members[0].network.n_outputs)])
    kind = f"{members} networks {shape}, each validated on a fold of its own" if fitting.by_fold else f"network {shape}"
    n_test = int((sets == 2).sum())
    return (
        f"rows: {len(sets) - n_test} for training and validation, {n_test} for testing (--validation, --test); "
        f"{kind} (--hidden, --ensemble); seed {config.seed} (--seed)"
    )


def watched(fitting: Fitting, jobs: int, console: Any, lines: Any, quiet: bool) -> Iterator[Any]:
    from mlpcli.reporter.live import jsonl, live

    events: Iterator[Any] = fitting.events(jobs)
    if lines is not None:
        events = jsonl(events, lines)
    return events if quiet else live(events, console)


def findings_of(model: Model, evaluation: Evaluation, history: History) -> tuple[Any, ...]:
    import numpy as np

    from mlpcli.diagnose import Case, diagnose

    counts = np.bincount(evaluation.y.astype(int), minlength=len(model.labels)).tolist() if model.labels else []
    case = Case(
        history, model.config, model.schema.target.task, evaluation.metrics, evaluation.baselines,
        dict(zip(model.labels, counts, strict=True)) if len(evaluation.y) else {},
    )  # fmt: skip
    return diagnose(case)


def show_training(console: Any, history: History, evaluation: Evaluation, findings: tuple[Any, ...]) -> None:
    from mlpcli.reporter.chart import loss_chart
    from mlpcli.reporter.tables import finding_lines, metrics_table

    console.print(loss_chart(history.train_loss, history.valid_loss, history.best_epoch))
    console.print(
        f"{len(history.train_loss)} epochs in {history.seconds:.1f} s; stopped by {history.stopped_by}; "
        f"best epoch {history.best_epoch}", soft_wrap=True,
    )  # fmt: skip
    console.print(metrics_table(evaluation.metrics, evaluation.baselines))
    for line in finding_lines(findings):
        console.print(line, soft_wrap=True)


def answer(
    model: Model, evaluation: Evaluation, findings: tuple[Any, ...], path: str, history: History
) -> dict[str, Any]:
    from mlpcli.jsonable import to_json

    metrics = {
        name: {k: {"value": v.value, "low": v.low, "high": v.high} for k, v in found.items()}
        for name, found in evaluation.metrics.items()
    }
    return {
        "schema": SCHEMA, "model": path, "data": evaluation.data, "target": model.schema.target.name,
        "task": model.task, "seed": model.config.seed, "rows": evaluation.rows, "epochs": len(history.train_loss),
        "best_epoch": history.best_epoch, "metrics": metrics, "baselines": evaluation.baselines,
        "findings": to_json(findings), "seconds": history.seconds,
    }  # fmt: skip


def check_codes(codes: list[str] | None) -> None:
    if codes:
        from mlpcli.diagnose import CHECKS

        for code in codes:
            if code not in CHECKS:
                raise UsageError(f"--fail-on: no finding '{code}'", "one of " + ", ".join(CHECKS))


def read_gates(texts: list[str] | None) -> dict[str, float]:
    """accuracy=0.9 -> {"accuracy": 0.9}; UsageError for an unknown metric."""
    gates = {}
    for text in texts or []:
        from mlpcli.metrics import METRICS

        name, _, value = text.partition("=")
        try:
            gates[name] = float(value)
        except ValueError:
            raise UsageError(f"--fail-under: expected METRIC=VALUE, found '{text}'") from None
        if name not in METRICS:
            raise UsageError(f"--fail-under: no metric '{name}'", "one of " + ", ".join(METRICS))
    return gates


def check_gates(gates: dict[str, float], evaluation: Evaluation) -> None:
    from mlpcli.metrics import METRICS

    for name, bound in gates.items():
        found = evaluation.metrics.get("test", {}).get(name)
        if found is None:
            raise UsageError(f"--fail-under {name}: there is no such metric on test rows here")
        fails = found.value < bound if METRICS[name].higher_is_better else found.value > bound
        if fails:
            raise GateFailed(f"{name} on test rows is {found.value:.4g}, and --fail-under asks for {bound:g}")


@app.command()
@guarded
@with_settings(ReadOptions)
def evaluate(
    model: ModelFile,
    data: OtherData = None,
    *,
    metric: Annotated[str | None, typer.Option("--metric", help="Print this one number and nothing else.")] = None,
    json: Json = False,
    quiet: Quiet = False,
    fail_under: Gates = None,
    **settings: Any,
) -> None:
    """Score a model on the test rows it never saw, or on another CSV file.

    \b
    mlpcli evaluate model.npz
    mlpcli evaluate model.npz other.csv --fail-under accuracy=0.9
    mlpcli evaluate model.npz --metric auc
    """
    _, options = settings_of(None, settings)
    gates = read_gates(fail_under)
    from mlpcli.evaluation import evaluate as evaluated
    from mlpcli.metrics import METRICS, confusion, per_class
    from mlpcli.model import load

    loaded = load(model)
    if metric is not None and (metric not in METRICS or METRICS[metric].task != loaded.task):
        known = [name for name, m in METRICS.items() if m.task == loaded.task]
        raise UsageError(f"--metric: no metric '{metric}' for {loaded.task}", "one of " + ", ".join(known))
    result = evaluated(loaded, data, options, linear=metric is None)
    if "test" not in result.metrics:
        raise DataError("the model kept no test rows", "name a CSV: mlpcli evaluate MODEL DATA", file=model)
    if metric is not None:
        print(f"{result.metrics['test'][metric].value:.6g}")
    elif json:
        history = loaded.record.history
        findings = findings_of(loaded, result, history)
        print(jsonlib.dumps(answer(loaded, result, findings, model, history), allow_nan=False))
    elif not quiet:
        from mlpcli.reporter.tables import confusion_table, finding_lines, metrics_table, plain_table
        from mlpcli.reporter.text import make_console, safe

        console = make_console(sys.stdout)
        console.print(f"{safe(result.data)}: {len(result.y)} rows judged, target {safe(loaded.schema.target.name)}")
        console.print(metrics_table(result.metrics, result.baselines))
        if loaded.labels:
            counts = confusion(result.y.astype(int), result.outputs.argmax(axis=1), len(loaded.labels))
            console.print(confusion_table(loaded.labels, counts.tolist()))
            found = per_class(counts)
            rows = [
                (label, f"{p:.3f}", f"{r:.3f}", f"{f:.3f}", str(n))
                for label, p, r, f, n in zip(loaded.labels, *found, strict=True)
            ]
            console.print(plain_table("", ["class", "precision", "recall", "f1", "rows"], rows))
        else:
            import numpy as np

            errors = result.outputs - result.y
            cuts = np.quantile(errors, [0.05, 0.25, 0.5, 0.75, 0.95])
            names = ["residual (prediction - truth)", "5 %", "25 %", "median", "75 %", "95 %"]
            console.print(plain_table("", names, [("", *(f"{c:.4g}" for c in cuts))]))
        for line in finding_lines(findings_of(loaded, result, loaded.record.history)):
            console.print(line, soft_wrap=True)
    check_gates(gates, result)


FORMATS = ("csv", "tsv", "jsonl")


@app.command()
@guarded
@with_settings(ReadOptions)
def predict(
    model: ModelFile,
    data: OtherData = "-",
    *,
    output: Annotated[str | None, typer.Option("--output", "-o", metavar="FILE", help="Instead of stdout.")] = None,
    proba: Annotated[bool, typer.Option("--proba", help="Add a column p_LABEL for each class.")] = False,
    keep: Annotated[str | None, typer.Option("--keep", metavar="A,B|all", help="Columns to copy before.")] = None,
    threshold: Annotated[
        float | None, typer.Option("--threshold", min=0, max=1, help="Of two classes, say the second from here on.")
    ] = None,
    form: Annotated[str, typer.Option("--format", metavar="FORMAT", help="csv, tsv or jsonl.")] = "csv",
    quiet: Quiet = False,
    **settings: Any,
) -> None:
    """Predict the target of each row of a CSV: rows in, rows out, in the same order.

    \b
    mlpcli predict model.npz new.csv > predictions.csv
    cat new.csv | mlpcli predict model.npz - --keep id --proba | head
    tail -f log.csv | mlpcli predict model.npz -
    """
    if form not in FORMATS:
        raise UsageError(f"--format: no such format '{form}'", "one of " + ", ".join(FORMATS))
    _, options = settings_of(None, settings)
    from mlpcli.files import check_output, write_atomically
    from mlpcli.model import load
    from mlpcli.prediction import Predictor

    loaded = load(model)
    if threshold is not None and len(loaded.labels) != 2:
        raise UsageError("--threshold is for models of two classes")
    kept = [] if keep is None else [k.strip() for k in keep.split(",")]
    predictor = Predictor(loaded, kept, proba, threshold, form)
    if output is not None:
        check_output(output, [model, data or "-"])
    with opened(data or "-") as (descriptor, name):
        parts = predictor.predict(descriptor, name, options)
        if output is None:
            for part in parts:
                sys.stdout.buffer.write(part)
                sys.stdout.buffer.flush()
        else:
            with write_atomically(output) as file:
                for part in parts:
                    file.write(part)
    if not quiet:
        from mlpcli.reporter.text import make_console, safe

        console = make_console(sys.stderr)
        for note in predictor.notes():
            console.print(safe(note, 300), soft_wrap=True)


@contextmanager
def opened(path: str) -> Iterator[tuple[int, str]]:
    from mlpcli.errors import MachineError

    if path == "-":
        yield 0, "<stdin>"
        return
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        if os.path.isdir(path):
            raise MachineError("is a folder", "name a CSV file", file=path)
    except OSError as error:
        raise MachineError(f"cannot read: {error.strerror}", file=path) from error
    try:
        yield descriptor, path
    finally:
        os.close(descriptor)


@app.command()
@guarded
@with_settings(Config, ReadOptions)
def inspect(
    file: Annotated[str, typer.Argument(metavar="FILE", help="A CSV file or a model file.")],
    *,
    config: ConfigFile = None,
    json: Json = False,
    **settings: Any,
) -> None:
    """Show what training would do with each column of a CSV, or what is in a model.

    \b
    mlpcli inspect data.csv
    mlpcli inspect model.npz
    """
    from mlpcli.reporter.text import make_console, safe

    console = make_console(sys.stdout)
    if is_model(file):
        from mlpcli.jsonable import to_json
        from mlpcli.model import load

        loaded = load(file)
        if json:
            print(jsonlib.dumps({"schema": SCHEMA, "record": to_json(loaded.record)}, allow_nan=False))
            return
        record, history = loaded.record, loaded.record.history
        facts = {
            "target": f"{loaded.schema.target.name} ({loaded.task})",
            "classes": ", ".join(loaded.labels) or "none",
            "networks": f"{len(loaded.networks)} of {loaded.networks[0].n_layers} layers, "
            f"{len(loaded.networks[0].params):,} parameters",
            "trained on": f"{record.data.path}, {record.data.n_rows} rows, sha256 {record.data.sha256[:12]}",
            "epochs": f"{len(history.train_loss)}, best {history.best_epoch}, stopped by {history.stopped_by}",
            "validation": ", ".join(f"{k} {v:.4g}" for k, v in record.validation.items()) or "none",
            "versions": ", ".join(f"{k} {v}" for k, v in record.versions.items()),
        }
        for name, value in facts.items():
            console.print(f"{name}: {safe(value, 300)}", soft_wrap=True)
        show_columns(console, loaded.schema.columns)
        for name, value in vars(loaded.config).items():
            console.print(f"{flag(name)} {safe(str(value))}", soft_wrap=True)
        return
    from mlpcli.fitting import prepare

    chosen, options = settings_of(config, settings)
    fitting = prepare(file, chosen, options)
    if json:
        from mlpcli.jsonable import to_json

        found = {"schema": SCHEMA, "columns": to_json(fitting.schema.columns), "notes": fitting.notes}
        print(jsonlib.dumps({**found, "target": to_json(fitting.schema.target)}, allow_nan=False))
        return
    console.print(f"{safe(file)}: {fitting.table.source.n_rows} rows, {len(fitting.table.source.names)} columns")
    for note in [*fitting.notes, rows_note(fitting)]:
        console.print(safe(note, 300), soft_wrap=True)
    show_columns(console, fitting.schema.columns)


def show_columns(console: Any, columns: tuple[Any, ...]) -> None:
    from mlpcli.data.schema import LeftOut
    from mlpcli.reporter.tables import plain_table

    rows = []
    for c in columns:
        missing = "" if isinstance(c, LeftOut) else str(c.n_missing)
        inputs = c.reason if isinstance(c, LeftOut) else f"{c.n_plain + c.n_ple} inputs"
        rows.append((c.name, c.kind, missing, inputs))
    console.print(plain_table("", ["column", "kind", "missing", "becomes"], rows, numbers_from=4))


def is_model(path: str) -> bool:
    if path == "-" or not os.path.isfile(path):
        return False
    with open(path, "rb") as file:
        return file.read(64)[:4] == b"PK\x03\x04" and path.endswith(".npz")


@app.command()
@guarded
@with_settings(Config, ReadOptions)
def split(
    data: DataFile,
    *,
    output: Annotated[str, typer.Option("--output", "-o", metavar="FOLDER", help="Where the files go.")] = ".",
    config: ConfigFile = None,
    quiet: Quiet = False,
    **settings: Any,
) -> None:
    """Write the training, validation and test rows to three CSV files, as they stand in DATA.

    \b
    mlpcli split data.csv -o sets
    mlpcli split data.csv --validation 0.2 --test 0.2 --group patient
    """
    from mlpcli.data.splits import SETS
    from mlpcli.files import check_output, write_atomically
    from mlpcli.fitting import read_table
    from mlpcli.reporter.text import make_console, safe

    chosen, options = settings_of(config, settings)
    stem = "data" if data == "-" else Path(data).stem
    paths = [os.path.join(output, f"{stem}_{name}.csv") for name in SETS]
    for path in paths:
        check_output(path, [data])
    table = read_table(data, chosen, options)
    for number, path in enumerate(paths):
        rows = table.rows[table.sets == number]
        with write_atomically(path) as file:
            file.write(table.source.header + b"".join(table.source.record(int(row)) for row in rows))
        if not quiet:
            make_console(sys.stderr).print(f"{safe(path)}: {len(rows)} rows", soft_wrap=True)


def main() -> None:
    app(prog_name="mlpcli")
