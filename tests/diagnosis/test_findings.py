"""Each finding is shown by a training that deserves it, and by no healthy one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mlpcli.config.settings import Config
from mlpcli.diagnosis.findings import CHECKS, DiagnosisInput, diagnose, larger, noise_of, smaller
from mlpcli.evaluation.evaluate import EvaluationEvidence
from mlpcli.metrics.intervals import Interval
from mlpcli.training.events import History
from mlpcli.training.evidence import Evidence

CONFIG = Config().resolve("classification")
EPOCHS = np.arange(60)
FALLING = (0.2 + np.exp(-EPOCHS / 10)).tolist()
RISING = [*(0.3 + np.exp(-EPOCHS[:20] / 5)), *(0.32 + 0.02 * np.arange(40))]


def history(train, valid, stopped_by="patience", **more):
    best = int(np.argmin(valid)) + 1
    return History(
        train_loss=list(train), valid_loss=list(valid), best_epoch=best, max_epochs=100, stopped_by=stopped_by, **more
    )


HEALTHY = Evidence(
    n_train=400, n_valid=500, constant_loss=0.9, train_loss=Interval(0.2, 0.18, 0.22),
    valid_loss=Interval(0.25, 0.22, 0.28), valid_std=0.3, valid_quantiles=(0.0, 0.1, 2.0),
    gap=Interval(0.05, 0.03, 0.07),
    gap_share=Interval(0.07, 0.04, 0.1), skill=Interval(0.7, 0.65, 0.75), class_skill=Interval(0.8, 0.75, 0.85),
    accuracy=Interval(0.9, 0.87, 0.93), residual_signal=Interval(0.0, -0.02, 0.02),
    dead=(0.0, 0.1), saturated=(0.0, 0.0),
    univariate_strength={"a": Interval(0.4, 0.3, 0.5), "b": Interval(0.1, 0.0, 0.2)},
    class_counts={"yes": 300, "no": 200},
)  # fmt: skip
FAIR = EvaluationEvidence(Interval(0.01, -0.05, 0.07), 0.2, {}, Interval(0.3, 0.1, 0.5))


def case(h=None, judged=FAIR, **changed):
    h = h or history(FALLING, [v + 0.02 for v in FALLING])
    return DiagnosisInput(h, CONFIG, replace(HEALTHY, **changed), judged)


SHOWING = {
    "overfitting": [
        case(history(FALLING, RISING, "epochs")),
        case(gap=Interval(0.5, 0.4, 0.6), gap_share=Interval(0.7, 0.6, 0.8)),
    ],
    "overfitting-averted": [case(history(FALLING, RISING))],
    "underfitting": [case(residual_signal=Interval(0.3, 0.2, 0.4))],
    "not-converged": [
        case(history(np.linspace(1, 0.4, 60), np.linspace(1, 0.5, 60), "epochs")),
        case(history(np.linspace(1, 0.9999, 60), np.linspace(1, 0.9999, 60), "epochs")),
    ],
    "diverged": [case(history(FALLING, FALLING, "diverged", recoveries=["loss became nan"]))],
    "recovered": [case(history(FALLING, FALLING, recoveries=["loss became nan"]))],
    "unstable": [
        case(history(np.where(EPOCHS % 2, 0.2, 0.8), FALLING)),
        case(history(np.where(EPOCHS == 1, 50.0, FALLING), FALLING)),
    ],
    "no-better-than-baseline": [case(skill=Interval(0, -0.1, 0.1), class_skill=Interval(0, -0.1, 0.1))],
    "linear-is-enough": [case(judged=replace(FAIR, advantage=Interval(0.0, -0.05, 0.05)))],
    "validation-too-small": [case(n_valid=20)],
    "leak-suspected": [case(univariate_strength={"a": Interval(0.99, 0.98, 1.0), "b": Interval(0.1, 0.0, 0.2)})],
    "imbalanced": [case(class_counts={"yes": 1000, "no": 3})],
    "dead-units": [case(dead=(0.9, 0.0))],
    "saturated-units": [case(saturated=(0.9, 0.0))],
    "test-differs-from-validation": [
        case(judged=replace(FAIR, loss_rise=Interval(0.4, 0.1, 0.7), rank=6.0)),
        case(judged=replace(FAIR, moved={"a": 0.5})),
    ],
}


@pytest.mark.parametrize("code", CHECKS)
def test_every_finding_is_shown_by_its_case(code):
    for showing in SHOWING[code]:
        found = CHECKS[code](showing)
        assert found is not None
        assert found.code == code
        assert found.remedies
        assert found.numbers


@pytest.mark.parametrize("code", CHECKS)
def test_a_healthy_run_shows_none(code):
    assert CHECKS[code](case()) is None


@pytest.mark.parametrize("code", CHECKS)
def test_remedies_name_flags_that_exist(code):
    from mlpcli.config.settings import fields, flag

    flags = {flag(f.name) for f in fields(Config)}
    for showing in SHOWING[code]:
        found = CHECKS[code](showing)
        assert found is not None
        assert {word for r in found.remedies for word in r.split() if word.startswith("--")} <= flags


def test_a_rise_is_told_from_the_least_validation_loss_where_a_metric_kept_another_epoch():
    found = CHECKS["overfitting"](case(replace(history(FALLING, RISING, "epochs"), best_epoch=40)))
    assert found is not None
    assert "from 0.32 to 1.01 after epoch 21 while" in found.message
    assert "keeps epoch 40" in found.message
    assert found.numbers["best_epoch"] == 40


def test_overfitting_says_both_losses_before_and_after_the_epoch_that_is_kept():
    found = CHECKS["overfitting"](SHOWING["overfitting"][0])
    assert found is not None
    assert found.message.startswith(
        "validation loss rose from 0.32 to 1.01 after epoch 21 while training loss fell from 0.335 to 0.203; "
    )
    assert found.message.endswith("; the model keeps epoch 21")


def test_ten_flat_noisy_epochs_after_the_best_are_no_overfitting():
    rng = np.random.default_rng(0)
    valid = np.array(FALLING) + rng.normal(scale=0.01, size=60)
    assert "overfitting" not in [f.code for f in diagnose(case(history(FALLING, valid)))]


def test_a_wide_interval_is_no_overfitting():
    assert CHECKS["overfitting"](case(gap=Interval(0.5, -0.1, 1.1), gap_share=Interval(0.7, -0.1, 0.99))) is None
    assert CHECKS["overfitting"](case(gap=Interval(0.5, 0.1, 1.1), gap_share=Interval(0.7, 0.1, 0.99))) is None


def test_one_skilled_measure_is_enough_to_be_better_than_the_baseline():
    assert CHECKS["no-better-than-baseline"](case(skill=Interval(-1.0, -1.5, -0.5))) is None


def test_what_two_measures_call_skilled_at_95_percent_only_may_be_chance():
    chance = case(skill=Interval(0.05, 0.005, 0.1), class_skill=Interval(0.1, 0.01, 0.2))
    assert CHECKS["no-better-than-baseline"](chance) is not None


def test_a_rise_that_early_stopping_cut_short_is_a_note_and_one_in_the_kept_model_a_warning():
    stopped = history(FALLING, RISING)
    assert [f.code for f in diagnose(case(stopped))] == ["overfitting-averted"]
    assert [f.code for f in diagnose(case(history(FALLING, RISING, "epochs")))] == ["overfitting"]
    lost = {"gap": Interval(0.5, 0.4, 0.6), "gap_share": Interval(0.7, 0.6, 0.8)}
    assert [f.code for f in diagnose(case(stopped, **lost))] == ["overfitting"]


def test_the_most_severe_finding_comes_first():
    found = diagnose(
        case(history(FALLING, FALLING, "diverged", recoveries=["nan"]), class_counts={"yes": 1000, "no": 3})
    )
    assert [f.code for f in found] == ["diverged", "imbalanced"]


def test_columns_that_moved_are_told_where_the_loss_cannot_be_compared():
    found = {f.code: f for f in diagnose(case(judged=EvaluationEvidence(None, 0.0, {"a": 0.9}, None)))}
    assert found["test-differs-from-validation"].numbers == {"moved": 0.9}


def test_the_noise_of_a_short_curve_is_not_known():
    assert noise_of(np.array([1.0, 2.0])) == 0


@pytest.mark.parametrize(("kind", "flags"), [("mlp", "--hidden 1"), ("wide", "--kinds mlp --hidden 64,64")])
def test_a_smaller_network_is_asked_for_with_the_kind_that_has_its_layers(kind, flags):
    assert smaller(Config(kinds=(kind,), hidden=(5,)).resolve("classification")) == flags


def test_more_layers_than_none_need_another_kind():
    assert larger(Config(kinds=("linear",), hidden=(5,)).resolve("classification")) == "--kinds mlp --hidden 64,64"


def test_what_a_check_of_the_table_has_reported_is_not_reported_again():
    leak = {"univariate_strength": {"a": Interval(0.99, 0.98, 1.0), "b": Interval(0.1, 0.0, 0.2)}}
    assert "leak-suspected" not in [
        f.code for f in diagnose(replace(case(**leak), known=frozenset(["leak-suspected"])))
    ]
    known = frozenset(["test-differs-from-validation"])
    moved = replace(case(judged=replace(FAIR, moved={"a": 0.5})), known=known)
    assert diagnose(moved) == ()
    worse = replace(
        case(judged=replace(FAIR, loss_rise=Interval(0.4, 0.1, 0.7), rank=6.0, moved={"a": 0.5})), known=known
    )
    assert ["distributed" in f.message for f in diagnose(worse)] == [False]
