"""`explain` as a user meets it: what it shows on every screen, what it answers to programs, and what it refuses."""

from __future__ import annotations

import csv
import io
import json
import re

import numpy as np
import pandas as pd
import pytest
from command_line import mlpcli
from samples import PENGUINS, csv_of

TOP = "bill_length_mm"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with penguins.csv and a model of it."""
    folder = tmp_path_factory.mktemp("explained")
    (folder / "penguins.csv").write_bytes(PENGUINS.read_bytes())
    done = mlpcli("train", "penguins.csv", "--preset", "classic", "--epochs", "150", "-q", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


def explain(folder, *args, **env):
    done = mlpcli("explain", "model.npz", *args, cwd=folder, env=env)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_most_important_columns_are_ranked_and_drawn(folder):
    out = explain(folder)
    assert "explained on 51 test rows, target species" in out
    assert re.search(r"rise of cross_entropy \(\S+\) where a column is shuffled, 50 times; 95 % interval", out)
    assert re.search(rf"^{TOP} +[0-9.]+ \([0-9.]+ to [0-9.]+\)  █+", out, re.M)
    assert "shuffled together, for they depend on each other: flipper_length_mm, body_mass_g" in out
    assert re.search("^no sure effect: .*year", out, re.M)
    assert out.count("effect of ") == 4
    assert "accumulated local effects" in out
    levels = explain(folder, "--column", "island")
    assert re.search(r"^Torgersen +[0-9]+ +[+-]0\.", levels, re.M)


def test_a_program_gets_the_numbers_of_the_screen(folder):
    answer = json.loads(explain(folder, "--json", "--jobs", "2"))
    assert list(answer)[:2] == ["schema", "model"]
    assert (answer["metric"], answer["target"], answer["data"]) == ("cross_entropy", "species", "penguins.csv")
    first = answer["importance"][0]
    assert first["column"] == TOP
    assert first["low"] < first["value"] < first["high"]
    assert first["sure"] is True
    assert answer["effects"][0]["column"] == TOP
    assert answer["rows"] == []
    assert json.loads(explain(folder, "--json"))["importance"] == answer["importance"]
    by_metric = json.loads(explain(folder, "--json", "--metric", "accuracy", "--group-correlated", "1"))
    assert by_metric["metric"] == "accuracy"
    assert len(by_metric["importance"]) == 7


def test_named_columns_show_their_effects_and_two_their_map(folder):
    one = explain(folder, "--column", TOP)
    assert one.count("effect of ") == 1
    assert "importance" not in one
    two = explain(folder, "--column", f"{TOP},body_mass_g")
    assert f"{TOP} and body_mass_g: probability of " in two
    assert re.search(r"^ +[0-9.]+ \.:-=\+\*#%@ [0-9.]+$", two, re.M)
    answer = json.loads(explain(folder, "--column", f"island,{TOP}", "--json"))
    assert [one.get("column", one.get("columns")) for one in answer["effects"]] == ["island", TOP, ["island", TOP]]
    assert answer["effects"][0]["at"] == answer["effects"][2]["at"][0]


def test_one_row_is_taken_apart_and_put_together(folder):
    out = explain(folder, "--row", "3")
    assert "row 3 (line 4 of penguins.csv): species Adelie, probability" in out
    assert re.search(rf"^{TOP} = 40.3 +\+0\.\d+ +█", out, re.M)
    assert "nearest change of one column that gives another answer: bill_length_mm to " in out
    (row,) = json.loads(explain(folder, "--row", "3", "--json"))["rows"]
    assert row["mean"] + sum(one["value"] for one in row["contributions"]) == pytest.approx(row["output"])
    assert row["change"]["column"] == TOP


def test_tables_are_written_in_every_format(folder):
    rows = list(csv.DictReader(io.StringIO(explain(folder, "--format", "csv"))))
    assert rows[0]["column"] == TOP
    assert float(rows[0]["low"]) > 0
    effect = pd.read_csv(io.StringIO(explain(folder, "--column", "island", "--format", "tsv")), sep="\t")
    assert list(effect) == ["column", "at", "output", "effect"]
    assert len(effect) == 9
    lines = [json.loads(line) for line in explain(folder, "--row", "3", "--format", "jsonl").splitlines()]
    assert lines[0]["column"] == TOP
    assert lines[0]["cell"] == "40.3"


@pytest.mark.parametrize("width", [40, 80, 200])
@pytest.mark.parametrize("args", [(), ("--column", f"{TOP},island"), ("--row", "3")], ids=str)
def test_bars_curves_and_maps_fit_the_screen(folder, width, args):
    out = explain(folder, *args, COLUMNS=str(width), FORCE_COLOR="1", TERM="xterm-256color")
    assert "\x1b[" in out
    assert max(map(len, re.sub(r"\x1b\[[0-9;]*m", "", out).splitlines())) <= width


@pytest.mark.parametrize(
    ("args", "message", "hint"),
    [
        (("--column", "bil_length_mm"), "--column: no column 'bil_length_mm'; did you mean 'bill_length_mm'?", ""),
        (("--column", "species"), "--column: no column 'species'", "columns: island"),
        (("--column", "sex,year,island"), "--column: 3 columns", "name one, or two for the map of both"),
        (("--row", "0"), "no row 0: it has 344 rows", "--row 1 to --row 344"),
        (("--row", "345"), "penguins.csv: no row 345: it has 344 rows", "--row 1 to --row 344"),
        (("--metric", "rmse"), "--metric: no metric 'rmse' for classification", "one of accuracy"),
        (("--format", "xml"), "--format: no such choice 'xml'", "one of csv, tsv, jsonl"),
        (("-", "--row", "1", "--column", "sex"), "standard input is read once", "name one of them, or a file"),
        (("bare.csv",), "bare.csv: no column 'species'", "--column and --row do not"),
        (("bad.csv",), "never seen the class 'Dodo'", "leave these rows out"),
    ],
)
def test_what_makes_no_sense_is_one_line_with_a_hint(folder, args, message, hint):
    frame = pd.read_csv(folder / "penguins.csv")
    frame.drop(columns="species").to_csv(folder / "bare.csv", index=False)
    frame.assign(species="Dodo").to_csv(folder / "bad.csv", index=False)
    done = mlpcli("explain", "model.npz", *args, cwd=folder)
    assert done.returncode in (1, 2)
    lines = done.stderr.splitlines()
    assert message in lines[0]
    assert hint in "".join(lines[1:])
    assert len(lines) <= 2


def test_data_without_a_target_is_enough_for_columns_and_rows(folder):
    frame = pd.read_csv(folder / "penguins.csv").drop(columns="species").head(40)
    frame.to_csv(folder / "new.csv", index=False)
    assert "effect of sex" in explain(folder, "new.csv", "--column", "sex")
    assert "of 51 test rows of penguins.csv" in explain(folder, "new.csv", "--row", "40")


def test_a_model_without_test_rows_or_without_its_file_asks_for_one(call, here):
    data = csv_of(here / "d.csv", "x,y\n" + "".join(f"{i * 7 % 60},{i * 5 % 13}.5\n" for i in range(60)))
    assert call("train", data, "--preset", "classic", "--epochs", "1", "--test", "0", "-q")[0] == 0
    code, _, err = call("explain", "model.npz")
    assert (code, "kept no test rows" in err) == (1, True)
    assert "hint: name a CSV: mlpcli explain MODEL DATA" in err
    assert call("explain", "model.npz", data)[0] == 1  # the file it was trained on has no other rows
    (here / "new.csv").write_text((here / "d.csv").read_text() + "9,1.5\n")
    (here / "d.csv").unlink()
    assert "mlpcli explain MODEL DATA" in call("explain", "model.npz", "--row", "1")[2]
    code, out, err = call("explain", "model.npz", "new.csv")
    assert (code, "explained on 61 rows" in out) == (0, True)
    code, out, err = call("explain", "model.npz", "new.csv", "--row", "61")
    assert (code, "61 rows of new.csv" in out) == (0, True)


def test_dates_units_and_missing_values_are_shown_as_in_the_file(call, here):
    rng = np.random.default_rng(0)
    days = pd.to_datetime("2024-01-01") + pd.to_timedelta(rng.integers(0, 300, 300), "D")
    price, kind = rng.uniform(10, 90, 300).round(2), rng.choice(["a", "b", ""], 300)
    y = price + 30 * (kind == "a") + (days - days[0]).days / 10
    rows = [f"{d:%Y-%m-%d},${p},{k},{v:.2f}" for d, p, k, v in zip(days, price, kind, y, strict=True)]
    data = csv_of(here / "d.csv", "day,price,kind,y\n" + "\n".join(rows) + "\n")
    assert call("train", data, "--preset", "classic", "--epochs", "30", "-q")[0] == 0
    out = call("explain", "model.npz")[1]
    assert "$20" in out
    assert re.search("2024-0[0-9]-[0-9]{2}", out)
    assert "(missing)" in out
    assert "\nkind,,y," in call("explain", "model.npz", "--column", "kind", "--format", "csv")[1]
    answer = json.loads(call("explain", "model.npz", "--column", "day", "--json")[1])
    assert answer["effects"][0]["at"][0].startswith("2024-01-")
