"""A model written as an ES module says what the model says, in Node."""

from __future__ import annotations

import csv
import json
import shutil
import subprocess
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from export.samples import SAMPLES
from export.test_python import FORMS, LAYOUTS_OF, NUMBERS, TIMES
from hypothesis import given, settings
from hypothesis import strategies as st

from mlpcli.data.formats.dates import TimeFormat
from mlpcli.data.kinds.date import date_parts
from mlpcli.data.words import WORD
from mlpcli.export.check import outputs_of
from mlpcli.export.javascript import script_data
from mlpcli.export.languages import TARGETS
from mlpcli.export.program import Cell, program_of
from mlpcli.export.target import Wishes

pytestmark = pytest.mark.skipif(shutil.which("node") is None, reason="there is no node on this machine")
JS = TARGETS["js"]


@pytest.fixture(scope="module")
def written(trained, tmp_path_factory):
    """The module of a sample, written once, with the model and rows."""
    folder = tmp_path_factory.mktemp("written")

    def of(name):
        path, (found, rows) = folder / f"{name}.mjs", trained(name)
        if not path.exists():
            path.write_bytes(JS.write(program_of(found, SAMPLES[name].level), Wishes()))
        return str(path), found, rows

    return of


def node(*arguments, given=b""):
    return subprocess.run(["node", *arguments], input=given, capture_output=True, check=False)


@pytest.mark.slow
@pytest.mark.parametrize("name", SAMPLES)
def test_it_says_what_the_model_says(name, written):
    path, found, rows = written(name)
    level = SAMPLES[name].level
    expected, labels = outputs_of(found, rows, level)
    answers = JS.run(path, rows, program_of(found, level), Wishes())
    assert not isinstance(answers, str), answers
    if found.labels:
        assert answers.predictions == labels.tolist()
    np.testing.assert_allclose(answers.numbers, expected, atol=1e-6, rtol=1e-6)


DRIVER = """
import { createInterface } from "node:readline";
import { MODEL, crc32, inFull, inShort, partOf, read, unpack, wordsOf } from "./runtime.mjs";
function tried(text) {
  try {
    return read(MODEL.cells[0], text);
  } catch (error) {
    return null;
  }
}
for await (const line of createInterface({ input: process.stdin })) {
  const { data, texts, seconds, words, numbers } = JSON.parse(line);
  Object.assign(MODEL, data);
  unpack();
  const found = texts?.map(tried) ?? words?.map((text) => wordsOf(text).map(crc32))
    ?? numbers?.map((one) => [inFull(one), inShort(one)]);
  console.log(JSON.stringify(found ?? MODEL.numbers.map(({ part }) => (part === null ? null : partOf(part, seconds)))));
}
"""


