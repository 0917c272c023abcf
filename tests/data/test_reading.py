"""Columns are read by a rule decided once, said, kept in the model, and followed. The ids are rows of a checklist."""

from __future__ import annotations

import re
import shlex

import numpy as np
import pandas as pd
import pytest

import mlpcli
from mlpcli.config.settings import Config, ReadOptions
from mlpcli.errors import DataError
from mlpcli.training.prepare import prepare

N = 200
AMOUNTS = [round(3 + 97.31 * (i * 37 % N) ** 1.5, 2) for i in range(N)]
DAYS = [pd.Timestamp("2021-01-01") + pd.Timedelta(days=i * 7 % 900) for i in range(N)]


def swap(text):
    """1,234.50 as 1.234,50"""
    return text.translate(str.maketrans(",.", ".,"))


def write(path, *columns, header="fee,y"):
    """A table of these columns of cells, with a target that the number of the row decides."""
    rows = zip(*columns, ["high" if a > 90_000 else "low" for a in AMOUNTS], strict=True)
    lines = [header, *(",".join(f'"{cell}"' for cell in row) for row in rows)]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return str(path)


READ = {
    "$": (lambda a: f"${a:,.2f}", "fee: $ and thousands commas read (200 cells)"),
    "euros": (lambda a: swap(f"{a:,.2f} €"), "fee: €, thousands points and decimal comma read (200 cells)"),
    "won": (lambda a: f"{round(a) + 1000:,}원", "fee: 원 and thousands commas read"),
    "accounting": (lambda a: f"(£{a:.2f})" if a < 9e4 else f"£{a:.2f}", "fee: £ and accounting negatives read"),
    "trailing": (lambda a: f"{a:.2f}-" if a < 9e4 else f"{a:.2f}", "fee: trailing minus read"),
    "percent": (lambda a: f"{a / 3000:.1f} %", "fee: percent signs read"),
    "no-break spaces": (lambda a: f"{round(a) + 1000:,}".replace(",", "\u00a0"), "fee: thousands spaces read"),
    "kilograms": (lambda a: f"{a:.1f} kg", "fee: unit 'kg' read"),
}


@pytest.mark.parametrize("row", READ)
def test_r01_numbers_are_read_as_people_write_them_and_a_model_holds_to_it(row, tmp_path, call):
    cell, note = READ[row]
    path = write(tmp_path / "d.csv", [cell(a) for a in AMOUNTS])
    prepared = prepare(path, Config(target="y"))
    [column] = [c for c in prepared.schema.columns if c.name == "fee"]
    assert column.kind == "number"
    assert note in "\n".join(prepared.notes)
    assert column.reads() in note
    model = tmp_path / "m.npz"
    mlpcli.fit(path, target="y", epochs=2, ensemble=1).save(str(model))
    whole = call("predict", model, path)
    assert whole[0] == 0
    lines = (tmp_path / "d.csv").read_text(encoding="utf-8").split("\n")
    (tmp_path / "one.csv").write_text("\n".join(lines[:2]), encoding="utf-8")
    assert call("predict", model, tmp_path / "one.csv")[1].split("\n")[1] == whole[1].split("\n")[1]
    (tmp_path / "odd.csv").write_text("fee\nask us\n")
    code, _, err = call("predict", model, tmp_path / "odd.csv")
    assert code == 1
    assert "odd.csv:2: column 'fee': expected" in err
    assert "found 'ask us'" in err


def test_a_format_reaches_a_frame_as_it_reaches_a_file(tmp_path):
    cells = [f"${a:,.2f}" for a in AMOUNTS]
    path = write(tmp_path / "d.csv", cells)
    model = mlpcli.fit(path, target="y", epochs=2, ensemble=1)
    by_text = model.predict_proba(pd.DataFrame({"fee": cells}))
    by_number = model.predict_proba(pd.DataFrame({"fee": AMOUNTS}))
    np.testing.assert_array_equal(by_text, by_number)


