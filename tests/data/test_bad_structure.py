"""Files whose records and fields are odd or broken: what each command answers. The ids are the rows of a checklist."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import socket
import threading
import zipfile

import numpy as np
import pytest
from data.cases import COMMANDS, FAST, GOOD, HEADER, MODELLED, ROWS, Case, with_line

import mlpcli
from mlpcli.data import rows, scan


def zipped(*members: tuple[str, str]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as made:
        for name, text in members:
            made.writestr(name, text)
    return out.getvalue()


def quoted(text: str, quote: str = '"') -> str:
    return "".join(",".join(f"{quote}{c}{quote}" for c in line.split(",")) + "\n" for line in text.splitlines())


SPACED = dict.fromkeys(COMMANDS, "a space follows each delimiter")
SINGLE_QUOTES = dict.fromkeys(COMMANDS, "quotes: ' (--quote)")
DATA = ("train", "inspect", "evaluate")  # the commands that need rows
NEW = {"evaluate": "no column 'y'", "predict": "no column 'a'"}  # what a model says to another header
ODD = "".join(f"{i},{i % 4},{i % 2}\n" for i in range(60))

PREAMBLE = "Report of May\n\nBerlin\n" + GOOD
COMMENTED = GOOD.replace("\n", "\n# a remark, with a comma\n", 3)
ENDS = {"CR": "\r", "CRLF": "\r\n", "CRCRLF": "\r\r\n"}

CASES = {
    "S01": Case("", "empty file", bad=True),
    "S02 newlines": Case("\n\n\r\n", "no header", bad=True),
    "S02 blanks": Case("  \n \n", "no header", bad=True),
    "S02 mark": Case(b"\xef\xbb\xbf", "no header", bad=True),
    "S02 mark and newlines": Case(b"\xef\xbb\xbf\n\n", "no header", bad=True),
    "S03": Case(HEADER, "no data rows", bad=DATA, same=False, silent=("predict",)),
    "S04": Case(HEADER + ROWS[0], "at least 10 are needed", bad=("train", "inspect"), same=False,
                silent=("evaluate", "predict")),
    "S05": Case(with_line(20, "1,2.0,x1"), "d.csv:20: 3 fields, expected 4", bad=True),
    "S05 skipped": Case(with_line(20, "1,2.0,x1"), "", ("--bad-rows", "skip"), same=False),
    "S06": Case(with_line(20, "1,2.0,x1,no,9"), "d.csv:20: 5 fields, expected 4", bad=True),
    "S06 skipped": Case(with_line(20, "1,2.0,x1,no,9"), "", ("--bad-rows", "skip"), same=False),
    "S07": Case(HEADER + "".join(ROWS).replace("\n", ",9\n"), "rows have 5 fields, header has 4", bad=True),
    "S08": Case(HEADER + "".join(ROWS).replace("\n", ",\n"), "every row ends with a delimiter",
                silent=MODELLED),
    "R13 lost in the header": Case(
        GOOD.replace("\n", ",\n").replace("a,b,c,y,", "a,bc,y,e"),
        {"predict": "no column"} | dict.fromkeys(DATA, "column 'bc': two names without a delimiter"), bad=True,
    ),
    "R13 lost before a quote": Case(with_line(30, '1,2.0"x, 1",no'), "d.csv:30: a quote opens inside a cell", bad=True),
    "R07 a title": Case("Report,,,\n,,,\n" + GOOD, "--skip-rows 2 if the header is on line 3", bad=True),
    "R07 the header again": Case(
        HEADER + HEADER + "".join(f"x{r},x{r * 2},b,no\n" for r in "abcdefghijklm"),
        dict.fromkeys(("train", "inspect"), "d.csv:2: the header again"), bad=True,
    ),
    "R07 after --skip-rows": Case(HEADER + HEADER + GOOD, "", ("--skip-rows", "2")),
    "S08 not empty": Case(HEADER + "".join(ROWS).replace("\n", ",\n") + "1,2,x1,no,3\n", ":62: 5 fields", bad=True),
    "S08 not all": Case(HEADER + "".join(ROWS[:50]).replace("\n", ",\n") + "".join(ROWS[50:]),
                        dict.fromkeys(DATA, "fields"), bad=DATA),
    "S09": Case(GOOD.replace("\n", ",\n"), "unnamed_5", train=(), silent=("evaluate",)),
    "S10": Case(GOOD.replace("a,b,c", "a,b,a"), "column 'a' appears twice (columns 1, 3)", bad=True),
    "S10 target": Case(GOOD.replace("a,b,c", "a,b,y"), "column 'y' appears twice (columns 3, 4)", bad=True),
    "S11 case": Case(GOOD.replace("\n", ",1\n").replace("y,1", "y,A", 1), "'a' and 'A' differ only in case",
                     silent=MODELLED),
    "S11 space": Case(GOOD.replace("\n", ",1\n").replace("y,1", "y, a", 1), "'a' and ' a' differ only in case",
                      silent=MODELLED),
    "S11 accents": Case("\u00e9,e\u0301," + GOOD.replace("\n", "\n1,2,")[:-4], "the form of accents",
                        silent=MODELLED),
    "S12": Case("," + GOOD.replace("\n", "\n7,")[:-2], "columns without a name are called unnamed_1",
                silent=MODELLED),
    "S13": Case("3,4,5\n" + ODD, dict.fromkeys(("train", "inspect"), "the first line looks like data") | NEW,
                bad=("evaluate", "predict"), train=()),
    "S14 units": Case(HEADER + "kg,m,,\n" + "".join(ROWS), "d.csv:2: column 'a': expected a number, found 'kg'",
                      bad=True),
    "S14 two headers": Case(HEADER + HEADER + "".join(ROWS),
                            dict.fromkeys(("train", "inspect"), "d.csv:2: the header again"), bad=True),
    "S15": Case(PREAMBLE, "line 4 has 4 fields, line 1 has 1", bad=True),
    "S15 advice": Case(PREAMBLE, "--skip-rows 3 if the header is on line 4", bad=True),
    "S15 skipped": Case(PREAMBLE, "", ("--skip-rows", "3")),
    "S16": Case(GOOD + "Total,123\n", "d.csv:62: 2 fields, expected 4", bad=True),
    "S17 other width": Case(GOOD + "\nd,e\n1,2\n", "d.csv:63: 2 fields, expected 4", bad=True),
    "S17 same width": Case(GOOD + "\nd,e,f,g\n" + ROWS[0], "d.csv:63: column 'a': expected a number, found 'd'",
                           bad=True),
    "S18 semicolon": Case(GOOD.replace(",", ";"), "delimiter: ';'", silent=MODELLED),
    "S18 tab": Case(GOOD.replace(",", "\t"), "delimiter: '\\t'", silent=MODELLED),
    "S18 pipe": Case(GOOD.replace(",", "|"), "delimiter: '|'", silent=MODELLED),
    "S18 space": Case(GOOD.replace(",", " "), "delimiter: ' '", silent=MODELLED),
    "S18 comma and space": Case(GOOD.replace(",", ", "),
                                SPACED | {"evaluate": "never seen the class ' no'"}, bad=("evaluate",),
                                silent=("predict",), same=False),  # a model takes spaces as in training
    "S18 another": Case(GOOD.replace(",", "^"), dict.fromkeys(COMMANDS, "one column") | NEW, bad=True, train=()),
    "S18 asked for": Case(GOOD.replace(",", "^"), "", ("--delimiter", "^")),
    "S19": Case(with_line(30, "1;2.0;x1;no"), "d.csv:30: 1 fields, expected 4", bad=True),
    "S20": Case(with_line(12, '1,2.0,"x1,no'), "d.csv:12: quote opened here is never closed", bad=True),
    "S20 among quotes": Case(quoted(GOOD).replace('"x1"', '"x1', 1), "text after a closing quote", bad=True),
    "S21": Case(with_line(20, '1,9.0,5" pipe,no'), same=False),
    "S22": Case(with_line(20, '1,9.0,"x"1,no'), "d.csv:20: text after a closing quote", bad=True),
    "S23": Case(with_line(20, '1,9.0,"x\n1",no'), same=False),
    "S23 lines": Case(with_line(20, '1,9.0,"x\n1",no') + "1,2\n", "d.csv:63: 2 fields, expected 4", bad=True),
    **{f"S24 {name}": Case(GOOD.replace("\n", end)) for name, end in ENDS.items()},
    "S24 mixed": Case(GOOD.replace("\n", "\r\n", 20).replace("9.0", "9.0")),
    "S25": Case(GOOD.rstrip("\n")),
    "S26": Case(with_line(20, r'1,9.0,"x\"1",no'), r"--escape '\'", bad=True),
    "S26 asked for": Case(with_line(20, r'1,9.0,"x\",1",no'), "", ("--escape", "\\"), same=False),
    # A model takes quotes as in training.
    "S27": Case(quoted(GOOD, "'"), SINGLE_QUOTES | dict.fromkeys(MODELLED, "no column"), bad=MODELLED),
    "S27 said to a model": Case(quoted(GOOD, "'"), "", ("--quote", "'")),
    "S27 asked for": Case(with_line(20, "1,9.0,'x,1',no"), "", ("--quote", "'"), same=False),
    "S28": Case(COMMENTED, "--comment '#'", bad=True),
    "S28 asked for": Case(COMMENTED, "", ("--comment", "#")),
    "S29": Case(GOOD.replace("\n", "\n\n")),
    "S30": Case(with_line(20, f"1,9.0,{'x' * 10_000_000},no"), same=False),
    "S33 gzip": Case(gzip.compress(GOOD.encode())),
    "S33 bzip2": Case(bz2.compress(GOOD.encode()), name="d.gz"),
    "S33 xz": Case(lzma.compress(GOOD.encode()), name="d.zip"),
    "S33 zip": Case(zipped(("d.csv", GOOD), ("__MACOSX/._d.csv", "x"))),
    "S33 two in a zip": Case(zipped(("a.csv", GOOD), ("b.csv", GOOD)), "a zip of 2 files", bad=True),
    "S33 zstd": Case(b"\x28\xb5\x2f\xfd" + b"x" * 99, "zstd file; decompress it first", bad=True),
    "S33 named but not": Case(GOOD, name="d.csv.gz"),
    "S34 gzip": Case(gzip.compress(GOOD.encode())[:-20], "truncated or damaged gzip", bad=True),
    "S34 bzip2": Case(bz2.compress(GOOD.encode())[:-20], "truncated or damaged bzip2", bad=True),
    "S34 xz": Case(lzma.compress(GOOD.encode())[:-20], "truncated or damaged xz", bad=True),
    "S34 zip": Case(zipped(("d.csv", GOOD))[:-20], "truncated or damaged zip", bad=True),
    "S35 excel": Case(zipped(("xl/workbook.xml", "x")), "cannot be read", bad=True),
    "S35 old excel": Case(b"\xd0\xcf\x11\xe0" + b"x" * 99, "looks like an old Excel file", bad=True),
    "S35 parquet": Case(b"PAR1" + b"x" * 99, "cannot be read", bad=True),
    "S35 json": Case('[\n  {"a": 1}\n]\n', "no column", bad=True),
    "S35 json lines": Case('{"a": 1}\n{"a": 2}\n', "no column", bad=True),
    "S35 html": Case("\ufeff <!DOCTYPE html><html></html>", "looks like HTML, not CSV", bad=True),
    "S35 pdf": Case(b"%PDF-1.7\n" + b"x" * 99, "looks like a PDF", bad=True),
}  # fmt: skip


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("row", [pytest.param(r, marks=pytest.mark.slow) if r == "S30" else r for r in CASES])
def test_a_file_and_its_outcome(row, name, prove):
    prove(CASES[row], name)


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize(
    "row", ["S01", "S05", "S08", "S15", "S18 tab", "S20", "S23 lines", "S24 CR", "S33 gzip", "S34 gzip"]
)
def test_a_pipe_answers_like_a_file(row, name, prove):
    reader, writer = os.pipe()
    with os.fdopen(writer, "wb") as pipe:
        content = CASES[row].content
        pipe.write(content if isinstance(content, bytes) else content.encode())
    case = CASES[row]
    says = case.says.replace("d.csv", f"/dev/fd/{reader}") if isinstance(case.says, str) else case.says
    try:
        prove(Case(case.content, says, case.flags, case.bad, case.same, silent=case.silent), name, f"/dev/fd/{reader}")
    finally:
        os.close(reader)


def test_s05_skip_says_how_many_and_names_the_first_five_lines(command, tmp_path):
    lines = GOOD.splitlines(keepends=True)
    for i in range(10, 17):
        lines[i] = "1,2\n"
    (tmp_path / "d.csv").write_text("".join(lines))
    _, out, _ = command("inspect", tmp_path / "d.csv", "--bad-rows", "skip")
    assert "7 rows that do not fit the header are left out: lines 11, 12, 13, 14, 15 ..." in out


def test_s05_a_skipped_row_is_an_empty_row_of_the_predictions(command, tmp_path):
    (tmp_path / "d.csv").write_text(with_line(20, "1,2"))
    (tmp_path / "good.csv").write_text(GOOD)
    _, clean, _ = command("predict", tmp_path / "good.csv")
    _, out, err = command("predict", tmp_path / "d.csv", "--bad-rows", "skip")
    expected = clean.splitlines()
    expected[19] = ""
    assert [line.strip('"') for line in out.splitlines()] == expected
    assert "1 row that does not fit the header has an empty prediction" in err


@pytest.mark.parametrize("twin", ["S08", "S18 semicolon", "S24 CR", "S24 CRLF", "S24 CRCRLF", "S24 mixed", "S25", "S27",
                                  "S29", "S33 gzip", "S33 xz"])  # fmt: skip
def test_twins_of_one_table_give_the_same_network(twin, tmp_path):
    content = CASES[twin].content
    (tmp_path / "twin.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    (tmp_path / "good.csv").write_text(GOOD)
    models = [
        mlpcli.fit(str(tmp_path / name), target="y", preset="classic", hidden=(4,), epochs=2)
        for name in ("good.csv", "twin.csv")
    ]
    assert models[0].schema == models[1].schema
    assert np.array_equal(models[0].networks[0].params, models[1].networks[0].params)


def test_s29_a_blank_line_of_a_one_column_file_is_a_row_without_a_value(call, tmp_path):
    (tmp_path / "fit.csv").write_text("c,y\n" + "".join(f"{i % 7},{'no' if i % 7 > 3 else 'yes'}\n" for i in range(40)))
    assert call("train", tmp_path / "fit.csv", *FAST, "-q", "-o", tmp_path / "m.npz")[0] == 0
    (tmp_path / "d.csv").write_text("c\n1\n\n2\n\n\n3\n\n")
    code, out, _ = call("predict", tmp_path / "m.npz", tmp_path / "d.csv", "--keep", "c")
    assert code == 0
    assert [line.split(",")[0].strip('"') for line in out.splitlines()] == ["c", "1", "", "2", "", "", "3"]


@pytest.mark.parametrize("name", COMMANDS)
def test_s31_a_record_without_end_is_refused(name, prove, monkeypatch):
    for module in (rows, scan):
        monkeypatch.setattr(module, "MAX_RECORD_BYTES", 3_000_000)
    prove(Case(HEADER + f"1,2.0,{'x' * 5_000_000},no\n", "d.csv:2: a record longer than", bad=True), name)


@pytest.mark.parametrize("name", COMMANDS)
def test_s32_a_folder_and_a_socket_are_refused_at_once(name, command, tmp_path):
    (tmp_path / "d").mkdir()
    assert "is a folder" in command(name, tmp_path / "d")[2]
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        assert "cannot read" in command(name, tmp_path / "s")[2]


@pytest.mark.parametrize("name", COMMANDS)
def test_s32_a_named_pipe_streams_when_a_writer_comes(name, command, tmp_path):
    os.mkfifo(tmp_path / "pipe")
    writer = threading.Timer(0.1, lambda: (tmp_path / "pipe").write_text(GOOD))
    writer.start()
    assert command(name, tmp_path / "pipe")[0] == 0
    writer.join()
