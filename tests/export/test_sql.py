"""A model written as one SELECT says what the model says, in every engine that is on this machine."""

from __future__ import annotations

import glob
import os
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from export.samples import SAMPLES

from mlpcli.data.formats.dates import TimeFormat
from mlpcli.data.formats.numbers import NumberFormat
from mlpcli.errors import UsageError
from mlpcli.export.check import export
from mlpcli.export.languages import TARGETS
from mlpcli.export.program import Cell, program_of
from mlpcli.export.sql.cells import read_cells
from mlpcli.export.sql.engines import ENGINES, quoted
from mlpcli.export.sql.running import RUNNERS, Table
from mlpcli.export.sql.times import NUMERIC, read_parts
from mlpcli.export.target import Wishes

HOSTILE = "da\"ta'; DROP TABLE x; --\n 100%s é"
WITHOUT_TEXT = {name: ("text",) if "text" not in SAMPLES[name].without else () for name in SAMPLES}
USER = "postgres" if hasattr(os, "geteuid") and os.geteuid() == 0 else None  # the server refuses to be run by root


@pytest.fixture(scope="session")
def server():
    """A PostgreSQL server of its own, to which libpq's variables lead; or why there is none."""
    found = [shutil.which("pg_ctl") or "", *sorted(glob.glob("/usr/lib/postgresql/*/bin/pg_ctl"))]
    binaries = [Path(path).resolve().parent for path in found if path]
    binaries = [folder for folder in binaries if (folder / "initdb").exists()]
    if not binaries:
        yield "no PostgreSQL on this machine"
        return
    folder = tempfile.mkdtemp(prefix="pg")  # short, and open to another user: a socket stands in it

    def run(program, *arguments):
        with open(os.path.join(folder, "log"), "a") as log:
            subprocess.run(
                [binaries[-1] / program, "-D", f"{folder}/data", *arguments],
                check=True, cwd="/", user=USER, timeout=60, stdin=subprocess.DEVNULL, stdout=log, stderr=log,
            )  # fmt: skip

    try:
        if USER:
            shutil.chown(folder, USER)
        run("initdb", "-U", "tester", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
        run("pg_ctl", "-w", "-o", f"-k {folder} -c listen_addresses='' -c fsync=off", "start")
    except (OSError, LookupError, subprocess.SubprocessError) as error:
        yield f"PostgreSQL does not start: {error}"
        return
    with pytest.MonkeyPatch.context() as patch:
        for name, value in {"PGHOST": folder, "PGUSER": "tester", "PGDATABASE": "postgres", "PGPORT": "5432"}.items():
            patch.setenv(name, value)
        yield ""
    run("pg_ctl", "-m", "immediate", "stop")
    shutil.rmtree(folder)


@pytest.fixture(params=ENGINES)
def dialect(request):
    if request.param == "postgresql":
        reason = request.getfixturevalue("server")
        if reason:
            pytest.skip(reason)
    return request.param


@pytest.mark.slow
@pytest.mark.parametrize("name", SAMPLES)
def test_it_says_what_the_model_says(name, dialect, trained):
    model, rows = trained(name, WITHOUT_TEXT[name])
    checked = export(model, TARGETS["sql"], Wishes(dialect, HOSTILE), SAMPLES[name].level, rows).checked
    if isinstance(checked, str):
        pytest.skip(checked)
    assert (checked.n_rows, checked.n_others) == (60, 0)
    assert checked.largest < 1e-6


@pytest.fixture
def read(dialect, trained):
    """Reads cells by a format in the engine -> numbers, NaN where there is none; `parts`: of a date, one by name."""
    program = program_of(trained("crossed")[0])

    def of(form, texts, part=None):
        number = replace(program.numbers[0], cell=0, part=part)
        alone = replace(program, cells=(Cell("c", form),), words=(), numbers=(number,))
        chain = read_cells(alone, ENGINES[dialect], "cells")
        column = "v0" if part is None else read_parts(alone, chain)[0, part]
        statement = chain.written({"row": "id", "value": column})
        found = RUNNERS[dialect](statement, Table("cells", ["c"], pd.DataFrame({"c": texts})))
        if isinstance(found, str):
            pytest.skip(found)
        values = dict(found.rows)
        return np.array([values[i + 1] for i in range(len(texts))], np.float64)

    return of


PLAIN = ["0", "-1.5", "+2", ".5", "5.", "1e3", "1E-3", " 7 ", "12345678901234567890", "1e300", "0.1", "00"]
NONE = ["", "abc", "--5", "1.2.3", "1e", "e5", ".", "-", "inf", "nan", "0x10", "1 2", "1_0", "５", "1e999"]
LOOSE = {"1 2", "1.2.3"}
NUMBERS = {
    "plain": (NumberFormat(), PLAIN),
    "comma": (NumberFormat(","), ["1,5", "-0,25", "3", "1,5e2", ",5", "１", "-－5"]),
    "money": (
        NumberFormat(".", ",", currency="€", negatives=("accounting", "trailing", "typographic")),
        ["€1,234.50", "1,234 €", "(€5)", "(1,000.25)", "5-", "5 €-", "−7", "-€7", "EUR 3", "12.-", "12.--", "€ 1e3"],
    ),
    "spaces": (NumberFormat(",", " "), ["1 234,5", "1\u00a0234\u202f567", "-12 345"]),
    "points": (NumberFormat(",", ".", currency="R$"), ["R$ 1.234,56", "BRL 5", "1.000.000"]),
    "kilograms": (NumberFormat(unit=("kg",)), ["5 kg", "-5.5kg", "1e2 kg"]),
    "areas": (NumberFormat(unit=("km²", "m²")), ["5 km2", "7 km²", "3 m2"]),
    "percent": (NumberFormat(unit=("%",), decimal=","), ["5 %", "5,5%", "% 7", "7％"]),
}


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_are_read_as_the_model_reads_them(name, read):
    form, texts = NUMBERS[name]
    expected = form.parse(texts)
    found = read(form, texts + NONE)
    np.testing.assert_allclose(found[: len(texts)], expected, rtol=1e-15)
    assert np.isfinite(expected).sum() >= len(texts) - 2
    # Without spaces and marks between thousands these are numbers: such columns are read less strictly.
    is_none = np.array([0.0 if text in LOOSE and form != NumberFormat() else form.parse([text])[0] for text in NONE])
    assert np.isnan(found[len(texts) :][~np.isfinite(is_none)]).all()


CLOCKS = [
    "", " 7:05", "T23:59:59", " 00:00:00.25Z", "T12:30+09:00", " 12:30:01 -0530", "_01:02+00", " 5:00 UTC", "t09:30z",
    ", 12:05:09 AM", " 12:05 pm", " 1:02:03.5 p.m.", " 5 PM", " 13:00 PM", " 5:00pm EST", " 5:00 AEDT", " 7:00 PST",
]  # fmt: skip
DAYS = [(1969, 12, 31), (1999, 1, 2), (2000, 2, 29), (2024, 11, 30), (2068, 12, 31), (2023, 2, 29), (2023, 4, 31)]


@pytest.mark.parametrize("layout", NUMERIC)
def test_dates_are_read_as_the_model_reads_them(layout, read):
    form, texts = TimeFormat("date", (layout,)), []
    for year, month, day in DAYS:
        for pad in (2, 1):
            short = f"{year % 100:02}"
            parts = {"y": f"{year:04}", "yy": short, "m": f"{month:0{pad}}", "d": f"{day:0{pad}}"}
            mark = next((c for c in "-/." if c in layout), "")
            texts.append(mark.join(parts[p] for p in (layout.split(mark) if mark else layout)))
    if layout.count("y") < len(layout) and layout not in ("ymd", "y-m", "y/m", "m/y"):
        texts = [text + clock for text in texts for clock in CLOCKS]
    expected = form.parse(texts)
    assert np.isfinite(expected).any()
    np.testing.assert_allclose(read(form, texts), expected, rtol=1e-14)


def test_times_of_day_and_durations_are_read_as_the_model_reads_them(read):
    clocks = ["0:00", "23:59", "24:00", "07:05:09.125", "12:60", "5", "1:2", "12:30 PM?", "5 a.m.", "PM", "12:30 AM"]
    np.testing.assert_allclose(
        read(TimeFormat("clock", ("clock",)), clocks), TimeFormat("clock", ("clock",)).parse(clocks)
    )
    for layout in ("h:m:s", "m:s"):
        form = TimeFormat("duration", (layout,))
        lengths = ["1:02:03", "-100:00:00.5", "+5:06", "7:60", "1:60:00", "999999:59", "5", "", ":30", "x:30"]
        np.testing.assert_allclose(read(form, lengths), form.parse(lengths))


@pytest.mark.slow
@pytest.mark.parametrize("text", ["0001-01-01", "1900-03-01", "1970-01-01 23:59:59.9", "2000-02-29", "9999-12-31"])
def test_the_parts_of_a_date_are_those_of_the_model(text, read):
    from mlpcli.data.kinds.date import date_parts

    form = TimeFormat("date", ("y-m-d",))
    for part, expected in date_parts(form.parse([text])).items():
        np.testing.assert_allclose(read(form, [text], part), expected, atol=1e-12)


TYPES = {  # engine -> types, values as literals, and the text that a CSV would hold
    "sqlite": [("REAL", "0.1", "0.1"), ("INTEGER", "5", "5"), ("REAL", "1234.5678901234567", "1234.5678901234567")],
    "duckdb": [
        ("DOUBLE", "0.1", "0.1"), ("BIGINT", "5", "5"), ("DECIMAL(9, 2)", "5.25", "5.25"),
        ("DATE", "'2024-02-29'", "2024-02-29"), ("TIMESTAMP", "'2024-02-29 12:30:00.5'", "2024-02-29 12:30:00.5"),
    ],
    "postgresql": [
        ("float8", "0.1", "0.1"), ("integer", "5", "5"), ("numeric", "5.25", "5.25"), ("float8", "'NaN'", ""),
        ("date", "'2024-02-29'", "2024-02-29"), ("timestamptz", "'2024-02-29 12:30+09'", "2024-02-29T12:30+09:00"),
    ],
}  # fmt: skip


def connection_of(dialect):
    if dialect == "sqlite":
        return sqlite3.connect(":memory:")
    if dialect == "duckdb":
        return pytest.importorskip("duckdb").connect()
    return pytest.importorskip("psycopg").connect()


def test_typed_columns_are_read_as_they_are(dialect, trained):
    program = program_of(trained("crossed")[0])
    marked = NumberFormat(",", ".", currency="€")
    for of_type, value, text in TYPES[dialect]:
        is_time = "DATE" in of_type.upper() or "STAMP" in of_type.upper()
        for form in [TimeFormat("date", ("d.m.y",))] if is_time else [NumberFormat(), marked]:
            alone = replace(program, cells=(Cell("c", form),), words=(), numbers=())
            chain = read_cells(alone, ENGINES[dialect], "cells")
            with connection_of(dialect) as connection:
                connection.execute(f"CREATE TEMPORARY TABLE cells (c {of_type})")
                connection.execute(f"INSERT INTO cells VALUES ({value})")
                found = connection.execute(chain.written({"value": "v0"})).fetchall()[0][0]
            plain = TimeFormat("date", ("y-m-d",)) if is_time else NumberFormat()
            np.testing.assert_array_equal(np.float64(found if found is not None else np.nan), plain.parse([text])[0])


def test_a_category_may_be_a_column_of_numbers(dialect, trained):
    program = program_of(trained("crossed")[0])
    alone = replace(program, cells=(Cell("c", None),), words=(), numbers=())
    chain = read_cells(alone, ENGINES[dialect], "cells")
    with connection_of(dialect) as connection:
        connection.execute("CREATE TEMPORARY TABLE cells (c double precision)")
        connection.execute("INSERT INTO cells VALUES (1), (2.5), (NULL)")
        assert connection.execute(chain.written({"text": "t0"})).fetchall() == [("1",), ("2.5",), (None,)]


# --- refusals ---------------------------------------------------------------------------------------------


def refused(program, message, dialect="sqlite"):
    with pytest.raises(UsageError) as found:
        TARGETS["sql"].write(program, Wishes(dialect))
    assert message in str(found.value)


def test_what_sql_cannot_say_is_refused_by_name(trained):
    refused(program_of(trained("numbers")[0]), "column 're\nmarks' is free text, whose words SQL cannot count")
    program = program_of(trained("crossed")[0])
    first, second, *others = program.cells

    def with_cells(*cells):
        return replace(program, cells=(*cells, *others))

    refused(with_cells(replace(first, name="a\0"), second), "SQL has no way to write 'a\\x00'")
    refused(with_cells(replace(first, name="a\ud800"), second), "SQL has no way to write")
    refused(with_cells(replace(first, name="A"), replace(second, name="a")), "columns 'A' and 'a' have one name")
    refused(with_cells(replace(first, name="Ä"), replace(second, name="ä")), "have one name", "duckdb")
    names = ["n" * 63 + end for end in "ab"]
    refused(with_cells(*(replace(c, name=n) for c, n in zip((first, second), names, strict=True))), "have one name",
            "postgresql")  # fmt: skip
    for form, words in (
        (TimeFormat("date", ("d month y",)), "SQL cannot read named months"),
        (TimeFormat("duration", ("units",)), "SQL cannot read hours, minutes and seconds by name"),
    ):
        refused(with_cells(replace(first, format=form), second), f"column '{first.name}': {words}")


def test_more_columns_than_an_engine_takes_are_refused(trained, monkeypatch):
    monkeypatch.setattr(ENGINES["sqlite"], "max_columns", 10)
    refused(program_of(trained("crossed")[0]), "columns at once, and this SQL takes 10")


def test_a_table_may_have_the_name_of_a_step(trained):
    model, rows = trained("crossed")
    assert export(model, TARGETS["sql"], Wishes(table="step1"), None, rows).checked.n_others == 0


@pytest.mark.parametrize(("dialect", "module"), [("duckdb", "duckdb"), ("postgresql", "psycopg")])
def test_without_its_package_an_engine_is_not_asked(dialect, module, trained, monkeypatch):
    model, rows = trained("crossed")
    monkeypatch.setenv("PGHOST", "/nowhere")
    monkeypatch.setitem(sys.modules, module, None)
    assert (
        export(model, TARGETS["sql"], Wishes(dialect), None, rows).checked == f"the package {module} is not installed"
    )


def test_without_a_server_nothing_is_asked(trained, monkeypatch):
    model, rows = trained("crossed")
    for name in ("PGHOST", "PGSERVICE", "PGDATABASE"):
        monkeypatch.delenv(name, raising=False)
    assert "PGHOST names no" in export(model, TARGETS["sql"], Wishes("postgresql"), None, rows).checked
    pytest.importorskip("psycopg")
    monkeypatch.setenv("PGHOST", "/nowhere")
    assert "does not answer" in export(model, TARGETS["sql"], Wishes("postgresql"), None, rows).checked


def test_an_sqlite_without_mathematics_is_said(trained, monkeypatch):
    class Old:
        def execute(self, statement):
            raise sqlite3.OperationalError("no such function: exp")

    monkeypatch.setattr(sqlite3, "connect", lambda path: Old())
    model, rows = trained("crossed")
    assert "was built without exp" in export(model, TARGETS["sql"], Wishes(), None, rows).checked


def test_names_are_quoted():
    assert quoted('a"b') == '"a""b"'
