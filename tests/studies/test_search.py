"""What a search draws from: spaces as they are written, the default one, and what mattered."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from mlpcli.config.settings import Config
from mlpcli.errors import UsageError
from mlpcli.studies.search import Choices, Range, Trial, default_space, importance, parse_dimension

QUICK = Config(preset="classic", hidden=(8,), epochs=3)


def test_importance_is_epsilon_squared_of_kruskal_and_wallis():
    rng = np.random.default_rng(0)
    space = (Choices("activation", ("relu", "tanh", "silu")), Range("lr", 0.0, 1.0, False, False))
    trials = [Trial(n, 0, {d.setting: d.draw(rng) for d in space}) for n in range(1, 61)]
    for t in trials:
        t.losses[0] = float(t.values["lr"]) + 0.3 * rng.normal()
    found = importance(trials, space, [0])
    assert list(found) == ["lr", "activation"]
    by_choice = [[t.loss for t in trials if t.values["activation"] == a] for a in ("relu", "tanh", "silu")]
    h = stats.kruskal(*by_choice).statistic
    assert found["activation"] == pytest.approx(max(0, (h - 2) / (60 - 3)))
    assert found["lr"] > 0.5


@pytest.mark.parametrize(
    ("text", "dimension"),
    [
        ("lr=1e-4..1e-1", Range("lr", 1e-4, 0.1, False, True)),
        ("dropout=0..0.5", Range("dropout", 0, 0.5, False, False)),
        ("batch-size=16..256", Range("batch_size", 16, 256, True, True)),
        ("hidden=32,64x64", Choices("hidden", ("32", "64x64"))),
        ("--activation=relu,tanh", Choices("activation", ("relu", "tanh"))),
    ],
)
def test_a_space_is_read_as_settings_are(text, dimension):
    assert parse_dimension(text, Config()) == dimension


@pytest.mark.parametrize(
    "text",
    ["lr", "lr=", "lr=1..0.1", "lr=0..1", "lr=a..b", "hiden=1,2", "hidden=8..64", "activation=relu..tanh",
     "dropout=0..2", "activation=relu,relu", "activation=rleu,tanh", "target=a,b", "ensemble=1,2"],
)  # fmt: skip
def test_a_space_that_makes_no_sense_is_a_usage_error(text):
    with pytest.raises(UsageError):
        parse_dimension(text, Config())


def test_numbers_are_drawn_from_all_of_their_range():
    for dimension in (Range("lr", 1e-4, 1.0, False, True), Range("epochs", 1, 9, True, False)):
        rng = np.random.default_rng(0)
        drawn = [float(dimension.draw(rng)) for _ in range(1000)]
        assert dimension.low <= min(drawn)
        assert max(drawn) <= dimension.high
        assert np.median(drawn) == pytest.approx(0.01 if dimension.is_log else 5, rel=0.4)


def test_the_default_space_leaves_out_what_the_user_has_set():
    names = {d.setting for d in default_space(Config(), Config().resolve("regression"))}
    assert names == {"hidden", "lr", "weight_decay", "dropout", "batch_size", "activation"}
    assert {d.setting for d in default_space(QUICK, QUICK.resolve("regression"))} == names - {"hidden"}


@pytest.mark.parametrize("task", ["classification", "regression"])
@pytest.mark.parametrize("preset", ["default", "classic"])
def test_every_end_of_the_default_space_is_a_setting(task, preset):
    given = Config(preset=preset)
    for dimension in default_space(given, given.resolve(task)):
        ends = (
            dimension.values
            if isinstance(dimension, Choices)
            else map(dimension.written, (dimension.low, dimension.high))
        )
        for value in ends:
            Trial(1, 0, {dimension.setting: value}).config(given)
