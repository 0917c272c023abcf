"""A model written in C says what the model says, without a warning of the compiler or of its sanitizers."""

from __future__ import annotations

import csv
import io
import re
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from export.samples import SAMPLES
from export.test_javascript import ODD_NUMBERS, ODD_TIMES
from export.test_python import FORMS, LAYOUTS_OF, NUMBERS, TIMES
from hypothesis import given, settings
from hypothesis import strategies as st

from mlpcli.data.formats.dates import TimeFormat
from mlpcli.data.kinds.date import date_parts
from mlpcli.data.words import WORD
from mlpcli.engine.activations import ACTIVATIONS
from mlpcli.errors import UsageError
from mlpcli.export.answers import read_answers
from mlpcli.export.c import NEGATIVES, PARTS, C
from mlpcli.export.check import outputs_of
from mlpcli.export.languages import TARGETS
from mlpcli.export.program import Cell, program_of
from mlpcli.export.rows import coded_rows
from mlpcli.export.target import Wishes

GCC = shutil.which("gcc")
pytestmark = pytest.mark.skipif(GCC is None, reason="there is no gcc on this machine")
STRICT = ("-std=c99", "-Wall", "-Wextra", "-Wconversion", "-pedantic", "-Werror", "-O0")
SANITIZED = ("-fsanitize=address,undefined", "-fno-sanitize-recover=all")
SINGLE = Wishes(single=True)


def compiled(source: bytes, path: Path, *flags: str) -> str:
    """The program of a file in C, compiled without a warning."""
    path.with_suffix(".c").write_bytes(source)
    done = subprocess.run(
        ["gcc", *STRICT, *flags, str(path.with_suffix(".c")), "-o", str(path), "-lm"],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")
    return str(path)


def run(program: str, given: bytes, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run([program, *arguments], input=given, capture_output=True, check=False)


def check(model, rows, answers, level, tolerance=1e-6):
    expected, labels = outputs_of(model, rows, level)
    if model.labels:
        assert answers.predictions == labels.tolist()
    np.testing.assert_allclose(answers.numbers, expected, atol=tolerance, rtol=tolerance)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in SAMPLES if name not in ACTIVATIONS])
def test_it_says_what_the_model_says(name, trained, tmp_path):
    model, rows = trained(name)
    program = program_of(model, SAMPLES[name].level)
    built = compiled(TARGETS["c"].write(program, Wishes()), tmp_path / "model", "-DMLP_MAIN")
    done = run(built, Path(rows).read_bytes(), "--full")
    assert (done.returncode, done.stderr) == (0, b"")
    check(model, rows, read_answers(done.stdout, program, 1.0), SAMPLES[name].level)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "without"), [
    ("crossed", ()), ("costs", ()), ("counts", ()), ("layer", ()), ("numbers", ("text",)), ("classes", ("text",)),
])  # fmt: skip
def test_without_texts_it_says_the_same_of_numbers_and_codes(name, without, trained, tmp_path):
    model, rows = trained(name, without)
    program = program_of(model, SAMPLES[name].level)
    source = TARGETS["c"].write(program, SINGLE)
    built = compiled(source, tmp_path / "model", "-DMLP_MAIN", *SANITIZED * (name == "classes"))
    done = run(built, coded_rows(rows, program), "--full")
    assert (done.returncode, done.stderr) == (0, b"")
    check(model, rows, read_answers(done.stdout, program, 1.0), SAMPLES[name].level, 3e-6)  # sums of float32
    assert b"strtod" not in subprocess.run(["nm", "-u", built], capture_output=True, check=True).stdout


