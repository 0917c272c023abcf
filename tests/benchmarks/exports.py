"""Prints how `train` fares on tables as shops, banks, sensors and spreadsheets export them: a line a kind of export.

    python tests/benchmarks/exports.py [--kind NAME] [--write-only FOLDER] [--jobs N]

Each table has 600 rows and one column, `amount`, that alone decides the target; it is written as people write it. The
clean twin is the same table with that column written plainly, so that what the writing costs is the difference. Read:
within a point of the twin's accuracy. Refused: an error with a line and a hint; the hint's first flags are then
followed, up to three times. Lost: trained, but worse than the twin, and silently if no finding names the column.
To add a kind: a line in KINDS.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import re
import shlex
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Literal

import numpy as np

N_ROWS = 600
POINT = 0.01  # of accuracy, within which an export counts as read
FOLLOWED = 3  # hints followed one after another
START = datetime(2019, 1, 1, tzinfo=UTC)
Row = list[str]
Expected = Literal["read", "refused", "either"]


def share(seed: int = 0) -> list[float]:
    """What decides the target, 0 to 1: above a half or not, with a gap, so that rounding changes no class."""
    rng = np.random.default_rng(seed)
    low = rng.uniform(0, 0.45, N_ROWS)
    return list(np.where(rng.random(N_ROWS) < 0.5, low, 1 - low))


SHARES = share()
AMOUNTS = [round(10 + 19_990 * s, 2) for s in SHARES]
WHOLE = [round(2000 + 90_000 * s) for s in SHARES]  # none below 1000: each has a mark between thousands
TIMES = [START + timedelta(minutes=round(s * 5 * 365 * 24 * 60)) for s in SHARES]
EARLY_DAYS = [t.replace(day=1 + t.day % 12) for t in TIMES]
CLOCKS = [divmod(round(s * 1439), 60) for s in SHARES]
SECONDS = [round(s * 90_000) for s in SHARES]


@dataclass(frozen=True)
class Kind:
    """One kind of export: the deciding column's cells, those of the twin, and what else is done to the file."""

    cells: Sequence[str]
    plain: Sequence[str]
    expected: Expected = "read"
    delimiter: str = ","
    decimal: str = "."  # of the other numbers of the file
    around: Callable[[list[Row]], list[Row]] = lambda rows: rows
    encoding: str = "utf-8"


def written(values: Sequence[Any], write: Callable[[Any], str], plain: Callable[[Any], str] = str, **more: Any) -> Kind:
    return Kind([write(v) for v in values], [plain(v) for v in values], **more)


def swap(text: str) -> str:
    """1,234.50 as 1.234,50"""
    return text.translate(str.maketrans(",.", ".,"))


def money(write: Callable[[float], str], **more: Any) -> Kind:
    return written(AMOUNTS, write, lambda v: f"{v:.2f}", **more)


def whole(write: Callable[[int], str], **more: Any) -> Kind:
    return written(WHOLE, write, **more)


def signed(write: Callable[[float], str]) -> Kind:
    """Half of the numbers negative."""
    return written([round(v - 10_000, 2) for v in AMOUNTS], write, lambda v: f"{v:.2f}")


def dates(form: str, **more: Any) -> Kind:
    return times(lambda t: t.strftime(form), **more)


def times(write: Callable[[datetime], str], values: Sequence[datetime] = TIMES, **more: Any) -> Kind:
    return written(values, write, lambda t: t.strftime("%Y-%m-%d %H:%M"), **more)


def clocks(write: Callable[[int, int], str], **more: Any) -> Kind:
    return written(CLOCKS, lambda c: write(*c), lambda c: str(c[0] * 60 + c[1]), **more)


def lengths(write: Callable[[int], str], **more: Any) -> Kind:
    return written(SECONDS, write, **more)


def half(hour: int, minute: int) -> str:
    return f"{'오전' if hour < 12 else '오후'} {hour % 12 or 12}:{minute:02d}"


