"""Files whose bytes are not plain UTF-8: what each command answers. The ids are the rows of a checklist."""

from __future__ import annotations

import os

import numpy as np
import pytest
from data.cases import COMMANDS, FAST, GOOD, HEADER, MODELLED, ROWS, Case, with_line

import mlpcli
from mlpcli.data import raw

KOREAN = GOOD.replace("x0", "서울").replace("x1", "부산 광역시").replace("x2", "제주")
LATE = GOOD.encode() + "".join(ROWS).encode() * 2_000 + b"1,2.0,caf\xe9 x,no\n"

LATIN = ("--encoding", "latin-1")
TOKYO, PEKING = "東京都カタカナひらがな", "中国的人民银行在北京"


SPACES, SIGNS = "a: thousands spaces read", "a: minus signs (−) read"


def read_as(note, error):
    """What the commands say that decide how a column is written, and those that have a model."""
    return {name: note if name not in MODELLED else error for name in COMMANDS}


CASES = {
    "E01": Case(GOOD.encode("utf-8-sig")),
    "E02": Case(GOOD + "\ufeff" + GOOD, "BOM", bad=True),
    "E02 in a cell": Case(with_line(40, "\ufeff1,2.0,x1,no"), "d.csv:40", bad=True),
    "E03 utf-16": Case(GOOD.encode("utf-16"), "encoding: utf-16", silent=MODELLED),
    "E03 utf-16-be": Case(b"\xfe\xff" + GOOD.encode("utf-16-be"), "encoding: utf-16", silent=MODELLED),
    "E03 utf-32": Case(GOOD.encode("utf-32"), "encoding: utf-32", silent=MODELLED),
    "E04": Case(GOOD.encode("utf-16-le"), "NUL bytes: looks like UTF-16", bad=True),
    "E04 asked for": Case(GOOD.encode("utf-16-le"), "", ("--encoding", "utf-16-le")),
    "E05": Case(with_line(20, "1,9.0,caf\xe9 x,no").encode("latin-1"), "is not utf-8 text (0xe9)", bad=True),
    "E05 like Korean": Case(with_line(20, "1,9.0,\xc5rhus,no").encode("latin-1"), "is not utf-8 text", bad=True),
    "E05 asked for": Case(with_line(20, "1,9.0,caf\xe9,no").encode("latin-1"), "", LATIN, same=False),
    "E06 shift-jis": Case(with_line(20, f"1,9.0,{TOKYO},no").encode("shift-jis"), "is not utf-8", bad=True),
    "E06 gb18030": Case(with_line(20, f"1,9.0,{PEKING},no").encode("gb18030"), "--encoding", bad=True),
    "R15 gb18030": Case(
        GOOD.replace("x0", "女").replace("x1", "男").encode("gb18030"), "gb18030 '男', euc-jp '槻' or big5", bad=True
    ),
    "R15 euc-jp": Case(GOOD.replace("x0", "ねこ").replace("x1", "いぬ").encode("euc-jp"), "euc-jp 'ねこ'", bad=True),
    "R15 big5": Case(GOOD.replace("x0", "一").encode("big5"), "big5 '一'", bad=True),
    "R15 asked for": Case(GOOD.replace("x0", "女").encode("gb18030"), "", ("--encoding", "gb18030"), same=False),
    "E07": Case(LATE, "is not utf-8 text", bad=True),
    "E08 overlong": Case(GOOD.encode() + b"1,2.0,\xc0\x80,no\n", "is not utf-8 text", bad=True),
    "E08 surrogate": Case(GOOD.encode() + b"1,2.0,\xed\xa0\x80,no\n", "is not utf-8 text", bad=True),
    "E08 no character": Case(GOOD + "1,2.0,\ufffe,no\n", "d.csv:62: U+FFFE, which is no character", bad=True),
    "E09 in a number": Case(with_line(20, "1,9\0.0,x1,no"), "d.csv:20: NUL byte: no CSV text holds one (field 2)",
                            bad=True),
    "E09 in the header": Case("a,b\0,c,y\n" + "".join(ROWS), "d.csv:1: NUL byte", bad=True),
    "E10": Case(GOOD + "\x1a", "d.csv:62: 1 fields, expected 4", bad=True),
    # Read where the column as a whole has it; a model of plain numbers refuses it.
    "E11 no-break space": Case(with_line(20, "1\u00a0234,9.0,x1,no"), read_as(SPACES, "U+00A0 NO-BREAK SPACE"),
                                bad=MODELLED),
    "E11 thin space": Case(with_line(20, "1\u2009234,9.0,x1,no"), read_as(SPACES, "U+2009 THIN SPACE"), bad=MODELLED),
    "E11 zero width": Case(with_line(20, "1\u200b2,9.0,x1,no"), "U+200B ZERO WIDTH SPACE", bad=True),
    "E11 minus": Case(with_line(20, "\u22125,9.0,x1,no"), read_as(SIGNS, "U+2212 MINUS SIGN"), bad=MODELLED),
    "E11 everywhere": Case(
        HEADER + "".join("\u2212" + r for r in ROWS), read_as(SIGNS, "U+2212 MINUS SIGN"), bad=MODELLED,
    ),
    "E12 full width": Case(with_line(20, "１２,9.0,x1,no"), "U+FF11 FULLWIDTH DIGIT ONE", bad=True),
    "E12 Arabic": Case(HEADER + "".join("١٢" + r for r in ROWS), "U+0661 ARABIC-INDIC DIGIT ONE", bad=True),
}  # fmt: skip


