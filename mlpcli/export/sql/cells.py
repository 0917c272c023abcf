"""Cells as they stand in the CSV, or typed, become columns v0, v1, ... of numbers and t0, t1, ... of texts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

from mlpcli.data.formats.marks import CURRENCIES
from mlpcli.data.formats.numbers import POWERS, NumberFormat
from mlpcli.data.formats.writing import FOLDED
from mlpcli.errors import UsageError
from mlpcli.export.program import Program
from mlpcli.export.sql.chain import Chain
from mlpcli.export.sql.engines import Engine, literal, quoted
from mlpcli.export.sql.times import read_times

Pass = Callable[[str, NumberFormat, Engine], str | None]  # text -> text, as an expression; None: nothing to do


def read_cells(program: Program, engine: Engine, table: str) -> Chain:
    """A chain that has read every cell, NULL where there is no value. Raises UsageError for what SQL cannot read."""
    check_columns(program, engine)
    columns = {}
    for i, cell in enumerate(program.cells):
        place = f"d.{quoted(cell.name)}"
        if cell.format is None:
            columns[f"t{i}"] = engine.text(place)
        elif isinstance(cell.format, NumberFormat):
            columns[f"t{i}"] = engine.number_cell(place)
            if not cell.format.is_plain:
                columns[f"k{i}"] = engine.is_text(place)
        else:
            columns[f"t{i}"] = engine.trimmed(engine.text(place))
    chain = Chain(engine, table, columns)
    chain.add({f"t{i}": present(program, engine, i) for i in range(len(program.cells))})
    read_numbers(program, chain)
    read_times(program, chain)
    return chain


def check_columns(program: Program, engine: Engine) -> None:
    """UsageError for names that are one to the engine, and for free text."""
    names: dict[str, str] = {}
    for cell in program.cells:
        other = names.setdefault(engine.known_as(cell.name), cell.name)
        if other != cell.name:
            raise UsageError(
                f"columns '{other}' and '{cell.name}' have one name in this SQL", "rename one, and train again"
            )
    for words in program.words:
        name = program.cells[words.cell].name
        raise UsageError(
            f"column '{name}' is free text, whose words SQL cannot count", "train without it, or another --to"
        )


def present(program: Program, engine: Engine, i: int) -> str:
    """The text of a cell, NULL where it is a marker of a missing value."""
    is_text, text = program.cells[i].format is None, f"t{i}"
    # Words are neither numbers nor times, and so have no value anyway.
    markers = [m for m in program.dialect.missing if is_text or any(map(str.isdigit, m))]
    if not markers:
        return text
    stripped = engine.trimmed(text) if is_text else engine.text(text)
    return f"CASE WHEN {stripped} IN ({', '.join(map(literal, markers))}) THEN NULL ELSE {text} END"


def read_numbers(program: Program, chain: Chain) -> None:
    numbers = {i: cell.format for i, cell in enumerate(program.cells) if isinstance(cell.format, NumberFormat)}
    marked = {i: form for i, form in numbers.items() if not form.is_plain}
    for of_pass in PASSES:
        columns = {}
        for i, form in marked.items():
            found = of_pass(f"t{i}", form, chain.engine)
            if found is not None:
                columns[f"t{i}"] = f"CASE WHEN k{i} THEN {found} ELSE t{i} END"
        if columns:
            chain.add(columns)
    if numbers:
        columns = {f"v{i}": chain.engine.plain_number(f"t{i}") for i in numbers}
        chain.add(columns, [*(f"t{i}" for i in numbers), *(f"k{i}" for i in marked)])


def replaced(text: str, old: Iterable[str], new: str) -> str:
    for one in old:
        text = f"replace({text}, {literal(one)}, {literal(new)})"
    return text


def folded(pairs: Sequence[tuple[str, str]], text: str, form: NumberFormat, engine: Engine) -> str:
    """Some marks of other widths as the usual ones, and no spaces."""
    for old, new in pairs:
        text = replaced(text, [old], new)
    return text


FOLDS = [(chr(c), chr(folded).strip()) for c, folded in ({ord(" "): ord(" ")} | FOLDED).items()]
AT_ONCE = 10  # texts replaced in one expression: the stack of SQLite's parser is small


def without_currency(text: str, form: NumberFormat, engine: Engine) -> str | None:
    """All spellings of the one currency that the column may have taken out."""
    if not form.currency:
        return None
    spellings = [name for name, code in CURRENCIES.items() if code == CURRENCIES[form.currency]]
    return replaced(text, sorted(spellings, key=len, reverse=True), "")


def without_dashes(text: str, form: NumberFormat, engine: Engine) -> str:
    """12,- is 12."""
    for mark in ",.":
        for dash in ("-", "−"):
            text = replaced(text, [mark + dash] * 2, mark)
    return text


def in_brackets(text: str, form: NumberFormat, engine: Engine) -> str | None:
    if "accounting" not in form.negatives:
        return None
    is_so = f"{engine.place(text, '(')} > 0 AND {engine.place(text, ')')} > {engine.place(text, '(')}"
    return f"CASE WHEN {is_so} THEN '-' || {replaced(text, '()', '')} ELSE {text} END"


def with_minus_behind(text: str, form: NumberFormat, engine: Engine) -> str | None:
    if "trailing" not in form.negatives:
        return None
    is_so = f"{engine.last(text, 1)} IN ('-', '−')"
    return f"CASE WHEN {is_so} THEN '-' || substr({text}, 1, length({text}) - 1) ELSE {text} END"


def without_unit(text: str, form: NumberFormat, engine: Engine) -> str | None:
    """The text before its unit; NULL where it has none."""
    if not form.unit:
        return None
    if "%" in form.unit:
        return f"CASE WHEN {engine.place(text, '%')} > 0 THEN {replaced(text, '%', '')} END"
    plain = {raised: written for written, raised in POWERS.items()}
    units = [unit.replace(" ", "") for unit in form.unit]
    units += [unit[:-2] + plain[unit[-2:]] for unit in units if unit[-2:] in plain]
    whens = [
        f"WHEN {engine.last(text, len(unit))} = {literal(unit)} THEN substr({text}, 1, length({text}) - {len(unit)})"
        for unit in sorted(units, key=len, reverse=True)
    ]
    return f"CASE {' '.join(whens)} END"


def with_point(text: str, form: NumberFormat, engine: Engine) -> str:
    found = replaced(text, ["−"], "-") if "typographic" in form.negatives else text
    if form.thousands is not None:
        found = replaced(found, [form.thousands], "")
    return found if form.decimal == "." else replaced(found, [form.decimal], ".")


PASSES: tuple[Pass, ...] = (
    *(partial(folded, FOLDS[i : i + AT_ONCE]) for i in range(0, len(FOLDS), AT_ONCE)),
    without_currency,
    without_dashes,
    in_brackets,
    with_minus_behind,
    without_unit,
    with_point,
)