def lakh(value: float) -> str:
    """1234567.5 as 12,34,567.50"""
    head, tail = f"{value:.2f}"[:-6], f"{value:.2f}"[-6:]
    return re.sub(r"(?<=\d)(?=(?:\d\d)+$)", ",", head) + "," + tail if head else tail


def man(value: int) -> str:
    """12345 as 1만 2345"""
    return f"{value // 10_000}만 {value % 10_000}" if value >= 10_000 else f"{value // 1000}천 {value % 1000}"


def odd(kind: Kind, cell: str, row: int = 300) -> Kind:
    """One cell of another kind."""
    return replace(kind, cells=[*kind.cells[:row], cell, *kind.cells[row + 1 :]], expected="refused")


def alternating(one: Kind, other: Kind, **more: Any) -> Kind:
    cells = [a if i % 2 else b for i, (a, b) in enumerate(zip(one.cells, other.cells, strict=True))]
    return replace(one, cells=cells, **more)


def title(rows: list[Row]) -> list[Row]:
    """A title and a blank line before the header, padded with delimiters."""
    width = len(rows[0])
    return [["Sales report 2024", *[""] * (width - 1)], [""] * width, *rows]


def total(word: str) -> Callable[[list[Row]], list[Row]]:
    """A last line of sums."""

    def add(rows: list[Row]) -> list[Row]:
        width = len(rows[0])
        return [*rows, [word, "", f"${sum(AMOUNTS):,.2f}", *[""] * (width - 3)]]

    return add


def repeated_header(rows: list[Row]) -> list[Row]:
    return [*rows[:301], rows[0], *rows[301:]]


def units_below(rows: list[Row]) -> list[Row]:
    return [rows[0], ["", "", "USD", "cm", "s", ""], *rows[1:]]


def padded(rows: list[Row]) -> list[Row]:
    """Every cell filled with spaces to one width, as databases print them."""
    return [[cell.rjust(14) for cell in row] for row in rows]


USD = money(lambda v: f"${v:,.2f}")
ISO = dates("%Y-%m-%d")

