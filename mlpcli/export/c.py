"""A model as one C99 file that needs nothing but libm: data, and `runtime/model.c` around it."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from collections.abc import Iterator, Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from mlpcli.config.flags import as_flag
from mlpcli.data.formats.dates import HALVES, LAYOUTS, MONTH_OF, ZONES, TimeFormat
from mlpcli.data.formats.marks import CURRENCIES
from mlpcli.data.formats.numbers import POWERS, NumberFormat
from mlpcli.data.formats.writing import FOLDED
from mlpcli.errors import UsageError
from mlpcli.export.answers import read_answers
from mlpcli.export.c_values import (
    Names,
    array,
    character,
    coded,
    coded_list,
    commented,
    compound,
    counted,
    define,
    doubles,
    float32s,
    in_lines,
    listed,
    literal,
    number,
)  # fmt: skip
from mlpcli.export.characters import folded_cases, of_words
from mlpcli.export.patterns import GROUPS, Machine
from mlpcli.export.program import Affine, Category, Linear, Net, Number, Program, Standardise, Step
from mlpcli.export.python import RUNTIME
from mlpcli.export.rows import coded_cells, coded_rows, text_rows
from mlpcli.export.target import Answers, Target, Wishes

COMPILE = ("-std=c99", "-O2", "-DMLP_MAIN")  # flags of every compiler on Unix
KINDS = {"date": "MLP_DATE", "clock": "MLP_CLOCK", "duration": "MLP_DURATION"}
PARTS = {
    None: "MLP_VALUE", "elapsed days": "MLP_ELAPSED", "year": "MLP_YEAR", "month": "MLP_MONTH", "day": "MLP_DAY_OF",
    "weekday": "MLP_WEEKDAY", "hour": "MLP_HOUR",
}  # fmt: skip
NEGATIVES = {"accounting": 1, "trailing": 2, "typographic": 4}  # as in the runtime
LINKS = {"softmax": 0, "sigmoid": 1, "identity": 2, "exp": 3}


class C(Target):
    flags = frozenset({"--single"})

    def write(self, program: Program, wishes: Wishes) -> bytes:
        check(program, wishes.single)
        source = RUNTIME.joinpath("model.c").read_text(encoding="utf-8")
        writer = Writer(program, wishes.single)
        data = "\n".join(writer.data())
        return source.replace("/* HEAD */", "\n".join(writer.head())).replace("/* DATA */", data).encode("ascii")

    def run(self, path: str, rows: str, program: Program, wishes: Wishes) -> Answers | str:
        compiler = next(filter(None, map(shutil.which, ("cc", "gcc", "clang"))), None)
        if compiler is None:
            return "there is no C compiler on this machine"
        with tempfile.TemporaryDirectory() as folder:
            built = os.path.join(folder, "model")
            done = subprocess.run(
                [compiler, *COMPILE, "-x", "c", path, "-o", built, "-lm"], capture_output=True, check=False
            )
            if done.returncode:
                return f"{compiler} does not compile it: {done.stderr.decode('utf-8', 'replace')[:500].strip()}"
            given = coded_rows(rows, program) if wishes.single else text_rows(rows, program)
            began = time.monotonic()
            done = subprocess.run([built, "--full"], input=given, capture_output=True, check=False)
        if done.returncode:
            return done.stderr.decode("utf-8", "replace").strip()
        return read_answers(done.stdout, program, time.monotonic() - began)


def check(program: Program, is_single: bool) -> None:
    """Raises UsageError for what C cannot say."""
    if is_single and program.words:
        name = program.cells[program.words[0].cell].name
        raise UsageError(
            f"--single has no texts, and column '{name}' is free text",
            f"train with {as_flag('drop', (name,))}, or leave --single out",
        )
    texts = [(program.target, label) for label in program.labels] + [(cell.name, cell.name) for cell in program.cells]
    texts += [(program.cells[of.cell].name, level or "") for of in coded_cells(program) for level, _ in of.codes]
    for name, text in texts:
        if "\0" in text:
            raise UsageError(
                f"C ends a text at a zero byte, and column '{name}' has one", "--to python or --to js can say it"
            )


class Writer:
    """The pieces of a file in C, one after the other."""

    def __init__(self, program: Program, is_single: bool) -> None:
        self.program, self.is_single, self.names = program, is_single, Names()
        self.machine = Machine()
        self.weights: list[str] = []
        self.formats = [] if is_single else [cell.format for cell in program.cells]
        self.times = [form for form in self.formats if isinstance(form, TimeFormat)]
        self.has_numbers = any(isinstance(form, NumberFormat) for form in self.formats)
        # Of the cells without texts: numbers and codes, each counted for itself.
        self.numbers = [i for i, cell in enumerate(program.cells) if cell.format is not None]
        self.coded = coded_cells(program)

    # --- what a caller sees -------------------------------------------------------------------------------

    def head(self) -> Iterator[str]:
        program = self.program
        yield SINGLE_HEAD if self.is_single else HEAD
        yield "#ifndef MLP_MODEL\n#define MLP_MODEL\n"
        yield from (define(f"MLP_{name}", size) for name, size in self.sizes())
        yield ""
        yield from self.columns()
        for i, label in enumerate(program.labels):
            yield define(self.names.of("MLP_CLASS_", label), f"{i} /* {commented(label)} */")
        for i, name in enumerate(program.names[bool(program.labels) :]):
            yield f"/* out[{i}]: {commented(name)} */" if program.labels or i else "/* out[0]: the value */"
        if self.is_single:
            yield "\ntypedef struct {"
            yield f"    double numbers[{max(len(self.numbers), 1)}];"
            yield f"    int levels[{max(len(self.coded), 1)}];"
            yield "} mlp_row;\n"
        else:
            yield "\ntypedef struct {\n    const char *cells[MLP_N_CELLS];\n} mlp_row;\n"
            yield "extern const char *const mlp_columns[MLP_N_CELLS];"
            yield "extern const char *const mlp_labels[];" if program.labels else ""
        yield "int mlp_predict(const mlp_row *row, double *out);\n\n#endif"

    def sizes(self) -> Iterator[tuple[str, object]]:
        program = self.program
        n_labels, ends = len(program.labels), 2 * (program.interval is not None)
        yield from {
            "N_CELLS": len(program.cells), "N_LABELS": n_labels, "N_OUTPUTS": n_labels or 1 + ends,
            "N_SHARES": n_labels or 1, "N_INPUTS": program.n_inputs, "SINGLE": int(self.is_single),
            "TEXTS": int(not self.is_single), "FORMATS": int(any(self.formats)), "NUMBERS": int(self.has_numbers),
            "TIMES": int(bool(self.times)), "DATES": int(any(of.part is not None for of in program.numbers)),
            "N_NUMBERS": len(program.numbers), "N_CATEGORIES": len(program.categories),
            "N_PAIRS": len(program.pairs), "N_EMBEDDED": len(program.levels), "N_WORDS": len(program.words),
            "N_NETS": len([*program.nets]), "WIDTH": self.width(), "N_COSTS": len(program.costs),
            "LINK": LINKS[program.link], "WIDTH_OF_LOGITS": 1 if program.link == "sigmoid" else n_labels or 1,
            "INTERVAL": int(program.interval is not None), "MEAN": number(program.mean), "STD": number(program.std),
            "LOW": f"({number(program.low)})", "HIGH": f"({number(program.high)})",
            "INFINITE_IS_MISSING": int(program.dialect.inf == "missing"),
        }.items()  # fmt: skip
        if program.threshold is not None:
            yield "THRESHOLD", number(program.threshold)

    def width(self) -> int:
        """Units of the widest layer."""
        return max(len(self.program.labels), 2, *chain.from_iterable(map(widths_of, self.program.nets)))

    def columns(self) -> Iterator[str]:
        """Names for the places of a row, and for codes."""
        cells = self.program.cells
        if not self.is_single:
            for i, cell in enumerate(cells):
                yield define(self.names.of("MLP_CELL_", cell.name), f"{i} /* {commented(cell.name)} */")
            return
        for i, place in enumerate(self.numbers):
            form, name = cells[place].format, cells[place].name
            unit = f", in seconds: {form.kind}" if isinstance(form, TimeFormat) else ""
            yield define(self.names.of("MLP_NUMBER_", name), f"{i} /* {commented(name)}{unit} */")
        for i, of in enumerate(self.coded):
            name = self.names.of("MLP_LEVEL_", cells[of.cell].name)
            stem = name.replace("MLP_LEVEL_", "MLP_CODE_", 1) + "_"
            yield define(name, f"{i} /* {commented(cells[of.cell].name)} */")
            for level, code in of.codes:
                if level is not None:
                    yield define(self.names.of(stem + "IS_", level), f"{code} /* {commented(level)} */")
            yield define(self.names.of(stem, "MISSING"), dict(of.codes).get(None, of.other))
            yield define(self.names.of(stem, "OTHER"), of.other)

    # --- what it is made of -------------------------------------------------------------------------------

    def data(self) -> Iterator[str]:
        yield from self.single_rows() if self.is_single else self.reading()
        yield from self.inputs()
        yield from self.networks()
        program = self.program
        if program.costs:
            yield array("double", "mlp_costs[][MLP_N_LABELS]", (listed(map(number, row)) for row in program.costs))
        if program.interval is not None:
            yield from self.interval()
        yield "#ifdef MLP_MAIN"
        yield f"static const char *const mlp_header = {literal(','.join(map(quoted, program.names)))};"
        if program.labels:
            yield array("char *const", "mlp_written_labels[]", (literal(quoted(label)) for label in program.labels))
        if not self.is_single:
            yield from self.dialect()
        yield "#endif"

    def single_rows(self) -> Iterator[str]:
        places = {cell: i for i, cell in enumerate(self.numbers)} | {of.cell: i for i, of in enumerate(self.coded)}
        yield array("int", "mlp_places[]", (str(places.get(i, 0)) for i in range(len(self.program.cells))))
        yield "typedef float mlp_real;"
        yield define("MLP_N_OF_NUMBERS", len(self.numbers))
        yield define("MLP_N_OF_LEVELS", len(self.coded))

    def reading(self) -> Iterator[str]:
        program = self.program
        yield "typedef double mlp_real;"
        yield f"const char *const mlp_columns[] = {in_lines(literal(cell.name) for cell in program.cells)};"
        if program.labels:
            yield f"const char *const mlp_labels[] = {in_lines(map(literal, program.labels))};"
        yield from counted("char *const", "mlp_missing", "MISSING", map(literal, program.dialect.missing))
        if any(self.formats):
            folded = ((code, of if isinstance(of, int) else ord(of)) for code, of in FOLDED.items())
            yield from counted("uint32_t", "mlp_folded", "FOLDED", map(listed, folded), "[][2]")
            numbers = [form for form in self.formats if isinstance(form, NumberFormat)]
            if self.has_numbers:
                yield from self.around_numbers(numbers)
            lines = [*map(self.format_of, self.formats)]
            if self.times:
                yield from self.patterns()
            yield array("mlp_format", "mlp_formats[]", lines)

    def around_numbers(self, formats: Sequence[NumberFormat]) -> Iterator[str]:
        """Currencies, as numbers from 1 on, where some column has one; and the ends of km2 and the like."""
        has_currency = any(form.currency for form in formats)
        levels = {text: currency_number(text) for text in CURRENCIES} if has_currency else {"": 0}
        yield coded("mlp_currencies", levels)
        yield define("MLP_N_CURRENCIES", len(levels) if has_currency else 0)
        powers = (listed(map(ord, (*before, *after))) for before, after in POWERS.items())
        yield from counted("uint32_t", "mlp_powers", "POWERS", powers, "[][4]")

    def format_of(self, form: NumberFormat | TimeFormat | None) -> str:
        if form is None:
            return "{0}"
        if isinstance(form, TimeFormat):
            patterns = (LAYOUTS[form.kind][name].pattern for name in form.layouts)
            starts = listed(self.machine.add(pattern.text, int(pattern.flags)) for pattern in patterns)
            return f"{{{KINDS[form.kind]}, 0, 0, 0, 0, {len(form.layouts)}, 0, 0, {{NULL}}, {starts}}}"
        currency = currency_number(form.currency) if form.currency else 0
        negatives = sum(NEGATIVES[name] for name in form.negatives)
        marks = f"{ord(form.decimal)}, {ord(form.thousands or chr(0))}"
        units = listed(map(literal, form.unit)) if form.unit else "{NULL}"
        first = f"MLP_PLAIN, {negatives}, {int(form.lakh)}, {currency}, {len(form.unit)}, 0"
        return f"{{{first}, {marks}, {units}, {{0}}}}"

    def patterns(self) -> Iterator[str]:
        """The machine that reads times, and the words in them."""
        machine = self.machine
        yield define("MLP_N_GROUPS", len(GROUPS))
        yield f"enum {{ {', '.join(f'MLP_G_{name}' for name in GROUPS)} }};"
        yield f"static const unsigned mlp_pattern[][2] = {in_lines(map(listed, machine.code), 12)};"
        ends = np.cumsum([0, *map(len, machine.sets)]).tolist()
        yield f"static const int mlp_sets[] = {in_lines(map(str, ends), 20)};"
        ranges = (listed(one) for of in machine.sets for one in of)
        yield f"static const uint32_t mlp_ranges[][2] = {in_lines(ranges)};"
        halves = {half: last + 100 * more for half, (last, more) in HALVES.items()}
        zones = {name.lower(): hours for name, hours in ZONES.items()}
        for name, table in (("MONTHS", MONTH_OF), ("HALVES", halves), ("ZONES", zones)):
            yield coded(f"mlp_{name.lower()}", table)
            yield define(f"MLP_N_{name}", len(table))

    def dialect(self) -> Iterator[str]:
        """How a CSV is taken apart."""
        dialect, cells = self.program.dialect, self.program.cells
        for name, mark in (("DELIMITER", dialect.delimiter), ("QUOTE", dialect.quote), ("ESCAPE", dialect.escape)):
            yield define(f"MLP_{name}", character(mark))
        yield define("MLP_COMMENT", character(dialect.comment))
        for name, value in (("SPACES", dialect.spaces), ("HAS_HEADER", dialect.header)):
            yield define(f"MLP_{name}", int(value))
        yield define("MLP_SKIP_ROWS", dialect.skip_rows)
        yield define("MLP_SKIPS_BAD_ROWS", int(dialect.bad_rows == "skip"))
        nothing = "," * (len(self.program.names) - 1) or '""'
        yield f"static const char *const mlp_nothing = {literal(nothing)};"
        places = (0 if dialect.header else int(cell.name.removeprefix("col")) - 1 for cell in cells)
        yield array("size_t", "mlp_numbers_of_columns[]", map(str, places))

    # --- inputs -------------------------------------------------------------------------------------------

    def inputs(self) -> Iterator[str]:
        program = self.program
        if program.numbers:
            yield array("mlp_number", "mlp_numbers[]", map(number_of, program.numbers))
        if program.categories:
            yield array("mlp_category", "mlp_categories[]", map(self.category_of, program.categories))
            pairs = [
                listed((p.place, p.first, p.second, *p.met, number(p.value))) for p in program.pairs
            ] or ["{0}"]  # fmt: skip
            yield array("mlp_pair", "mlp_pairs[]", pairs)
        if program.levels:
            found = (
                listed((
                    of.cell, of.place, *self.levels_of(of.codes), dict(of.codes).get(None, of.other),
                    self.table_of(of.codes),
                ))
                for of in program.levels
            )  # fmt: skip
            yield array("mlp_embedded", "mlp_embeddeds[]", found)
        if program.words:
            yield from self.words()

    def levels_of(self, codes: Sequence[tuple[str | None, int]]) -> tuple[int, int]:
        """How many texts there are, and how many codes."""
        n_texts = sum(level is not None for level, _ in codes)
        return 0 if self.is_single else n_texts, max((code for _, code in codes), default=0) + 1

    def table_of(self, codes: Sequence[tuple[str | None, int]]) -> str:
        levels = {level: code for level, code in codes if level is not None}
        return "NULL" if self.is_single or not levels else f"(const mlp_level[]){coded_list(levels)}"

    def category_of(self, category: Category) -> str:
        of_codes = (
            listed((-1, met, "0.0") if on is None else (on[0], met, number(on[1])))
            for on, met in zip(category.on, category.met, strict=True)
        )
        n_levels, _ = self.levels_of(category.codes)
        counts = (category.cell, category.start, len(category.off), n_levels, len(category.on))
        missing = dict(category.codes).get(None, category.other)
        return listed((
            *counts, missing, category.other, doubles(category.off), f"(const mlp_code[]){listed(of_codes)}",
            self.table_of(category.codes),
        ))  # fmt: skip

    def words(self) -> Iterator[str]:
        yield from counted("uint32_t", "mlp_of_words", "OF_WORDS", map(str, of_words()), per_line=16)
        cases = (listed((ord(one), *map(ord, of), *[0] * (3 - len(of)))) for one, of in folded_cases().items())
        yield from counted("uint32_t", "mlp_cases", "CASES", cases, "[][4]")
        found = (
            listed((
                of.cell, of.start, len(of.rule.slots), number(of.rule.clip),
                f"(const int[]){listed(of.rule.slots)}", doubles(of.rule.center), doubles(of.rule.factor),
            ))
            for of in self.program.words
        )  # fmt: skip
        yield array("mlp_words", "mlp_texts[]", found)

    # --- networks -----------------------------------------------------------------------------------------

    def networks(self) -> Iterator[str]:
        nets = [self.net_of(net, part.weight / len(part.nets), part.temperature)
                for part in self.program.parts for net in part.nets]  # fmt: skip
        yield f"static const float mlp_weights[] = {in_lines(self.weights, 10)};"
        yield array("mlp_net", "mlp_nets[]", nets)

    def kept(self, *weights: NDArray[np.floating]) -> int:
        """The place at which some numbers begin among all weights."""
        at = len(self.weights)
        for one in weights:
            self.weights += float32s(one)
        return at

    def net_of(self, net: Net, share: float, temperature: float) -> str:
        tables = [
            listed((table.place, table.vectors.shape[1], self.kept(table.vectors))) for table in net.tables
        ]  # fmt: skip
        width = len(net.inputs) + sum(table.vectors.shape[1] for table in net.tables)
        steps = []
        for step in net.steps:
            line, width = self.step_of(step, width)
            steps.append(line)
        return listed((
            len(net.inputs), len(tables), len(steps), compound("int", map(str, net.inputs.tolist())),
            compound("mlp_table", tables), compound("mlp_step", steps), number(share), number(temperature),
        ))  # fmt: skip

    def step_of(self, step: Step, width: int) -> tuple[str, int]:
        """A layer of units of the width before it -> the layer in C, and its own width."""
        match step:
            case Linear(weights, bias):
                at = self.kept(bias, weights)
                return listed(("MLP_LINEAR", width, len(bias), at, "0.0")), len(bias)
            case Affine(scale, shift):
                return listed(("MLP_AFFINE", width, width, self.kept(scale, shift), "0.0")), width
            case Standardise(scale, shift, epsilon):
                return listed(("MLP_STANDARDISE", width, width, self.kept(scale, shift), number(epsilon))), width
        return listed((f"MLP_{step.name.upper()}", width, width, 0, "0.0")), width

    def interval(self) -> Iterator[str]:
        of = self.program.interval
        assert of is not None
        yield define("MLP_SCALE_BASE", f"({number(of.base)})")
        yield define("MLP_SCALE_FACTOR", number(of.factor))
        yield define("MLP_SCALE_MAX", number(of.max_log))
        yield define("MLP_LOWEST", f"({number(of.lowest)})")
        yield define("MLP_N_SCALE", len(of.steps))
        steps = [listed((place, *map(number, numbers))) for place, *numbers in of.steps] or ["{0}"]
        yield array("mlp_scale", "mlp_scales[]", steps)


def widths_of(net: Net) -> Iterator[int]:
    yield len(net.inputs) + sum(table.vectors.shape[1] for table in net.tables)
    yield from (len(step.bias) for step in net.steps if isinstance(step, Linear))


def currency_number(spelling: str) -> int:
    return 1 + list(dict.fromkeys(CURRENCIES.values())).index(CURRENCIES[spelling])


def number_of(of: Number) -> str:
    rule, part = of.rule, of.part
    unit, _, wave = (part or "").partition(" on a circle, ")
    present, missing = rule.indicator or (0.0, 0.0)
    return listed((
        of.cell, PARTS[unit or None], int(wave == "sine"), of.plain, of.ple, of.cuts, int(bool(rule.indicator)),
        len(rule.edges), len(rule.cuts),
        *map(number, (rule.median, rule.center, rule.factor, rule.clip, present, missing, rule.shrink)),
        doubles(rule.edges), doubles(rule.cuts),
    ))  # fmt: skip


def quoted(cell: str) -> str:
    """As it stands in a CSV."""
    return '"' + cell.replace('"', '""') + '"' if any(mark in cell for mark in ',"\n\r') else cell


HEAD = """\
/* A model in C99: needs libm alone, allocates nothing, has no state. UTF-8 only.

   int mlp_predict(const mlp_row *row, double *out)
       row->cells[MLP_CELL_...] are the cells of a row as they stand in a CSV; NULL or "" where there is no value.
       out gets MLP_N_OUTPUTS numbers: the probabilities of the classes, or the value and the ends of its interval.
       Returns the number of the class that is said, 0 for a value; or -1 - i where cells[i] is not written like
       its column, which mlp_columns[i] names; out is then unchanged.

   The declarations alone: #define MLP_HEADER and include this file.
   A program that reads a CSV: cc -std=c99 -O2 -DMLP_MAIN model.c -lm -o model; ./model < rows.csv > predictions.csv */
"""
SINGLE_HEAD = """\
/* A model in C99 for a small machine: needs libm alone, allocates nothing, has no state and reads no text.

   int mlp_predict(const mlp_row *row, double *out)
       row->numbers[MLP_NUMBER_...] are numbers, NAN where there is none; times are seconds: since 1970-01-01 in UTC,
       since midnight, or a length. row->levels[MLP_LEVEL_...] are codes of levels, MLP_CODE_....
       out gets MLP_N_OUTPUTS numbers: the probabilities of the classes, or the value and the ends of its interval.
       Returns the number of the class that is said, 0 for a value; or -1 - i where the i-th column, counted as in
       the training file, has a code or a time that there is not; out is then unchanged.

   The declarations alone: #define MLP_HEADER and include this file. */
"""
