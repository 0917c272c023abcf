"""Charts lie on their picture, whatever their values, and hold no number that is none."""

from __future__ import annotations

import math
import re
from itertools import pairwise

import pytest
from reporter.html.pages import parsed

from mlpcli.reporter.chart import LineChart, Series
from mlpcli.reporter.html.document import Chart, NamedBars
from mlpcli.reporter.html.svg import HEIGHT, MAX_NAME_LINES, STRIP, WIDTH, legend, picture

NAN = math.nan
LINE = Series("a", [1, 2, 3], [0.5, 0.25, 1.0])
CHARTS = {
    "a line": Chart("x", "y", [LINE]),
    "an interval": Chart("x", "y", [Series("a", [1, 2, 3], [1, 2, 3], [0, 1, 2], [2, 3, 4])]),
    "points": Chart("x", "y", [Series("a", [1, 2], [1, 2], [0, 1], [2, 3])], are_points=True),
    "a point": Chart("x", "y", [Series("a", [1], [2])]),
    "what is not finite": Chart("x", "y", [Series("a", [1, 2, 3], [NAN, math.inf, 5])]),
    "a logarithm": Chart("x", "y", [Series("a", [1, 10, 1000], [1e-9, 1, 1e9])], log_x=True),
    "huge numbers": Chart("x", "y", dots=[(-1e300, 1e300), (1e300, -1e300)], guide=[(-1e300, -1e300), (1e300, 1e300)]),
    "tiny numbers": Chart("x", "y", dots=[(1e-300, 1e-300), (2e-300, 3e-300)]),
    "one value": Chart("x", "y", [Series("a", [4, 4], [7, 7])]),
    "bars": Chart("x", "rows", bars=[(-1, 0, 3), (0, 1, 0), (1, 2, 5)], mark=0.0),
    "a strip": Chart("x", "y", [LINE], strip=[(0, 1, 5), (1, 3, 9)]),
    "an empty strip": Chart("x", "y", [LINE], strip=[(0, 1, 0)]),
    "a range": Chart("x", "y", [LINE], x_range=(0, 2), y_range=(0, 1), mark=1.5),
    "the terminal's": Chart.of(LineChart([LINE], mark=2, log_x=True), "loss"),
}


def numbers(text: str) -> list[float]:
    return [float(n) for n in re.findall(r"-?\d+(?:\.\d+)?", text)]


@pytest.mark.parametrize("name", CHARTS)
def test_everything_lies_on_the_picture(name):
    drawn = parsed(picture(CHARTS[name], "n", "title", "description").encode())
    assert "nan" not in drawn.text
    for element in drawn.all("path", "circle", "text"):
        for key in ("cx", "x"):
            assert 0 <= float(element.attributes.get(key, 0)) <= WIDTH
        for key in ("cy", "y"):
            assert 0 <= float(element.attributes.get(key, 0)) <= HEIGHT + STRIP
        for x, y in re.findall(r"[ML]([-\d.]+) ([-\d.]+)", element.attributes.get("d", "")):
            assert 0 <= float(x) <= WIDTH
            assert 0 <= float(y) <= HEIGHT + STRIP
    assert len(drawn.all("text")) >= 4
    assert drawn.all("path", "circle")


def test_a_line_is_where_its_values_say():
    drawn = parsed(
        picture(Chart("x", "y", [Series("a", [0, 1], [0, 1])], x_range=(0, 1), y_range=(0, 1)), "n", "t", "d").encode()
    )
    line = next(e for e in drawn.all("path") if "line" in e.attributes["class"])
    left, bottom, right, top = numbers(line.attributes["d"])
    axis = next(e for e in drawn.all("path") if e.attributes["class"] == "axis")
    assert numbers(axis.attributes["d"]) == [left, bottom, right]
    assert (top < bottom, right) == (True, WIDTH - 12)


def test_nothing_finite_is_said():
    drawn = picture(Chart("x", "y", [Series("a", [1], [NAN])]), "n", "t", "d")
    assert "nothing to draw" in drawn


def test_labels_of_an_axis_do_not_overlap():
    drawn = parsed(picture(Chart("x", "y", [Series("a", [100_000, 1_000_000], [1, 2])]), "n", "t", "d").encode())
    places = [(float(e.attributes["x"]), e.text) for e in drawn.all("text") if e.attributes.get("class") == "x"]
    assert len(places) > 1
    assert all(b[0] - a[0] > 3 * (len(a[1]) + len(b[1])) for a, b in pairwise(places))


def test_named_bars_hold_names_whole_and_values():
    long = "가나다라마바사아자차" * 20
    rows = [("short", 2.0, 1.0, 3.0), (long, -1.0, -1.0, -1.0), ("x" * 100_000, 0.0, 0.0, 0.0)]
    drawn = parsed(picture(NamedBars("drop in accuracy", rows), "n", "t", "d").encode())
    texts = [e.text for e in drawn.all("text")]
    assert long in "".join(texts)
    assert {"short", "2", "-1", "0", "drop in accuracy"} <= set(texts)
    assert len(texts) < 20 + 2 * MAX_NAME_LINES
    bars = [numbers(e.attributes["d"]) for e in drawn.all("path") if e.attributes["class"] == "bar"]
    assert bars[0][0] == bars[1][2] == bars[2][0]  # 0 is one place
    assert len([e for e in drawn.all("path") if e.attributes["class"] == "whisker"]) == 1
    height = float(drawn.all("svg")[0].attributes["viewbox"].split()[3])
    assert max(float(e.attributes.get("y", 0)) for e in drawn.all("text")) < height


def test_a_legend_is_there_for_several_lines():
    assert legend([LINE]) == ""
    shown = parsed(legend([LINE, Series("<b>", [1], [1])]).encode())
    assert [item.text for item in shown.all("li")] == [" a", " <b>"]
