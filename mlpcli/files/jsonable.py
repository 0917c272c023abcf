"""Frozen dataclasses to JSON and back, strictly: what does not fit the annotations is refused, by path.

Formats are exact: a missing or an unknown key is an error too. What a format got later is an `optional` field: it is
left out where it has its default, so that files from before are read, and written, as they were.
"""

from __future__ import annotations

import dataclasses
import math
import sys
import types
from collections.abc import Mapping
from functools import cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from mlpcli.errors import ModelError, UsageError

T = TypeVar("T")


def optional(default: T) -> T:
    """A field of a dataclass whose key is missing where it has this default."""
    found: T = dataclasses.field(default=default, metadata={"optional": True})
    return found


def to_json(value: Any) -> Any:
    """A dataclass, tuple, list, dict, text, number, bool or None -> what the json module can write.

    Raises ValueError for NaN and infinity, TypeError for anything else.
    """
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = [(f, getattr(value, f.name)) for f in dataclasses.fields(value)]
        return {f.name: to_json(of) for f, of in fields if not ("optional" in f.metadata and of == f.default)}
    if isinstance(value, (tuple, list)):
        return [to_json(v) for v in value]
    if isinstance(value, Mapping):
        return {str(k): to_json(v) for k, v in value.items()}
    if isinstance(value, float) and not math.isfinite(value):
        raise ValueError(f"{value} has no place in JSON")
    if value is None or isinstance(value, (str, bool, int, float)):
        return value
    raise TypeError(f"{type(value).__name__} has no JSON form")


def from_json(cls: type[T], value: Any, where: str = "header") -> T:
    """JSON -> the dataclass `cls`; ModelError names the place that does not fit."""
    result: T = _read(cls, value, where)
    return result


def _read(hint: Any, value: Any, where: str) -> Any:
    origin, args = get_origin(hint), get_args(hint)
    if dataclasses.is_dataclass(hint):
        return _dataclass(hint, value, where)
    if origin is Literal:
        return value if value in args and type(value) in map(type, args) else _raise_unfit(value, where)
    if origin in (Union, types.UnionType):
        return _union(args, value, where)
    if origin is tuple and isinstance(value, list):
        many = len(args) == 2 and args[1] is Ellipsis
        if not many and len(value) != len(args):
            _raise_unfit(value, where)
        kinds = [args[0]] * len(value) if many else args
        return tuple(_read(kind, v, f"{where}[{i}]") for i, (kind, v) in enumerate(zip(kinds, value, strict=True)))
    if origin is list and isinstance(value, list):
        return [_read(args[0], v, f"{where}[{i}]") for i, v in enumerate(value)]
    if origin is dict and isinstance(value, dict):
        return {k: _read(args[1], v, f"{where}.{k}") for k, v in value.items()}
    if hint is float and type(value) in (int, float) and abs(value) <= sys.float_info.max:
        return float(value)
    if hint in (int, str, bool, type(None)) and type(value) is hint:
        return value
    return _raise_unfit(value, where)


def _union(options: tuple[Any, ...], value: Any, where: str) -> Any:
    """The option whose `kind` the value names, the one dataclass without a kind, or the first that takes it."""
    for option in options:
        if isinstance(option, type) and dataclasses.is_dataclass(option):
            kind = hints_of(option).get("kind")
            if isinstance(value, dict) and (kind is None or value.get("kind") in get_args(kind)):
                return _read(option, value, where)
        else:
            try:
                return _read(option, value, where)
            except ModelError:
                continue
    return _raise_unfit(value, where)


@cache
def hints_of(cls: type) -> dict[str, Any]:
    """The types of a dataclass's fields; once each, for a table of many columns has thousands of objects of one."""
    return get_type_hints(cls)


def _dataclass(cls: Any, value: Any, where: str) -> Any:
    if not isinstance(value, dict):
        _raise_unfit(value, where)
    hints = hints_of(cls)
    fields = dataclasses.fields(cls)
    names = [f.name for f in fields if "optional" not in f.metadata or f.name in value]
    for key in value:
        if key not in names:
            raise ModelError(f"unknown entry {where}.{key[:80]}", hint="made by a newer mlpcli, or damaged")
    for name in names:
        if name not in value:
            raise ModelError(f"entry {where}.{name} is missing", hint="the file is damaged or was edited")
    found = {name: _read(hints[name], value[name], f"{where}.{name}") for name in names}
    for f in fields:
        if "optional" in f.metadata and f.name in value and found[f.name] == f.default:
            _raise_unfit(value[f.name], f"{where}.{f.name}")  # it has one form: none
    try:
        return cls(**found)
    except UsageError as error:  # a setting out of its range
        raise ModelError(f"entry {where}: {error.message}", hint="the file is damaged or was edited") from error


def _raise_unfit(value: Any, where: str) -> Any:
    raise ModelError(f"entry {where} cannot be {str(value)[:40]!r}", hint="the file is damaged or was edited")