DRIVER = rb"""
#define main mlp_main
#define MLP_MAIN
#include "model.c"
#undef main

/* Cells as their number, their length and their bytes; the numbers that they are read as. */
static int driver_read(void) {
    int cell, size;
    static char text[1 << 16];
    while (scanf("%d %d", &cell, &size) == 2) {
        double value;
        getchar();
        if (size < 0 || fread(text, 1, (size_t)size, stdin) != (size_t)size) return 1;
        text[size] = '\0';
        if (!mlp_read(cell, text, &value)) value = NAN;
        printf("%.17g\n", value);
        fflush(stdout);
    }
    return 0;
}

int main(int argc, char **argv) {
    if (argc > 1 && strcmp(argv[1], "read") == 0) return driver_read();
    if (argc > 1 && strcmp(argv[1], "characters") == 0) {
        uint32_t c, folded[3];
        int i, n;
        for (c = 0; c < 0x32000; c++) {
            n = mlp_fold_case(c, folded);
            printf("%d", mlp_is_of_word(c));
            for (i = 0; i < n; i++) printf(" %lu", (unsigned long)folded[i]);
            putchar('\n');
        }
        return 0;
    }
    if (argc > 1 && strcmp(argv[1], "parts") == 0) {
        double seconds;
        int part;
        while (scanf("%lf %d", &seconds, &part) == 2) printf("%.17g\n", mlp_part(part / 2, part % 2, seconds));
        return 0;
    }
    if (argc > 1 && strcmp(argv[1], "activations") == 0) {
        static const int kinds[] = {KINDS};
        double z;
        size_t i;
        while (scanf("%lf", &z) == 1)
            for (i = 0; i < sizeof kinds / sizeof kinds[0]; i++) printf("%.17g\n", mlp_activated(kinds[i], z));
        return 0;
    }
    return mlp_main(argc, argv);
}
""".replace(b"KINDS", ", ".join(f"MLP_{name.upper()}" for name in ACTIVATIONS).encode())
TIME_FORMS = [TimeFormat(kind, (name,)) for kind, name in LAYOUTS_OF]


class Driver:
    """A sanitized program with all formats of cells beside those of a sample."""

    def __init__(self, model, folder):
        self.program = program_of(model)
        self.first = len(self.program.cells)
        cells = (*self.program.cells, *(Cell(f"extra {i}", form) for i, form in enumerate((*FORMS, *TIME_FORMS))))
        (folder / "model.c").write_bytes(C().write(replace(self.program, cells=cells), Wishes()))
        self.built = compiled(DRIVER, folder / "driver", *SANITIZED)
        self.process = subprocess.Popen([self.built, "read"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def rows(self, path):
        """The rows of the sample, without values in the columns beside."""
        with open(path, encoding="utf-8", newline="") as file:
            header, *records = csv.reader(file)
        extra = [f"extra {i}" for i in range(len(FORMS) + len(TIME_FORMS))]
        out = io.StringIO()
        csv.writer(out).writerows([header + extra, *(record + [""] * len(extra) for record in records)])
        return out.getvalue().encode()

    def read(self, number, texts):
        given = [(text.encode("utf-8"), self.first + number) for text in texts]
        self.process.stdin.write(b"".join(b"%d %d\n%s" % (cell, len(text), text) for text, cell in given))
        self.process.stdin.flush()
        return np.array([float(self.process.stdout.readline()) for _ in texts])


@pytest.fixture(scope="module")
def driver(trained, tmp_path_factory):
    found = Driver(trained("classes")[0], tmp_path_factory.mktemp("driver"))
    yield found
    found.process.stdin.close()
    assert found.process.wait() == 0
    found.process.stdout.close()


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(FORMS)), ids=lambda i: str(FORMS[i]))
@settings(max_examples=25, deadline=None)
@given(texts=st.lists(NUMBERS, min_size=1, max_size=40))
def test_numbers_are_read_as_the_model_reads_them(number, texts, driver):
    texts = [text for text in texts if "\0" not in text] + ODD_NUMBERS
    expected = FORMS[number].parse(texts)
    np.testing.assert_array_equal(driver.read(number, texts), np.where(np.isinf(expected), np.nan, expected))


@pytest.mark.slow
@pytest.mark.parametrize("number", range(len(TIME_FORMS)), ids=lambda i: str(LAYOUTS_OF[i]))
@settings(max_examples=10, deadline=None)
@given(texts=st.lists(TIMES, min_size=1, max_size=60))
def test_times_are_read_as_the_model_reads_them(number, texts, driver):
    texts = [*texts, *ODD_TIMES]
    found = driver.read(len(FORMS) + number, texts)
    np.testing.assert_allclose(found, TIME_FORMS[number].parse(texts), rtol=1e-15)


@pytest.mark.slow
def test_characters_are_those_of_python(driver):
    lines = run(driver.built, b"", "characters").stdout.decode().splitlines()
    found = [line.partition(" ") for line in lines]
    every = "".join(map(chr, range(0x32000)))
    is_of_word = np.zeros(len(every), bool)
    for word in WORD.finditer(every):
        is_of_word[word.start() : word.end()] = True
    assert [is_one for is_one, _, _ in found] == list(map(str, is_of_word.astype(int)))
    assert [codes for _, _, codes in found] == [" ".join(str(ord(c)) for c in one.casefold()) for one in every]


