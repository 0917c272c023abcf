"""Networks trained apart and averaged: where plain arithmetic, or least squares, says where they must arrive."""

from __future__ import annotations

import numpy as np
import pytest

from mlpcli.training.averaging import OuterStep, average, n_rounds, round_steps


def test_the_average_of_one_is_that_one_and_of_several_their_weighted_mean():
    rng = np.random.default_rng(0)
    vectors = [rng.standard_normal(7).astype(np.float32) for _ in range(3)]
    assert average(vectors[:1], [5]) is vectors[0]
    expected = np.average(np.asarray(vectors, np.float64), axis=0, weights=[1, 2, 5])
    assert np.array_equal(average(vectors, [1, 2, 5]), expected.astype(np.float32))


def test_an_outer_step_at_rate_1_without_momentum_goes_to_the_average():
    params, mean = np.array([1.0, -2.0], np.float32), np.array([0.5, 3.0], np.float32)
    outer = OuterStep(2, rate=1, momentum=0)
    assert np.array_equal(outer.take(params, mean), mean)


def test_outer_steps_are_those_of_nesterov_as_pytorch_writes_them():
    rng, params = np.random.default_rng(0), np.zeros(4, np.float32)
    outer, expected, buffer = OuterStep(4, 0.7, 0.9), np.zeros(4), np.zeros(4)
    for _ in range(5):
        way = rng.standard_normal(4)
        buffer = 0.9 * buffer + way  # torch.optim.SGD(momentum=0.9, nesterov=True)
        expected = expected - 0.7 * (way + 0.9 * buffer)
        params = outer.take(params, (params - way).astype(np.float32))
    assert params == pytest.approx(expected, abs=1e-5)
    outer.reset()
    assert not outer.velocity.any()


@pytest.mark.parametrize(("n_steps", "every"), [(1, 100), (99, 100), (100, 10), (101, 10), (7, 3)])
def test_the_rounds_of_an_epoch_have_all_its_steps_in_order_and_about_as_many(n_steps, every):
    rounds = n_rounds(n_steps, every)
    parts = [round_steps(number, rounds, n_steps) for number in range(rounds)]
    assert [step for part in parts for step in part] == list(range(n_steps))
    assert max(map(len, parts)) <= every
    assert max(map(len, parts)) - min(map(len, parts)) <= 1


def test_shares_that_descend_apart_arrive_at_the_least_squares_of_all_rows():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((400, 3))
    y = x @ [1.0, -2.0, 0.5] + 0.1 * rng.standard_normal(400)
    shares = np.split(np.arange(400), [50, 150, 250])
    params, outer = np.zeros(3), OuterStep(3)
    for _ in range(200):
        ends = []
        for rows in shares:
            own = params.copy()
            for _ in range(2):
                own -= 0.03 * x[rows].T @ (x[rows] @ own - y[rows]) / len(rows)
            ends.append(own)
        params = outer.take(params, average(ends, [len(rows) for rows in shares]))
    assert params == pytest.approx(np.linalg.lstsq(x, y)[0], abs=0.02)
