"""Foreign text, in header, label, cell and file name: shown literally on the screen, unchanged in the data."""

from __future__ import annotations

import csv
import io
import os
import re
import unicodedata
from pathlib import Path

import pytest

from mlpcli.reporter.text import safe

CORPUS = Path(__file__).parents[3] / "shared" / "corpus" / "blns" / "blns.txt"
HOSTILE = {
    "X01 markup": ["[red]", "[/]", "[/red]", "[link=http://x.y]", "\\[", ":smile:", "[x1]", "[[b]]", "[b"],
    "X02 escapes": [
        "\x1b[31m", "\x1b]0;t\x07", "\x1b]52;c;eA==\x07", "\x1b]8;;http://x\x1b\\y", "\x1bP1q", "\x9b31m", "a\x07b",
        "a\x08b", "a\x7fb", "a\x0bb\x0cc",
    ],
    "X03 bidirectional and invisible": [
        "\u202eabc", "\u2066abc", "a\u200bb", "b\ufeff", "a" + "\u0301" * 50, "x" * 10_000, "a\u2028b", "\U000e0041b",
        "\ue000b",
    ],
}  # fmt: skip
QUICK = ("--preset", "classic", "--hidden", "4", "--epochs", "2")


def is_showable(text: str) -> bool:
    """No character that could act on a terminal, but the ends of lines."""
    return not any(
        unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp") for c in text.replace("\n", "")
    )


def naughty_strings() -> list[str]:
    if not CORPUS.exists():
        return []
    lines = CORPUS.read_text(encoding="utf-8", errors="replace").splitlines()
    # What no CSV holds, or holds as something else: empty, NUL, markers of missing values, edges that are trimmed.
    from mlpcli.config.settings import MISSING_MARKERS

    kept = [s for s in lines if s.strip() == s and not s.startswith("#") and "\0" not in s and "\ufffe" not in s]
    return sorted({s for s in kept if s not in MISSING_MARKERS})


