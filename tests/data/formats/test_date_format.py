"""How a column of dates, times of day or durations is written: read as a person reads it, refused where in doubt."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mlpcli.data.formats.date_format import decide_times, proven_order
from mlpcli.data.formats.dates import LAYOUTS, MONTH_OF, MONTHS, TimeFormat, are_compact, as_times
from mlpcli.data.formats.writing import REFUSALS, Known, Refusal, shape_of

START = datetime(2020, 1, 1, tzinfo=UTC)
SECONDS = np.random.default_rng(0).integers(0, 5 * 365 * 86_400, 400)
TIMES = [START + timedelta(seconds=int(s)) for s in SECONDS]


def decided(texts, **known):
    """Decides on a column of these cells."""
    distinct, counts = np.unique(np.asarray(texts, dtype=object), return_counts=True)
    return list(distinct), decide_times(list(distinct), counts, Known(**known))


def half(t: datetime) -> str:
    return f"{'오전' if t.hour < 12 else '오후'} {t.hour % 12 or 12}:{t.minute:02d}"


def day(t):
    return t.replace(hour=0, minute=0, second=0)


def minute(t):
    return t.replace(second=0)


def month(t):
    return day(t).replace(day=1)


ORDINAL = {1: "st", 2: "nd", 3: "rd", 21: "st", 22: "nd", 23: "rd", 31: "st"}
GERMAN_MONTHS = "Januar Februar März April Mai Juni Juli August September Oktober November Dezember"
SPANISH_MONTHS = "enero febrero marzo abril mayo junio julio agosto septiembre octubre noviembre diciembre"

WRITTEN = {  # name -> (a time as people write it, what of it is written)
    "ISO day": (lambda t: t.strftime("%Y-%m-%d"), day),
    "ISO": (lambda t: t.strftime("%Y-%m-%dT%H:%M:%S"), lambda t: t),
    "ISO, a space": (lambda t: t.strftime("%Y-%m-%d %H:%M:%S"), lambda t: t),
    "ISO in Seoul": (lambda t: (t + timedelta(hours=9)).strftime("%Y-%m-%dT%H:%M:%S+09:00"), lambda t: t),
    "ISO, short zone": (lambda t: (t + timedelta(hours=9)).strftime("%Y-%m-%d %H:%M:%S +0900"), lambda t: t),
    "ISO, behind": (lambda t: (t - timedelta(hours=3.5)).strftime("%Y-%m-%dT%H:%M:%S-03:30"), lambda t: t),
    "ISO, Z": (lambda t: t.strftime("%Y-%m-%dT%H:%M:%SZ"), lambda t: t),
    "ISO, fractions": (lambda t: t.strftime("%Y-%m-%dT%H:%M:%S.250"), lambda t: t + timedelta(milliseconds=250)),
    "zone by name": (lambda t: (t + timedelta(hours=9)).strftime("%Y-%m-%d %H:%M:%S KST"), lambda t: t),
    "Korean": (lambda t: f"{t.year}년 {t.month}월 {t.day}일", day),
    "Korean and weekday": (lambda t: f"{t:%Y-%m-%d}({'월화수목금토일'[t.weekday()]})", day),
    "Korean, time": (lambda t: f"{t.year}년 {t.month}월 {t.day}일 {t.hour}시 {t.minute}분", minute),
    "Korean points": (lambda t: f"{t.year}. {t.month}. {t.day}.", day),
    "Korean points, time": (lambda t: f"{t.year}. {t.month}. {t.day}. {half(t)}", minute),
    "points": (lambda t: t.strftime("%Y.%m.%d"), day),
    "Korean half": (lambda t: f"{t:%Y-%m-%d} {half(t)}", minute),
    "Japanese": (lambda t: f"{t.year}年{t.month}月{t.day}日", day),
    "day, month": (lambda t: t.strftime("%d %b %Y"), day),
    "day, long month": (lambda t: t.strftime("%d %B %Y"), day),
    "month, day": (lambda t: t.strftime("%B %d, %Y"), day),
    "month, day, short": (lambda t: t.strftime("%b %d %Y"), day),
    "month, day, ordinal": (lambda t: f"{t:%B} {t.day}{ORDINAL.get(t.day, 'th')}, {t.year}", day),
    "database": (lambda t: t.strftime("%d-%b-%y"), day),
    "capitals": (lambda t: t.strftime("%d-%b-%Y").upper(), day),
    "SAS": (lambda t: t.strftime("%d%b%Y"), day),
    "mail": (lambda t: t.strftime("%a, %d %b %Y %H:%M:%S GMT"), lambda t: t),
    "long": (lambda t: t.strftime("%A, %B %d, %Y %I:%M %p"), minute),
    "compact": (lambda t: t.strftime("%Y%m%d"), day),
    "compact, time": (lambda t: t.strftime("%Y%m%dT%H%M"), minute),
    "compact, seconds": (lambda t: t.strftime("%Y%m%d%H%M%S"), lambda t: t),
    "compact, clock": (lambda t: t.strftime("%Y%m%d %H:%M"), minute),
    "day first": (lambda t: t.strftime("%d/%m/%Y"), day),
    "day first, no zeros": (lambda t: f"{t.day}/{t.month}/{t.year}", day),
    "day first, time": (lambda t: t.strftime("%d/%m/%Y %H:%M"), minute),
    "day first, comma": (lambda t: t.strftime("%d/%m/%Y, %H:%M:%S"), lambda t: t),
    "month first": (lambda t: t.strftime("%m/%d/%Y"), day),
    "month first, AM": (lambda t: t.strftime("%m/%d/%Y %I:%M %p"), minute),
    "month first, two digits": (lambda t: f"{t.month}/{t.day}/{t:%y} {t:%H:%M}", minute),
    "dashes": (lambda t: t.strftime("%d-%m-%Y"), day),
    "German": (lambda t: t.strftime("%d.%m.%Y"), day),
    "German, two digits": (lambda t: t.strftime("%d.%m.%y"), day),
    "day first, two digits": (lambda t: t.strftime("%d/%m/%y"), day),
    "year first, two digits": (lambda t: t.strftime("%y.%m.%d"), day),
    "months": (lambda t: t.strftime("%Y-%m"), month),
    "months by name": (lambda t: t.strftime("%b %Y"), month),
    "months, two digits": (lambda t: t.strftime("%b-%y"), month),
    "months, slash": (lambda t: t.strftime("%m/%Y"), month),
    "Korean months": (lambda t: f"{t.year}년 {t.month}월", month),
    "two formats": (lambda t: t.strftime("%d.%m.%Y" if t.day % 2 else "%Y-%m-%d"), day),
    "with and without a time": (lambda t: t.strftime("%Y-%m-%d" if t.day % 2 else "%Y-%m-%d %H:%M:%S"),
                                lambda t: day(t) if t.day % 2 else t),
    "padding": (lambda t: t.strftime("  %Y-%m-%d "), day),
    "C": (lambda t: t.strftime("%a %b %e %H:%M:%S %Y"), lambda t: t),
    "Java": (lambda t: (t + timedelta(hours=9)).strftime("%a %b %d %H:%M:%S KST %Y"), lambda t: t),
    "German words": (lambda t: f"{t.day}. {GERMAN_MONTHS.split()[t.month - 1]} {t.year}", day),
    "Spanish": (lambda t: f"{t.day} de {SPANISH_MONTHS.split()[t.month - 1]} de {t.year}", day),
    "Chinese": (lambda t: f"{t:%Y/%m/%d} {'上午' if t.hour < 12 else '下午'} {t.hour % 12 or 12}:{t:%M}", minute),
}  # fmt: skip


@pytest.mark.parametrize("name", WRITTEN)
def test_a_column_of_dates_is_read_as_it_is_written(name):
    write, of = WRITTEN[name]
    texts = [write(t) for t in TIMES]
    _, found = decided(texts)
    assert isinstance(found, TimeFormat), found
    assert found.kind == "date"
    np.testing.assert_array_equal(found.parse(texts), [of(t).timestamp() for t in TIMES])
    assert found.describe()


def test_iso_dates_are_those_of_pandas():
    texts = [
        "2024-03-05T10:00:00+09:00",
        "1969-12-31 23:59:59.5",
        "1900-02-28",
        "2000-02-29T12Z",
        "0001-01-01",
        "9999-12-31",
    ]
    found = TimeFormat("date", ("y-m-d",)).parse(texts)
    np.testing.assert_array_equal(
        found,
        [
            pd.Timestamp(t).tz_localize("UTC").timestamp()
            if "+" not in t and "Z" not in t
            else pd.Timestamp(t).timestamp()
            for t in texts
        ],
    )


@given(st.dates())
def test_every_day_of_the_calendar_is_read(d):
    seconds = TimeFormat("date", ("y-m-d",)).parse([d.isoformat()])[0]
    assert seconds == (d - date(1970, 1, 1)).days * 86_400


@pytest.mark.parametrize(
    "text",
    [
        "2024-02-30",
        "2023-02-29",
        "1900-02-29",
        "2024-13-01",
        "2024-00-10",
        "2024-01-00",
        "0000-01-01",
        "2024-01-01 24:00",
        "2024-01-01 10:60",
        "2024-01-01 10:00:60",
        "2024-01-01 13:00 PM",
        "2024-01-01 10:00+24:00",
        "2024-1-1-1",
        "24-1-1",
        "",
    ],
)
def test_what_is_no_day_is_no_date(text):
    assert np.isnan(TimeFormat("date", ("y-m-d",)).parse([text])[0])


@pytest.mark.parametrize(
    ("text", "year"), [("01/02/68", 2068), ("01/02/69", 1969), ("01/02/00", 2000), ("01/02/99", 1999)]
)
def test_two_digits_of_a_year_are_those_of_python(text, year):
    found = TimeFormat("date", ("d/m/yy",)).parse([text])
    assert as_times(found)[0].year == year == datetime.strptime(text, "%d/%m/%y").year


# --- day or month first -----------------------------------------------------------------------------------

UNSURE = ["03/04/2024", "05/06/2024", "07/07/2024", "11/12/2023"]


def test_days_up_to_12_are_refused_with_both_flags():
    texts, found = decided(UNSURE)
    assert found.kind == "ambiguous date"
    assert [(s.option, s.value) for s in found.suggestions] == [("dates", "dmy"), ("dates", "mdy"), ("category", "")]
    assert found.suggestions[0].meaning == "'03/04/2024' is 2024-04-03"
    assert texts[found.indices[0]] == "03/04/2024"


@pytest.mark.parametrize(("proof", "name"), [("13/01/2024", "d/m/y"), ("01/13/2024", "m/d/y")])
def test_one_day_above_12_proves_the_order_of_all(proof, name):
    assert decided([*UNSURE, proof])[1].layouts == (name,)


@pytest.mark.parametrize("order", ["dmy", "mdy"])
def test_the_flag_and_other_columns_settle_the_order(order):
    name = "/".join(order)
    assert decided(UNSURE, times=order)[1].layouts == (name,)
    assert decided(UNSURE, proven_order=order)[1].layouts == (name,)


def test_points_are_written_with_the_day_first():
    assert decided([t.replace("/", ".") for t in UNSURE])[1].layouts == ("d.m.y",)
    assert decided([t.replace("/", ".") for t in [*UNSURE, "01/13/2024"]])[1].layouts == ("m.d.y",)


def test_orders_that_contradict_each_other_are_refused_with_a_text_of_each():
    texts, found = decided([t.strftime("%d/%m/%Y" if t.day % 2 else "%m/%d/%Y") for t in TIMES])
    assert found.kind == "two orders"
    days, months = zip(*([int(p) for p in texts[i].split("/")[:2]] for i in found.indices), strict=True)
    assert (days[0] > 12) != (months[0] > 12)
    assert (days[0] > 12) == (months[1] > 12)


def test_a_second_format_that_is_in_doubt_is_refused():
    found = decided([*(t.strftime("%Y-%m-%d") for t in TIMES), "03/04/2024"])[1]
    assert found.kind == "ambiguous date"


def test_dates_that_only_two_digits_of_a_year_leave_open_are_refused():
    for mark in "/.":
        texts = [mark.join(f"0{i % n + 1}" for n in (9, 7, 8)) for i in range(100)]
        assert decided(texts)[1].kind == "ambiguous date"


def test_what_a_column_of_dates_proves_for_others():
    ones = np.ones(5, np.int64)
    assert proven_order([*UNSURE, "13/01/2024"], ones) == "dmy"
    assert proven_order([*UNSURE, "01/13/2024"], ones) == "mdy"
    assert proven_order(["2024-01-13", "2024-01-14"], ones[:2]) is None
    assert proven_order(UNSURE, ones[:4]) is None


# --- odd cells --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("odd", ["soon", "2024-02-30", "05.03.24", "0000-00-00", "20240305", "2024", "TBD 2024-01-01"])
@pytest.mark.parametrize("n", [1, 5, 30])
def test_odd_cells_among_dates_are_refused_by_name(odd, n):
    texts, found = decided([t.strftime("%Y-%m-%d") for t in TIMES] + [odd] * n)
    if isinstance(found, TimeFormat):  # a format of its own that each cell fits
        assert odd in ("05.03.24", "20240305")
        return
    assert isinstance(found, Refusal)
    assert texts[found.indices[0]] == odd
    assert found.n_cells == n
    assert (found.suggestions[0].option, found.suggestions[0].value) in [("missing", odd), ("dates", "ymd")]


@pytest.mark.parametrize(("form", "is_refused"), [("%Y-%m-%d", True), ("%d %b %Y", True), ("%m/%d/%y", False)])
def test_a_twelfth_of_odd_cells_are_mistakes_only_among_full_dates(form, is_refused):
    found = decided([t.strftime(form) for t in TIMES] + [f"event {i}" for i in range(35)])[1]
    assert isinstance(found, Refusal) if is_refused else found is None


def test_texts_of_which_some_are_dates_are_a_category():
    assert decided([*(t.strftime("%Y-%m-%d") for t in TIMES[:50]), *(f"event {i}" for i in range(50))])[1] is None


def test_where_the_user_says_that_they_are_dates_every_odd_cell_counts():
    texts = [*(t.strftime("%Y-%m-%d") for t in TIMES[:50]), *(f"event {i}" for i in range(50))]
    assert decided(texts, must=True)[1].kind == "stray"
    assert decided(texts, times="ymd")[1].kind == "stray"


# --- false alarms -----------------------------------------------------------------------------------------

OTHERS = {
    "ids": [f"{i}" for i in range(20_240_000, 20_240_400)],
    "whole numbers": [f"{i}" for i in range(400)],
    "years": [f"{i}" for i in range(1900, 2024)],
    "seconds since 1970": [f"{1_700_000_000 + i}" for i in range(400)],
    "points": [f"{i}.{i % 12 + 1:02d}" for i in range(400)],
    "ranges": [f"{i}-{i + 9}" for i in range(0, 400, 10)],
    "seasons": [f"{i}-{(i + 1) % 100:02d}" for i in range(1995, 2020)],
    "scores": ["3-2", "1-0", "2-2"],
    "versions": ["1.2.3", "1.10.12", "2.3.11", "2.4.10"],
    "many versions": [f"{i // 100}.{i // 10 % 10}.{i % 10}" for i in range(400)],
    "addresses": [f"10.0.{i % 7}.{i % 250}" for i in range(400)],
    "telephone": [f"02-{i:03d}-{i:04d}" for i in range(400)],
    "mobile": [f"010-{i:04d}-{i:04d}" for i in range(400)],
    "social security": [f"{i:03d}-{i % 100:02d}-{i:04d}" for i in range(400)],
    "postal codes": [f"{i:05d}-{i:04d}" for i in range(400)],
    "fractions": ["1/2", "3/4", "7/8", "12/16"],
    "blood pressure": ["120/80", "130/85"],
    "quarters": ["Q1 2024", "Q2 2024", "2024Q3"],
    "months": ["Jan", "Feb", "Mar", "Apr"],
    "weekdays": ["Mon", "Tue", "Wed"],
    "names": ["April", "May", "June", "August"],
    "Korean months": [f"{i}월" for i in range(1, 13)],
    "weeks": [f"2024-W{i:02d}" for i in range(1, 53)],
    "text": ["on 5 March 2024", "may be in 2024", "sat at 10:30"],
    "ratios": ["1:1", "1:2", "16:9"],
    "hex": [f"{i:08x}" for i in range(400)],
    "isbn": [f"978-3-16-{i:06d}-0" for i in range(400)],
    "grades": ["A", "B+", "C-"],
    "one text": ["2024-03-05"],
    "hours": [f"{i}h" for i in range(24)],
    "metres": [f"{i}m" for i in range(400)],
    "codes": [f"P{i}D" for i in range(10)] + ["PX"] * 30,
    "model years": ["MY2024-01", "MY2024-02"],
    "decimal commas": [f"{i},{i % 60:02d}" for i in range(400)],
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_no_time_is_none(name):
    assert decided(OTHERS[name])[1] is None


@pytest.mark.parametrize(
    ("numbers", "are"),
    [
        ([20_240_305, 19_991_231], True),
        ([20_240_305, np.nan, 20_240_306], True),
        ([20_240_305, 20_240_230], False),
        ([20_240_305], False),
        ([18_991_231, 20_240_305], False),
        ([21_010_101, 20_240_305], False),
        ([20_240_305.5, 20_240_306], False),
        ([1, 2], False),
        ([], False),
        ([20_240_305, 20_240_305], False),
    ],
)
def test_numbers_are_dates_when_all_of_them_are_days(numbers, are):
    assert are_compact(np.array(numbers, np.float64)) is are


# --- in the file --------------------------------------------------------------


@pytest.mark.parametrize("name", WRITTEN)
def test_a_format_survives_json_and_is_sound(name):
    found = decided([WRITTEN[name][0](t) for t in TIMES])[1]
    loaded = {k: tuple(v) if isinstance(v, list) else v for k, v in json.loads(json.dumps(asdict(found))).items()}
    assert TimeFormat(**loaded) == found
    assert found.is_sound()


@pytest.mark.parametrize(
    ("kind", "layouts"),
    [
        ("date", ()),
        ("date", ("h:m:s",)),
        ("week", ("y-m-d",)),
        ("date", ["y-m-d"]),
        ("date", ("y-m-d", "y-m-d")),
        (None, ()),
        ("date", "y-m-d"),
        ("date", ("y-m-d", "d/m/y", "m/d/y", "ymd")),
        ([], ("y-m-d",)),
        ("date", (None,)),
        ("date", ([],)),
    ],
)
def test_a_hostile_format_is_not_sound(kind, layouts):
    assert not TimeFormat(kind, layouts).is_sound()


def test_a_month_by_name_is_the_same_in_every_language():
    for words in MONTHS:
        assert [MONTH_OF[word] for word in words.split()] == list(range(1, 13))


@pytest.mark.parametrize("name", WRITTEN)
def test_a_cell_alone_is_read_as_in_its_column(name):
    texts = [WRITTEN[name][0](t) for t in TIMES[:40]]
    found = decided([WRITTEN[name][0](t) for t in TIMES])[1]
    np.testing.assert_array_equal(found.parse(texts), [found.parse([t])[0] for t in texts])


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.text("0123456789-/.: TZ년월일오전후AMPhmsdayJanFeb,", max_size=14), min_size=1, max_size=30, unique=True
    )
)
def test_any_texts_are_decided_and_what_is_read_has_a_value_for_each(texts):
    found = decide_times(texts, np.ones(len(texts), np.int64), Known())
    if isinstance(found, TimeFormat):
        assert found.is_sound()
        assert np.isfinite(found.parse(texts)).all()
    elif found is not None:
        assert found.kind in REFUSALS
        assert found.indices


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(
    st.sampled_from(["%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d %b %Y", "%B %d, %Y", "%Y년 %m월 %d일"]),
    st.lists(st.datetimes(datetime(1900, 1, 1), datetime(2100, 1, 1)), min_size=60, max_size=90, unique=True),
)
def test_what_is_written_in_a_format_is_read_back(form, times):
    texts = [f"{t:{form}}" for t in times]
    _, found = decided(texts)
    if isinstance(found, Refusal):
        assert "/" in form
        assert all(int(p) <= 12 for t in texts for p in t.split("/")[:2])
        return
    expected = [(t.date() - date(1970, 1, 1)).days * 86_400 for t in times]
    np.testing.assert_array_equal(found.parse(texts), expected)


@pytest.mark.parametrize(
    "piece", ["1", "1-", "1/", "1:", " ", "1h", "P1", "Jan ", "1 day ", "오전", "2024-01-01T", "+"]
)
def test_a_million_characters_are_looked_at_once(piece):
    long = piece * (1_000_000 // len(piece))
    assert decided([long, long + "x"])[1] is None
    shape = shape_of(long)
    assert not any(layout.pattern.fullmatch(shape) for kind in LAYOUTS.values() for layout in kind.values())


def test_no_pattern_repeats_without_a_bound():
    for kind in LAYOUTS.values():
        for layout in kind.values():
            assert not re.search(r"[^\\][+*]", re.sub(r"\[[^]]*\]", "", layout.pattern.text))


@pytest.mark.parametrize("text", ["5 auguſt 2024", "5 aprıl 2024", "AUGUſT 5, 2024"])
def test_a_month_with_a_letter_that_only_looks_like_one_is_none(text):
    assert np.isnan(TimeFormat("date", ("d month y", "month d y")).parse([text])).all()
