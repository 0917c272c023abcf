"""Settings as text and text as settings: one way for flags, environment, configuration file, `--vary` and `--space`.

`parse` reads what `written` writes; `as_flags` and `as_toml` write what a command and `read_config_file` take.
"""

from __future__ import annotations

import difflib
import json
import os
import re
import shlex
import stat
from collections.abc import Mapping
from dataclasses import Field, fields
from pathlib import Path
from typing import Any, TypeVar, get_args, get_origin, get_type_hints

from mlpcli.config.cluster import ClusterOptions
from mlpcli.config.settings import Config, ReadOptions, flag, range_text
from mlpcli.errors import MachineError, UsageError

Settings = TypeVar("Settings", Config, ReadOptions, ClusterOptions)
Owner = type[Config] | type[ReadOptions] | type[ClusterOptions]
EMPTY = "''"  # how an empty value is shown, as in --hidden ''
DURATION = {"": 1.0, "s": 1.0, "m": 60.0, "h": 3600.0}  # seconds
SIZE = {"": 1, "k": 10**3, "m": 10**6, "g": 10**9, "t": 10**12}  # bytes


HINTS = {owner: get_type_hints(owner) for owner in (Config, ReadOptions, ClusterOptions)}  # once: it is slow


def setting_named(text: str) -> str:
    """The setting of Config written `max-norm` or `max_norm`. Raises UsageError with the nearest one."""
    name = text.replace("-", "_")
    if name not in Config.__dataclass_fields__:
        known = [flag(f.name).removeprefix("--") for f in fields(Config)]
        near = difflib.get_close_matches(text, known, n=1)
        raise UsageError(f"no setting '{text}'" + (f"; did you mean '{near[0]}'?" if near else ""))
    return name


def setting_type(owner: Owner, name: str) -> tuple[type, bool]:
    """Plain type of a setting, and whether it is a tuple: `tuple[int, ...] | None` -> int, True."""
    hint = HINTS[owner][name]
    kinds = [t for t in (get_args(hint) or (hint,)) if t is not type(None)]
    if get_origin(hint) is tuple or get_origin(kinds[0]) is tuple:
        inner = get_args(hint if get_origin(hint) is tuple else kinds[0])[0]
        return inner, True
    return kinds[0], False


def parse(owner: Owner, name: str, text: str | list[str]) -> Any:
    """The value of setting `name` as written on a command line; UsageError when it does not fit its type."""
    spec = owner.__dataclass_fields__[name]
    if spec.metadata["repeat"]:
        return tuple(([text] if text else []) if isinstance(text, str) else text)
    assert isinstance(text, str)
    kind, many = setting_type(owner, name)
    if many:
        separator = "[,x]" if kind is int else ","
        parts = [part.strip() for part in re.split(separator, text)] if text.strip() else []
        return tuple(_parse_one(name, kind, spec, part) for part in parts)
    return _parse_one(name, kind, spec, text)


def _parse_one(name: str, kind: type, spec: Field[Any], text: str) -> Any:
    if spec.metadata["unit"] == "duration":
        match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?)([smh]?)", text.strip())
        if not match:
            raise UsageError(f"{flag(name)}: expected a time such as 90s, 5m or 2h, found '{text}'")
        return float(match[1]) * DURATION[match[2]]
    if spec.metadata["unit"] == "size":
        match = re.fullmatch(r"([0-9]+(?:\.[0-9]+)?) ?([kmgt]?)b?", text.strip().lower(), re.ASCII)
        if not match:
            raise UsageError(f"{flag(name)}: expected a size such as 500MB or 2GB, found '{text}'")
        return int(float(match[1]) * SIZE[match[2]])
    if kind is bool:
        if text.lower() not in ("true", "false"):
            raise UsageError(f"{flag(name)}: expected true or false, found '{text}'")
        return text.lower() == "true"
    if kind is int:
        if not re.fullmatch(r"\s*[+-]?[0-9]{1,20}\s*", text, re.ASCII):
            raise UsageError(f"{flag(name)}: expected a whole number{range_text(spec)}, found '{text}'")
        return int(text)
    if kind is float:
        if not re.fullmatch(r"\s*[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,4})?\s*", text, re.ASCII):
            raise UsageError(f"{flag(name)}: expected a number{range_text(spec)}, found '{text}'")
        return float(text)
    return text


def from_text(owner: type[Settings], texts: Mapping[str, str | list[str]]) -> Settings:
    """Settings from their written form, a list for an option given several times; keys are field names."""
    return owner(**{name: parse(owner, name, text) for name, text in texts.items()})


