"""What studies say of a difference: shown, or not shown."""

from __future__ import annotations

import pytest

from mlpcli.evaluation.evaluate import Evaluation
from mlpcli.metrics.intervals import Interval
from mlpcli.reporter.studies import comparison_chart, repeats_view, verdict
from mlpcli.studies.comparison import Comparison, RepeatedValue
from mlpcli.studies.search import GIVEN, Trial
from mlpcli.studies.tasks import TaskOutcome
from mlpcli.studies.tuning import FinalEvaluation, Tuning
from mlpcli.training.events import History

NOTHING = Evaluation("data.csv", {}, {}, {}, (), ())


def tuned(best=GIVEN + 1):
    trial = Trial(best, 0, {}, {0: 0.5})
    return Tuning("log_loss", (trial,), trial, None, {}, (), {}, 1)


GIVEN_SETTINGS = "the settings as given: on the same test rows the loss changes by"


@pytest.mark.parametrize(
    ("gain", "test_loss", "best", "start"),
    [
        (Interval(0.2, 0.1, 0.3), 0.5, 1, f"better than {GIVEN_SETTINGS} -20.0% (95 %: -30.0% to -10.0%)"),
        (Interval(0.1, -0.1, 0.3), 0.5, 1, "not shown to be better"),
        (Interval(-0.2, -0.3, -0.1), 0.5, 1, f"worse than {GIVEN_SETTINGS} +20.0% (95 %: +10.0% to +30.0%)"),
        (None, 0.5, 1, "there is no model of the settings as given"),
        (None, None, 1, "without test rows"),
        (None, 0.5, GIVEN, "nothing that was tried is better"),
    ],
)
def test_the_verdict_on_a_search_follows_the_paired_interval(gain, test_loss, best, start):
    assert verdict(tuned(best), FinalEvaluation(NOTHING, test_loss, gain)).startswith(start)


def compared(n, behind=None):
    history = History(train_loss=[2.0, 1.0], valid_loss=[2.5, 1.5], best_epoch=2)
    outcomes = tuple(TaskOutcome(i, f"lr={i}", history, {}, {}, 1.0) for i in range(n))
    repeated = () if behind is None else tuple(RepeatedValue(f"lr={i}", Interval(1, 0, 2), behind) for i in range(n))
    return Comparison(("lr",), "log_loss", outcomes, outcomes[0], True, repeated, 3)


@pytest.mark.parametrize(("n", "lines"), [(2, 4), (5, 10), (6, 6)])
def test_each_of_a_few_values_has_its_training_loss_dashed_in_its_colour(n, lines):
    series = comparison_chart(compared(n)).series
    assert len(series) == lines
    assert [s.partner for s in series[:2]] == [None, 0 if lines > n else None]


def test_a_difference_whose_interval_holds_0_is_called_not_shown():
    *_, last = repeats_view(compared(2, Interval(0.1, -0.1, 0.3)))
    assert last == "not shown to differ from lr=0: lr=0, lr=1 (more --repeats show smaller differences)"
    assert not list(repeats_view(compared(2)))
    assert "not shown" not in str(list(repeats_view(compared(2, Interval(0.2, 0.1, 0.3))))[-1])
