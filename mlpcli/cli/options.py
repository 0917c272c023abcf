"""What flags share: options made from the fields of Config and ReadOptions, and the arguments of several commands.

A new field of either is a new flag by itself."""

from __future__ import annotations

import inspect as introspect
import os
from collections.abc import Callable, Collection
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperCommand

from mlpcli.config.cluster import ClusterOptions
from mlpcli.config.flags import Owner, from_text, quoted, read_config_file, setting_type, written
from mlpcli.config.presets import BASE, PRESETS, preset_values
from mlpcli.config.settings import LARGE_ROWS, TASKS, Config, ReadOptions, flag
from mlpcli.errors import UsageError

OWN_CONFIG = "mlpcli.toml"  # read from the working folder without being named
SHORT = {"target": "-t"}

DataFile = Annotated[str, typer.Argument(metavar="DATA", help="A CSV file; - for standard input.")]
ModelFile = Annotated[str, typer.Argument(metavar="MODEL", help="A model file written by mlpcli train.")]
OtherData = Annotated[str | None, typer.Argument(metavar="DATA", help="A CSV file; - for standard input.")]
ConfigFile = Annotated[str | None, typer.Option("--config", help="TOML file of settings.", metavar="FILE")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="Errors only.")]
Verbose = Annotated[bool, typer.Option("--verbose", "-v", help="Say more.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON value on standard output.")]
Jobs = Annotated[
    int | None,
    typer.Option(
        "--jobs", min=1, max=256, show_default="one a core, where that saves time",
        help="Trainings at once, each in its own process.",
    ),
]  # fmt: skip
NetworkJobs = Annotated[
    int | None,
    typer.Option(
        "--jobs",
        min=1,
        max=256,
        show_default="one a core, where that saves time",
        help="Networks to train in parallel.",
    ),
]
FailUnder = Annotated[
    list[str] | None,
    typer.Option("--fail-under", metavar="METRIC=VALUE", help="Exit 3 when a test metric is worse than this."),
]


class Sectioned(TyperCommand):
    """A command whose help puts the settings under the names of their groups."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        sections: dict[str, list[tuple[str, str]]] = {}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            assert record is not None  # none of ours is hidden
            kind = "Arguments" if parameter.param_type_name == "argument" else "Options"
            group = getattr(parameter, "rich_help_panel", None)
            sections.setdefault(group or kind, []).append(record)
        for name, records in sections.items():
            with formatter.section(name):
                formatter.write_dl(records)


def setting_options(*owners: Owner) -> list[introspect.Parameter]:
    """One keyword parameter a field, typed as typer wants it; None means: not given."""
    found = []
    for owner in owners:
        for spec in fields(owner):
            kind, many = setting_type(owner, spec.name)
            meta = spec.metadata
            texts = [meta["help"]]
            if meta["choices"] and len(meta["choices"]) <= 12:
                texts.append(f"[{', '.join(meta['choices'])}]")
            if (default := default_text(owner, spec.name)) is not None:
                texts.append(f"Default: {default}.")
            names = [flag(spec.name)]
            if kind is bool:
                names = [f"--{spec.name.replace('_', '-')}/--no-{spec.name.replace('_', '-')}"]
            elif spec.name in SHORT:
                names.insert(0, SHORT[spec.name])
            option = typer.Option(
                *names, help=" ".join(texts), envvar=f"MLPCLI_{spec.name.upper()}", show_default=False,
                show_envvar=False, rich_help_panel=meta["group"],
                metavar=None if kind is bool else meta["metavar"] or ("A,B" if many else kind.__name__.upper()),
                autocompletion=among(meta["choices"]) if meta["choices"] else None,
            )  # fmt: skip
            hint = bool | None if kind is bool else list[str] | None if meta["repeat"] else str | None
            found.append(
                introspect.Parameter(
                    spec.name, introspect.Parameter.KEYWORD_ONLY, default=None, annotation=Annotated[hint, option]
                )
            )
    return found


def default_text(owner: Owner, name: str) -> str | None:
    """A setting's default, for each task and preset where they differ; None where there is none to show."""
    default = owner.__dataclass_fields__[name].default
    if default not in (None, ()):
        return written(default)
    if owner is not Config or name not in BASE:
        return None
    by_preset = {preset: by_task(preset, name) for preset in PRESETS}
    usual = by_preset[next(iter(PRESETS))]
    others = [f"{preset} {value}" for preset, value in by_preset.items() if value != usual]
    of_large = by_task(next(iter(PRESETS)), name, is_large=True)
    return "; ".join([usual, *([f"from {LARGE_ROWS:,} rows {of_large}"] if of_large != usual else []), *others])


def by_task(preset: str, name: str, is_large: bool = False) -> str:
    values = [quoted(preset_values(preset, task, is_large)[name]) for task in TASKS]
    if len(set(values)) == 1:
        return values[0]
    return ", ".join(f"{value} ({task})" for value, task in zip(values, TASKS, strict=True))


def among(choices: tuple[str, ...]) -> Callable[[str], list[str]]:
    """What the shell offers for a word begun."""

    def offered(incomplete: str) -> list[str]:
        return [choice for choice in choices if choice.startswith(incomplete)]

    return offered


def check_choice(option: str, value: str | None, choices: Collection[str]) -> None:
    """UsageError for a value that the option does not have; None is not given."""
    if value is not None and value not in choices:
        hint = "one of " + ", ".join(choices) if len(choices) > 1 else f"{option} {next(iter(choices))}"
        raise UsageError(f"{option}: no such choice '{value}'", hint)


def with_settings(*owners: Owner) -> Callable[[Callable[..., None]], Callable[..., None]]:
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


def cluster_of(given: dict[str, Any]) -> ClusterOptions:
    """Where the work is done, by flags and environment; takes them out of `given`."""
    asked = {f.name: given.pop(f.name) for f in fields(ClusterOptions)}
    return from_text(ClusterOptions, {k: str(v).lower() if isinstance(v, bool) else v for k, v in asked.items() if v})


def settings_of(config_file: str | None, given: dict[str, Any]) -> tuple[Config, ReadOptions]:
    """Flags and environment over the configuration file over the defaults."""
    path = config_file or (OWN_CONFIG if os.path.isfile(OWN_CONFIG) else None)
    texts = read_config_file(Path(path)) if path else {}
    texts |= {k: str(v).lower() if isinstance(v, bool) else v for k, v in given.items() if v not in (None, [])}
    reading = {f.name for f in fields(ReadOptions)}
    return (
        from_text(Config, {k: v for k, v in texts.items() if k not in reading}),
        from_text(ReadOptions, {k: v for k, v in texts.items() if k in reading}),
    )
