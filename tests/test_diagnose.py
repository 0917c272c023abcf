from __future__ import annotations

import numpy as np
import pytest

from mlpcli.config import Config
from mlpcli.diagnose import CHECKS, Case, diagnose
from mlpcli.events import History
from mlpcli.metrics import Interval

CONFIG = Config().resolve("classification")
EPOCHS = np.arange(60)
FALLING = (0.2 + np.exp(-EPOCHS / 10)).tolist()


def history(train, valid, stopped_by="patience"):
    best = int(np.argmin(valid)) + 1
    return History(
        train_loss=list(train), valid_loss=list(valid), best_epoch=best, max_epochs=100, stopped_by=stopped_by
    )


def metrics(train, test, low, high):
    of = {"accuracy": Interval(test, low, high), "balanced_accuracy": Interval(test, low, high)}
    return {"train": {"accuracy": Interval(train, train, train)}, "test": of}


def case(h=None, *, train=0.95, test=0.9, low=0.85, high=0.94, linear=0.7, majority=0.5, counts=(50, 50)):
    h = h or history(FALLING, [v + 0.02 for v in FALLING])
    baselines = {"majority class": {"accuracy": majority}, "linear": {"accuracy": linear}}
    return Case(h, CONFIG, "classification", metrics(train, test, low, high), baselines,
                {str(i): n for i, n in enumerate(counts)})  # fmt: skip


RISING = [*(0.3 + np.exp(-EPOCHS[:20] / 5)), *(0.32 + 0.02 * np.arange(40))]
SHOWING = {
    "overfitting": case(history(FALLING, RISING)),
    "underfitting": case(train=0.505),
    "not-converged": case(history(np.linspace(1, 0.4, 60), np.linspace(1, 0.5, 60), "epochs")),
    "diverged": case(history(FALLING, FALLING, "diverged")),
    "no-better-than-baseline": case(test=0.52, low=0.42, high=0.62),
    "linear-is-enough": case(linear=0.92),
    "validation-too-small": case(low=0.6, high=0.99),
    "imbalanced": case(counts=(1000, 3)),
}


@pytest.mark.parametrize("code", CHECKS)
def test_every_finding_is_shown_by_its_case(code):
    found = CHECKS[code](SHOWING[code])
    assert found is not None
    assert found.code == code
    assert found.remedies


@pytest.mark.parametrize("code", CHECKS)
def test_a_healthy_run_shows_none(code):
    assert CHECKS[code](case()) is None


def test_ten_flat_noisy_epochs_after_the_best_are_no_overfitting():
    rng = np.random.default_rng(0)
    valid = np.array(FALLING) + rng.normal(scale=0.01, size=60)
    assert "overfitting" not in [f.code for f in diagnose(case(history(FALLING, valid)))]
