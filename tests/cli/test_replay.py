"""`train --watch` and `replay` as a user meets them."""

from __future__ import annotations

import pytest
from samples import SAMPLES

XOR = SAMPLES / "xor.csv"
SMALL = ("--preset", "classic", "--hidden", "4", "--activation", "tanh", "--epochs", "12")


@pytest.fixture
def run(call, here):
    code, out, err = call("train", XOR, *SMALL, "--watch", "--log", "run.jsonl", "-o", "watched.npz")
    assert (code, out) == (0, "")
    return here, err


def test_a_watched_training_is_told_in_lines_and_shown_again(run, call):
    here, err = run
    assert "learning rate 0.05" in err
    assert "A, area . different" in err
    code, out, _ = call("replay", "run.jsonl")
    assert code == 0
    first = out.splitlines()[0]
    assert first.startswith("epoch 1/12")
    assert "learning rate 0.05" in first
    assert "A, area . different" in out
    assert "12 epochs in" in out
    assert "\x1b" not in out
    call("train", XOR, *SMALL, "-o", "plain.npz", "-q")
    assert (here / "plain.npz").read_bytes() == (here / "watched.npz").read_bytes()


def test_a_log_without_watching_is_shown_by_its_curves(call, here):
    call("train", XOR, *SMALL, "--log", "run.jsonl", "-q")
    out = call("replay", "run.jsonl", "--fps", "60")[1]
    assert "area" not in out
    assert "training loss" in out


def test_a_line_that_is_none_is_refused_by_its_number(run, call):
    here, _ = run
    lines = (here / "run.jsonl").read_text().splitlines(keepends=True)
    (here / "bad.jsonl").write_text("".join([*lines[:4], "oops\n", *lines[5:]]))
    code, out, err = call("replay", "bad.jsonl")
    assert (code, out) == (1, "")
    assert "bad.jsonl:5: is no line of a log" in err
    assert "hint: name a file that mlpcli train --log wrote" in err


def test_what_watching_needs_is_said(call, here):
    code, _, err = call("train", XOR, *SMALL, "--fps", "5")
    assert (code, "--fps is for --watch" in err) == (2, True)
    code, _, err = call("train", XOR, *SMALL, "--watch-columns", "a,c")
    assert (code, "'c' is no column" in err) == (2, True)
    code, _, err = call("train", SAMPLES / "penguins.csv", *SMALL, "--watch-columns", "body_mass_g, bill_length_mm")
    assert code == 0
    assert "held at medians and most frequent levels: island" in err
