"""Colours: the contrast of each with black and white, and an escape for each run of cells only."""

from __future__ import annotations

import re
from itertools import pairwise

import pytest
from rich.color import Color, ColorSystem

from mlpcli.reporter.chart import loss_chart
from mlpcli.reporter.colour import COLOURS, GREY, line_of

ESCAPE = re.compile(r"\x1b\[([\d;]*)m")
LEAST = 4.5  # WCAG 2.1, success criterion 1.4.3


def luminance(rgb):
    """Relative luminance as WCAG 2.1 defines it."""
    channels = [c / 255 for c in rgb]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one, other):
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("system", [ColorSystem.TRUECOLOR, ColorSystem.EIGHT_BIT])
@pytest.mark.parametrize("name", [*COLOURS, GREY])
def test_a_colour_is_legible_on_black_and_on_white(name, system):
    shown = Color.parse(name).downgrade(system).get_truecolor()
    assert contrast(shown, (0, 0, 0)) >= LEAST
    assert contrast(shown, (255, 255, 255)) >= LEAST


def test_contrast_is_that_of_the_standard():
    assert contrast((0, 0, 0), (255, 255, 255)) == pytest.approx(21)
    assert contrast((119, 119, 119), (255, 255, 255)) == pytest.approx(4.48, abs=0.005)


def test_a_run_of_cells_has_one_escape(terminal):
    out, console = terminal(80)
    losses = [0.9**i for i in range(60)]
    console.print(loss_chart(losses, [x + 0.1 for x in losses], 40))
    text = out.getvalue()
    assert "\x1b[2m" not in text  # dimmed text has half the contrast or less
    for line in text.splitlines():
        styles = [code for code in ESCAPE.findall(line) if code != "0"]
        assert not [a for a, b in pairwise(styles) if a == b]
    plain = ESCAPE.sub("", text)
    assert len(text) < 2.2 * len(plain)


def test_blank_cells_go_on_in_the_style_before_them():
    line = line_of([("a", "red"), (" ", ""), ("b", "red"), ("c", "blue")])
    assert line.plain == "a bc"
    assert [(span.start, span.end, span.style) for span in line.spans] == [(0, 3, "red"), (3, 4, "blue")]