KINDS: dict[str, Kind] = {
    # money
    "dollars and thousands": USD,
    "dollars with a space": money(lambda v: f"$ {v:,.2f}"),
    "dollars, accounting": signed(lambda v: f"$({-v:,.2f})" if v < 0 else f"${v:,.2f}"),
    "dollars, whole": whole(lambda v: f"${v:,}"),
    "euros, German": money(lambda v: swap(f"{v:,.2f} €"), delimiter=";", decimal=","),
    "euros, French": money(
        lambda v: f"{v:,.2f} €".replace(",", "\u202f").replace(".", ","), delimiter=";", decimal=","
    ),
    "euros, commas between cells": money(lambda v: swap(f"€{v:,.2f}")),
    "pounds, accounting": signed(lambda v: f"(£{-v:,.2f})" if v < 0 else f"£{v:,.2f}"),
    "won, mark": whole(lambda v: f"₩{v:,}"),
    "won, word": whole(lambda v: f"{v:,}원"),
    "won, word, cp949": whole(lambda v: f"{v:,} 원", encoding="cp949", expected="either"),
    "won, code": whole(lambda v: f"KRW {v:,}"),
    "yen": whole(lambda v: f"¥{v:,}"),
    "francs": money(lambda v: f"CHF {v:,.2f}".replace(",", "’")),
    "kronor": money(lambda v: f"{v:,.2f} kr".replace(",", " ").replace(".", ","), delimiter=";", decimal=","),
    "rupees, lakh": written([v * 1000 for v in AMOUNTS], lambda v: f"₹{lakh(v)}", lambda v: f"{v:.2f}"),
    "code behind": money(lambda v: f"{v:,.2f} USD"),
    "minus before dollars": signed(lambda v: f"-${-v:,.2f}" if v < 0 else f"${v:,.2f}"),
    "minus behind": signed(lambda v: f"{-v:.2f}-" if v < 0 else f"{v:.2f}"),
    "minus of typesetters": signed(lambda v: f"{v:.2f}".replace("-", "−")),
    "plus": signed(lambda v: f"{v:+,.2f}"),
    "two currencies": alternating(money(lambda v: f"${v:.2f}"), money(lambda v: f"€{v:.2f}"), expected="refused"),
    "one odd cell among dollars": odd(USD, "on request"),
    # marks and units
    "decimal comma": money(lambda v: f"{v:.2f}".replace(".", ","), delimiter=";", decimal=","),
    "decimal comma in quotes": money(lambda v: f"{v:.2f}".replace(".", ",")),
    "thousands commas": money(lambda v: f"{v:,.2f}"),
    "thousands commas, whole, some small": written([round(v / 4) for v in WHOLE], lambda v: f"{v:,}"),
    "thousands commas, whole": whole(lambda v: f"{v:,}", expected="refused"),
    "thousands spaces": whole(lambda v: f"{v:,}".replace(",", " ")),
    "thousands no-break spaces": whole(lambda v: f"{v:,}".replace(",", "\u00a0")),
    "thousands apostrophes": money(lambda v: f"{v:,.2f}".replace(",", "'")),
    "percent": written(SHARES, lambda s: f"{100 * s:.1f}%", lambda s: f"{100 * s:.1f}"),
    "percent with a space": written(SHARES, lambda s: f"{100 * s:.1f} %", lambda s: f"{100 * s:.1f}"),
    "percent, decimal comma": written(
        SHARES, lambda s: f"{100 * s:.1f} %".replace(".", ","), lambda s: f"{100 * s:.1f}", delimiter=";", decimal=","
    ),
    "kilograms": written(SHARES, lambda s: f"{90 * s:.1f} kg", lambda s: f"{90 * s:.1f}"),
    "kilometres, close": whole(lambda v: f"{v}km"),
    "degrees": written(SHARES, lambda s: f"{40 * s - 5:.1f}°C", lambda s: f"{40 * s - 5:.1f}"),
    "square metres": written(SHARES, lambda s: f"{20 + 180 * s:.1f} m2", lambda s: f"{20 + 180 * s:.1f}"),
    "counts in Korean": whole(lambda v: f"{v:,}명"),
    "two units": alternating(whole(lambda v: f"{v} g"), whole(lambda v: f"{v / 1000:.3f} kg"), expected="refused"),
    "number words": whole(man, expected="refused"),
    "K and M": written(
        [v * v for v in AMOUNTS], lambda v: f"{v / 1e6:.1f}M" if v > 1e6 else f"{v / 1e3:.1f}K", lambda v: f"{v:.0f}",
        expected="refused",
    ),
    # dates
    "ISO days": ISO,
    "ISO with zone": dates("%Y-%m-%dT%H:%M:%S+09:00"),
    "ISO with Z and fractions": dates("%Y-%m-%dT%H:%M:%S.000Z"),
    "Korean dates": times(lambda t: f"{t.year}년 {t.month}월 {t.day}일"),
    "Korean dates, points": times(lambda t: f"{t.year}. {t.month}. {t.day}."),
    "Korean dates, half of the day": times(lambda t: f"{t:%Y-%m-%d} {half(t.hour, t.minute)}"),
    "day first": dates("%d/%m/%Y"),
    "month first, AM and PM": dates("%m/%d/%Y %I:%M %p"),
    "German dates": dates("%d.%m.%Y", delimiter=";", decimal=","),
    "day first, two digits": dates("%d/%m/%y"),
    "day or month first": times(lambda t: t.strftime("%d/%m/%Y"), EARLY_DAYS, expected="refused"),
    "named months": dates("%d %b %Y"),
    "named months first": dates("%B %d, %Y"),
    "named months, database": dates("%d-%b-%y"),
    "compact dates": dates("%Y%m%d"),
    "compact times": dates("%Y%m%dT%H%M%S"),
    "months of a year": dates("%b %Y"),
    "two formats": alternating(ISO, dates("%d.%m.%Y")),
    "one odd cell among dates": odd(ISO, "TBD"),
    "one day that is none": odd(ISO, "2021-02-30"),
    # times of day and durations
    "clock": clocks(lambda h, m: f"{h:02d}:{m:02d}"),
    "clock, AM and PM": clocks(lambda h, m: f"{h % 12 or 12}:{m:02d} {'AM' if h < 12 else 'PM'}"),
    "clock, Korean": clocks(half),
    "one odd cell among times of day": odd(clocks(lambda h, m: f"{h:02d}:{m:02d}"), "noon"),
    "durations": lengths(lambda s: f"{s // 3600}:{s // 60 % 60:02d}:{s % 60:02d}"),
    "durations by name": lengths(lambda s: f"{s // 3600}h {s // 60 % 60}m"),
    "durations, ISO": lengths(lambda s: f"PT{s // 3600}H{s // 60 % 60}M{s % 60}S"),
    "durations, minutes": lengths(lambda s: f"{s // 60}:{s % 60:02d}"),
    "durations, days": lengths(lambda s: str(timedelta(seconds=s * 7))),
    # the file around them
    "title lines": replace(USD, around=title, expected="refused"),
    "total line": replace(USD, around=total("Total"), expected="either"),
    "total line, Korean": replace(USD, around=total("합계"), expected="either"),
    "repeated header": replace(USD, around=repeated_header, expected="refused"),
    "units below the header": replace(USD, around=units_below, expected="refused"),
    "padded": replace(USD, around=padded),
    "tabs": replace(USD, delimiter="\t"),
    "bars": replace(USD, delimiter="|"),
}  # fmt: skip


