from __future__ import annotations

import io
import json
import re
import unicodedata

import pytest
from rich.cells import cell_len
from rich.live import Live

from mlpcli.events import EpochEnded, Finished, History, Started
from mlpcli.reporter.chart import LineChart, Series, loss_chart, round_ticks
from mlpcli.reporter.live import jsonl, live
from mlpcli.reporter.studies import told, trial_name
from mlpcli.reporter.text import literal, make_console, safe
from mlpcli.studies.search import GIVEN, Trial
from mlpcli.studies.tasks import TaskOutcome


@pytest.mark.parametrize("text", ["[red]x[/red]", "[/]", "size [cm]", ":smile:", "\\[x", "한글 열", "café"])
def test_harmless_text_is_shown_as_it_is(text):
    out = io.StringIO()
    make_console(out).print(literal(text))
    assert out.getvalue() == text + "\n"


@pytest.mark.parametrize(
    "text", ["\x1b[31m", "\x9b31m", "\x07", "\r", "\x7f", "\u202eevil", "\u200b", "e" + "\u0301" * 50, "\ud800"]
)
def test_nothing_that_acts_on_a_terminal_passes(text):
    shown = safe(text)
    assert not {unicodedata.category(c) for c in shown} & {"Cc", "Cf", "Cs"}
    assert sum(unicodedata.combining(c) > 0 for c in shown) <= 2


@pytest.mark.parametrize("text", ["x" * 10_000, "한" * 10_000])
def test_long_names_are_cut_by_cells(text):
    assert cell_len(safe(text, 40)) <= 40
    assert safe(text, 40).endswith("…")


def test_ticks_are_round():
    assert round_ticks(0.0, 1.0, 5) == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1.0])
    assert round_ticks(1, 97, 4) == [20, 40, 60, 80]
    assert round_ticks(1, 43, 2) == [20, 40]


def drawn(chart, width, encoding):
    raw = io.BytesIO()
    console = make_console(io.TextIOWrapper(raw, encoding=encoding, write_through=True))
    console.width = width
    console.print(chart)
    return raw.getvalue().decode(encoding)


@pytest.mark.parametrize("width", [10, 20, 40, 80, 200])
@pytest.mark.parametrize("encoding", ["utf-8", "ascii", "cp949"])
def test_a_chart_fits_every_width_and_encoding(width, encoding):
    text = drawn(loss_chart([1.0, 0.5, float("nan"), 0.2], [1.1, 0.6, 0.5, 0.6], 3), width, encoding)
    assert all(cell_len(line) <= width for line in text.splitlines())
    assert ("training loss 0.2" in text.replace("\n", " ")) or width < 40


def test_an_ascii_chart_stands_as_drawn():
    text = drawn(LineChart([Series("loss", [1, 2, 3], [3.0, 2.0, 1.0])], mark=3, height=3), 24, "ascii")
    assert [line.rstrip() for line in text.splitlines()] == [
        " 3 |******             :",
        " 2 |      *********    :",
        " 1 |               *****",
        "   +--------------------",
        "    1         2        3",
        "    * loss 1",
        "    : best epoch 3",
    ]


def test_losses_from_a_tenfold_range_on_stand_on_a_logarithmic_axis():
    text = drawn(LineChart([Series("loss", [1, 2, 3], [1.0, 0.1, 0.01])], height=5), 24, "ascii")
    assert [line.rstrip() for line in text.splitlines()[:5]] == [
        "    1 |***",
        "      |   ***",
        "  0.1 |      *****",
        "      |           ***",
        " 0.01 |              ***",
    ]


@pytest.fixture
def terminal(monkeypatch):
    """(stream, console) of a terminal so many columns wide."""

    def make(width, term="xterm-256color"):
        for name, value in (("FORCE_COLOR", "1"), ("TERM", term), ("COLUMNS", str(width)), ("LINES", "24")):
            monkeypatch.setenv(name, value)
        out = io.StringIO()
        return out, make_console(out)

    return make


def test_lines_wrap_between_words_on_a_terminal_and_are_whole_off_it(terminal):
    text = "one two three four five"
    out, off = io.StringIO(), io.StringIO()
    make_console(off).print(text, width=20, soft_wrap=True)
    assert off.getvalue() == text + "\n"
    out, console = terminal(20)
    console.print(text, soft_wrap=True)
    assert out.getvalue() == "one two three four \nfive\n"