# Cells -> what is said, and flags of the hint that each lead on.
REFUSED = {
    "R02": ([f"{1 + i % 9},{i:03d}" for i in range(N)], ":2: .*may be the decimal mark .* or between thousands", 3),
    "R03 currencies": ([f"{'$€'[i % 2]}{a}" for i, a in enumerate(AMOUNTS)], ":2: .*two currencies.*in line 3", 1),
    "R03 units": ([f"{a} {('kg', 'g')[i % 2]}" for i, a in enumerate(AMOUNTS)], ":2: .*two units", 1),
    "R04": ([f"{1 + i % 12:02d}/{1 + i * 5 % 12:02d}/2024" for i in range(N)], ":.*day first or the month first", 3),
    "R05 money": ([f"${a}" for a in AMOUNTS[:-1]] + ["on request"], ":201: .*found 'on request'", 2),
    "R05 date": ([str(d.date()) for d in DAYS[:-1]] + ["TBD"], ":201: .*found 'TBD'", 2),
    "R05 time": ([f"{i % 24:02d}:{i % 60:02d}" for i in range(N - 1)] + ["noon"], ":201: .*found 'noon'", 2),
}
FLAG = re.compile(r"--[a-z-]+ (?:'[^']*'|\S+)")


@pytest.mark.parametrize("row", REFUSED)
def test_what_a_column_does_not_settle_is_refused_and_each_flag_of_the_hint_leads_on(row, tmp_path, call):
    cells, message, n_flags = REFUSED[row]
    path = write(tmp_path / "d.csv", cells)
    with pytest.raises(DataError, match=f"d.csv{message}") as caught:
        prepare(path, Config(target="y"))
    flags = FLAG.findall(caught.value.hint)
    assert len(flags) == n_flags
    for flag in flags:  # R09: as a shell takes it
        code, _, err = call("inspect", path, "--target", "y", *shlex.split(flag))
        assert code == 0 or "tells nothing" in err, err


def test_r04_two_formats_are_read_where_each_cell_fits_exactly_one(tmp_path):
    cells = [d.strftime(("%Y-%m-%d", "%d.%m.%Y")[i % 2]) for i, d in enumerate(DAYS)]
    path = write(tmp_path / "d.csv", cells)
    prepared = prepare(path, Config(target="y"))
    assert prepared.schema.columns[0].kind == "date"
    assert "fee: dates, " in "\n".join(prepared.notes)
    twin = write(tmp_path / "twin.csv", [str(d.date()) for d in DAYS])
    np.testing.assert_array_equal(prepare(twin, Config(target="y")).encoded.x, prepared.encoded.x)


def test_r08_problems_are_named_together_and_a_dropped_column_may_hold_anything(tmp_path, call):
    odd, sure = [f"{'$€'[i % 2]}{a}" for i, a in enumerate(AMOUNTS)], [f"{a}" for a in AMOUNTS]
    names = [f"c{i}" for i in range(12)]
    path = write(tmp_path / "d.csv", sure, *[odd] * 12, header=",".join(["fee", *names, "y"]))
    code, _, err = call("inspect", path)
    assert code == 1
    assert [name for name in names if f"column '{name}'" in err] == names[:10]
    assert "and 2 more columns" in err
    assert call("inspect", path, "--drop", ",".join(names))[0] == 0


@pytest.mark.parametrize("flag", ["decimal", "thousands"])
def test_marks_of_one_column_or_of_all_are_flags(flag, tmp_path):
    path = write(tmp_path / "d.csv", [f"{1 + i % 9},{i:03d}" for i in range(N)])
    frames = []
    for given in ((",",), ("fee=,",), (".", "fee=,")):
        frames.append(prepare(path, Config(target="y"), ReadOptions(**{flag: given})).dataset.frame.fee)
    assert all(frame.equals(frames[0]) for frame in frames)
    assert frames[0].iloc[0] == {"decimal": 1.0, "thousands": 1000.0}[flag]


def test_another_column_proves_the_decimal_mark(tmp_path):
    german = [swap(f"{a:,.2f}") for a in AMOUNTS]
    path = write(tmp_path / "d.csv", [f"{1 + i % 9}.{i:03d}" for i in range(N)], german, header="a,b,y")
    assert prepare(path, Config(target="y")).dataset.frame.a.iloc[1] == 2001


