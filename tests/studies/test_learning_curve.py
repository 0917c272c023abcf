"""The learning curve: nested parts, the law through them, and the advice."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from conducted import learning_curve
from samples import SAMPLES

from mlpcli.config.settings import Config, ReadOptions
from mlpcli.data import splits
from mlpcli.data.dataset import DataSet
from mlpcli.data.splits import UNUSED
from mlpcli.errors import DataError, TrainingError, UsageError
from mlpcli.metrics.intervals import Interval
from mlpcli.studies.learning_curve import (
    PowerLaw,
    advise,
    fit_power_law,
    gain_of_doubling,
    plan,
    regularised,
    sizes_up_to,
)

QUICK = Config(preset="classic", hidden=(8,), epochs=3)
SIZES = np.array([50.0, 100, 200, 400, 800, 1600])


def table_of(name="penguins.csv", **settings):
    return DataSet.read(str(SAMPLES / name), replace(QUICK, **settings), ReadOptions())


def used(task):
    return (task.sets == splits.TRAIN) | (task.sets == splits.VALIDATION)


def test_each_part_contains_the_smaller_ones_and_the_same_rows_judge():
    table = table_of()
    study = plan(table, QUICK, n_repeats=3)
    n = len(study.sizes) + 1
    for repeat in range(3):
        tasks = study.tasks[repeat * n : (repeat + 1) * n]
        assert [int(used(t).sum()) for t in tasks] == [*study.sizes, study.sizes[-1]]
        for small, large in pairwise(tasks):
            assert not (used(small) & ~used(large)).any()
        judged = tasks[0].sets == splits.TEST
        assert all(((t.sets == splits.TEST) == judged).all() for t in tasks)
        assert all((t.sets[table.sets == splits.TEST] == UNUSED).all() for t in tasks)
        assert (used(tasks[-1]) | judged | (table.sets == splits.TEST)).sum() > len(judged) - 4
        assert (used(tasks[-1]) == used(tasks[-2])).all()
    firsts = [t.sets == splits.TEST for t in study.tasks[::n]]
    assert not (firsts[0] & firsts[1]).any()


def test_parts_hold_each_class_in_proportion():
    table = table_of()
    for task in plan(table, QUICK, n_repeats=2).tasks:
        shares = np.bincount(table.class_numbers[used(task)]) / used(task).sum()
        whole = np.bincount(table.class_numbers) / len(table.class_numbers)
        assert np.abs(shares - whole).max() < 2 / used(task).sum() + 0.01


def test_groups_do_not_judge_themselves(tmp_path):
    rows = [f"p{i % 40},{i % 7},{i % 11}" for i in range(400)]
    (tmp_path / "g.csv").write_text("patient,x,y\n" + "\n".join(rows) + "\n")
    config = replace(QUICK, group="patient", target="y", task="regression")
    table = DataSet.read(str(tmp_path / "g.csv"), config, ReadOptions())
    for task in plan(table, config, n_repeats=2).tasks:
        assert not set(table.splitter.groups[used(task)]) & set(table.splitter.groups[task.sets == splits.TEST])


def test_sizes_double():
    assert sizes_up_to(1000, 4) == (125, 250, 500, 1000)
    assert sizes_up_to(100, 6) == (50, 100)  # none of fewer than 30 rows


@pytest.mark.parametrize(("a", "b", "c"), [(0.2, 3.0, 0.5), (0.0, 2.0, 0.25), (1.0, 40.0, 1.0)])
def test_a_planted_power_law_is_found_and_its_gain_foretold(a, b, c):
    losses = a + b * SIZES**-c
    law = fit_power_law(SIZES, losses, np.full(6, 0.01))
    assert (law.a, law.b, law.c) == pytest.approx((a, b, c), rel=1e-6, abs=1e-9)
    gain = gain_of_doubling(SIZES, np.tile(losses, (4, 1)), law, np.random.default_rng(0))
    real = b * 1600**-c - b * 3200**-c
    assert (gain.value, gain.low) == pytest.approx((real, real), rel=1e-6)
    assert real <= gain.high <= losses[-1]


def test_the_range_of_a_curve_that_falls_ever_faster_is_open_above():
    losses = np.array([1, 0.95, 0.9, 0.8, 0.5, 0.2])
    gain = gain_of_doubling(SIZES, np.tile(losses, (4, 1)), fit_power_law(SIZES, losses, np.full(6, 0.01)),
                            np.random.default_rng(0))  # fmt: skip
    assert 0.2 * (1 - 0.2 / 0.5) <= gain.high <= 0.2


def test_few_repeats_widen_the_range():
    rng = np.random.default_rng(0)
    losses = np.array([[0.3 + 2 * n**-0.5 for n in SIZES]]) + rng.normal(0, 0.01, (12, 6))
    law = fit_power_law(SIZES, losses.mean(axis=0), np.full(6, 0.01))
    few, many = (gain_of_doubling(SIZES, part, law, np.random.default_rng(1)) for part in (losses[:3], losses))
    assert few.high - few.low > 2 * (many.high - many.low)


def test_the_range_of_the_gain_holds_the_truth_under_noise():
    rng = np.random.default_rng(0)
    law = PowerLaw(0.3, 2.0, 0.5)
    real = law(1600) - law(3200)
    hits = 0
    for _ in range(40):
        losses = np.array([[law(n) for n in SIZES]]) + rng.normal(0, 0.01, (5, 6))
        fitted = fit_power_law(SIZES, losses.mean(axis=0), np.full(6, 0.01 / 5**0.5))
        gain = gain_of_doubling(SIZES, losses, fitted, rng)
        hits += gain.low <= real <= gain.high
    assert hits >= 34


def test_a_curve_that_does_not_fall_promises_nothing():
    law = fit_power_law(SIZES, np.full(6, 0.7), np.full(6, 0.01))
    assert law(1600) - law(3200) == pytest.approx(0, abs=1e-9)
    rising = fit_power_law(SIZES, np.linspace(0.5, 0.7, 6), np.full(6, 0.01))
    assert rising.b == 0


def test_the_regularised_training_has_more_of_both_remedies():
    more, flags = regularised(QUICK.resolve("classification"), QUICK)
    assert (more.dropout, more.weight_decay) == (0.2, 0.05)
    assert flags == "--weight-decay 0.05 --dropout 0.2"
    given = replace(QUICK, dropout=0.2, weight_decay=0.1)
    more, _ = regularised(given.resolve("classification"), given)
    assert more.dropout > 0.2
    assert more.weight_decay > 0.1
    linear = replace(QUICK, hidden=())
    assert regularised(linear.resolve("classification"), linear)[0].dropout is None


def test_small_tables_are_refused_and_so_is_time():
    with pytest.raises(DataError, match="too few"):
        plan(table_of("iris.csv", test="0.5"), QUICK)
    for options in ({"n_repeats": 1}, {"n_sizes": 2}):
        with pytest.raises(UsageError):
            plan(table_of(), QUICK, **options)


def test_a_curve_is_told_from_the_repeats_that_were_finished():
    study = plan(table_of(), QUICK, n_repeats=3)
    outcomes = list(study.outcomes())
    whole = study.result(outcomes)
    part = study.result(outcomes[:-2])
    assert (whole.n_repeats, part.n_repeats) == (3, 2)
    assert [p.rows for p in whole.points] == list(study.sizes)
    with pytest.raises(TrainingError, match="fewer than two"):
        study.result(outcomes[: len(study.sizes) + 3])


@pytest.mark.parametrize(
    ("doubling", "regularising", "advice"),
    [
        (Interval(0.10, 0.05, 0.15), Interval(-0.02, -0.05, 0.01), "more rows"),
        (Interval(0.02, 0.0, 0.15), Interval(0.10, 0.05, 0.15), "regularisation"),
        (Interval(0.10, 0.05, 0.15), Interval(0.08, 0.05, 0.15), "both"),
        (Interval(0.10, 0.05, 0.15), Interval(0.03, 0.01, 0.15), "more rows"),
        (Interval(0.03, 0.01, 0.15), Interval(0.10, 0.05, 0.15), "regularisation"),
        (Interval(0.10, 0.001, 0.15), Interval(-0.02, -0.05, 0.01), "neither"),
        (Interval(0.004, 0.001, 0.01), Interval(0.005, 0.001, 0.01), "neither"),
        (Interval(0.10, 0.05, 0.15), None, "more rows"),
    ],
)
def test_the_advice_is_what_clearly_helps(doubling, regularising, advice):
    assert advise(doubling, regularising, loss=1.0) == advice


@pytest.mark.slow
def test_rows_help_where_the_boundary_is_intricate_and_not_where_there_is_nothing_to_learn(tmp_path):
    spirals = learning_curve(str(SAMPLES / "spirals.csv"), Config(preset="classic", ensemble=1), repeats=6)
    assert spirals.doubling.low > 0
    assert spirals.advice in ("more rows", "both")
    rng = np.random.default_rng(0)
    noise = "\n".join(f"{rng.normal():.4f},{rng.normal():.4f},{rng.integers(2)}" for _ in range(600))
    (tmp_path / "noise.csv").write_text("a,b,y\n" + noise + "\n")
    found = learning_curve(str(tmp_path / "noise.csv"), Config(preset="classic", hidden=(8,)), repeats=4)
    assert found.doubling.value < 0.02


def test_fewer_than_two_regularised_trainings_tell_nothing_of_regularisation():
    from mlpcli.reporter.studies import learning_lines

    study = plan(table_of(), QUICK, n_repeats=2)
    outcomes = list(study.outcomes())
    whole, part = study.result(outcomes), study.result(outcomes[:-1])
    assert whole.regularising is not None
    assert (part.n_repeats, part.regularising, part.doubling) == (2, None, whole.doubling)
    said, less = ("\n".join(learning_lines(found)) for found in (whole, part))
    assert "with more regularisation (" in said
    assert "with more regularisation (" not in less
    assert "twice the rows" in less
