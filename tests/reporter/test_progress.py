"""How trainings of a study are named and told."""

from __future__ import annotations

from mlpcli.reporter.progress import task_line, trial_name
from mlpcli.studies.search import GIVEN, Trial
from mlpcli.studies.tasks import TaskOutcome
from mlpcli.training.events import History


def test_a_training_of_a_study_is_shown_by_the_rows_that_evaluate_it_best():
    metrics = {"train": {"accuracy": 1.0, "log_loss": 0.1}, "validation": {"accuracy": 0.5, "log_loss": 0.7}}
    outcome = TaskOutcome(0, "lr=0.1[red]", History(), metrics, {}, 1.0)
    assert task_line(outcome) == "lr=0.1[red]: accuracy 0.5, log_loss 0.7"
    assert task_line(TaskOutcome(0, "lr=9", History(), {}, {}, 1.0, error="loss became nan")) == "lr=9: diverged"


def test_a_trial_is_named_by_its_flags():
    assert trial_name(Trial(GIVEN, 0, {})) == "the settings as given"
    assert trial_name(Trial(GIVEN + 1, 0, {"batch_size": "32", "lr": "0.1"})) == "batch-size=32 lr=0.1"