@pytest.mark.slow
def test_every_activation_is_that_of_the_model(driver):
    z = np.array([-1e30, -50.0, -3.0, -0.1, 0.0, 1e-9, 0.7, 4.0, 25.0, 1e30])
    said = run(driver.built, "\n".join(map(repr, z.tolist())).encode(), "activations").stdout.split()
    for of_name, (forward, *_) in zip(np.array(said, float).reshape(len(z), -1).T, ACTIVATIONS.values(), strict=True):
        out = np.empty_like(z)
        with np.errstate(over="ignore"):
            forward(z.copy(), out, np.empty_like(z))
        np.testing.assert_allclose(of_name, out, rtol=1e-12, atol=1e-15)


@pytest.mark.slow
def test_the_parts_of_a_time_are_those_of_the_model(driver):
    seconds = [0.0, -0.5, 1e9 + 0.25, 951782400.0, -62135596800.0, 253402300799.0, 4107542399.999999]
    names, numbers = list(date_parts(np.empty(0))), list(PARTS)
    asked = []
    for name in names:
        unit, _, wave = name.partition(" on a circle, ")
        asked += [f"{one!r} {2 * numbers.index(unit) + (wave == 'sine')}\n" for one in seconds]
    found = run(driver.built, "".join(asked).encode(), "parts").stdout.split()
    expected = np.concatenate([date_parts(np.array(seconds))[name] for name in names])
    np.testing.assert_allclose(np.array(found, float), expected, atol=1e-12, rtol=1e-15)


@pytest.mark.slow
@pytest.mark.parametrize("text", [b"caf\xe9 a", b"\xed\xa0\x80 a", b"\xf4\x90\x80\x80 a", b"\xc3", b"\xe0\x80\x80"])
def test_what_is_not_utf8_is_no_text(text, driver, trained):
    rows = driver.rows(trained("classes")[1])
    assert "¿unknown? words".encode() in rows
    done = run(driver.built, rows.replace("¿unknown? words".encode(), text), "--full")
    assert done.returncode == 2
    assert b"not written like its column: re\nmarks, found '" in done.stderr
    assert len(done.stdout.splitlines()) == 9


@pytest.mark.slow
def test_whole_rows_are_read_with_texts_of_any_kind(driver, trained):
    model, rows = trained("classes")
    done = run(driver.built, driver.rows(rows), "--full")
    check(model, rows, read_answers(done.stdout, driver.program, 1.0), None)


ROW = "x,first,second,yes/no"


@pytest.fixture(scope="module")
def crossed(trained, tmp_path_factory):
    source = C().write(program_of(trained("crossed")[0]), Wishes())
    return compiled(source, tmp_path_factory.mktemp("crossed") / "model", "-DMLP_MAIN", *SANITIZED)


@pytest.mark.parametrize(("rows", "problem"), [
    ("1,p,s,yes\nabc,p,s,no\n", "line 3: not written like its column: x, found 'abc'"),
    ("1,p,s\n", "line 2: not as many fields as the header"),
    ("inf,p,s,yes\n", "line 2: not written like its column: x, found 'inf'"),
    ('1,"p\n\r\nq"r,s,yes\n', "line 2: text after a closing quote"),
    ('1,p,s,"yes\n', "line 3: a quote opens that never closes"),
    ("1,p\0,s,yes\n", "line 1: a zero byte: the rows are not UTF-8"),
])  # fmt: skip
def test_what_cannot_be_answered_is_named_by_its_line(rows, problem, crossed):
    done = run(crossed, f"{ROW}\n{rows}".encode())
    assert (done.returncode, done.stderr.decode().strip()) == (2, problem)


def test_a_column_that_is_missing_is_named(crossed):
    assert run(crossed, b"x,first\n1,p\n").stderr == b"line 1: no column yes/no\n"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r", "\r\r\n"], ids=repr)
def test_line_ends_spaces_and_marks_of_all_systems_are_read(end, crossed):
    lines = [ROW, "1,p,s,yes", '2.5,"q",t,no', "", " 1 ,p,s,yes"]
    expected = run(crossed, "\n".join(lines).encode()).stdout
    assert expected.count(b"\n") == 4
    assert run(crossed, ("\ufeff" + end.join(lines) + end).encode()).stdout == expected
    assert run(crossed, end.join([" x , first,second ,yes/no", *lines[1:]]).encode()).stdout == expected


