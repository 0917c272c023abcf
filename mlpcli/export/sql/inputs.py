"""What cells were read to fills the inputs of the networks, columns x0, x1, ..."""

from __future__ import annotations

from itertools import pairwise

from mlpcli.data.kinds.number import JUMP, MAX_NUMBER, MIN_INPUT
from mlpcli.export.program import Category, Number, Pair, Program
from mlpcli.export.sql.chain import Chain
from mlpcli.export.sql.engines import Engine, cases, literal
from mlpcli.export.sql.times import read_parts

MAX_SCALED = 1e6  # a scaled number is brought down to it


def fill_inputs(program: Program, chain: Chain) -> None:
    """The inputs that some network sees, or some step of the interval."""
    parts = read_parts(program, chain)
    columns = {n: f"v{n.cell}" if n.part is None else parts[n.cell, n.part] for n in program.numbers}
    texts = [f"t{cell}" for cell in (*(c.cell for c in program.categories), *(of.cell for of in program.levels))]
    chain.add(
        {f"f{k}": filled(number, columns[number], chain.engine) for k, number in enumerate(program.numbers)}
        | {
            f"c{k}": code(program, category.cell, category.codes, category.other, chain.engine)
            for k, category in enumerate(program.categories)
        }
        | {f"x{of.place}": code(program, of.cell, of.codes, of.other, chain.engine) for of in program.levels},
        texts,
    )
    chain.add({f"z{k}": scaled(f"f{k}", number, chain.engine) for k, number in enumerate(program.numbers)})
    found: dict[str, str] = {}
    for k, number in enumerate(program.numbers):
        found |= number_inputs(k, number, columns[number], chain.engine)
    for k, category in enumerate(program.categories):
        found |= category_inputs(k, category, chain.engine)
    for pair in program.pairs:
        found[f"x{pair.place}"] = together(program, pair, chain.engine)
    used = {f"x{i}" for net in program.nets for i in net.inputs.tolist()}
    used |= {f"x{step[0]}" for step in (program.interval.steps if program.interval else ())}
    done = [*columns.values(), *(f"{c}{k}" for k in range(len(program.numbers)) for c in "fz")]
    done += [f"c{k}" for k in range(len(program.categories))]
    chain.add({name: found[name] for name in found if name in used}, done)


def filled(number: Number, value: str, engine: Engine) -> str:
    """The value within bounds, the median where it is missing."""
    high, low = engine.number(MAX_NUMBER), engine.number(-MAX_NUMBER)
    present = f"coalesce({value}, {engine.number(number.rule.median)})"
    return f"{engine.greatest}({low}, {engine.least}({high}, {present}))"


def scaled(value: str, number: Number, engine: Engine) -> str:
    """(value - center) * factor within MAX_SCALED, by a value near enough to the center that nothing overflows."""
    rule = number.rule
    reach = MAX_SCALED / abs(rule.factor) if rule.factor else 0.0
    low, high = (engine.number(rule.center + side) for side in (-reach, reach))
    near = f"{engine.greatest}({low}, {engine.least}({high}, {value}))"
    return f"({near} - {engine.number(rule.center)}) * {engine.number(rule.factor)}"


def number_inputs(k: int, number: Number, value: str, engine: Engine) -> dict[str, str]:
    """Inputs of column f and its scaled z."""
    rule, n = number.rule, engine.number
    bent = f"z{k} / sqrt(1 + (z{k} / {n(rule.clip)}) * (z{k} / {n(rule.clip)}))" if rule.clip else f"z{k}"
    found = {f"x{number.plain}": f"CASE WHEN abs(z{k}) < {n(MIN_INPUT)} THEN {n(0.0)} ELSE {bent} END"}
    if rule.indicator:
        present, missing = map(n, rule.indicator)
        found[f"x{number.plain + 1}"] = f"CASE WHEN {value} IS NULL THEN {missing} ELSE {present} END"
    for i, (low, high) in enumerate(pairwise(rule.edges)):
        # A value outside of its bin gives that bin's input one of both ends.
        share = f"({n(2 * rule.shrink)} * ((f{k} - {n(low)}) / {n(high - low)} - 0.5))"
        ends = f"WHEN f{k} <= {n(low)} THEN {n(-rule.shrink)} WHEN f{k} >= {n(high)} THEN {n(rule.shrink)}"
        found[f"x{number.ple + i}"] = f"CASE {ends} ELSE {share} END"
    for i, cut in enumerate(rule.cuts):
        found[f"x{number.cuts + i}"] = f"CASE WHEN f{k} > {n(cut)} THEN {n(JUMP)} ELSE {n(-JUMP)} END"
    return found


def code(program: Program, cell: int, codes: tuple[tuple[str | None, int], ...], other: int, engine: Engine) -> str:
    """The number of the level of a cell."""
    of_text = cases(
        f"t{cell}", {literal(level): str(number) for level, number in codes if level is not None}, str(other)
    )
    return f"CASE WHEN t{cell} IS NULL THEN {dict(codes).get(None, other)} ELSE {of_text} END"


def category_inputs(k: int, category: Category, engine: Engine) -> dict[str, str]:
    """Inputs of a category with its code in c."""
    found = {}
    for i, off in enumerate(category.off):
        on = {str(c): engine.number(this[1]) for c, this in enumerate(category.on) if this is not None and this[0] == i}
        found[f"x{category.start + i}"] = cases(f"c{k}", on, engine.number(off))
    return found


def together(program: Program, pair: Pair, engine: Engine) -> str:
    """The input of a pair of levels."""
    has_both = []
    for k, met in zip((pair.first, pair.second), pair.met, strict=True):
        codes = [str(c) for c, this in enumerate(program.categories[k].met) if this == met]
        has_both.append(f"c{k} IN ({', '.join(codes)})")
    return f"CASE WHEN {' AND '.join(has_both)} THEN {engine.number(pair.value)} ELSE {engine.number(0.0)} END"