def test_a_target_is_read_like_a_column(tmp_path):
    rows = [f'{i},"${a:,.2f}"' for i, a in enumerate(AMOUNTS)]
    (tmp_path / "d.csv").write_text("\n".join(["a,price", *rows]))
    model = mlpcli.fit(str(tmp_path / "d.csv"), epochs=2, ensemble=1, numeric=("a",))
    assert model.task == "regression"
    assert model.schema.target.format.describe() == "$ and thousands commas read"
    found = mlpcli.load(saved(model, tmp_path)).evaluate(str(tmp_path / "d.csv"))
    assert found.y.max() <= max(AMOUNTS)


def saved(model, folder):
    model.save(str(folder / "m.npz"))
    return str(folder / "m.npz")


# --- nothing is lost silently -----------------------------------------------------------------------------


def test_r06_a_column_of_rare_levels_is_a_problem_and_by_flag_a_warning(tmp_path, call):
    cells = [f"item {i % 150}" for i in range(N)]
    path = write(tmp_path / "d.csv", cells, [i % 7 for i in range(N)], header="fee,a,y")
    code, _, err = call("inspect", path)
    assert code == 1
    assert "column 'fee': 200 of 200 values" in err
    assert "occur fewer than 5 times: as a category it tells nothing" in err
    code, out, err = call("inspect", path, "--category", "fee")
    assert (code, "as a category it tells nothing; try --drop fee" in out + err) == (0, True)
    assert call("inspect", path, "--drop", "fee")[0] == 0


def test_a_column_that_a_few_texts_keep_from_being_numbers_names_them(tmp_path, call):
    path = write(tmp_path / "d.csv", ["unknown" if i % 40 == 0 else a for i, a in enumerate(AMOUNTS)])
    code, _, err = call("inspect", path)
    assert code == 1
    flags = FLAG.findall(err)
    assert flags == ["--missing unknown", "--drop fee", "--category fee"]
    assert call("inspect", path, *shlex.split(flags[0]))[0] == 0


def test_columns_with_a_role_may_hold_what_they_like(tmp_path):
    path = write(tmp_path / "d.csv", [f"item {i % 150}" for i in range(N)], [i % 7 for i in range(N)], header="who,a,y")
    assert prepare(path, Config(target="y", group="who")).dataset.n_rows == N


@pytest.mark.parametrize("word", ["Total", "합계", "총계:", ""])
def test_r07_a_total_below_the_rows_is_a_problem_with_the_flag_that_leaves_it_out(word, tmp_path, call):
    rows = [f"s{i % 3},{a:.2f},{'high' if a > 90_000 else 'low'}" for i, a in enumerate(AMOUNTS)]
    total = f"{word or 's1'},{sum(AMOUNTS):.2f},low"
    (tmp_path / "d.csv").write_text("\n".join(["shop,fee,y", *rows, total]), encoding="utf-8")
    code, _, err = call("inspect", tmp_path / "d.csv")
    assert code == 1
    assert f"d.csv:{N + 2}: the last row is a total" in err
    assert "hint: --skip-last 1" in err
    prepared = prepare(str(tmp_path / "d.csv"), Config(), ReadOptions(skip_last=1))
    assert prepared.dataset.n_rows == N
    model = mlpcli.fit(str(tmp_path / "d.csv"), epochs=2, ensemble=1, skip_last=1)
    path = saved(model, tmp_path)
    assert call("evaluate", path)[0] == 0  # the training file is read as in training
    assert call("predict", path, tmp_path / "d.csv")[1].count("\n") == N + 2  # another file is not
    assert call("predict", path, tmp_path / "d.csv", "--skip-last", "2")[1].count("\n") == N