@pytest.mark.parametrize("name", COMMANDS)
@pytest.mark.parametrize("row", CASES)
def test_a_file_and_its_outcome(row, name, prove):
    prove(CASES[row], name)


@pytest.mark.parametrize("name", MODELLED)
def test_e07_a_character_may_lie_across_two_parts(name, prove, monkeypatch):
    monkeypatch.setattr(raw, "PART", 101)
    text = GOOD.replace("x0", "é").replace("x1", "日本")
    prove(Case(text, same=False), name)
    prove(Case(text.encode() + b"1,2.0,\xe9\xe9,no\n", "is not utf-8 text", bad=True), name)


def fitted(folder, name, content, **options):
    (folder / name).write_bytes(content)
    return mlpcli.fit(str(folder / name), target="y", preset="classic", hidden=(4,), epochs=2, **options)


@pytest.mark.parametrize("encoding", ["cp949", "utf-8-sig", "utf-16", "utf-32"])
def test_twins_in_any_encoding_give_the_same_network_and_labels(encoding, tmp_path):
    text = KOREAN.replace("yes", "예").replace("no", "아니오")
    one = fitted(tmp_path, "one.csv", text.encode())
    two = fitted(tmp_path, "two.csv", text.encode(encoding))
    assert one.schema == two.schema
    assert one.labels == ("아니오", "예")
    assert np.array_equal(one.networks[0].params, two.networks[0].params)


def test_R15_the_hint_names_every_encoding_that_fits(call, tmp_path):
    (tmp_path / "d.csv").write_bytes(GOOD.replace("x0", "女").replace("x1", "男").encode("gb18030"))
    code, _, err = call("inspect", tmp_path / "d.csv")
    assert code == 1
    assert "d.csv:3: byte" in err
    assert "hint: --encoding cp949, --encoding gb18030, --encoding euc-jp or --encoding big5\n" in err


def test_e13_another_form_of_accents_is_an_unseen_category_and_counted(call, tmp_path):
    rows = "".join(f"{'café' if i % 2 else 'bar'},{i % 7},{'no' if i % 2 else 'yes'}\n" for i in range(40))
    (tmp_path / "d.csv").write_text("c,x,y\n" + rows)
    assert call("train", tmp_path / "d.csv", *FAST, "-q", "-o", tmp_path / "m.npz")[0] == 0
    (tmp_path / "new.csv").write_text("c,x\ncafe\u0301,1\ncaf\u00e9,2\n")
    code, _, err = call("predict", tmp_path / "m.npz", tmp_path / "new.csv")
    assert code == 0
    assert "column c: 1 value never seen in training" in err


@pytest.mark.slow
def test_e14_a_column_that_is_not_ascii_works_in_the_c_locale(shell, tmp_path):
    (tmp_path / "d.csv").write_text("größe,이름,y\n" + "".join(f"{i % 7},x{i % 3},{i % 2}\n" for i in range(40)))
    script = (
        "mlpcli inspect d.csv && mlpcli train d.csv -q --preset classic --epochs 2 && mlpcli predict model.npz d.csv"
    )
    done = shell(script, tmp_path, LANG="C", LC_ALL="C", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert done.returncode == 0, done.stderr
    assert "UnicodeEncodeError" not in done.stderr
    assert "\\xf6" in done.stdout
    assert done.stdout.endswith(("0\n", "1\n"))


@pytest.mark.parametrize("file", [b"\xff\xfe.csv", b"a\nb.csv", b"\x1b[31m.csv", b"-x.csv"])
def test_e15_odd_file_names_work_and_are_shown_escaped(file, call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with open(os.fsencode(tmp_path) + b"/" + file, "w") as out:
        out.write(GOOD)
    path = os.fsdecode(file)
    code, _, err = call("train", *FAST, "-o", "m.npz", "--", path)
    assert code == 0, err
    code, out, err = call("evaluate", "m.npz")
    assert code == 0, err
    assert "\x1b[31m" not in out + err
    assert call("predict", "m.npz", "--", path)[0] == 0
    code, _, err = call("train", *FAST, "-o", "m.npz", "--target", "none", "--", path)
    assert code == 1
    assert "\x1b" not in err
    assert "a\\x0ab.csv" in err or file != b"a\nb.csv"
