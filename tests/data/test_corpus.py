"""Files that nobody made for us, and a small set of our own for each class of pollution: `train` learns or refuses.

Never a traceback, an escape byte, a model left by a failure, a record lost, or records of different width taken in.
Python's csv module judges, on the decoded bytes.
"""

from __future__ import annotations

import bz2
import csv
import gzip
import io
import lzma
import zipfile
from pathlib import Path

import pytest
from data.cases import GOOD, HEADER, ROWS, with_line

from mlpcli.config.settings import ReadOptions
from mlpcli.data.source import open_table
from mlpcli.errors import MlpcliError

CORPUS = Path(__file__).parents[3] / "shared" / "corpus"
FOLDERS = sorted({p.relative_to(CORPUS).parts[0] for p in CORPUS.rglob("*") if p.is_file()}) if CORPUS.is_dir() else []
TINY = ("--preset", "classic", "--hidden", "", "--epochs", "1", "--validation", "0", "-q")

QUOTED = GOOD.replace("x1", '"x,1"')
POLLUTED = {
    "a delimiter missing": with_line(30, "1,2.0 x1,no"),
    "a delimiter doubled": with_line(30, "1,,2.0,x1,no"),
    "another delimiter": with_line(30, "1;2.0;x1;no"),
    "a quote missing at the start": QUOTED.replace('"x,1"', 'x,1"', 1),
    "a quote missing at the end": QUOTED.replace('"x,1"', '"x,1', 1),
    "a quote doubled at the start": QUOTED.replace('"x,1"', '""x,1"', 1),
    "a quote doubled at the end": QUOTED.replace('"x,1"', '"x,1""', 1),
    "a delimiter missing before a quote": QUOTED.replace(',"x,1"', '"x,1"', 1),
    "a delimiter missing in the header": GOOD.replace("\n", ",\n").replace("a,b", "ab", 1).replace("y,", "y", 1),
    "a title padded": "Report,,,\n,,,\n" + GOOD,
    "the header again": HEADER + GOOD,
    "a quote inside": QUOTED.replace('"x,1"', '"x,"1"', 1),
    "a preamble": "Report of May, 2024\nmade by hand\n" + GOOD,
    "a footer": GOOD + "Total,123\n",
    "a footer of full width": GOOD + "Total,,,\n",
    "a second table": GOOD + "\nname,value\nz,1\n",
    "a second table of the same width": GOOD + "\nd,e,f,g\n" + ROWS[0],
    "two header lines": HEADER + "kg,m,,\n" + "".join(ROWS),
    "a trailing delimiter in one row": with_line(30, "1,2.0,x1,no,"),
    "a trailing delimiter in the header": GOOD.replace("y\n", "y,\n", 1),
    "a trailing delimiter in the rows but one": GOOD.replace("\n", ",\n").replace("y,", "y", 1).replace("no,", "no", 1),
    "a short row at the end": GOOD + "1,2.0\n",
    "a record cut at the end": GOOD + '1,2.0,"x',
    "a line end inside a row": with_line(30, "1,2.0\nx1,no"),
}


def text_of(data: bytes, encoding: str) -> str:
    """The text of a file, by other code than ours."""
    if data.startswith(b"\x1f\x8b"):
        data = gzip.decompress(data)
    elif data.startswith(b"BZh"):
        data = bz2.decompress(data)
    elif data.startswith(b"\xfd7zXZ\x00"):
        data = lzma.decompress(data)
    elif data.startswith(b"PK\x03\x04"):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            data = archive.read(archive.namelist()[0])
    return data.decode(encoding).removeprefix("\ufeff")


def objection(path: Path) -> str:
    """What the csv module holds against our having taken in a file; '' when it agrees, or we refused."""
    try:
        source = open_table(str(path), ReadOptions())
    except MlpcliError:
        return ""
    d = source.dialect
    found = csv.reader(
        io.StringIO(text_of(path.read_bytes(), d.encoding), newline=""), delimiter=d.delimiter, quotechar=d.quote,
        escapechar=d.escape, skipinitialspace=d.spaces,
    )  # fmt: skip
    records = [record for record in found if record or len(source.names) == 1]
    if len(source.names) == 1:  # a blank line at either end is no row
        while records and not records[-1]:
            records.pop()
        return "" if len([r for r in records if r]) <= source.n_rows + 1 <= len(records) else "rows"
    if any("ends with a delimiter" in note for note in source.notes):
        records[1:] = [r[:-1] for r in records[1:] if r[-1] == ""]
    widths = {len(record) for record in records}
    if widths != {len(source.names)}:
        return f"widths {sorted(widths)} were taken for {len(source.names)}"
    return "" if len(records) - 1 == source.n_rows else f"{len(records) - 1} rows were taken for {source.n_rows}"


def failure(path: Path, model: Path, call) -> str:
    """What `train` and `inspect` do wrong with a file; '' when all is well."""
    code, out, err = call("train", *TINY, "-o", model, "--", path)
    if not code:
        model.unlink()
        code, *more = call("inspect", *TINY[:-1], "--", path)
        out, err = out + more[0], err + more[1]
    if code not in (0, 1) or "Traceback" in err:
        return f"exit code {code}: {err[:200]}"
    if code and not err.startswith("mlpcli: "):
        return f"no message: {err[:200]}"
    if "\x1b" in out + err or "\x9b" in out + err:
        return "an escape byte"
    if list(model.parent.iterdir()):
        return "a file was left behind"
    return objection(path)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("folder", FOLDERS)
def test_the_corpus_is_learned_from_or_refused_with_a_message(folder, call, tmp_path):
    found = {}
    csv.field_size_limit(1 << 31)
    for path in sorted(p for p in (CORPUS / folder).rglob("*") if p.is_file()) or [CORPUS / folder]:
        found[path.relative_to(CORPUS)] = failure(path, tmp_path / "model.npz", call)
    wrong = [f"{name}: {what}" for name, what in found.items() if what]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("name", POLLUTED)
def test_each_class_of_pollution_is_refused(name, call, tmp_path):
    path = tmp_path / "d.csv"
    path.write_text(POLLUTED[name])
    (tmp_path / "out").mkdir()
    assert failure(path, tmp_path / "out" / "model.npz", call) == ""
    assert call("train", *TINY, "-o", tmp_path / "out" / "model.npz", "--", path)[0] == 1
