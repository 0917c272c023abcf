"""The search for hyper-parameters: what it sees, what it remembers, what it chooses."""

from __future__ import annotations

import importlib.util
from dataclasses import replace

import numpy as np
import pytest
from samples import SAMPLES

from mlpcli.config.flags import from_text, read_config_file
from mlpcli.config.settings import Config, ReadOptions
from mlpcli.data import splits
from mlpcli.data.dataset import DataSet
from mlpcli.errors import MachineError, TrainingError
from mlpcli.studies import search, tuning
from mlpcli.studies.search import RandomSearch
from mlpcli.studies.tuning import GENERATION, KEPT, Tuner

QUICK = Config(preset="classic", hidden=(8,), epochs=3)
SPACE = ("lr=1e-4..1", "activation=relu,tanh", "epochs=2..6")


@pytest.fixture(params=["optuna", "random"])
def kind(request, monkeypatch):
    if request.param == "random":
        monkeypatch.setattr(tuning, "has_optuna", lambda: False)
    elif importlib.util.find_spec("optuna") is None:
        pytest.skip("Optuna is not installed")
    return request.param


@pytest.fixture
def table():
    return DataSet.read(str(SAMPLES / "iris.csv"), QUICK, ReadOptions())


def tuner_of(table, stem, space=SPACE, folds=3):
    return Tuner(table, QUICK, ReadOptions(), space, folds, str(stem))


def outcome_of(tuner):
    return [(t.number, t.values, t.losses, t.state) for t in tuner.search.trials]


def searched(table, stem, n_trials=12, jobs=1, **how):
    tuner = tuner_of(table, stem, **how)
    for _ in tuner.events(n_trials, jobs):
        pass
    return tuner


@pytest.fixture(scope="module")
def of_kinds():
    return {}


@pytest.fixture
def whole(kind, table, tmp_path, of_kinds):
    """The outcome of a search that nothing interrupted."""
    if kind not in of_kinds:
        of_kinds[kind] = outcome_of(searched(table, tmp_path / "whole"))
    return of_kinds[kind]


@pytest.mark.slow
def test_a_generation_is_tried_on_two_folds_and_its_better_third_on_all(kind, table, tmp_path):
    tuner = searched(table, tmp_path / "best", GENERATION)
    trials = tuner.search.trials
    done = [t for t in trials if t.state == "done"]
    assert len(trials) == GENERATION
    assert len(done) in (KEPT, KEPT + 1)  # and the settings as given
    assert trials[0] in done
    assert not trials[0].values
    assert all(set(t.losses) == {0, 1, 2} for t in done)
    pruned = [t for t in trials if t.state == "pruned"]
    assert all(set(t.losses) == {0, 1} for t in pruned)
    first = sorted(trials, key=lambda t: t.losses[0] + t.losses[1])
    assert all(t in done for t in first[:KEPT])
    assert tuner.best() == min(done, key=lambda t: t.loss)


@pytest.mark.slow
def test_the_number_of_jobs_changes_nothing(whole, table, tmp_path):
    assert outcome_of(searched(table, tmp_path / "two", jobs=2)) == whole


@pytest.mark.slow
@pytest.mark.parametrize("after", [1, 19, 28])
def test_a_search_that_was_interrupted_ends_like_one_that_was_not(whole, table, tmp_path, after, monkeypatch):
    tuner = tuner_of(table, tmp_path / "cut")
    n_told = 0
    tell = type(tuner.search).tell

    def interrupting(self, trial, fold, loss):
        nonlocal n_told
        if (n_told := n_told + 1) > after:
            raise KeyboardInterrupt
        tell(self, trial, fold, loss)

    monkeypatch.setattr(type(tuner.search), "tell", interrupting)
    with pytest.raises(KeyboardInterrupt):
        for _ in tuner.events(12):
            pass
    monkeypatch.setattr(type(tuner.search), "tell", tell)
    again = tuner_of(table, tmp_path / "cut")
    assert sum(len(t.losses) for t in again.search.trials) == after
    for _ in again.events(12):
        pass
    assert outcome_of(again) == whole