def table(cells: Sequence[str], decimal: str = ".") -> list[Row]:
    """Header and rows: a name, noise, the deciding cells, noise, the target."""
    rng = np.random.default_rng(1)
    number = rng.normal(size=(N_ROWS, 2)).round(3)
    names = [f"item {i}" for i in rng.permutation(N_ROWS)]
    groups = rng.choice(["red", "green", "blue"], N_ROWS)
    rows = [
        [names[i], str(groups[i]), cells[i], *(str(x).replace(".", decimal) for x in number[i]),
         "high" if SHARES[i] > 0.5 else "low"]
        for i in range(N_ROWS)
    ]  # fmt: skip
    return [["name", "group", "amount", "width", "delay", "target"], *rows]


def write_csv(path: Path, rows: list[Row], delimiter: str = ",", encoding: str = "utf-8") -> None:
    out = io.StringIO()
    csv.writer(out, delimiter=delimiter, lineterminator="\n").writerows(rows)
    path.write_bytes(out.getvalue().encode(encoding))


def train(path: Path, flags: Sequence[str] = ()) -> dict[str, Any]:
    """What the command says as JSON: metrics, or an error."""
    command = [sys.executable, "-m", "mlpcli", "train", path.name, "--target", "target", "--preset", "fast", "--json"]
    model = path.with_suffix(".npz").name
    done = subprocess.run(
        [*command, "--drop", "name", "-o", model, *flags], cwd=path.parent, capture_output=True, text=True, check=False
    )
    try:
        found: dict[str, Any] = json.loads(done.stdout)
    except json.JSONDecodeError:
        found = {"error": {"message": done.stderr[-300:], "hint": "", "kind": "crash"}}
    return found


def accuracy(found: dict[str, Any]) -> float:
    return float(found["metrics"]["test"]["accuracy"]["value"])


FLAG = re.compile(r"--[a-z-]+(?:[ =](?:'[^']*'|\"[^\"]*\"|\S+))?")


def first_flags(hint: str) -> list[str]:
    """The first flag of a hint with its value, as a shell would take it."""
    found = FLAG.search(hint)
    if not found:
        return []
    flags = shlex.split(found.group())
    return [flag if len(flag) == 1 else flag.rstrip(";") for flag in flags]