def test_intervals_stand_about_their_points_and_rows_lie_on_a_logarithmic_axis():
    series = [
        Series("validation", [10, 100, 1000], [3.0, 2.0, 2.0], [2.0, 1.0, 2.0], [4.0, 3.0, 2.0]),
        Series("training", [10, 100, 1000], [1.0, 1.0, 1.0]),
    ]
    text = drawn(LineChart(series, height=4, x_label="rows", log_x=True), 25, "utf-8")
    assert [line.rstrip() for line in text.splitlines()] == [
        " 4 │|",
        "   │*****     |",
        " 2 │|    ****************",
        "   │ooooooooooooooooooooo",
        "   └─────────────────────",
        "    10        100    1000",
        "    * validation 2",
        "    o training 1",
    ]


EVENTS = [
    Started("cross_entropy", "accuracy", 3, 1, 10, 5, 7, 10),
    *(EpochEnded(i, 1 / i, None if i == 2 else float("nan"), 0.5, 0.0, 0.0, i, 100.0, 0.1 * i) for i in (1, 2, 3)),
    Finished(3, 3, "epochs", 0.3),
]


def test_reports_pass_every_event_on_and_print_no_escape_off_a_terminal():
    out, log = io.StringIO(), io.StringIO()
    passed = list(jsonl(live(iter(EVENTS), make_console(out)), log))
    assert all(a is b for a, b in zip(passed, EVENTS, strict=True))
    assert "\x1b" not in out.getvalue()
    lines = [json.loads(line, parse_constant=pytest.fail) for line in log.getvalue().splitlines()]
    assert [line["epoch"] for line in lines] == [1, 2, 3]


def ansi_less(text):
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text)


@pytest.mark.parametrize("width", [20, 40, 80])
def test_a_terminal_shows_bar_losses_and_curve_and_an_interrupt_gets_through(width, terminal):
    out, console = terminal(width)

    def interrupted():
        yield from EVENTS[:-1]
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(live(interrupted(), console))
    shown = " ".join(ansi_less(out.getvalue()).split())
    for part in ("epoch 1/3", "best epoch 1", "at most 0 s left", "training 1", "100 rows/s", "╌", "│"):
        assert part in shown


def test_a_dumb_terminal_gets_plain_lines(terminal):
    out, console = terminal(200, "dumb")
    list(live(iter(EVENTS), console))
    assert [line.split("  ")[0] for line in out.getvalue().splitlines()] == ["epoch 1/3", "epoch 2/3", "epoch 3/3"]


def test_a_training_that_ended_leaves_an_empty_view(terminal, monkeypatch):
    _, console = terminal(80)
    shown = []
    update = Live.update

    def seen(self, what, **more):
        shown.append(what)
        update(self, what, **more)

    monkeypatch.setattr(Live, "update", seen)
    assert list(live(iter(EVENTS), console)) == EVENTS
    assert shown[0] != ""
    assert shown[-1] == ""


def test_an_interval_keeps_all_its_dots():
    around = Series("loss", [1, 2], [2.0, 2.0], [1.0, 1.0], [3.0, 3.0])
    text = drawn(LineChart([around], height=3), 30, "utf-8")
    column = [line.split("│")[1][:1] for line in text.splitlines()[:3]]
    assert all(0x2800 < ord(sign) <= 0x28FF for sign in column)
    assert min((ord(sign) - 0x2800).bit_count() for sign in column) >= 2


def test_a_training_of_a_study_is_told_by_the_rows_that_judge_it_best():
    metrics = {"train": {"accuracy": 1.0, "log_loss": 0.1}, "validation": {"accuracy": 0.5, "log_loss": 0.7}}
    outcome = TaskOutcome(0, "lr=0.1[red]", History(), metrics, {}, 1.0)
    assert told(outcome) == "lr=0.1[red]: accuracy 0.5, log_loss 0.7"
    assert told(TaskOutcome(0, "lr=9", History(), {}, {}, 1.0, error="loss became nan")) == "lr=9: diverged"


def test_a_trial_is_named_by_its_flags():
    assert trial_name(Trial(GIVEN, 0, {})) == "the settings as given"
    assert trial_name(Trial(GIVEN + 1, 0, {"batch_size": "32", "lr": "0.1"})) == "batch-size=32 lr=0.1"