@pytest.mark.slow
def test_a_search_of_another_kind_does_not_go_on_from_this_journal(kind, table, tmp_path):
    searched(table, tmp_path / "best", 3)
    assert len(tuner_of(table, tmp_path / "best").search.trials) == 3
    assert tuner_of(table, tmp_path / "best", space=("lr=1e-3..1",)).search.trials == []
    assert tuner_of(table, tmp_path / "best", folds=4).search.trials == []
    assert len(searched(table, tmp_path / "best", 5).search.trials) == 5


@pytest.mark.slow
def test_a_journal_whose_last_line_was_cut_off_is_read_to_there(table, tmp_path, monkeypatch):
    monkeypatch.setattr(tuning, "has_optuna", lambda: False)
    whole = outcome_of(searched(table, tmp_path / "best", 5))
    journal = tmp_path / "best.random.journal"
    journal.write_bytes(journal.read_bytes()[:-7])
    again = searched(table, tmp_path / "best", 5)
    assert outcome_of(again) == whole
    assert outcome_of(tuner_of(table, tmp_path / "best")) == whole


@pytest.mark.slow
def test_no_test_row_is_seen(kind, table, tmp_path):
    frame = table.frame.copy()
    cells = table.y_cells.copy()
    is_test = table.sets == splits.TEST
    frame.loc[is_test, frame.columns[0]] = 1e9
    cells.loc[is_test] = cells.iloc[0]
    spoilt = searched(replace(table, frame=frame, y_cells=cells), tmp_path / "spoilt", 5)
    assert outcome_of(spoilt) == outcome_of(searched(table, tmp_path / "clean", 5))


def test_all_trials_are_judged_on_the_same_folds_each_row_once(table, tmp_path):
    tuner = tuner_of(table, tmp_path / "best", folds=4)
    judged = np.array([sets == splits.VALIDATION for sets in tuner.folds])
    assert (judged.sum(axis=0) == 1).all()
    assert judged.shape == (4, int((table.sets != splits.TEST).sum()))


@pytest.mark.slow
def test_a_learning_rate_that_learns_is_found(kind, table, tmp_path):
    tuner = searched(table, tmp_path / "best", 18, space=("lr=1e-6..1", "beta1=0.1..0.9"))
    found = tuner.result()
    assert float(found.best.values["lr"]) > 0.01
    assert found.best.loss < found.given.loss
    assert list(found.importance) == ["lr", "beta1"]
    assert found.importance["lr"] > 0.5
    assert found.importance["beta1"] < 0.4  # plain gradient descent has no use for it


@pytest.mark.slow
def test_the_best_settings_are_written_as_a_configuration_file(kind, table, tmp_path):
    tuner = searched(table, tmp_path / "best", 9)
    (tmp_path / "best.toml").write_text(tuner.best_toml())
    assert from_text(Config, read_config_file(tmp_path / "best.toml")) == tuner.best_config()


@pytest.mark.parametrize("limit", [1e-6, 1.0])
def test_a_time_limit_ends_the_search_and_something_is_chosen(limit, table, tmp_path):
    tuner = Tuner(table, replace(QUICK, time_limit=limit), ReadOptions(), SPACE, 3, str(tmp_path / "best"))
    for _ in tuner.events(None):
        pass
    assert tuner.best().losses
    assert isinstance(tuner.search, RandomSearch | search.OptunaSearch)


@pytest.mark.slow
def test_a_stop_between_the_two_writes_that_close_a_trial_is_gone_on_from_without_a_warning(table, tmp_path):
    pytest.importorskip("optuna")
    tuner = tuner_of(table, tmp_path / "best")

    def stopped(*_, **__):
        raise KeyboardInterrupt

    tuner.search.study.tell = stopped
    with pytest.raises(KeyboardInterrupt):
        list(tuner.events(9))
    again, whole = (searched(table, tmp_path / name, 9) for name in ("best", "whole"))
    assert outcome_of(again) == outcome_of(whole)


