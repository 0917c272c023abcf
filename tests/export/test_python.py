"""A model written as Python says what the model says, in a process of its own and with the standard library alone."""

from __future__ import annotations

import csv
import io
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from export.samples import SAMPLES
from hypothesis import given, settings
from hypothesis import strategies as st

from mlpcli.data.formats.dates import HALVES, LAYOUTS, MONTH_OF, ZONES, TimeFormat
from mlpcli.data.formats.marks import CURRENCIES
from mlpcli.data.formats.numbers import POWERS, NumberFormat
from mlpcli.data.formats.writing import FOLDED
from mlpcli.data.kinds.date import date_parts
from mlpcli.export.check import outputs_of
from mlpcli.export.languages import TARGETS
from mlpcli.export.program import Cell, program_of
from mlpcli.export.python import cell_of, data_of
from mlpcli.export.runtime import cells, model
from mlpcli.export.target import Wishes


@pytest.fixture
def runtime(trained):
    """Fills the runtime in this process with a sample's model."""

    def of(name):
        found, rows = trained(name)
        cells.MODEL.clear()
        cells.MODEL.update(eval(ascii(data_of(program_of(found, SAMPLES[name].level)))))
        model.unpack()
        return found, rows

    yield of
    cells.MODEL.clear()


@pytest.mark.parametrize("name", SAMPLES)
def test_it_says_what_the_model_says(name, runtime):
    found, rows = runtime(name)
    level = SAMPLES[name].level
    expected, labels = outputs_of(found, rows, level)
    header, *records = [list(record) for _, record in model.records(Path(rows).read_bytes().decode())]
    for cells_of_row, numbers, label in zip(records, expected, labels, strict=True):
        said = model.predict(dict(zip(model.names_of(header), cells_of_row, strict=True)))
        if found.labels:
            assert said.pop("prediction") == label
        np.testing.assert_allclose([*said.values()], numbers, atol=1e-6, rtol=1e-6)


def read_alone(form, texts):
    """What the runtime reads of texts by a format; NaN where it reads nothing."""
    cells.MODEL.update(
        missing=(), inf="error", folded=FOLDED, powers=POWERS, currencies=CURRENCIES, months=MONTH_OF, zones=ZONES,
        halves=HALVES,
    )  # fmt: skip
    cell = cell_of(Cell("c", form))
    found = []
    for text in texts:
        try:
            found.append(cells.read(cell, text))
        except ValueError:
            found.append(np.nan)
    cells.MODEL.clear()
    return np.array(found)


def near(alphabet, words):
    """Texts of these characters and words, many of them nearly numbers or times."""
    return st.lists(st.one_of(st.sampled_from(words), st.text(alphabet, max_size=4)), max_size=6).map("".join)


NUMBERS = near(
    "0123456789.,'-−+()eE %€$\u00a0９", ["1,234", "12,34,567", "0.5", "(", ")", "€", "kg", "US$", "−", "1e5", "km2"]
)
FORMS = [
    NumberFormat(), NumberFormat(","), NumberFormat(".", ",", currency="€", negatives=("accounting", "trailing")),
    NumberFormat(",", ".", negatives=("typographic",)), NumberFormat(".", ",", lakh=True, currency="₹"),
    NumberFormat(unit=("kg", "km²")), NumberFormat(unit=("%",)), NumberFormat(thousands=" ", currency="US$"),
]  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("form", FORMS, ids=str)
@settings(max_examples=60, deadline=None)
@given(texts=st.lists(NUMBERS, min_size=1, max_size=40))
def test_numbers_are_read_as_the_model_reads_them(form, texts):
    np.testing.assert_array_equal(
        read_alone(form, texts), np.where(np.isinf(form.parse(texts)), np.nan, form.parse(texts))
    )


TIMES = near("0123456789-/.: T+Zap", [
    "2024-02-29", "29.2.2023", "12/31/99", "20240305", "March", "5 mars 2024", "5 auguſt 2024", "T23:59:59.25",
    "+09:00", " pm", "오후 3시", "2024년 3월 5일", "KST", "1:02:03", "24:00", "-", "1h 30m", "P1DT2H",
    "3 days, 4:05:06", "Fri, ", "0", "9999-12-31",
])  # fmt: skip
LAYOUTS_OF = [(kind, name) for kind, layouts in LAYOUTS.items() for name in layouts]


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "name"), LAYOUTS_OF, ids=str)
@settings(max_examples=25, deadline=None)
@given(texts=st.lists(TIMES, min_size=1, max_size=40))
def test_times_are_read_as_the_model_reads_them(kind, name, texts):
    form = TimeFormat(kind, (name,))
    np.testing.assert_allclose(read_alone(form, texts), form.parse(texts), rtol=1e-15)


