"""Cells as numbers, seconds and texts fill the inputs of the networks."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from mlpcli.data.kinds.date import ELAPSED, MINUTES_A_DAY
from mlpcli.data.kinds.number import JUMP, MAX_NUMBER, MIN_INPUT
from mlpcli.export.onnx.graph import ML, Graph
from mlpcli.export.program import Category, Level, Number, Program

MAX_SCALED = 1e6  # a scaled number is brought down to it
EPOCH = 719468  # days from 0000-03-01 to 1970-01-01
DAY = 86400.0
FIRST, LAST = -62135596800.0, 253402300799.0  # seconds of the years 1 and 9999
HALF_A_MICROSECOND = 5e-7


def fill_inputs(program: Program, cells: list[str], graph: Graph) -> tuple[str, dict[int, str]]:
    """Names of cells (n, 1) -> name of the inputs (n, n_inputs), and of the numbers of levels (n, 1) by their place"""
    pieces: list[tuple[str, list[int]]] = []  # names of float32 (n, k), and the places of their columns
    if program.numbers:
        pieces += number_inputs(program, cells, graph)
    met = []
    for category in program.categories:
        code = code_of(program, category, cells, graph)
        places = list(range(category.start, category.start + len(category.off)))
        pieces.append((looked_up(inputs_of_codes(category), code, graph), places))
        met.append(looked_up(np.array(category.met, np.int64)[:, None], code, graph))
    levels = {of.place: code_of(program, of, cells, graph) for of in program.levels}
    pieces += [(graph.numbers(code, False), [place]) for place, code in levels.items()]
    if program.pairs:
        pieces.append(pair_inputs(program, graph.op("Concat", *met, axis=1), graph))
    joined = graph.op("Concat", *(name for name, _ in pieces), axis=1)
    order = np.argsort(np.concatenate([places for _, places in pieces]), kind="stable")
    return graph.columns(joined, order.astype(np.int64)), levels


def looked_up(table: np.ndarray[tuple[int, int], np.dtype[np.generic]], code: str, graph: Graph) -> str:
    """(n_codes, k), codes (n, 1) -> (n, k)"""
    flat = graph.op("Squeeze", code, graph.constant([1], np.int64))
    return graph.op("Gather", graph.constant(table, table.dtype), flat, axis=0)


# --- numbers ----------------------------------------------------------------------------------------------


def number_inputs(program: Program, cells: list[str], graph: Graph) -> list[tuple[str, list[int]]]:
    """All numbers at once: scaled, indicators, piecewise-linear, cuts."""
    rules, numbers = [number.rule for number in program.numbers], program.numbers
    dates: dict[int, Mapping[str, str]] = {}
    columns = []
    for number in numbers:
        if number.part is None:
            columns.append(cells[number.cell])
            continue
        if number.cell not in dates:
            dates[number.cell] = date_parts(cells[number.cell], graph)
        columns.append(dates[number.cell][number.part])
    values = graph.op("Concat", *columns, axis=1)
    is_missing = graph.op("IsNaN", values)
    medians = graph.constant([[rule.median for rule in rules]])
    filled = graph.between([[-MAX_NUMBER]], graph.op("Where", is_missing, medians, values), [[MAX_NUMBER]])
    found = [(graph.numbers(scaled(numbers, filled, graph), False), [number.plain for number in numbers])]
    marked = [k for k, rule in enumerate(rules) if rule.indicator]
    if marked:
        ends = np.array([rules[k].indicator for k in marked], np.float32)
        here = graph.columns(is_missing, marked)
        present, missing = graph.constant(ends[None, :, 0], np.float32), graph.constant(ends[None, :, 1], np.float32)
        found.append((graph.op("Where", here, missing, present), [numbers[k].plain + 1 for k in marked]))
    return [*found, *bins(numbers, filled, graph), *jumps(numbers, filled, graph)]


def scaled(numbers: tuple[Number, ...], filled: str, graph: Graph) -> str:
    """(value - center) * factor within MAX_SCALED, bent: of values so near to the center that nothing overflows."""
    center, factor = (np.array([getattr(n.rule, name) for n in numbers]) for name in ("center", "factor"))
    reach = np.array([MAX_SCALED / abs(f) if f else 0.0 for f in factor])
    near = graph.between([center - reach], filled, [center + reach])
    z = graph.op("Mul", graph.op("Sub", near, graph.constant([center])), graph.constant([factor]))
    is_tiny = graph.op("Less", graph.op("Abs", z), graph.constant(MIN_INPUT))
    z = graph.op("Where", is_tiny, graph.constant(0.0), z)
    clip = np.array([n.rule.clip or np.inf for n in numbers])
    part = graph.op("Div", z, graph.constant([clip]))
    root = graph.op("Sqrt", graph.op("Add", graph.op("Mul", part, part), graph.constant(1.0)))
    return graph.op("Div", z, root)


def bins(numbers: tuple[Number, ...], filled: str, graph: Graph) -> list[tuple[str, list[int]]]:
    """A value outside of a bin gives its input one of both ends."""
    found = [
        (k, number.ple + i, number.rule.edges[i], number.rule.edges[i + 1], number.rule.shrink)
        for k, number in enumerate(numbers) for i in range(len(number.rule.edges) - 1)
    ]  # fmt: skip
    if not found:
        return []
    low, high, shrink = (np.array([[one[i] for one in found]]) for i in (2, 3, 4))
    inside = graph.between(low, graph.columns(filled, [one[0] for one in found]), high)
    share = graph.op("Div", graph.op("Sub", inside, graph.constant(low)), graph.constant(high - low))
    centred = graph.op("Sub", share, graph.constant(0.5))
    return [(graph.numbers(graph.op("Mul", centred, graph.constant(2 * shrink)), False), [one[1] for one in found])]


def jumps(numbers: tuple[Number, ...], filled: str, graph: Graph) -> list[tuple[str, list[int]]]:
    found = [(k, number.cuts + i, cut) for k, number in enumerate(numbers) for i, cut in enumerate(number.rule.cuts)]
    if not found:
        return []
    exceeds = graph.op(
        "Greater", graph.columns(filled, [k for k, _, _ in found]), graph.constant([[cut for _, _, cut in found]])
    )
    high, low = graph.constant(JUMP, np.float32), graph.constant(-JUMP, np.float32)
    return [(graph.op("Where", exceeds, high, low), [place for _, place, _ in found])]


def date_parts(seconds: str, graph: Graph) -> dict[str, str]:
    """Seconds (n, 1), NaN where missing -> name of the part -> (n, 1); by whole numbers, Howard Hinnant."""

    def whole(kind: str, a: str, b: int | str) -> str:
        return graph.op(kind, a, b if isinstance(b, str) else graph.constant(b, np.int64))

    def as_number(value: str) -> str:
        return graph.op("Where", is_missing, graph.constant(np.nan), graph.numbers(value, True))

    is_missing = graph.op("IsNaN", seconds)
    known = graph.between(FIRST, graph.op("Where", is_missing, graph.constant(0.0), seconds), LAST)
    rounded = graph.op("Add", known, graph.constant(HALF_A_MICROSECOND))
    day = graph.op("Floor", graph.op("Div", rounded, graph.constant(DAY)))
    of_day = graph.op("Sub", rounded, graph.op("Mul", day, graph.constant(DAY)))
    minute = graph.op("Floor", graph.op("Div", of_day, graph.constant(60.0)))
    days = whole("Add", graph.whole(day), EPOCH)
    era, of_era = whole("Div", days, 146097), whole("Mod", days, 146097)
    years = whole("Sub", of_era, whole("Div", of_era, 1460))
    years = whole("Sub", whole("Add", years, whole("Div", of_era, 36524)), whole("Div", of_era, 146096))
    year = whole("Div", years, 365)
    of_year = whole("Sub", whole("Add", whole("Mul", year, 365), whole("Div", year, 4)), whole("Div", year, 100))
    of_year = whole("Sub", of_era, of_year)
    shifted = whole("Div", whole("Add", whole("Mul", of_year, 5), 2), 153)
    first = whole("Div", whole("Add", whole("Mul", shifted, 153), 2), 5)
    month = whole("Add", whole("Mod", whole("Add", shifted, 2), 12), 1)
    is_early = graph.whole(graph.op("Less", month, graph.constant(3, np.int64)))
    turns = {
        "month": (whole("Sub", month, 1), 12), "day": (whole("Sub", of_year, first), 31),
        "weekday": (whole("Mod", whole("Add", days, 2), 7), 7), "hour": (graph.whole(minute), MINUTES_A_DAY),
    }  # fmt: skip
    found = {
        ELAPSED: graph.op("Div", seconds, graph.constant(DAY)),
        "year": as_number(whole("Add", whole("Add", year, whole("Mul", era, 400)), is_early)),
    }
    for name, (part, of) in turns.items():
        angle = graph.op("Mul", as_number(part), graph.constant(2 * np.pi / of))
        found[f"{name} on a circle, sine"] = graph.op("Sin", angle)
        # onnxruntime has no cosine of float64.
        found[f"{name} on a circle, cosine"] = graph.op("Sin", graph.op("Add", angle, graph.constant(np.pi / 2)))
    return found


# --- categories -------------------------------------------------------------------------------------------


def code_of(program: Program, of: Category | Level, cells: list[str], graph: Graph) -> str:
    """The number of the level of each cell (n, 1); an empty text is the missing value, and so are its markers."""
    missing = dict(of.codes).get(None, of.other)
    codes = dict.fromkeys(("", *program.dialect.missing), missing)
    codes |= {level: code for level, code in of.codes if level is not None}
    return graph.op(
        "LabelEncoder", cells[of.cell], domain=ML, keys_strings=list(codes), values_int64s=list(codes.values()),
        default_int64=of.other,
    )  # fmt: skip


def inputs_of_codes(category: Category) -> np.ndarray[tuple[int, int], np.dtype[np.float32]]:
    """(n_codes, n_inputs)"""
    table = np.tile(np.array(category.off, np.float32), (len(category.on), 1))
    for code, on in enumerate(category.on):
        if on is not None:
            table[code, on[0]] = on[1]
    return table


def pair_inputs(program: Program, met: str, graph: Graph) -> tuple[str, list[int]]:
    """Numbers in pairs of levels (n, n_categories) -> inputs of pairs"""
    first, second = (
        graph.op(
            "Equal",
            graph.columns(met, [(pair.first, pair.second)[side] for pair in program.pairs]),
            graph.constant([[pair.met[side] for pair in program.pairs]], np.int64),
        )
        for side in (0, 1)
    )
    values = graph.constant([[pair.value for pair in program.pairs]], np.float32)
    none = graph.constant(0.0, np.float32)
    return graph.op("Where", graph.op("And", first, second), values, none), [pair.place for pair in program.pairs]