def write_table(path: Path, texts: list[str]) -> None:
    """Each text five cells of a category, some of them column names and labels; quoted where CSV asks for it."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    names = list(dict.fromkeys(texts[:12]))
    writer.writerow(["n", "kind", *names, "label"])
    for i in range(max(240, 5 * len(texts))):
        text = texts[i % len(texts)]
        writer.writerow(
            [i * 7 % 13, text, *(i * (k + 3) % 11 for k in range(len(names))), texts[i % min(len(texts), 20)]]
        )
    path.write_text(out.getvalue(), encoding="utf-8")


COMMANDS = {
    "train": ("train", "{d}", "-o", "{m}", "--verbose", *QUICK),
    "inspect a table": ("inspect", "{d}"),
    "inspect a model": ("inspect", "{m}"),
    "evaluate": ("evaluate", "{m}", "{d}", "--verbose"),
    "diagnose": ("diagnose", "{m}"),
    "split": ("split", "{d}", "-o", "."),
    "no such target": ("train", "{d}", "--target", "{t}?", "-o", "{m}"),
    "no such file": ("train", "{t}.no", "-o", "{m}"),
    "no such model": ("predict", "{t}.npz", "{d}"),
    "no such setting": ("train", "{d}", "--activation", "{t}"),
    "no such finding": ("train", "{d}", "--fail-on", "{t}"),
    "no such topic": ("guide", "{t}"),
    "a cell that is no number": ("train", "{d}", "--numeric", "kind", "-o", "{m}"),
}
STUDIES = {
    "cv": ("cv", "{d}", "--folds", "2", *QUICK),
    "compare": ("compare", "{d}", "--vary", "lr=0.1,0.01", *QUICK),
    "learning-curve": ("learning-curve", "{d}", "--repeats", "2", "--sizes", "3", *QUICK),
    "tune": ("tune", "{d}", "--trials", "1", "--folds", "2", "-o", "b.toml", *QUICK),
}


def prove(texts: list[str], commands: dict[str, tuple[str, ...]], call, folder: Path) -> None:
    """Commands on a table, a model and a path full of these texts."""
    name = re.sub(r"[/\0]", "_", texts[0])[:40] + ".csv"
    write_table(folder / name, texts)
    model = folder / "m.npz"
    odd = next((t for t in texts if len(t) < 200 and not t.startswith("-")), texts[0][:200])
    for title, pattern in commands.items():
        code, out, err = call(*(a.format(d=folder / name, m=model, t=odd) for a in pattern))
        assert code in (0, 1, 2), (title, err)
        assert code == 0 or title.startswith(("no such", "a cell")), (title, err)
        assert is_showable(out + err), title
        assert "Traceback" not in err
    predicted = call("predict", model, folder / name, "--keep", "kind,label")[1]
    rows = list(csv.DictReader(io.StringIO(predicted, newline="")))
    with open(folder / name, encoding="utf-8", newline="") as file:
        given = list(csv.DictReader(file))
    assert [(r["kind"], r["label"]) for r in rows] == [(r["kind"], r["label"]) for r in given]
    assert {r["prediction"] for r in rows} <= {r["label"] for r in given}


@pytest.mark.slow
@pytest.mark.parametrize("name", HOSTILE)
def test_X01_X02_X03_hostile_text_is_literal_on_the_screen_and_unchanged_in_the_data(name, call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    prove(HOSTILE[name], COMMANDS | STUDIES, call, tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(not CORPUS.exists(), reason="needs the shared corpus")
def test_X01_X02_X03_the_naughty_strings_too(call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    prove(naughty_strings(), COMMANDS | STUDIES, call, tmp_path)


@pytest.mark.parametrize("text", [t for texts in HOSTILE.values() for t in texts])
def test_X03_what_is_shown_is_safe_and_fits_its_width(text):
    from rich.cells import cell_len

    for width in (1, 5, 20, 80):
        shown = safe(text, width)
        assert is_showable(shown)
        assert cell_len(shown) <= width
    assert safe("[red]") == "[red]"


def test_X03_columns_stay_aligned(call, tmp_path):
    """Hangul is two cells wide, an escape is as long as it is shown: the table's edge stays where it is."""
    from rich.cells import cell_len

    rows = "".join(f"{i % 7},{i * i % 11},가나{i % 2}\n" for i in range(60))
    (tmp_path / "d.csv").write_text("값값값,\x1b[31mb,y\n" + rows, encoding="utf-8")
    shown = call("inspect", tmp_path / "d.csv")[1]
    lines = [line for line in shown.splitlines() if "number" in line]
    assert len(lines) == 2
    starts = {cell_len(line[: line.index("number")]) for line in lines}
    assert len(starts) == 1


def test_X04_formulas_keep_their_value_and_are_defused_on_request(call, tmp_path):
    cells = ["=HYPERLINK(1)", "+cmd|x", "-2+3", "@SUM(1)", "\tx", "plain", "-5"]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["x", "=n", "y"])
    for i in range(70):
        writer.writerow([i % 10, cells[i % 7], ["=A1", "b"][i % 2]])
    (tmp_path / "d.csv").write_text(out.getvalue())
    model = tmp_path / "m.npz"
    assert call("train", tmp_path / "d.csv", *QUICK, "-q", "-o", model)[0] == 0

    def predicted(*flags: str) -> list[list[str]]:
        return list(csv.reader(io.StringIO(call("predict", model, tmp_path / "d.csv", "--keep", "=n", *flags)[1])))

    plain, defused = predicted(), predicted("--excel-safe")
    assert [row[0] for row in plain[1:8]] == cells
    assert [row[0] for row in defused[1:8]] == [f"'{c}" if c[0] in "=+@\t" or c == "-2+3" else c for c in cells]
    assert defused[0] == ["'=n", "prediction"]
    assert {row[1] for row in plain[1:]} <= {"=A1", "b"}
    assert {row[1] for row in defused[1:]} <= {"'=A1", "b"}


def test_X02_a_file_name_of_any_bytes_is_shown_escaped(call, tmp_path):
    path = os.fsencode(tmp_path) + b"/\xff\x1b[31m\n.csv"
    code, out, err = call("train", path)
    assert (code, out) == (1, "")
    assert "\\x1b[31m\\x0a.csv: cannot read" in err
    assert is_showable(err)
