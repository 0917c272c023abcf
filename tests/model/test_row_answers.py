"""A row's answer is its own: the same alone, in any prefix of its file, and however the bytes come through a pipe."""

from __future__ import annotations

import csv
import functools
import io
import random
import re

import pytest

import mlpcli
from mlpcli.config.settings import ReadOptions
from mlpcli.errors import DataError
from mlpcli.model.prediction import Predictor
from mlpcli.model.trained import load

KOREAN = ["서울", "부산 광역시", "짜장", "하"]
WORDS = ["red", "Köln", "it's", "two words", '5" pipe', "a,b", "x;y", "#tag", "-", "7"]
N_ROWS = 25


def text_of(rows, delimiter=",", quote='"', end="\n", space="", comment=None, escape=None, trailing=""):
    """A table as its exporter writes it."""
    lines = []
    for number, row in enumerate(rows):
        if comment and number % 7 == 3:
            lines.append(f"{comment} a remark, with {quote} and {delimiter}")
        cells = []
        for cell in row:
            if escape:
                cell = cell.replace(escape, escape * 2).replace(quote, escape + quote)
            elif quote in cell and cell != "it's":
                cell = cell.replace(quote, quote * 2)
            marks = (delimiter, quote, "\n", "\r", "#", " ")
            cells.append(f"{quote}{cell}{quote}" if any(mark in cell for mark in marks) else cell)
        lines.append((delimiter + space).join(cells) + trailing * (number > 0))
    return end.join(lines) + end


def table(seed, words=WORDS, decimal="."):
    rng = random.Random(seed)
    rows = [["size", "word", "date", "y"]]
    for i in range(N_ROWS):
        size = "" if rng.random() < 0.1 else f"{rng.gauss(0, 3):.2f}".replace(".", decimal)
        word = rng.choice(words)
        rows.append([size, word, f"2024-{1 + i % 12:02d}-{1 + i % 28:02d}", "yes" if word == words[0] else "no"])
    return rows


# name -> bytes of a file, and the flags with which it is trained on
DIALECTS = {
    "commas": (lambda s: text_of(table(s)).encode(), {}),
    "quotes": (lambda s: text_of(table(s, ['say "x"', "a,b", "two\nlines", ""])).encode(), {}),
    "apostrophes": (lambda s: text_of(table(s, ["it is, so", "x y", "z z"]), quote="'").encode(), {}),
    "spaces": (lambda s: text_of(table(s, ["red", "blue", "two words"]), space=" ").encode(), {}),
    "spaces below the header": (
        lambda s: text_of(table(s, ["red", "blue", "two words"]), space=" ").replace(", ", ",", 3).encode(), {},
    ),
    "apostrophes in some cells": (lambda s: text_of(table(s, ["'a'", "'a'", "b", "c", "d"])).encode(), {}),
    "escapes": (lambda s: text_of(table(s, ['say "x"', "a,b", "c"]), escape="\\").encode(), {"escape": "\\"}),
    "comments": (lambda s: text_of(table(s, ["red", "blue"]), comment="#").encode(), {"comment": "#"}),
    "decimal comma": (lambda s: text_of(table(s, decimal=","), delimiter=";").encode(), {"decimal": ","}),
    "carriage returns": (lambda s: text_of(table(s), end="\r").encode(), {}),
    "CRLF": (lambda s: text_of(table(s, ["a", "b\r\nc"]), end="\r\n").encode(), {}),
    "byte-order mark": (lambda s: text_of(table(s)).encode("utf-8-sig"), {}),
    "tabs": (lambda s: text_of(table(s), delimiter="\t").encode(), {}),
    "pipes": (lambda s: text_of(table(s), delimiter="|").encode(), {}),
    "a delimiter at the end": (lambda s: text_of(table(s), trailing=",").encode(), {}),
    "cp949": (lambda s: text_of(table(s, KOREAN)).encode("cp949"), {"encoding": "cp949"}),
    "latin-1": (lambda s: text_of(table(s, ["Köln", "Århus", "red"])).encode("latin-1"), {"encoding": "latin-1"}),
    "utf-16": (lambda s: text_of(table(s, KOREAN)).encode("utf-16"), {}),
    "korean utf-8": (lambda s: text_of(table(s, KOREAN)).encode(), {}),
}  # fmt: skip
WIDE = ("utf-16",)


def answers(model, parts, options=None):
    """What is written, and what stopped it."""
    written = []
    try:
        for part in Predictor(model, keep=["all"], proba=True).predict(iter(parts), "d.csv", options or ReadOptions()):
            written.append(part)
    except DataError as error:
        return b"".join(written), str(error)
    return b"".join(written), None


def cut(data, rng, mean):
    """The bytes in parts of random sizes."""
    parts, at = [], 0
    while at < len(data):
        size = max(1, int(rng.expovariate(1 / mean)))
        parts.append(data[at : at + size])
        at += size
    return parts