@pytest.mark.slow
def test_answers_are_written_as_predict_writes_them(crossed, trained, call):
    model, rows = trained("crossed")
    expected = call("predict", model.path, rows, "--proba", "-q")[1].splitlines()
    found = run(crossed, Path(rows).read_bytes()).stdout.decode().splitlines()
    assert found[0] == expected[0]
    alike = [a == b for a, b in zip(found, expected, strict=True)]
    assert np.mean(alike) > 0.9  # the others differ in the last digit


def test_numbers_are_written_as_python_writes_them(crossed, tmp_path):
    shares = [0.0, 1.0, 0.5, 1e-6, 1.2e-5, 9.9e-5, 1e-4, 1e-5, 0.123456, 0.1234565, 2.4e-7, 5e-7, 1.5e-6, 0.99999949]
    (tmp_path / "print.c").write_text(
        f'#define main mlp_main\n#include "{crossed}.c"\n#undef main\nint main(void) {{ double p; '
        "while (scanf(\"%lf\", &p) == 1) { mlp_print_share(p); putchar('\\n'); } return 0; }\n"
    )
    built = compiled((tmp_path / "print.c").read_bytes(), tmp_path / "print", "-DMLP_MAIN")
    found = run(built, "\n".join(map(repr, shares)).encode()).stdout.decode().split()
    assert found == [repr(float(np.round(share, 6))) for share in shares]


def test_a_program_calls_it_by_the_names_of_columns_and_classes(trained, crossed, tmp_path):
    model, _ = trained("crossed")
    (tmp_path / "use.c").write_text(
        """#include <stdio.h>
        #define MLP_HEADER
        #include "MODEL.c"
        int main(void) {
            mlp_row row = {{NULL}};
            double out[MLP_N_OUTPUTS];
            int said;
            row.cells[MLP_CELL_x] = " 1.0 ";
            row.cells[MLP_CELL_first] = "p";
            row.cells[MLP_CELL_yes_no] = "";
            said = mlp_predict(&row, out);
            printf("%s|%.17g|%.17g|%s\\n", mlp_labels[said], out[0], out[MLP_CLASS_ye_s], mlp_columns[2]);
            row.cells[MLP_CELL_x] = "heavy";
            printf("%d\\n", mlp_predict(&row, out));
            return 0;
        }""".replace("MODEL", crossed)
    )
    flags = [*STRICT, str(tmp_path / "use.c"), "-x", "c", f"{crossed}.c", "-o", str(tmp_path / "use"), "-lm"]
    subprocess.run(["gcc", *flags], check=True)
    said, *shares, column = run(str(tmp_path / "use"), b"").stdout.decode().splitlines()[0].split("|")
    expected = dict(zip(program_of(model).names, run(crossed, f"{ROW}\n1,p,,\n".encode(), "--full").stdout.decode()
                        .splitlines()[1].split(","), strict=True))  # fmt: skip
    assert (said, column) == (expected["prediction"].strip('"').replace('""', '"'), "first")
    assert shares == [expected["p_" + model.labels[0]], expected['p_ye"s']]
    assert run(str(tmp_path / "use"), b"").stdout.decode().splitlines()[1] == "-1"


def test_numbers_are_read_whatever_the_locale_of_the_program(crossed, tmp_path):
    locales = subprocess.run(["locale", "-a"], capture_output=True, text=True, check=False).stdout.split()
    comma = [name for name in locales if name.startswith(("de_", "fr_"))]
    if not comma:
        pytest.skip("no locale with a decimal comma is installed here")
    (tmp_path / "use.c").write_text(
        f'#include <locale.h>\n#define main mlp_main\n#include "{crossed}.c"\n#undef main\n'
        f'int main(void) {{ double value; return !(setlocale(LC_ALL, "{comma[0]}") != NULL '
        '&& mlp_read(0, "1.5", &value) && value > 1.4 && value < 1.6); }\n'
    )
    built = compiled((tmp_path / "use.c").read_bytes(), tmp_path / "use", "-DMLP_MAIN")
    assert run(built, b"").returncode == 0


@pytest.mark.slow
def test_rows_are_read_by_the_dialect_of_the_training_file(own_dialect, here, call):
    text = own_dialect
    code, out, err = call("export", "m.npz", "--to", "c", "-o", "m.c")
    assert (code, err) == (0, "")
    assert "checked on 9 rows (test rows)" in out
    built = compiled((here / "m.c").read_bytes(), here / "m", "-DMLP_MAIN", *SANITIZED)
    assert run(built, text.encode()).stdout.count(b"\n") == 61
    assert run(built, (text + "'too';few\n'a'b;1;p\n").encode()).stdout.splitlines()[-2:] == [b",,", b",,"]
    code, out, err = call("export", "m.npz", "--to", "c", "--single", "-o", "s.c")
    assert (code, err) == (0, "")
    assert "checked on 9 rows (test rows)" in out