@dataclass(frozen=True)
class Outcome:
    verdict: str
    accuracy: float | None
    twin: float
    detail: str
    followed: str = ""

    @property
    def is_fine(self) -> bool:
        """Whether the export was read, or refused in a way that a person can act on."""
        return self.verdict in ("read", "refused")


def outcome(found: dict[str, Any], twin: float) -> Outcome:
    """Read, refused with a line and a hint, refused without, or lost."""
    if "error" in found:
        error = found["error"]
        is_whole = bool(error.get("hint")) and error.get("line") is not None
        shown = f"line {error.get('line')}: {error['message']} | {error.get('hint', '')}"
        return Outcome("refused" if is_whole else "REFUSED WITHOUT A WAY", None, twin, shown)
    reached = accuracy(found)
    if reached >= twin - POINT:
        return Outcome("read", reached, twin, "")
    named = [f["message"] for f in found.get("findings", []) if "amount" in f["message"]]
    return Outcome("LOST, said" if named else "LOST SILENTLY", reached, twin, "; ".join(named))


def follow(path: Path, found: dict[str, Any], twin: float) -> str:
    """What comes of following the first flags of each hint."""
    flags: list[str] = []
    for _ in range(FOLLOWED):
        more = first_flags(found.get("error", {}).get("hint") or "")
        if not more:
            break
        flags += more
        found = train(path, flags)
    return f"{shlex.join(flags)} -> {outcome(found, twin).verdict}" if flags else "the hint has no flag"


def run(name: str, kind: Kind, folder: Path) -> Outcome:
    """Trains on an export and on its clean twin."""
    stem = re.sub(r"\W+", "_", name)
    export, twin = folder / f"{stem}.csv", folder / f"{stem}_twin.csv"
    write_csv(export, kind.around(table(kind.cells, kind.decimal)), kind.delimiter, kind.encoding)
    write_csv(twin, table(kind.plain))
    clean = accuracy(train(twin))
    found = train(export)
    judged = outcome(found, clean)
    return replace(judged, followed=follow(export, found, clean)) if "error" in found else judged


def show(name: str, kind: Kind, found: Outcome) -> None:
    is_expected = found.verdict == kind.expected or (found.is_fine and kind.expected == "either")
    as_expected = "" if is_expected else f"  (expected: {kind.expected})"
    numbers = f"{found.accuracy:.3f} of {found.twin:.3f}" if found.accuracy is not None else ""
    print(f"{name:38} {found.verdict}{as_expected}  {numbers}", flush=True)
    for line in (found.detail, found.followed):
        if line:
            print(f"{'':40}{line}")


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--kind", choices=sorted(KINDS), help="this kind only")
    parser.add_argument("--write-only", type=Path, metavar="FOLDER", help="only write the tables and their twins")
    parser.add_argument("--jobs", type=int, default=2)
    asked = parser.parse_args()
    kinds = {asked.kind: KINDS[asked.kind]} if asked.kind else KINDS
    if asked.write_only:
        asked.write_only.mkdir(parents=True, exist_ok=True)
        for name, kind in kinds.items():
            stem = re.sub(r"\W+", "_", name)
            rows = kind.around(table(kind.cells, kind.decimal))
            write_csv(asked.write_only / f"{stem}.csv", rows, kind.delimiter, kind.encoding)
            write_csv(asked.write_only / f"{stem}_twin.csv", table(kind.plain))
        return
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(asked.jobs) as pool:
        results = dict(zip(kinds, pool.map(lambda name: run(name, kinds[name], Path(folder)), kinds), strict=True))
    for name, found in results.items():
        show(name, kinds[name], found)
    verdicts = Counter(found.verdict for found in results.values())
    print(f"\n{len(results)} kinds: " + ", ".join(f"{n} {verdict}" for verdict, n in verdicts.most_common()))
    led_on = sum(found.followed.endswith("-> read") for found in results.values())
    print(f"{led_on} refused ones are read when their hint is followed")
    sys.exit(not all(found.is_fine for found in results.values()))


if __name__ == "__main__":
    main()