def rows_in(written):
    return list(csv.reader(io.StringIO(written.decode(), newline="")))


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    folder = tmp_path_factory.mktemp("dialects")

    @functools.cache
    def model(name):
        made, options = DIALECTS[name]
        (folder / "d.csv").write_bytes(made(0))
        fitted = mlpcli.fit(str(folder / "d.csv"), target="y", preset="classic", hidden=(4,), epochs=2, **options)
        fitted.save(str(folder / "m.npz"))
        return load(str(folder / "m.npz"))

    return model


def records_of(data, encoding, rows):
    """The header and the bytes of each record: found by the cells of its last column, which ends the line."""
    end = re.compile(r"(?:yes|no)['\"]?,?(?:\r\n|\n|\r)|y(?:\r\n|\n|\r)")
    text = data.decode(encoding)
    first = next(end.finditer(text)).end()
    found, at = [], first
    for match in end.finditer(text, first):
        found.append(text[at : match.end()])
        at = match.end()
    assert len(found) == len(rows) - 1
    return text[:first], found


CODECS = {"cp949": "cp949", "latin-1": "latin-1", "utf-16": "utf-16", "byte-order mark": "utf-8-sig"}


@pytest.mark.slow
@pytest.mark.parametrize("name", DIALECTS)
def test_r11_any_timing_of_a_pipe_gives_the_bytes_of_the_whole_file(name, models):
    model, rng = models(name), random.Random(name)
    data = DIALECTS[name][0](1)
    whole = answers(model, [data])
    assert whole[1] is None
    assert len(rows_in(whole[0])) == N_ROWS + 1
    assert answers(model, [data[i : i + 1] for i in range(len(data))]) == whole
    for mean in (3, 17, 150, 1000):
        assert answers(model, cut(data, rng, mean)) == whole


@pytest.mark.slow
@pytest.mark.parametrize("name", DIALECTS)
def test_r11_a_row_alone_and_any_prefix_are_answered_as_in_the_whole_file(name, models):
    model, codec = models(name), CODECS.get(name, "utf-8")
    data = DIALECTS[name][0](2)
    header, records = records_of(data, codec, table(2))
    whole = rows_in(answers(model, [data])[0])
    for i, record in enumerate(records):
        alone, problem = answers(model, [(header + record).encode(codec)])
        assert problem is None
        assert rows_in(alone) == [whole[0], whole[i + 1]], record
    for n in (0, 1, 2, 5, 21):
        prefix = answers(model, [(header + "".join(records[:n])).encode(codec)])
        assert prefix == (answers(model, [data])[0][: len(prefix[0])], None)
        assert len(rows_in(prefix[0])) == n + 1


@pytest.mark.slow
@pytest.mark.timeout(1200)
@pytest.mark.parametrize("seed", range(3, 15))
@pytest.mark.parametrize("name", DIALECTS)
def test_r11_two_hundred_tables(name, seed, models):
    model, rng = models(name), random.Random(f"{name} {seed}")
    data = DIALECTS[name][0](seed)
    whole = answers(model, [data])
    assert answers(model, cut(data, rng, 60 if seed % 2 else 200)) == whole
    codec = CODECS.get(name, "utf-8")
    header, records = records_of(data, codec, table(seed))
    rows = rows_in(whole[0])
    for i in rng.sample(range(N_ROWS), 2):
        assert rows_in(answers(model, [(header + records[i]).encode(codec)])[0])[1] == rows[i + 1]


@pytest.mark.slow
def test_r11_the_rows_before_a_bad_one_are_answered_whatever_comes_with_it(models):
    """A ragged row, a NUL, a byte that is no text, a bad number, a quote that stays open."""
    model = models("commas")
    header, *lines = text_of(table(3)).encode().splitlines(keepends=True)
    for bad in (
        b"1,2\n",
        b"1,\0,2024-01-01,no\n",
        b"1,\xff\xfe,2024-01-01,no\n",
        b"heavy,red,2024-01-01,no\n",
        b'1,"\n',
    ):
        data = b"".join([header, *lines[:9], bad, *lines[9:]])
        whole = answers(model, [data])
        assert whole[1] is not None
        assert len(rows_in(whole[0])) >= 10
        for size in (1, 7, 33, 500):
            found = answers(model, [data[i : i + size] for i in range(0, len(data), size)])
            assert found[0] == whole[0], (bad, size)


@pytest.mark.parametrize("name", ["commas", "tabs", "cp949"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_the_delimiter_is_that_under_which_the_header_holds_the_known_names(name, delimiter, models):
    model, rows = models(name), table(4, ["red", "blue"])
    expected = answers(model, [text_of(rows).encode()])
    assert answers(model, [text_of(rows, delimiter=delimiter).encode()]) == expected


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp949"])
def test_r16_a_part_may_end_inside_a_character_from_the_first_on(encoding, models, tmp_path):
    rows = [["나이", "y"], *([f"{i % 7}", "예" if i % 3 else "아니오"] for i in range(40))]
    (tmp_path / "u.csv").write_bytes(text_of(rows).encode("cp949"))
    model = mlpcli.fit(str(tmp_path / "u.csv"), target="y", preset="classic", hidden=(4,), epochs=1, encoding="cp949")
    data = text_of(rows).encode(encoding)
    whole = answers(model, [data])
    assert whole[1] is None
    for at in range(1, 12):
        assert answers(model, [data[:at], data[at:]]) == whole