@pytest.mark.slow
def test_rows_that_end_with_a_delimiter_and_blank_lines_of_one_column_are_read(here, call):
    (here / "one.csv").write_text("x,y\n" + "1,a,\n2,b,\n,b,\n" * 20)
    assert call("train", "one.csv", "--preset", "classic", "--epochs", 1, "-q", "-o", "m.npz")[0] == 0
    code, out, err = call("export", "m.npz", "--to", "c", "-o", "m.c")
    assert (code, err) == (0, "")
    assert "checked on 9 rows" in out
    (here / "new.csv").write_text("\nx\n1\n\n2\n\n")
    expected = call("predict", "m.npz", "new.csv", "--proba", "-q")[1]
    built = compiled((here / "m.c").read_bytes(), here / "m", "-DMLP_MAIN", *SANITIZED)
    assert run(built, (here / "new.csv").read_bytes()).stdout.decode() == expected
    assert expected.count("\n") == 4


def test_what_c_cannot_say_is_refused_by_name(trained):
    program = program_of(trained("classes")[0])
    with pytest.raises(UsageError, match="--single has no texts, and column 're\nmarks' is free text") as refused:
        C().write(program, SINGLE)
    assert "--drop" in refused.value.hint
    with pytest.raises(UsageError, match="C ends a text at a zero byte, and column 'class' has one"):
        C().write(replace(program, labels=("a\0b", *program.labels[1:])), Wishes())


def test_names_of_codes_are_no_names_of_the_runtime(trained, tmp_path):
    program = program_of(trained("crossed")[0])
    cells = tuple(replace(cell, name="INFINITE" if i == 1 else cell.name) for i, cell in enumerate(program.cells))
    levels = tuple((level and "MISSING", code) for level, code in program.categories[0].codes[:1])
    first = replace(program.categories[0], cell=1, codes=levels + program.categories[0].codes[1:])
    source = C().write(replace(program, cells=cells, categories=(first, *program.categories[1:])), SINGLE)
    compiled(source, tmp_path / "model", "-DMLP_MAIN")
    assert b"#define MLP_CODE_INFINITE_IS_MISSING " in source
    assert b"#define MLP_CODE_INFINITE_MISSING " in source


@pytest.mark.slow
def test_a_long_text_is_no_long_literal(trained, tmp_path):
    program = program_of(trained("crossed")[0])
    long = replace(program, labels=("é" * 5000, *program.labels[1:]))
    compiled(C().write(long, Wishes()), tmp_path / "model", "-DMLP_MAIN")


def test_no_comment_or_literal_is_ended_by_a_name(trained):
    source = C().write(program_of(trained("classes")[0]), Wishes())
    source.decode("ascii")
    assert b"??" not in source
    assert not re.search(rb"/\*[^\n]*\*/[^\n]*\*/[^\n*/]*$", source, re.MULTILINE)


def test_without_a_compiler_it_says_why_it_was_not_run(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert C().run("m.c", "rows.csv", None, Wishes()) == "there is no C compiler on this machine"


def test_a_compiler_that_fails_is_named(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: "false")
    assert C().run("m.c", "rows.csv", None, Wishes()) == "false does not compile it: "


def test_a_number_without_bound_can_be_written(trained, tmp_path):
    program = replace(program_of(trained("counts")[0], 0.9), low=-np.inf, high=np.inf)
    built = compiled(C().write(program, Wishes()), tmp_path / "model", "-DMLP_MAIN")
    assert run(built, Path(trained("counts")[1]).read_bytes()).returncode == 0


@pytest.mark.slow
def test_a_program_that_stops_says_why(trained, tmp_path):
    program = program_of(trained("crossed")[0])
    (tmp_path / "model.c").write_bytes(C().write(program, Wishes()))
    (tmp_path / "rows.csv").write_text("x\n1\n")
    assert C().run(str(tmp_path / "model.c"), str(tmp_path / "rows.csv"), program, Wishes()) == (
        "line 1: no column yes/no"
    )


def test_the_runtime_knows_every_way_of_a_minus_and_every_part_of_a_time():
    assert set(NEGATIVES) == {"accounting", "trailing", "typographic"}
    units = {name.partition(" on a circle, ")[0] for name in date_parts(np.empty(0))}
    assert set(PARTS) - {None} == units
