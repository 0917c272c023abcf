"""The log of a training: written line by line, and read strictly or refused by its line."""

from __future__ import annotations

import io
import json
import os

import pytest

from mlpcli.errors import DataError, MachineError
from mlpcli.training import run_log
from mlpcli.training.events import EpochEnded, Finished, LayerWatched, MapAxes, Started, Surface, Watched
from mlpcli.training.run_log import logged, replayed

LAYERS = (LayerWatched(3, 0.5, 0.0, 0.01), LayerWatched(2, None, None, 0.02))
AXES = MapAxes(("a", "\x1b[31mb"), (0.0, 1.0), (-1.0, 1.0), ("no", "yes"), (0.5, 1.0), ((0, 1, 1), (2, 0, 0)))
SURFACE = Surface(("001", "011"), ("09z", "abc"))
EVENTS = [
    Started("cross_entropy", "accuracy", 9, 1, 10, 5, 7, 10),
    Watched(0.1, LAYERS, AXES, SURFACE),
    EpochEnded(1, 1.0, 1.5, 0.5, 0.0, 0.1, 1, 100.0, 0.5, ("it diverged",)),
    Watched(0.05, LAYERS, AXES, SURFACE),
    EpochEnded(2, 0.5, 1.25, 0.75, 0.0, 0.1, 2, 100.0, 1.0),
    EpochEnded(3, 0.25, 1.5, 0.75, 0.0, 0.1, 2, 100.0, 1.5, others_only=True),
    Finished(3, 2, "patience", 1.5),
]


def lines_of(events=EVENTS):
    out = io.StringIO()
    assert list(logged(iter(events), out)) == events
    return out.getvalue().splitlines()


def write(tmp_path, lines, end="\n"):
    path = tmp_path / "run.jsonl"
    path.write_bytes("\n".join(lines).encode("utf-8", "surrogatepass") + end.encode())
    return str(path)


def test_a_replay_tells_the_epochs_and_what_was_watched_as_they_were(tmp_path):
    found = list(replayed(write(tmp_path, lines_of())))
    assert found[1:-1] == EVENTS[1:-1]
    assert (found[0].metric, found[0].max_epochs) == ("accuracy", 3)
    assert found[-1] == Finished(3, 2, "epochs", 1.5)


def test_axes_stand_in_the_log_once():
    lines = [json.loads(line) for line in lines_of()]
    assert [line["watched"] and line["watched"]["axes"] is not None for line in lines] == [True, False, None]


def test_what_is_not_finite_is_null_and_comes_back_as_not_a_number(tmp_path):
    events = [EVENTS[0], EpochEnded(1, float("inf"), None, None, 0.0, 0.0, 1, 1.0, 0.1)]
    lines = lines_of(events)
    assert json.loads(lines[0], parse_constant=pytest.fail)["train_loss"] is None
    assert str(list(replayed(write(tmp_path, lines)))[1].train_loss) == "nan"


def edited(number, **changes):
    lines = lines_of()
    lines[number] = json.dumps(json.loads(lines[number]) | changes)
    return lines


def with_map(**changes):
    watched = json.loads(lines_of()[1])["watched"]
    return edited(1, watched=watched | {"surface": watched["surface"] | changes})


def with_axes(**changes):
    watched = json.loads(lines_of()[0])["watched"]
    return edited(0, watched=watched | {"axes": watched["axes"] | changes})


BAD = {
    "no JSON": (lambda: [*lines_of()[:1], "{"], 2, "no JSON object"),
    "not UTF-8": (lambda: [*lines_of()[:1], "\udcff"], 2, "no JSON object"),
    "NaN": (lambda: [lines_of()[0].replace("0.5", "NaN", 1)], 1, "no JSON object"),
    "a key twice": (lambda: ['{"epoch": 1, ' + lines_of()[0][1:]], 1, "no JSON object"),
    "deep": (lambda: ["[" * 100_000], 1, "no JSON object"),
    "a list": (lambda: ["[]"], 1, "entry line"),
    "a blank line": (lambda: ["", *lines_of()], 1, "no JSON object"),
    "an unknown key": (lambda: edited(1, extra=1), 2, "unknown entry line.extra"),
    "a text for a number": (lambda: edited(1, seconds="soon"), 2, "line.seconds"),
    "an epoch left out": (lambda: [lines_of()[0], lines_of()[2]], 2, "epoch 3 where 2 is expected"),
    "a best epoch to come": (lambda: edited(0, best_epoch=2), 1, "out of range"),
    "time before the start": (lambda: edited(0, seconds=-1.0), 1, "out of range"),
    "a validation loss left out": (lambda: edited(1, valid_loss=None), 2, "in some lines only"),
    "a ragged map": (lambda: with_map(levels=["09z", "ab"]), 2, "no grid"),
    "an empty map": (lambda: with_map(levels=[], classes=[]), 2, "no grid"),
    "a level that is none": (lambda: with_map(levels=["09z", "ab!"]), 2, "no grid"),
    "a class that is none": (lambda: with_map(classes=["001", "012"]), 2, "no label"),
    "a row outside": (lambda: with_axes(rows=[[3, 0, 1]]), 1, "does not lie on the map"),
    "a row of no class": (lambda: with_axes(rows=[[0, 0, 2]]), 1, "does not lie on the map"),
    "a map without axes": (lambda: edited(0, watched=json.loads(lines_of()[1])["watched"]), 1, "without its axes"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_line_that_is_none_of_a_log_is_refused_with_its_number(name, tmp_path):
    lines, number, message = BAD[name]
    with pytest.raises(DataError, match=message) as caught:
        next(replayed(write(tmp_path, lines())))
    assert caught.value.line == number


def test_a_last_line_that_was_cut_off_is_refused(tmp_path):
    with pytest.raises(DataError, match="cut off") as caught:
        next(replayed(write(tmp_path, lines_of(), end="")))
    assert caught.value.line == 3


def test_long_lines_and_long_files_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(run_log, "MAX_LINES", 2)
    with pytest.raises(DataError, match="more than 2 lines"):
        next(replayed(write(tmp_path, lines_of())))
    monkeypatch.setattr(run_log, "MAX_LINE", 100)
    with pytest.raises(DataError, match="longer than"):
        next(replayed(write(tmp_path, lines_of())))


def test_a_file_that_is_none_is_refused(tmp_path):
    with pytest.raises(DataError, match="holds no epoch"):
        next(replayed(write(tmp_path, [], end="")))
    with pytest.raises(MachineError, match="cannot read"):
        next(replayed(str(tmp_path / "none.jsonl")))
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(MachineError, match="no regular file"):
            next(replayed(str(path)))
