"""Items made on a thread of their own, and predictions that use two cores: the same in the same order."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest
from samples import IRIS

import mlpcli
from mlpcli.config.settings import ReadOptions
from mlpcli.errors import DataError
from mlpcli.model.ahead import ahead
from mlpcli.model.prediction import Predictor


def numbers(n: int, made: list[int]) -> Iterator[int]:
    for i in range(n):
        made.append(i)
        yield i
    raise ValueError("behind the last")


def test_items_and_errors_come_in_their_order():
    found = []
    with pytest.raises(ValueError, match="behind the last"):
        found.extend(ahead(numbers(5, [])))
    assert list(ahead(iter([]))) == []
    for item in ahead(iter("abc")):
        found.append(item)
    assert found[-3:] == ["a", "b", "c"]


def test_few_items_are_made_ahead_and_none_when_the_taker_has_left():
    before, made = threading.active_count(), list[int]()
    items = ahead(numbers(100, made))
    assert next(items) == 0
    items.close()
    for _ in range(500):
        if threading.active_count() <= before:
            break
        time.sleep(0.01)
    assert threading.active_count() <= before
    assert len(made) <= 4


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    made = mlpcli.fit(str(IRIS), epochs=2, ensemble=3)
    path = tmp_path_factory.mktemp("ahead") / "m.npz"
    made.save(str(path))
    return path


def answers(path, parts: list[bytes], jobs: int) -> tuple[bytes, str]:
    """What is written, and the error that ends it."""
    done = []
    try:
        for lines in Predictor(mlpcli.load(str(path)), proba=True, jobs=jobs).predict(
            iter(parts), "d.csv", ReadOptions()
        ):
            done.append(lines)
    except DataError as error:
        return b"".join(done), str(error)
    return b"".join(done), ""


@pytest.mark.parametrize("damage", [b"", b"5.1,3.5,much,0.2,setosa\n", b"5.1,3.5\n"])
def test_two_cores_answer_like_one_and_stop_at_the_same_row(model, damage):
    header, *rows = IRIS.read_bytes().splitlines(keepends=True)
    parts = [header + b"".join(rows[:50]), b"".join(rows[50:90]) + damage, b"".join(rows[90:])]
    one, two = (answers(model, parts, jobs) for jobs in (1, 2))
    assert one == two
    assert one[0].count(b"\n") == (91 if damage else 151)
    assert bool(one[1]) == bool(damage)
