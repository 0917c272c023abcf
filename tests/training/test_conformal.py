"""What a training promises of new rows holds for rows that nobody has seen."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mlpcli
from mlpcli.metrics.conformal import ConformalIntervals, ConformalSets
from mlpcli.training.conformal import MIN_FACTOR, VARIANCE_SHARE, ensemble_factor

QUICK = {"preset": "fast", "epochs": 8}


def numbers(n, seed):
    """y from x, with noise that grows with z."""
    rng = np.random.default_rng(seed)
    x, z = rng.uniform(-2, 2, n), rng.uniform(0, 1, n)
    noise = (0.1 + 2 * z**2) * rng.standard_normal(n)
    return pd.DataFrame({"x": x, "z": z, "city": rng.choice(list("abc"), n), "y": np.sin(2 * x) + noise})


@pytest.fixture(scope="module")
def regression():
    return mlpcli.fit(numbers(900, 0), target="y", task="regression", **QUICK)


@pytest.mark.parametrize("level", [0.5, 0.8, 0.9, 0.95])
def test_intervals_hold_their_share_and_are_narrow_where_the_truth_is_near(level, regression):
    new = numbers(4000, 1)
    low, high = regression.predict_interval(new, level).T
    held = (new.y >= low) & (new.y <= high)
    assert level - 0.03 < held.mean() < level + 0.05  # members err more than their mean, most where errors are small
    calm, wild = (new.z < 0.3).to_numpy(), (new.z > 0.8).to_numpy()
    assert (high - low)[wild].mean() > 2.5 * (high - low)[calm].mean()
    assert abs(held[calm].mean() - held[wild].mean()) < 0.2


def test_a_promise_takes_a_few_hundred_numbers(regression):
    found = regression.record.conformal
    assert isinstance(found, ConformalIntervals)
    assert found.quantiles.n == 765
    assert 4 * len(found.scale.steps) + len(found.quantiles.scores) < 400


@pytest.mark.parametrize("settings", [{"ensemble": 1}, {"kinds": ("mlp", "linear"), "ensemble": 3}])
def test_one_network_and_several_kinds_promise_too(settings):
    model = mlpcli.fit(numbers(900, 2), target="y", task="regression", **QUICK, **settings)
    new = numbers(3000, 3)
    low, high = model.predict_interval(new, 0.9).T
    assert 0.85 < ((new.y >= low) & (new.y <= high)).mean() < 0.95
    assert (model.record.conformal.ensemble_factor == 1) == (settings["ensemble"] == 1)


def test_label_sets_hold_within_a_rare_class():
    def table(n, seed):
        rng = np.random.default_rng(seed)
        y = rng.choice(["no", "yes"], n, p=[0.9, 0.1])
        return pd.DataFrame({"a": rng.standard_normal(n) + 1.5 * (y == "yes"), "b": rng.standard_normal(n), "y": y})

    model = mlpcli.fit(table(1500, 4), target="y", **QUICK)
    found = model.record.conformal
    assert isinstance(found, ConformalSets)
    assert sum(one.n for one in found.by_class) == found.quantiles.n
    new = table(5000, 5)
    sets = model.predict_label_set(new, 0.9)
    held = np.array([y in labels for y, labels in zip(new.y, sets, strict=True)])
    for label in ("no", "yes"):
        assert held[new.y == label].mean() > 0.83


def test_groups_promise_for_new_groups():
    rng = np.random.default_rng(6)
    group = rng.integers(0, 40, 600)
    level = rng.standard_normal(40)[group]
    frame = pd.DataFrame({"x": rng.standard_normal(600), "who": [f"g{i}" for i in group]})
    frame["y"] = frame.x + level + 0.1 * rng.standard_normal(600)
    model = mlpcli.fit(frame, target="y", task="regression", group="who", **QUICK)
    found = model.record.conformal
    assert isinstance(found, ConformalIntervals)
    assert 25 < found.quantiles.n < 40
    assert found.quantiles.highest < 0.98


@pytest.mark.parametrize(("n_groups", "level"), [(2, 0.5), (4, 0.6)])
def test_fewer_groups_than_members_promise_what_they_can(n_groups, level):
    frame = numbers(240, 10).assign(who=np.arange(240) % n_groups)
    model = mlpcli.fit(frame, target="y", task="regression", group="who", ensemble=6, preset="classic", epochs=3)
    found = model.record.conformal
    assert isinstance(found, ConformalIntervals)
    assert found.quantiles.n <= n_groups
    assert found.quantiles.highest >= level
    assert 0.3 <= found.ensemble_factor <= 1
    assert np.isfinite(model.predict_interval(frame, level)).all()


def test_without_validation_rows_nothing_is_promised():
    model = mlpcli.fit(numbers(200, 7), target="y", task="regression", ensemble=1, validation="0", **QUICK)
    assert model.record.conformal == "no validation rows"


@pytest.mark.parametrize("variance", [0.0, 0.2, 0.6])
def test_the_factor_of_an_ensemble_is_that_of_a_mean_of_independent_members(variance):
    rng, n, k = np.random.default_rng(8), 40_000, 5
    errors = rng.standard_normal(n) * (1 - variance) ** 0.5
    members = variance**0.5 * rng.standard_normal((k, n))
    others = members[1:]
    found = ensemble_factor(members[0] - others.mean(axis=0), others.var(axis=0, ddof=1), errors - members[0], k)
    of_mean = np.square(errors - members.mean(axis=0)).mean() / np.square(errors - members[0]).mean()
    assert found**2 == pytest.approx(1 - VARIANCE_SHARE * (1 - of_mean), abs=0.08)  # the largest errors are cut
    assert (found == 1) == (variance == 0)
    assert found > MIN_FACTOR


def test_a_few_large_errors_do_not_decide_the_factor():
    rng = np.random.default_rng(9)
    differences, errors = 0.5 * rng.standard_normal((2, 10_000)) * [[1], [2]]
    variances = np.full(10_000, 0.2)
    whole = ensemble_factor(differences, variances, errors, 5)
    errors[:20] *= 1e4
    differences[20:40] *= 1e4
    variances[40:60] *= 1e4
    assert ensemble_factor(differences, variances, errors, 5) == pytest.approx(whole, abs=0.01)
    assert ensemble_factor(np.ones(3), np.ones(3), np.zeros(3), 5) == 1


def test_two_members_promise_too():
    model = mlpcli.fit(numbers(400, 11), target="y", task="regression", ensemble=2, preset="classic", epochs=5)
    new = numbers(2000, 12)
    low, high = model.predict_interval(new, 0.9).T
    assert 0.85 < ((new.y >= low) & (new.y <= high)).mean() < 0.96