@pytest.fixture(scope="module")
def ask(trained, tmp_path_factory):
    """One process that answers all questions: cells by a format, words of texts, parts of a time."""
    folder, program = tmp_path_factory.mktemp("driver"), program_of(trained("classes")[0])
    source = JS.write(program, Wishes()).decode()
    (folder / "runtime.mjs").write_text(
        source + "\nexport { MODEL, crc32, inFull, inShort, partOf, read, unpack, wordsOf };\n"
    )
    (folder / "driver.mjs").write_text(DRIVER)
    process = subprocess.Popen(["node", str(folder / "driver.mjs")], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    assert process.stdout is not None

    def of(form=None, **question):
        some = program if form is None else replace(program, cells=(Cell("c", form),), categories=(), levels=())
        data = script_data(replace(some, parts=()))
        process.stdin.write(json.dumps({"data": data} | question).encode() + b"\n")
        process.stdin.flush()
        return json.loads(process.stdout.readline())

    yield of
    process.stdin.close()
    process.wait()
    process.stdout.close()


ODD_NUMBERS = [
    "\x1c5\x85", "\ufeff5", "5 𝐤𝐠", "１", "0" * 331, "1e999", "-inf", "INFINITY", "1,234e5", "5 km2", "Rs.5 €", "12.-",
    "12,--", "€12.-", "€-1", "-€1", "5 -€", "(€5)", "5-", "+5", "$5 CAD", ".5", "1.", "12,34,567.5",
]  # fmt: skip
ODD_TIMES = [
    "Frİday, 5 mars 2024", "2024-03-05 12:00 \u212aſt", "5", "5m", "2h 5", "1d 5", "1d2h3m4s", "1.5h", "12 am",
    "12:00 AM", "오후 12:30", "오후 15시 3분", "am 1:00 pm", *(f"1{m}2{m}{y}" for m in "-/." for y in (68, 69)),
    *(f"{y}{m}2{m}1" for m in "-/." for y in (68, 69)), "68년 2월 1일", "69년 2월 1일", "1 Jan 68", "1 Jan 69",
]  # fmt: skip


def finite(values):
    return np.where(np.isinf(values), np.nan, values)


@pytest.mark.parametrize("form", FORMS, ids=str)
@settings(max_examples=25, deadline=None)
@given(texts=st.lists(NUMBERS, min_size=1, max_size=40))
def test_numbers_are_read_as_the_model_reads_them(form, texts, ask):
    texts = [*texts, *ODD_NUMBERS]
    np.testing.assert_array_equal(np.array(ask(form, texts=texts), float), finite(form.parse(texts)))


@pytest.mark.slow
@pytest.mark.parametrize(("kind", "name"), LAYOUTS_OF, ids=str)
@settings(max_examples=10, deadline=None)
@given(texts=st.lists(TIMES, min_size=1, max_size=60))
def test_times_are_read_as_the_model_reads_them(kind, name, texts, ask):
    form = TimeFormat(kind, (name,))
    texts = [*texts, *ODD_TIMES]
    np.testing.assert_allclose(np.array(ask(form, texts=texts), float), form.parse(texts), rtol=1e-15)


@pytest.mark.parametrize("seconds", [0.0, -0.5, 1e9 + 0.25, -62135596800.0, 253402300799.0, 4107542399.999999])
def test_the_parts_of_a_time_are_those_of_the_model(seconds, ask, trained):
    parts = date_parts(np.array([seconds]))
    names = [number.part for number in program_of(trained("classes")[0]).numbers]
    for name, value in zip(names, ask(seconds=seconds), strict=True):
        assert name is None or value == pytest.approx(parts[name][0], abs=1e-12)


def test_words_are_those_of_python_whatever_unicode_the_engine_knows(ask):
    every = "".join(f"{chr(i)} a{chr(i)}b " for i in range(0x11000) if not 0xD800 <= i < 0xE000)
    texts = ["", "Straße ΣΊΣΥΦΟΣ İstanbul _x1", every]
    assert ask(words=texts) == [[zlib.crc32(w.encode()) for w in WORD.findall(t.casefold())] for t in texts]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.floats(allow_nan=False, allow_infinity=False).map(lambda x: x + 0.0), min_size=20))
def test_numbers_are_written_as_python_writes_them(ask, numbers):
    numbers += [round(x % 1, 6) for x in numbers] + [0.0, 1.0, 1e-6, 1.5e-5, 123456789.25, 1e9, -1e-4, 99999999.95]
    numbers = [x for x in numbers if x or np.copysign(1, x) > 0]
    found = ask(numbers=numbers)
    assert [short for _, short in found] == [f"{x:.9g}" for x in numbers]
    assert [full for full, _ in found if abs(float(full)) < 1e16] == [repr(x) for x in numbers if abs(x) < 1e16]
    assert [float(full) for full, _ in found] == numbers


@pytest.mark.parametrize("name", ["classes", "numbers"])
def test_a_csv_is_answered_as_predict_answers_it(name, written, call):
    path, found, rows = written(name)
    asked = ["--proba"] if found.labels else ["--interval", SAMPLES[name].level]
    expected = call("predict", found.path, rows, "-q", *asked)[1]
    done = node(path, given=Path(rows).read_bytes())
    assert (done.returncode, done.stderr) == (0, b"")
    here, there = (list(csv.reader(text.splitlines())) for text in (done.stdout.decode(), expected))
    n_texts = 1 if found.labels else 0
    assert [row[:n_texts] for row in here] == [row[:n_texts] for row in there]
    assert here[0] == there[0]
    numbers, expected = (np.array([row[n_texts:] for row in rows[1:]], np.float64) for rows in (here, there))
    np.testing.assert_allclose(numbers, expected, atol=1.1e-6, rtol=1e-6)


ROW = {"x": "1", "first": "p", "second": "s", "yes/no": "yes"}


@pytest.mark.parametrize(("rows", "problem"), [
    ("1,p,s,yes\nabc,p,s,no\n", "line 3: column x: expected a number, found 'abc'"),
    ("1,p,s\n", "line 2: expected 4 fields, found 3"),
    ("inf,p,s,yes\n", "line 2: column x: expected a number, found 'inf'"),
    ('1,"p\n\r\nq"r,s,yes\n', "line 2: text after a closing quote"),
    ('1,p,s,"yes\n', "line 3: a quote opens that never closes"),
])  # fmt: skip
def test_what_cannot_be_answered_is_named_by_its_line(rows, problem, written):
    done = node(written("crossed")[0], given=f"{','.join(ROW)}\n{rows}".encode())
    assert (done.returncode, done.stderr.decode().strip()) == (2, problem)
    assert len(done.stdout.splitlines()) == rows.count("\n1") + 1 + rows.startswith("1,p,s,yes")