@pytest.mark.parametrize(("n_columns", "others", "is_total"), [(100, 5, False), (100, "", True), (1, 5, True)])
def test_one_number_of_very_many_may_be_the_sum_of_those_above_by_chance(n_columns, others, is_total, tmp_path):
    header = ",".join([*(f"x{j}" for j in range(n_columns)), "y"])
    rows = [[i + 1, *(i * (j + 2) % 17 for j in range(1, n_columns)), i % 2] for i in range(20)]
    lines = [header, *(",".join(map(str, row)) for row in [*rows, [210, *[others] * (n_columns - 1), 1]])]
    (tmp_path / "d.csv").write_text("\n".join(lines))
    if is_total:
        with pytest.raises(DataError, match="the last row is a total: 'x0' is the sum"):
            prepare(str(tmp_path / "d.csv"), Config())
    else:
        assert prepare(str(tmp_path / "d.csv"), Config()).dataset.n_rows == 21


def test_a_word_for_a_total_that_other_rows_have_too_is_none(tmp_path):
    path = write(tmp_path / "d.csv", [("Average", "Good")[i % 2] for i in range(N - 1)] + ["Average"])
    assert prepare(path, Config(target="y")).schema.columns[0].kind == "category"


@pytest.mark.parametrize("part", [40, 1 << 21])
def test_the_last_rows_are_left_out_wherever_a_part_ends(part, tmp_path, monkeypatch):
    monkeypatch.setattr("mlpcli.data.raw.BLOCK", part)
    path = write(tmp_path / "d.csv", [f"{a}" for a in AMOUNTS])
    for n in (0, 1, 7):
        prepared = prepare(path, Config(target="y"), ReadOptions(skip_last=n))
        assert prepared.dataset.n_rows == N - n


def test_r07_a_header_again_and_units_below_it_are_one_problem_with_one_flag(tmp_path, call):
    rows = [f"{a:.2f},{i % 17},{'high' if a > 90_000 else 'low'}" for i, a in enumerate(AMOUNTS)]
    for at, odd, says in ((0, "USD,cm,", "d.csv:2: "), (100, "fee,b,y", "d.csv:102: the header again")):
        (tmp_path / "d.csv").write_text("\n".join(["fee,b,y", *rows[:at], odd, *rows[at:]]))
        code, _, err = call("inspect", tmp_path / "d.csv")
        assert code == 1
        assert says in err
        [flag, *_] = FLAG.findall(err)
        assert call("inspect", tmp_path / "d.csv", *shlex.split(flag))[0] == 0


def test_an_order_of_dates_may_be_that_of_all_columns_and_a_name_must_be_one_of_the_file(tmp_path, call):
    cells = [f"{1 + i % 12:02d}/{1 + i * 5 % 12:02d}/2024" for i in range(N)]
    path = write(tmp_path / "d.csv", cells, [f"g{i % 4}" for i in range(N)], header="day,g,y")
    months = {}
    for flag in ("dmy", "day=dmy", "mdy"):
        frame = prepare(path, Config(target="y"), ReadOptions(dates=(flag,))).dataset.frame
        months[flag] = pd.to_datetime(frame.day, unit="s").dt.month.tolist()
    assert months["dmy"] == months["day=dmy"] == [1 + i * 5 % 12 for i in range(N)]
    assert months["mdy"] == [1 + i % 12 for i in range(N)]
    assert call("inspect", path, "--dates", "dya=dmy")[2].startswith(f"mlpcli: {path}: no column 'dya'; did you mean")
    assert call("inspect", path, "--dates", "clock")[0] == 2


def test_more_different_amounts_than_are_told_apart_are_all_read_and_an_odd_one_is_named(tmp_path, monkeypatch):
    monkeypatch.setattr("mlpcli.data.builders.MAX_LEVELS", 50)
    monkeypatch.setattr("mlpcli.data.raw.BLOCK", 1000)
    cells = [f"${a:,.2f}" for a in AMOUNTS]
    prepared = prepare(write(tmp_path / "d.csv", cells), Config(target="y"))
    assert prepared.dataset.frame.fee.tolist() == AMOUNTS
    with pytest.raises(DataError, match=r"d.csv:199: column 'fee': .*found 'on request'"):
        prepare(write(tmp_path / "d.csv", [*cells[:197], "on request", *cells[198:]]), Config(target="y"))
