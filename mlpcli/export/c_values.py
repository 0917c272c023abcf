"""How texts, numbers and tables are written in C, in ASCII and whatever they hold."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

MAX_LITERAL = 4000  # bytes of a text in quotes; compilers of C99 need not take more than 4095
PLAIN = frozenset(b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 !#$%&()*+,-./:;<=>@[]^_{|}~")


def literal(text: str) -> str:
    """A text in C, whatever it holds; in ASCII."""
    given = text.encode("utf-8", "surrogatepass")
    if len(given) > MAX_LITERAL:
        return "(const char[]){" + ",".join(f"'\\{byte:03o}'" for byte in (*given, 0)) + "}"
    return '"' + "".join(chr(byte) if byte in PLAIN else f"\\{byte:03o}" for byte in given) + '"'


def character(text: str | None) -> str:
    return "0" if text is None else f"'\\{ord(text):03o}'"


def number(value: float) -> str:
    if np.isinf(value):
        return "HUGE_VAL" if value > 0 else "-HUGE_VAL"
    return repr(float(value))


def float32s(values: NDArray[np.floating]) -> Iterator[str]:
    """float32 as text: nine digits tell all of them apart."""
    for value in np.asarray(values, np.float32).ravel().tolist():
        text = f"{value:.9g}"
        yield (text if "." in text or "e" in text else f"{text}.0") + "f"


def listed(items: Iterable[object]) -> str:
    return "{" + ", ".join(map(str, items)) + "}"


def in_lines(items: Iterable[str], per_line: int = 8) -> str:
    found = list(items)
    lines = (", ".join(found[i : i + per_line]) for i in range(0, len(found), per_line))
    return "{\n    " + ",\n    ".join(lines) + "\n}"


def commented(text: str) -> str:
    """A text that can stand in a comment."""
    return "".join(one if one.isascii() and (one.isalnum() or one in " _.,:;<>=+()%-") else "_" for one in text[:60])


class Names:
    """Identifiers made of texts, none of them twice."""

    def __init__(self) -> None:
        self.taken: set[str] = set()

    def of(self, prefix: str, text: str) -> str:
        stem = prefix + (re.sub(r"[^A-Za-z0-9]+", "_", text[:40]).strip("_") or "x")
        names = (stem + f"_{i}" * (i > 1) for i in range(1, len(self.taken) + 2))
        found = next(name for name in names if name not in self.taken)
        self.taken.add(found)
        return found


def define(name: str, value: object) -> str:
    return f"#define {name} {value}"


def array(kind: str, name: str, items: Iterable[str]) -> str:
    return f"static const {kind} {name} = {in_lines(items, 1)};"


def counted(
    kind: str, name: str, count: str, items: Iterable[str], shape: str = "[]", per_line: int = 8
) -> Iterator[str]:
    found = list(items)
    yield f"static const {kind} {name}{shape} = {in_lines(found, per_line)};"
    yield define(f"MLP_N_{count}", len(found))


def compound(kind: str, items: Iterable[str]) -> str:
    found = list(items)
    return f"(const {kind}[]){listed(found)}" if found else "NULL"


def doubles(values: Iterable[float]) -> str:
    return compound("double", map(number, values))


def coded_list(levels: dict[str, int]) -> str:
    """Texts and codes in the order of strcmp."""
    ordered = sorted(levels, key=lambda text: text.encode("utf-8", "surrogatepass"))
    return listed(listed((literal(text), levels[text])) for text in ordered)


def coded(name: str, levels: dict[str, int]) -> str:
    return f"static const mlp_level {name}[] = {coded_list(levels)};"