def test_a_module_is_imported_and_told_values(written, tmp_path):
    path, found, _ = written("crossed")
    script = """
        const { log } = console;
        globalThis.process = globalThis.Buffer = undefined; // as in a browser
        const { predict } = await import("PATH");
        const row = ROW;
        const said = (some) => JSON.stringify(predict({ ...row, ...some }));
        const same = (a, b) => log(said(a) === said(b));
        const fails = (call) => { try { call(); } catch (error) { log(error.message); } };
        same({ x: 1 }, { x: " 1.0 " });
        same({ x: null }, { x: "NA" });
        same({ x: NaN, first: 3 }, { x: "", first: "3" });
        fails(() => predict({}));
        fails(() => predict({ ...row, x: "heavy" }));
        fails(() => predict({ ...row, x: {} }));
        log(JSON.stringify(Object.keys(predict(row))));
    """
    (tmp_path / "use.mjs").write_text(script.replace("PATH", path).replace("ROW", json.dumps(ROW)))
    done = node(str(tmp_path / "use.mjs"))
    assert done.stdout.decode().splitlines() == [
        "true", "true", "true", "no column 'x'", "column x: expected a number, found 'heavy'",
        "column x: expected a text, a number or null",
        json.dumps(program_of(found).names, separators=(",", ":")),
    ], done.stderr  # fmt: skip


def test_nothing_in_a_module_ends_a_script_of_a_page(written):
    assert b"</script" not in Path(written("classes")[0]).read_bytes()


@pytest.mark.slow
def test_rows_are_read_by_the_dialect_of_the_training_file(own_dialect, here, call):
    text = own_dialect
    code, out, err = call("export", "m.npz", "--to", "js", "-o", "m.mjs")
    assert (code, err) == (0, "")
    assert "checked on 9 rows (test rows)" in out
    expected = node("m.mjs", given=text.encode()).stdout
    assert expected.count(b"\n") == 61
    assert node("m.mjs", given=("\ufeff" + text).encode("utf-16-le")).stdout == expected
    assert node("m.mjs", given=("\ufeff" + text).encode("utf-16-be")).stdout == expected
    assert node("m.mjs", given=text.replace("\n", "\r\n").encode()).stdout == expected
    assert node("m.mjs", given=text.replace("\n", "\r").encode()).stdout == expected
    more = node("m.mjs", given=(text + "'too';few\n'a'b;1;p\n가;1;\n").encode("cp949"))
    assert more.stdout.splitlines()[-3:-1] == [b",,", b",,"]


def test_a_blank_line_in_a_table_of_one_column_is_a_row(here, call):
    (here / "one.csv").write_text("x,y\n" + "1,a\n2,b\n,b\n" * 20)
    assert call("train", "one.csv", "--preset", "classic", "--epochs", 1, "-q", "-o", "m.npz")[0] == 0
    assert call("export", "m.npz", "--to", "js", "-o", "m.mjs", "-q")[0] == 0
    (here / "new.csv").write_text("\nx\n1\n\n2\n\n")
    expected = call("predict", "m.npz", "new.csv", "--proba", "-q")[1]
    assert node("m.mjs", given=(here / "new.csv").read_bytes()).stdout.decode() == expected
    assert expected.count("\n") == 4


def test_rows_that_end_with_a_delimiter_are_read(here, call):
    (here / "own.csv").write_text("x,y\n" + "1,a,\n2,b,\n" * 20)
    assert call("train", "own.csv", "--preset", "classic", "--epochs", 1, "-q", "-o", "m.npz")[0] == 0
    code, out, _ = call("export", "m.npz", "--to", "js", "-o", "m.mjs")
    assert code == 0
    assert "checked on 6 rows" in out


def test_without_node_it_says_why_it_was_not_run(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert JS.run("m.mjs", "rows.csv", None, Wishes()) == "there is no node on this machine to run JavaScript"


@pytest.mark.slow
def test_a_module_that_stops_says_why(written, tmp_path):
    path, found, _ = written("crossed")
    (tmp_path / "rows.csv").write_text("x\n1\n")
    program = program_of(found)
    assert JS.run(path, str(tmp_path / "rows.csv"), program, Wishes()) == "line 2: no column 'yes/no'"