@pytest.mark.parametrize(
    "seconds", [0.0, -0.5, 1e9 + 0.25, 951782400.0, -62135596800.0, 253402300799.0, 4107542399.999999]
)
def test_the_parts_of_a_time_are_those_of_the_model(seconds):
    for name, values in date_parts(np.array([seconds])).items():
        assert cells.part_of(name, seconds) == pytest.approx(values[0], abs=1e-12)


def python(path, rows, *arguments):
    """The file in a process of its own, outside of any project."""
    return subprocess.run([sys.executable, "-I", path, *arguments], input=rows, capture_output=True, check=False)


@pytest.fixture(scope="module")
def written(trained, tmp_path_factory):
    """The file of a sample, written once."""
    folder = tmp_path_factory.mktemp("written")

    def of(name):
        path = folder / f"{name}.py"
        if not path.exists():
            found, _ = trained(name)
            path.write_bytes(TARGETS["python"].write(program_of(found, SAMPLES[name].level), Wishes()))
        return str(path)

    return of


@pytest.mark.parametrize("name", ["classes", "numbers"])
def test_a_csv_is_answered_as_predict_answers_it(name, trained, written, call):
    found, rows = trained(name)
    asked = ["--proba"] if found.labels else ["--interval", SAMPLES[name].level]
    expected = call("predict", found.path, rows, "-q", *asked)[1]
    done = python(written(name), Path(rows).read_bytes())
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.decode().splitlines()[0] == expected.splitlines()[0]
    here, there = (list(csv.reader(text.splitlines()[1:])) for text in (done.stdout.decode(), expected))
    texts = 1 if found.labels else 0
    assert [row[:texts] for row in here] == [row[:texts] for row in there]
    numbers, expected = (np.array([row[texts:] for row in rows], np.float64) for rows in (here, there))
    np.testing.assert_allclose(numbers, expected, atol=1.1e-6, rtol=1e-6)


@pytest.mark.parametrize(("rows", "problem"), [
    ("x,first\n1,p\nabc,q\n", b"line 3: column x: expected a number, found 'abc'"),
    ("x,first\n1\n", b"line 2: expected 2 fields, found 1"),
    ("x\n1\n", b"line 2: no column 'yes/no'"),
    ("x,first\ninf,p\n", b"line 2: column x: expected a number, found 'inf'"),
])  # fmt: skip
def test_what_cannot_be_answered_is_named_by_its_line(rows, problem, written):
    if problem != b"line 2: no column 'yes/no'":
        rows = rows.replace("x,first", "x,first,second,yes/no").replace("p\n", "p,s,yes\n").replace("q\n", "q,s,no\n")
        problem = problem.replace(b"expected 2", b"expected 4")
    done = python(written("crossed"), rows.encode())
    assert (done.returncode, done.stderr.strip()) == (2, problem)


def test_rows_are_read_by_the_dialect_of_the_training_file(here, call):
    text = "made by hand\n# a note\nname;size;kind\n" + "'a;b'; 1,5;p\n'c\\'d'; 2,5;q\n" * 30
    (here / "own.csv").write_bytes(text.encode("cp949"))
    options = (
        "--skip-rows",
        1,
        "--comment",
        "#",
        "--quote",
        "'",
        "--escape",
        "\\",
        "--decimal",
        ",",
        "--bad-rows",
        "skip",
    )
    assert call("train", "own.csv", *options, "--preset", "classic", "--epochs", 1, "-q", "-o", "m.npz")[0] == 0
    code, out, err = call("export", "m.npz", "--to", "python", "-o", "m.py")
    assert (code, err) == (0, "")
    assert "checked on 8 rows (test rows)" in out
    done = python("m.py", (text + "'too';few\n").encode("cp949"))
    assert done.returncode == 0
    assert done.stdout.decode().splitlines()[-1] == ",,"


def test_cells_may_be_values_and_missing_columns_are_named(runtime):
    found, _ = runtime("crossed")
    row = {"x": 1.5, "first": "p", "second": "s", "yes/no": None}
    assert model.predict(row) == model.predict(row | {"x": "1.5", "yes/no": ""})
    assert model.predict(row | {"x": float("nan")}) == model.predict(row | {"x": None})
    assert model.predict(row | {"first": 3})["prediction"] in found.labels
    with pytest.raises(ValueError, match="no column 'x'"):
        model.predict({})
    with pytest.raises(ValueError, match="column x: expected a number"):
        model.predict(row | {"x": float("inf")})
    cells.MODEL["inf"] = "missing"
    assert model.predict(row | {"x": float("inf")}) == model.predict(row | {"x": None})