MAX_CONFIG_FILE = 1_000_000  # bytes; a configuration file is a page of text


def small_file(path: Path) -> bytes:
    """The content of a regular file of up to MAX_CONFIG_FILE bytes. Raises OSError, or UsageError for any other."""
    with open(path, "rb", opener=lambda name, flags: os.open(name, flags | os.O_NONBLOCK)) as file:  # no wait at a pipe
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise UsageError("no regular file: a configuration file is a page of text", file=str(path))
        content = file.read(MAX_CONFIG_FILE + 1)
    if len(content) > MAX_CONFIG_FILE:
        raise UsageError("configuration file larger than 1 MB", file=str(path))
    return content


def read_config_file(path: Path) -> dict[str, str | list[str]]:
    """The settings of a TOML file in their written form; an unknown key is a UsageError."""
    import tomllib  # few commands have such a file

    try:
        values = tomllib.loads(small_file(path).decode("utf-8"))
    except OSError as error:
        raise MachineError(f"cannot read the configuration file: {error.strerror}", file=str(path)) from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(f"not a TOML file: {error}", file=str(path)) from error
    known = [f.name for f in (*fields(Config), *fields(ReadOptions))]
    texts: dict[str, str | list[str]] = {}
    for key, value in values.items():
        name = key.replace("-", "_")
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            raise UsageError(
                f"unknown setting '{key}'" + (f"; did you mean '{near[0]}'?" if near else ""), file=str(path)
            )
        texts[name] = one_text(name, text_of_toml(value, key, path))
    return texts


def one_text(name: str, text: str | list[str]) -> str | list[str]:
    """A list as an option takes it: joined with commas, unless it is one given several times."""
    owner: Owner = Config if name in Config.__dataclass_fields__ else ReadOptions
    is_repeated = owner.__dataclass_fields__[name].metadata["repeat"]
    return text if isinstance(text, str) or is_repeated else ",".join(text)


def text_of_toml(value: object, key: str, path: Path) -> str | list[str]:
    match value:
        case bool():
            return str(value).lower()
        case int() | float() | str():
            return str(value)
        case list() if all(isinstance(v, (int, float, str)) and not isinstance(v, bool) for v in value):
            return [str(v) for v in value]
    raise UsageError(f"setting '{key}': expected text, a number, true, false or a list of these", file=str(path))


# --- values to text ---------------------------------------------------------------------------------------


def written(value: Any, separator: str = ",") -> str:
    """A setting's value as it stands on a command line, in a form that `parse` reads back to the same value.

    Widths of layers are separated by `x` where the value is itself one of several: `--vary hidden=64x64,32`.
    """
    if isinstance(value, tuple):
        return separator.join(map(written, value))
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float):
        short = f"{value:g}"
        return short if float(short) == value else repr(value)
    return str(value)


def quoted(value: Any) -> str:
    """A value as a shell takes it: `64,64`, `'a b'`, `''`."""
    return shlex.quote(written(value))


def as_flag(name: str, value: Any) -> str:
    """One setting as it stands in a shell: `--hidden 64,64`, `--no-calibrate`, `--drop 'a b'`."""
    if isinstance(value, bool):
        return flag(name if value else f"no_{name}")
    return f"{flag(name)} {quoted(value)}"


def as_flags(settings: Mapping[str, Any]) -> str:
    """Settings as flags to paste; those without a value are left out."""
    return " ".join(
        as_flag(name, value)
        for name, value in settings.items()
        if value is not None and (value != () or name == "hidden")
    )


def different(settings: Config | ReadOptions, usual: Config | ReadOptions) -> dict[str, Any]:
    """The settings that are not as usual."""
    names = [f.name for f in fields(settings)]
    return {name: getattr(settings, name) for name in names if getattr(settings, name) != getattr(usual, name)}


def named(setting: str, text: str) -> str:
    """What a training with this written value is called: `batch-size=32`, `hidden=''`."""
    return f"{flag(setting).removeprefix('--')}={text or EMPTY}"


def as_toml(settings: Mapping[str, Any]) -> str:
    """Settings as lines of TOML that `read_config_file` reads back."""
    lines = []
    for name, value in settings.items():
        shown = list(value) if isinstance(value, tuple) else value
        lines.append(f"{flag(name).removeprefix('--')} = {json.dumps(shown, ensure_ascii=False)}")
    return "\n".join(lines) + "\n"
