"""The clean table, and the form in which the checklists say what a command answers to a file."""

from __future__ import annotations

from dataclasses import dataclass

HEADER = "a,b,c,y\n"
ROWS = [f"{i * 5 % 17},{i * 0.5},x{i % 3},{'yes' if i * 5 % 17 > 8 else 'no'}\n" for i in range(60)]
GOOD = HEADER + "".join(ROWS)
FAST = ("--preset", "classic", "--hidden", "4", "--epochs", "2")
COMMANDS = ("train", "inspect", "evaluate", "predict")
MODELLED = ("evaluate", "predict")
BEFORE = b"what was here before"


@dataclass(frozen=True)
class Case:
    """Bytes of a file, and what the commands have to answer."""

    content: bytes | str
    says: str | dict[str, str] = ""  # in the message of an error, or in a note
    flags: tuple[str, ...] = ()
    bad: bool | tuple[str, ...] = False  # all commands refuse it, or these
    same: bool = True  # a good one is predicted like the clean table
    name: str = "d.csv"
    silent: tuple[str, ...] = ()  # good, and nothing is said by these
    train: tuple[str, ...] = ("--target", "y")

    def refused_by(self, command: str) -> bool:
        return self.bad if isinstance(self.bad, bool) else command in self.bad

    def message(self, command: str) -> str:
        return self.says.get(command, "") if isinstance(self.says, dict) else self.says


def with_line(number: int, line: str) -> str:
    """The clean table with another line in place of one of its own, counted from 1."""
    lines = GOOD.split("\n")
    lines[number - 1] = line
    return "\n".join(lines)