@pytest.mark.slow
def test_trials_that_diverge_are_remembered_as_the_worst(kind, table, tmp_path, monkeypatch):
    monkeypatch.setattr(Tuner, "loss_of", lambda self, outcome: 1.0 if outcome.name.startswith("trial 0,") else np.inf)
    first = outcome_of(searched(table, tmp_path / "best", GENERATION))
    assert [t[2] for t in first if t[0] == 1] == [{0: np.inf, 1: np.inf, 2: np.inf}]
    again = tuner_of(table, tmp_path / "best")
    assert [(t.number, t.losses) for t in again.search.trials] == [(n, losses) for n, _, losses, _ in first]
    assert all(t.state != "open" for t in again.search.trials)
    assert again.best().number == 0
    if kind == "optuna":
        assert again.search.study.get_trials()[1].state.name == "PRUNED"


def test_a_search_without_a_trial_to_choose_says_why(table, tmp_path, monkeypatch):
    with pytest.raises(TrainingError, match="no trial was finished"):
        tuner_of(table, tmp_path / "none").best()
    monkeypatch.setattr(Tuner, "loss_of", lambda self, outcome: np.inf)
    with pytest.raises(TrainingError, match="every trial diverged"):
        searched(table, tmp_path / "best", 3).best()


def test_a_trial_that_a_stop_left_half_proposed_is_passed_over(table, tmp_path):
    pytest.importorskip("optuna")
    tuner = tuner_of(table, tmp_path / "best")
    tuner.search.study.ask(fixed_distributions={})
    again = searched(table, tmp_path / "best", 5)
    assert [t.number for t in again.search.trials] == [0, 1, 2, 3, 4]
    assert outcome_of(tuner_of(table, tmp_path / "best")) == outcome_of(again)


def test_lines_of_a_journal_that_are_not_understood_are_passed_over(table, tmp_path, monkeypatch):
    monkeypatch.setattr(tuning, "has_optuna", lambda: False)
    tuner = searched(table, tmp_path / "best", 3)
    with open(tuner.search.path, "a") as file:
        file.write('\n{"search": "' + tuner.search.key + '", "later": 1}\n[]\n')
    assert outcome_of(tuner_of(table, tmp_path / "best")) == outcome_of(tuner)


def test_N01_a_journal_that_cannot_be_written_is_said(table, tmp_path, monkeypatch):
    monkeypatch.setattr(tuning, "has_optuna", lambda: False)
    tuner = tuner_of(table, tmp_path / "none" / "best")
    with pytest.raises(MachineError, match=r"best\.random\.journal: cannot write: No such file or directory"):
        next(iter(tuner.events(1)))


@pytest.mark.slow
def test_time_that_is_over_on_the_later_folds_ends_the_search_there(kind, table, tmp_path, monkeypatch):
    monkeypatch.setattr(Tuner, "is_late", lambda self, began, jobs: self.n_spent >= 2 * GENERATION + 1)
    tuner = searched(table, tmp_path / "best", 2 * GENERATION)
    assert len(tuner.search.trials) == GENERATION
    assert all(t.state == "open" for t in tuner.search.trials)
    assert sum(len(t.losses) for t in tuner.search.trials) == 2 * GENERATION + 1
    assert len(tuner.best().losses) == 3


def test_the_best_settings_are_compared_with_those_given_on_the_same_test_rows(table, tmp_path, monkeypatch):
    monkeypatch.setattr(tuning, "has_optuna", lambda: False)
    config = replace(QUICK, lr=1e-5)
    tuner = Tuner(table, config, ReadOptions(), ("lr=0.05,0.1",), 2, str(tmp_path / "best"))
    list(tuner.events(3))
    model = tuner.train_best()
    assert tuner.evaluate_best(model).gain.low > 0
    trained = Tuner.trained

    def given_diverges(self, config, jobs):
        if config.lr == 1e-5:
            raise TrainingError("loss became nan")
        return trained(self, config, jobs)

    monkeypatch.setattr(Tuner, "trained", given_diverges)
    found = tuner.evaluate_best(model)
    assert found.gain is None
    assert found.test_loss is not None
    tuner.whole = table.take(np.flatnonzero(table.sets != splits.TEST))
    assert tuner.evaluate_best(model).test_loss is None
