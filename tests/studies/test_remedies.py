"""Remedies tried on a trained model: what is compared, what the verdict says, and what the flags mean."""

from __future__ import annotations

import shlex
from dataclasses import replace

import numpy as np
import pytest

from mlpcli.config.flags import as_flags, parse
from mlpcli.config.settings import Config
from mlpcli.data import splits
from mlpcli.errors import TrainingError
from mlpcli.reporter.findings import remedies_line
from mlpcli.studies.remedies import REMEDIES, RemedyInput, RemedyLosses, RemedyPlan, perform, plan
from mlpcli.studies.workers import Shared
from mlpcli.training.events import History


def test_the_remedy_that_must_help_helps_and_others_do_not(perceptron):
    _, model = perceptron
    study = plan(model)
    found = {o.name: o for o in study.result(list(study.outcomes()))}
    assert found["a larger network"].verdict == "helps"
    assert found["a larger network"].gain.low > 0.3
    assert [name for name, o in found.items() if o.verdict == "helps"] == ["a larger network"]
    assert "more dropout" not in found  # there is nothing to drop


def test_test_rows_take_no_part(perceptron):
    _, model = perceptron
    study = plan(model)
    assert not (study.table.value.sets == splits.TEST).any()
    assert len(study.table.value.sets) == model.record.data.n_train + model.record.data.n_validation


@pytest.mark.parametrize("name", REMEDIES)
@pytest.mark.parametrize("task", ["classification", "regression"])
def test_the_flags_of_a_remedy_mean_what_was_tried(name, task):
    config = Config(weight_decay=0.01, drop=("a b",)).resolve(task)
    changed = REMEDIES[name](RemedyInput(config, History(max_epochs=30), ("x", "y z", "w")))
    assert changed
    words = shlex.split(as_flags(changed))
    read = {f[2:].replace("-", "_"): v for f, v in zip(words[::2], words[1::2], strict=True)}
    assert replace(config, **changed) == replace(config, **{k: parse(Config, k, v) for k, v in read.items()})
    assert replace(config, **changed) != config


def verdicts(*losses):
    """Of trials whose first two are the settings as they are, from two first weights."""
    trials = tuple(replace_trial(i) for i in range(len(losses)))
    study = RemedyPlan(trials, trials[0].table, 0)
    return {
        o.flags: o.verdict for o in study.result([RemedyLosses(i, v, np.arange(300)) for i, v in enumerate(losses)])
    }


def test_the_verdict_follows_the_paired_interval():
    rng = np.random.default_rng(0)
    base = rng.exponential(size=300)
    again, better = base + 0.001 * rng.normal(size=300), base - 0.05 + 0.1 * rng.normal(size=300)
    found = verdicts(base, again, again[::-1], better, base + 0.3, None)
    assert found == {"1": "chance", "2": "no clear difference", "3": "helps", "4": "hurts", "5": "diverged"}


def test_a_remedy_helps_when_it_is_better_from_both_first_weights():
    base = np.random.default_rng(0).exponential(size=300)
    assert verdicts(base, base - 0.2, base - 0.1)["2"] == "no clear difference"
    assert verdicts(base, base - 0.2, base - 0.3)["2"] == "helps"


def test_without_the_settings_as_they_are_there_is_nothing_to_compare_with():
    base = np.random.default_rng(0).exponential(size=300)
    for losses in ((None, base), (None, None)):
        with pytest.raises(TrainingError, match="nothing to compare with"):
            verdicts(*losses)
    trials = tuple(replace_trial(i) for i in range(2))
    with pytest.raises(TrainingError, match="nothing to compare with"):
        RemedyPlan(trials, trials[0].table, 0).result([RemedyLosses(1, base, np.arange(300))])


def test_a_trial_whose_networks_all_diverge_has_no_losses(perceptron, monkeypatch):
    def diverged(self, *args):
        raise TrainingError("loss became nan")

    study = plan(perceptron[1])
    monkeypatch.setattr("mlpcli.training.prepare.PreparedTraining.events", diverged)
    tried = perform(study.trials[2])
    assert (tried.number, tried.losses, len(tried.rows)) == (2, None, 0)


def test_a_sentence_names_what_helps_and_not_the_chance_trial():
    base = np.random.default_rng(0).exponential(size=300)
    trials = tuple(replace_trial(i) for i in range(4))
    tried = [RemedyLosses(i, base - 0.1 * i, np.arange(300)) for i in range(4)]
    outcomes = RemedyPlan(trials, trials[0].table, 0).result(tried)
    assert remedies_line(outcomes) == "seen to help, the best first: 3; 2"
    assert remedies_line([o for o in outcomes if o.verdict == "chance"]).startswith("no remedy is seen to help")


def replace_trial(number):
    from mlpcli.studies.remedies import RemedyTrial

    return RemedyTrial(number, str(number), str(number), Config(), Shared(None), other_weights=number == 1)
