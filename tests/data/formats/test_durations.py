"""How a column of times of day or durations is written: seconds, whatever the words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest

from mlpcli.data.formats.date_format import decide_times
from mlpcli.data.formats.dates import LAYOUTS, TimeFormat
from mlpcli.data.formats.writing import Known

START = datetime(2020, 1, 1, tzinfo=UTC)
SECONDS = np.random.default_rng(0).integers(0, 5 * 365 * 86_400, 400)
TIMES = [START + timedelta(seconds=int(s)) for s in SECONDS]


def decided(texts, **known):
    """Decides on a column of these cells."""
    distinct, counts = np.unique(np.asarray(texts, dtype=object), return_counts=True)
    return list(distinct), decide_times(list(distinct), counts, Known(**known))


def half(t: datetime) -> str:
    return f"{'오전' if t.hour < 12 else '오후'} {t.hour % 12 or 12}:{t.minute:02d}"


def test_twelve_in_the_morning_is_midnight():
    texts = ["12:00 AM", "12:30 PM", "1:00 pm", "오전 12:05", "오후 12:05", "11:59 p.m.", "오후 15:00"]
    minutes = TimeFormat("clock", ("clock",)).parse(texts) / 60
    assert minutes.tolist() == [0, 750, 780, 5, 725, 1439, 900]


CLOCKS = {
    "minutes": (lambda t: t.strftime("%H:%M"), 60),
    "seconds": (lambda t: t.strftime("%H:%M:%S"), 1),
    "no zero": (lambda t: f"{t.hour}:{t.minute:02d}", 60),
    "AM and PM": (lambda t: t.strftime("%I:%M %p"), 60),
    "am and pm": (lambda t: t.strftime("%I:%M%p").lower(), 60),
    "Korean": (half, 60),
    "Korean words": (lambda t: f"{t.hour}시 {t.minute}분", 60),
}


@pytest.mark.parametrize("name", CLOCKS)
def test_times_of_day_are_seconds_since_midnight(name):
    write, unit = CLOCKS[name]
    texts = [write(t) for t in TIMES]
    _, found = decided(texts)
    assert isinstance(found, TimeFormat), found
    assert found.kind == "clock"
    expected = [(t - START).total_seconds() % 86_400 // unit * unit for t in TIMES]
    np.testing.assert_array_equal(found.parse(texts), expected)


LENGTHS = [timedelta(seconds=int(s) % 360_000) for s in SECONDS]


def parts(d: timedelta) -> tuple[int, int, int]:
    seconds = int(d.total_seconds())
    return seconds // 3600, seconds // 60 % 60, seconds % 60


DURATIONS = {
    "h:m:s": (lambda d: "{}:{:02d}:{:02d}".format(*parts(d)), 1),
    "m:s": (lambda d: f"{int(d.total_seconds()) // 60}:{int(d.total_seconds()) % 60:02d}", 1),
    "both": (lambda d: "{}:{:02d}:{:02d}".format(*parts(d)) if parts(d)[0] else "{1}:{2:02d}".format(*parts(d)), 1),
    "names": (lambda d: "{}h {}m".format(*parts(d)), 60),
    "names, close": (lambda d: "{}h{:02d}m{:02d}s".format(*parts(d)), 1),
    "French": (lambda d: "{}h{:02d}".format(*parts(d)), 60),
    "words": (lambda d: "{} hours {} minutes".format(*parts(d)), 60),
    "Korean": (lambda d: "{}시간 {}분".format(*parts(d)), 60),
    "ISO": (lambda d: "PT{}H{}M{}S".format(*parts(d)), 1),
    "pandas": (lambda d: str(pd.Timedelta(d)), 1),
    "Python": (str, 1),
}


@pytest.mark.parametrize("name", DURATIONS)
def test_durations_are_seconds(name):
    write, unit = DURATIONS[name]
    texts = [write(d) for d in LENGTHS]
    _, found = decided(texts)
    assert isinstance(found, TimeFormat), found
    assert found.kind == "duration"
    np.testing.assert_array_equal(found.parse(texts), [d.total_seconds() // unit * unit for d in LENGTHS])
    assert found.describe().endswith("as seconds")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1h 30m", 5400),
        ("90:15", 5415),
        ("1:23:45.5", 5025.5),
        ("PT1H30M", 5400),
        ("P1DT2H", 93_600),
        ("P2W", 1_209_600),
        ("2 days 03:04:05", 183_845),
        ("-1:00:00", -3600),
        ("1.5h", 5400),
        ("PT0.5S", 0.5),
        ("45s", 45),
        ("1d 2h", 93_600),
        ("P", np.nan),
        ("PT", np.nan),
        ("1:60:00", np.nan),
        ("1:75", np.nan),
        ("h", np.nan),
    ],
)
def test_a_duration_has_its_length(text, seconds):
    np.testing.assert_array_equal(TimeFormat("duration", tuple(LAYOUTS["duration"])).parse([text]), [seconds])


def test_one_unit_behind_every_number_is_that_numbers():
    assert decided([f"{i} min" for i in range(60)])[1] is None
    assert decided([f"{i}m" for i in range(60)])[1] is None


def test_clocks_with_and_without_a_third_part_are_refused_with_both_flags():
    texts, found = decided(["5:30", "12:10", "1:02:03", "2:03:04"])
    assert found.kind == "ambiguous time"
    assert [s.value for s in found.suggestions] == ["duration", "clock", ""]
    assert {texts[i].count(":") for i in found.indices} == {1, 2}
    assert decided(texts, times="clock")[1].kind == "clock"
    assert decided(texts, times="duration")[1].kind == "duration"
    assert decided([*texts, "59:10"])[1].kind == "duration"


@pytest.mark.parametrize("name", CLOCKS)
def test_one_odd_cell_among_times_of_day_is_refused_by_name(name):
    texts, found = decided([CLOCKS[name][0](t) for t in TIMES] + ["noon"])
    assert [texts[i] for i in found.indices] == ["noon"]


@pytest.mark.parametrize("name", DURATIONS)
def test_one_odd_cell_among_durations_is_refused_by_name(name):
    texts, found = decided([DURATIONS[name][0](d) for d in LENGTHS] + ["long"])
    assert [texts[i] for i in found.indices] == ["long"]


def test_minutes_and_hours_by_name_in_one_column_are_durations():
    _, found = decided(["30 min", "45 min", "2 h", "1.5 h"])
    assert found.parse(["30 min", "1.5 h"]).tolist() == [1800, 5400]


def test_sizes_are_no_durations():
    assert decided([f"{i}{width}" for i in range(5, 13) for width in "DM"])[1] is None
    assert decided([f"{i}{width}" for i in range(5, 13) for width in "dm"])[1] is None
