"""The patterns of times as instructions of a small matcher, for languages without regular expressions.

A backtracking machine after Thompson 1968: it finds what Python's `re` finds, in the same order of preference. A
character is one of a set, and the sets come from `re` itself, so that case counts exactly where it does in Python.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache

TOKEN = re.compile(  # all that a pattern may be made of
    r"\(\?P<(?P<group>\w+)>|(?P<open>\(\?:)|(?P<ahead>\(\?=)|\(\?\((?P<asked>\w+)\)|(?P<close>\))|(?P<or>\|)"
    r"|\?|\{(?P<least>\d+)(?:,(?P<most>\d+))?\}|(?P<end>\$)|(?P<one>\[[^\]]+\]|\\.|[^()|?{}$*+\[\\])"
)
GROUPS = (
    "y", "m", "d", "name", "half", "half2", "H", "H3", "M", "M2", "S", "S2", "f", "zone", "zh", "zm", "sign", "D", "W",
)  # fmt: skip

# Operations, each with a number.
ONE = 0  # the next character is in the set of this number
TRY = 1  # what follows; where that fails, what stands at this address
JUMP = 2  # to this address
SAVE = 3  # twice the number of a group is its start, 1 more its end
AHEAD = 4  # what stands up to this address must follow, and is not taken
ASK = 5  # a group, the number modulo 32: if it was not found, go to the address, the number over 32
END = 6  # no character is left
DONE = 7  # found; with 1 only where no character is left

Emit = Callable[[], None]


@dataclass
class Machine:
    """Instructions of many patterns, and the sets of characters that they share."""

    code: list[tuple[int, int]] = field(default_factory=list)
    sets: list[tuple[tuple[int, int], ...]] = field(default_factory=list)  # first and last of each range

    def add(self, pattern: str, flags: int) -> int:
        """The address at which a pattern begins."""
        start = len(self.code)
        Pattern(self, pattern, flags).either()()
        self.code.append((DONE, 1))
        return start

    def set_of(self, written: str, flags: int) -> int:
        found = ranges(written, flags)
        if found not in self.sets:
            self.sets.append(found)
        return self.sets.index(found)


@cache
def cased() -> str:
    """Characters that have a case, and ASCII: beside those that it names, a pattern fits no others."""
    every = map(chr, range(0x10000))
    return "".join(one for one in every if one.isascii() or one.lower() != one or one.upper() != one)


@cache
def ranges(written: str, flags: int) -> tuple[tuple[int, int], ...]:
    """The characters that a pattern of one character fits, as first and last of each stretch."""
    fitting = sorted({ord(found[0]) for found in re.finditer(written, cased() + written, flags)})
    firsts = [here for here, before in zip(fitting, [-1, *fitting], strict=False) if here != before + 1]
    lasts = [here for here, after in zip(fitting, [*fitting[1:], -1], strict=True) if after != here + 1]
    return tuple(zip(firsts, lasts, strict=True))


class Pattern:
    """A pattern is read once; each of its parts then emits its instructions, as often as it may occur."""

    def __init__(self, machine: Machine, pattern: str, flags: int) -> None:
        self.machine, self.code, self.flags = machine, machine.code, flags
        self.tokens = list(TOKEN.finditer(pattern))
        assert "".join(token[0] for token in self.tokens) == pattern, pattern

    def next_is(self, *kinds: str) -> bool:
        return bool(self.tokens) and self.tokens[0].lastgroup in kinds

    def either(self) -> Emit:
        branches = [self.sequence()]
        while self.next_is("or"):
            self.tokens.pop(0)
            branches.append(self.sequence())

        def emit() -> None:
            jumps = []
            for branch in branches[:-1]:
                other = self.reserve()
                branch()
                jumps.append(self.reserve())
                self.code[other] = TRY, len(self.code)
            branches[-1]()
            for jump in jumps:
                self.code[jump] = JUMP, len(self.code)

        return emit

    def reserve(self) -> int:
        """The address of an instruction that is not known yet."""
        self.code.append((DONE, 0))
        return len(self.code) - 1

    def sequence(self) -> Emit:
        parts = []
        while self.tokens and not self.next_is("close", "or"):
            parts.append(self.repeated(self.part()))

        def emit() -> None:
            for part in parts:
                part()

        return emit

    def repeated(self, part: Emit) -> Emit:
        least = most = 1
        if self.tokens and self.tokens[0][0] == "?":
            self.tokens.pop(0)
            least = 0
        elif self.next_is("least", "most"):
            found = self.tokens.pop(0)
            least, most = int(found["least"]), int(found["most"] or found["least"])

        def emit() -> None:
            ends = []
            for i in range(most):
                if i >= least:
                    ends.append(self.reserve())
                part()
            for end in ends:
                self.code[end] = TRY, len(self.code)

        return emit

    def part(self) -> Emit:
        token = self.tokens.pop(0)
        kind = token.lastgroup
        if kind == "one":
            number = self.machine.set_of(token[0], self.flags)
            return lambda: self.code.append((ONE, number))
        if kind == "end":
            return lambda: self.code.append((END, 0))
        assert kind in PARTS, token[0]
        emit = PARTS[kind](self, token[kind])
        assert self.tokens.pop(0)[0] == ")"
        return emit

    def group(self, name: str) -> Emit:
        inner, number = self.either(), 2 * GROUPS.index(name)

        def emit() -> None:
            self.code.append((SAVE, number))
            inner()
            self.code.append((SAVE, number + 1))

        return emit

    def ahead(self, _: str) -> Emit:
        inner = self.either()

        def emit() -> None:
            at = self.reserve()
            inner()
            self.code.append((DONE, 0))
            self.code[at] = AHEAD, len(self.code)

        return emit

    def asked(self, name: str) -> Emit:
        yes, number = self.sequence(), GROUPS.index(name)
        self.tokens.pop(0)
        no = self.sequence()

        def emit() -> None:
            ask = self.reserve()
            yes()
            jump = self.reserve()
            self.code[ask] = ASK, len(self.code) * 32 + number
            no()
            self.code[jump] = JUMP, len(self.code)

        return emit


PARTS: dict[str, Callable[[Pattern, str], Emit]] = {
    "group": Pattern.group, "open": lambda self, _: self.either(), "ahead": Pattern.ahead, "asked": Pattern.asked,
}  # fmt: skip