class Kept(io.BytesIO):
    """Bytes that can be read once a wrapper around them is gone."""

    def close(self):
        """Stays open."""


def answered_here(monkeypatch, text, *arguments):
    """Exit code and output of the program in this process."""
    out = Kept()
    monkeypatch.setattr("sys.argv", ["model.py", *arguments])
    monkeypatch.setattr("sys.stdin", SimpleNamespace(buffer=io.BytesIO(text.encode(cells.MODEL["encoding"]))))
    monkeypatch.setattr("sys.stdout", SimpleNamespace(buffer=out))
    return model.main(), out.getvalue().decode()


def test_the_program_answers_each_record(runtime, monkeypatch, capsys):
    _, rows = runtime("crossed")
    text = Path(rows).read_bytes().decode()
    code, out = answered_here(monkeypatch, text)
    full_code, full = answered_here(monkeypatch, text, "--full")
    assert (code, full_code, out.count("\n"), full.count("\n")) == (0, 0, 61, 61)
    assert out.splitlines()[0] == full.splitlines()[0] == ",".join(map(model.quoted, cells.MODEL["names"]))
    assert "no ," in out
    assert '"ye""s",' in out
    head, first, *_ = text.splitlines(True)
    cells.MODEL.update(comment="#", skip_rows=1, bad_rows="skip")
    code, out = answered_here(monkeypatch, "a title\n" + head + "# a note\n\n" + first + "1,2\n")
    assert (code, out.splitlines()[-1]) == (0, ",,,")
    assert len(out.splitlines()) == 3
    cells.MODEL.update(bad_rows="error", skip_rows=0)
    assert answered_here(monkeypatch, head + "1,2\n")[0] == 2
    assert answered_here(monkeypatch, head + "many" + first[first.index(",") :])[0] == 2
    cells.MODEL["header"] = False
    assert answered_here(monkeypatch, first)[0] == 2
    said = capsys.readouterr().err
    for what in ("line 2: expected 5 fields, found 2", "column x: expected a number, found 'many'", "no column 'x'"):
        assert what in said


def test_numbers_are_written_as_predict_writes_them(runtime, monkeypatch):
    _, rows = runtime("counts")
    code, out = answered_here(monkeypatch, Path(rows).read_bytes().decode())
    assert (code, out.splitlines()[0]) == (0, "prediction,low,high")
    assert all(len(number.replace(".", "").lstrip("-0")) <= 13 for number in out.splitlines()[1].split(","))


@pytest.mark.parametrize("name", [["a", " b ", ""], ["a", "a ", "b"]])
def test_names_are_those_of_the_reader(name):
    assert model.names_of(name) == (["a", "b", "unnamed_3"] if "" in name else name)


@pytest.mark.parametrize(("kind", "layout", "texts"), [
    ("date", "d month y", [
        "5 March 2024 12:30 pm", "5 mars 2024 13:00:00 KST", "5 mai 2024 1:00 am +09:30", "5 May 2024 13 pm",
        "31 Feb 2024", "5 May 2024 24:00", "5 May 2024 12:00 +24:00", "5 May 2024",
    ]),
    ("date", "d/m/yy", ["1/2/68", "1/2/69", "0/2/69", "1/13/69"]),
    ("clock", "clock", ["오후 3시 5분", "12:00 am", "12:00:59.25 PM", "23:61", "am 1:00 pm"]),
    ("duration", "units", ["1h 30m", "-2 days, 3 hours", "1.5 s"]), ("duration", "iso", ["P1W", "-P1DT2H3M4.5S"]),
    ("duration", "h:m:s", ["1:02:03", "1:60:00", "-100:00:59.5"]), ("duration", "m:s", ["75:30", "1:60"]),
])  # fmt: skip
def test_each_part_of_a_time_is_read(kind, layout, texts):
    form = TimeFormat(kind, (layout,))
    expected = form.parse(texts)
    assert not np.isnan(expected).all()
    np.testing.assert_allclose(read_alone(form, texts), expected, rtol=1e-15)


def test_the_signs_around_a_number_are_read():
    form = NumberFormat(".", ",", currency="Rs.", negatives=("accounting", "trailing", "typographic"))
    texts = [
        "Rs.500",
        "-Rs.5",
        "5-",
        "5 -Rs.",
        "(Rs.5)",
        "−5",
        "(-5)",
        "12.--",
        "$5",
        "inf",
        "%5",
        "5%",
        "1,234e5",
        "0,123",
    ]
    values = form.parse(texts)
    np.testing.assert_array_equal(read_alone(form, texts), np.where(np.isinf(values), np.nan, values))
    assert np.isfinite(values).sum() >= 7
