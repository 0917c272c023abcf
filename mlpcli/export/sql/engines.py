"""How each engine writes what the others write differently. To add one: a subclass of Engine, a line in ENGINES."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from mlpcli.engine.arrays import Array
from mlpcli.errors import UsageError

SPACES = (  # what Python's `strip` takes off
    *range(9, 14), *range(28, 33), 0x85, 0xA0, 0x1680, *range(0x2000, 0x200B), 0x2028, 0x2029, 0x202F, 0x205F, 0x3000,
)  # fmt: skip
LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}  # SQLite folds no other letters
IN_A_ROW = 8  # operands of one operator that stand without brackets: SQLite takes expressions of depth 1,000
PLAIN_NUMBER = r"^[+-]?([0-9]+([.][0-9]*)?|[.][0-9]+)([eE][+-]?[0-9]+)?$"


def quoted(name: str) -> str:
    """An identifier. Raises UsageError for one that no SQL can hold."""
    check_text(name)
    return '"' + name.replace('"', '""') + '"'


def literal(text: str) -> str:
    check_text(text)
    return "'" + text.replace("'", "''") + "'"


def check_text(text: str) -> None:
    """UsageError for a text that no SQL can hold."""
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise UsageError(
            f"SQL has no way to write {ascii(text)[:60]}", "rename it in the training file, and train again"
        )


def bracketed(operator: str, operands: Sequence[str]) -> str:
    """Operands with an operator between them, in brackets that keep the tree flat."""
    while len(operands) > IN_A_ROW:
        chunks = (operands[i : i + IN_A_ROW] for i in range(0, len(operands), IN_A_ROW))
        operands = [f"({operator.join(chunk)})" for chunk in chunks]
    return operator.join(operands)


def cases(of: str, found: Mapping[str, str], otherwise: str) -> str:
    """The value of the first that `of` equals."""
    whens = "".join(f" WHEN {key} THEN {value}" for key, value in found.items())
    return f"CASE {of}{whens} ELSE {otherwise} END" if found else otherwise


@dataclass(frozen=True)
class Products:
    """The sums of a layer, and what they need: columns of the SELECT before, a table of numbers, a join."""

    sums: list[str]
    first: Mapping[str, str] = field(default_factory=dict)
    table: str = ""
    join: str = ""


class Engine(ABC):
    """The SQL of one engine; arguments and answers are expressions."""

    keeps_apart: ClassVar[str]  # stands behind a SELECT that must not be merged with the one around it
    max_columns: ClassVar[int]
    greatest, least = "greatest", "least"
    integer_division = "/"

    @abstractmethod
    def number(self, value: float) -> str:
        """A literal, of double precision."""

    @abstractmethod
    def text(self, cell: str) -> str:
        """A column of any type as text."""

    @abstractmethod
    def is_text(self, cell: str) -> str:
        """Whether a column, or a cell of it, is text."""

    def number_cell(self, cell: str) -> str:
        """A column of any type as `plain_number` takes it."""
        return self.trimmed(self.text(cell))

    @abstractmethod
    def plain_number(self, text: str) -> str:
        """Text without spaces around it as a number; NULL where it is none."""

    @abstractmethod
    def trimmed(self, text: str) -> str: ...

    @abstractmethod
    def known_as(self, name: str) -> str:
        """What columns are told apart by."""

    def last(self, text: str, n: int) -> str:
        """The last n characters."""
        return f"right({text}, {n})"

    @abstractmethod
    def place(self, text: str, character: str) -> str:
        """Where a character stands first in a text, from 1 on; 0 where it does not."""

    @abstractmethod
    def shape(self, text: str) -> str:
        """The text with 0 for every digit."""

    def exp(self, x: str) -> str:
        # The engines refuse results that overflow, PostgreSQL those that underflow too.
        return f"exp(greatest(-80, least(80, {x})))"

    def extreme(self, function: str, values: Sequence[str]) -> str:
        """`greatest` or `least` of some values."""
        values = list(values)
        while len(values) > 1:
            chunks = (values[i : i + 64] for i in range(0, len(values), 64))  # arguments; SQLite takes up to 127
            values = [c[0] if len(c) == 1 else f"{function}({', '.join(c)})" for c in chunks]
        return values[0]

    def of_level(self, values: Sequence[float], code: str) -> str | None:
        """The value with a number; None where a join is faster."""
        return None

    @abstractmethod
    def products(self, names: Sequence[str], weights: Array, bias: Array, name: str) -> Products:
        """Columns (n_in), weights (n_in, n_out), bias (n_out,) -> n_out sums; `name` is free for a table"""


class SQLite(Engine):
    keeps_apart = " LIMIT -1"
    max_columns = 2000
    greatest, least = "max", "min"

    def number(self, value: float) -> str:
        return repr(float(value))

    def known_as(self, name: str) -> str:
        return name.translate(LOWER)

    def last(self, text: str, n: int) -> str:
        return f"substr({text}, -{n})"

    def is_text(self, cell: str) -> str:
        return f"typeof({cell}) = 'text'"

    def text(self, cell: str) -> str:
        return f"CASE typeof({cell}) WHEN 'real' THEN printf('%.15g', {cell}) ELSE CAST({cell} AS TEXT) END"

    def number_cell(self, cell: str) -> str:
        return f"CASE typeof({cell}) WHEN 'text' THEN {self.trimmed(cell)} ELSE {cell} END"

    def plain_number(self, text: str) -> str:
        # Where one side is NUMERIC, the other is compared as a number if, and only if, it is one from end to end.
        is_number = f"{text} = CAST({text} AS NUMERIC) AND abs(CAST({text} AS REAL)) <= 1.7976931348623157e308"
        return f"CASE WHEN {is_number} THEN CAST({text} AS REAL) END"

    def trimmed(self, text: str) -> str:
        return f"trim({text}, char({','.join(map(str, SPACES))}))"

    def place(self, text: str, character: str) -> str:
        return f"instr({text}, {literal(character)})"

    def shape(self, text: str) -> str:
        for digit in "123456789":
            text = f"replace({text}, '{digit}', '0')"
        return text

    def exp(self, x: str) -> str:
        return f"exp({x})"

    def products(self, names: Sequence[str], weights: Array, bias: Array, name: str) -> Products:
        columns = zip(weights.T.tolist(), bias.tolist(), strict=True)
        return Products([self.product(names, column, constant) for column, constant in columns])

    def product(self, names: Sequence[str], weights: Sequence[float], constant: float) -> str:
        # SQLite looks for each constant among all those before it, but for those that are made by a function.
        terms = [
            f"{'-' if w < 0 else '+'}{name}*abs({self.number(abs(w))})"
            for name, w in zip(names, weights, strict=True) if w
        ]  # fmt: skip
        chunks = ["".join(terms[i : i + IN_A_ROW]) for i in range(0, len(terms), IN_A_ROW)]
        return bracketed("+", [self.number(constant), *(f"({chunk})" for chunk in chunks)])


class DuckDB(Engine):
    keeps_apart = ""
    max_columns = 1_000_000
    integer_division = "//"

    def number(self, value: float) -> str:
        found = repr(float(value))
        return found if "e" in found else f"{found}e0"  # without an exponent it would be a DECIMAL

    def known_as(self, name: str) -> str:
        return name.lower()

    def text(self, cell: str) -> str:
        whole = f"regexp_replace(CAST({cell} AS VARCHAR), '[.]0$', '')"
        return f"CASE WHEN typeof({cell}) IN ('DOUBLE', 'FLOAT') THEN {whole} ELSE CAST({cell} AS VARCHAR) END"

    def is_text(self, cell: str) -> str:
        return f"typeof({cell}) = 'VARCHAR'"

    def plain_number(self, text: str) -> str:
        value = f"TRY_CAST({text} AS DOUBLE)"
        return f"CASE WHEN regexp_full_match({text}, {literal(PLAIN_NUMBER)}) AND isfinite({value}) THEN {value} END"

    def trimmed(self, text: str) -> str:
        return f"trim({text}, concat({', '.join(f'chr({space})' for space in SPACES)}))"

    def place(self, text: str, character: str) -> str:
        return f"instr({text}, {literal(character)})"

    def shape(self, text: str) -> str:
        return f"translate({text}, '123456789', '000000000')"

    def of_level(self, values: Sequence[float], code: str) -> str:
        return f"list_extract('{list(values)}'::DOUBLE[], {code} + 1)"

    def products(self, names: Sequence[str], weights: Array, bias: Array, name: str) -> Products:
        # Arrays in quotes: as lists of numbers they would take ten times as long to parse.
        of_type = f"::DOUBLE[{len(names)}]"
        sums = [
            f"array_inner_product(g0, '{column}'{of_type}) + {self.number(constant)}"
            for column, constant in zip(weights.T.tolist(), bias.tolist(), strict=True)
        ]
        return Products(sums, first={"g0": f"[{', '.join(names)}]{of_type}"})


class PostgreSQL(Engine):
    keeps_apart = " OFFSET 0"
    max_columns = 1600
    max_name = 63  # bytes; what is longer is cut off

    def number(self, value: float) -> str:
        return f"({float(value)!r})::float8" if value < 0 else f"{float(value)!r}::float8"

    def known_as(self, name: str) -> str:
        return name.encode()[: self.max_name].decode(errors="replace")

    def text(self, cell: str) -> str:
        return f"CAST({cell} AS text)"

    def is_text(self, cell: str) -> str:
        types = ", ".join(f"'{name}'::regtype" for name in ("text", "varchar", "bpchar"))
        return f"pg_typeof({cell}) IN ({types})"

    def plain_number(self, text: str) -> str:
        # Numbers too small for a double would stop the query, as those too large.
        size = f"abs({text}::numeric)"
        value = (
            f"CASE WHEN {size} > 1.7976931348623157e308 THEN NULL WHEN {size} < 1e-200 THEN 0 ELSE {text}::float8 END"
        )
        pattern = literal(PLAIN_NUMBER.replace("[0-9]+)?$", "[0-9]{1,4})?$"))
        return f"CASE WHEN length({text}) < 400 AND {text} ~ {pattern} THEN {value} END"

    def trimmed(self, text: str) -> str:
        return f"btrim({text}, {' || '.join(f'chr({space})' for space in SPACES)})"

    def place(self, text: str, character: str) -> str:
        return f"strpos({text}, {literal(character)})"

    def shape(self, text: str) -> str:
        return f"translate({text}, '123456789', '000000000')"

    def of_level(self, values: Sequence[float], code: str) -> str:
        return f"({array_literal(values)})[{code} + 1]"

    def products(self, names: Sequence[str], weights: Array, bias: Array, name: str) -> Products:
        # A row for each unit: expressions of all units together would take minutes to plan.
        columns = ", ".join(["b", *(f"w{i}" for i in range(len(names)))])
        arrays = ", ".join(map(array_literal, [bias.tolist(), *weights.tolist()]))
        total = bracketed("+", ["b", *(f"{column}*w{i}" for i, column in enumerate(names))])
        units = f"SELECT array_agg(z) AS z FROM (SELECT {total} AS z FROM {name} OFFSET 0) AS u"
        return Products(
            [f"l.z[{j + 1}]" for j in range(len(bias))],
            table=f"{name} AS MATERIALIZED (SELECT * FROM unnest({arrays}) AS t({columns}))",
            join=f" CROSS JOIN LATERAL ({units}) AS l",
        )


def array_literal(values: Sequence[float]) -> str:
    return f"'{{{','.join(map(repr, values))}}}'::float8[]"


ENGINES: Mapping[str, Engine] = {"sqlite": SQLite(), "duckdb": DuckDB(), "postgresql": PostgreSQL()}
