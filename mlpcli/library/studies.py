"""Studies of many trainings as one call, or step by step: what the commands of the same names do, to the last bit.

`jobs` are trainings at a time, as `--jobs`; None for as many as save time, which the command takes by itself. Here it
is 1, as workers import the script that starts them: one without `if __name__ == "__main__":` would start itself again.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Generator, Sequence
from tempfile import TemporaryDirectory
from typing import Any, ParamSpec, TypeVar

import pandas as pd

from mlpcli.data.dataset import DataSet
from mlpcli.errors import UsageError
from mlpcli.library.model import as_model
from mlpcli.library.results import as_result
from mlpcli.library.steps import Steps
from mlpcli.library.study_results import ComparisonResult, CrossValidationResult, LearningCurveResult, TuningResult
from mlpcli.library.training import asked, fit, fit_steps
from mlpcli.studies import comparison, cross_validation
from mlpcli.studies import learning_curve as curve
from mlpcli.studies.duration import expected_seconds, jobs_for
from mlpcli.studies.tasks import Study, TaskOutcome
from mlpcli.studies.tuning import SearchEvent, Tuner

P = ParamSpec("P")
R = TypeVar("R")


def conducted(study: Study[Any], jobs: int | None, kind: type[R]) -> Steps[R]:
    """The outcomes of a study's trainings as they end, and what they add up to."""
    n = len(study.tasks)

    def outcomes() -> Generator[TaskOutcome]:
        yield from study.outcomes(jobs or jobs_for(expected_seconds(study.tasks), n))

    def finish(seen: Sequence[TaskOutcome], is_whole: bool) -> R:
        return as_result(kind, study.result(seen), notes=study.table.notes)

    return Steps(outcomes(), finish, n)


def cv(
    data: str | pd.DataFrame, target: str | None = None, *, folds: int = 5, repeats: int = 1, jobs: int | None = 1,
    **settings: Any,
) -> CrossValidationResult:  # fmt: skip
    """Cross-validates a model of these settings; the test rows stay unseen. Raises MlpcliError.

    >>> found = mlpcli.cv("sample_data/iris.csv", folds=3, hidden=(8,), ensemble=1, epochs=5)
    >>> found.frame()[["fold", "rows"]].values.tolist()
    [['fold 1', 42], ['fold 2', 43], ['fold 3', 43]]
    """
    return cv_steps(data, target, folds=folds, repeats=repeats, jobs=jobs, **settings).all()


def cv_steps(
    data: str | pd.DataFrame, target: str | None = None, *, folds: int = 5, repeats: int = 1, jobs: int | None = 1,
    **settings: Any,
) -> Steps[CrossValidationResult]:  # fmt: skip
    """The outcome of each training; see `cv`."""
    config, options = asked(target, settings)
    study = cross_validation.plan(DataSet.given(data, config, options), config, folds, repeats)
    return conducted(study, jobs, CrossValidationResult)


def compare(
    data: str | pd.DataFrame, target: str | None = None, *, vary: str | Sequence[str], repeats: int = 1,
    jobs: int | None = 1, **settings: Any,
) -> ComparisonResult:  # fmt: skip
    """Trains the same network once for each value of `vary`, as 'OPTION=A,B', or of a grid. Raises MlpcliError.

    >>> found = mlpcli.compare("sample_data/iris.csv", vary="batch-size=8,32", hidden=(8,), epochs=5)
    >>> found.frame()["setting"].tolist()
    ['batch-size=8', 'batch-size=32']
    """
    return compare_steps(data, target, vary=vary, repeats=repeats, jobs=jobs, **settings).all()


def compare_steps(
    data: str | pd.DataFrame, target: str | None = None, *, vary: str | Sequence[str], repeats: int = 1,
    jobs: int | None = 1, **settings: Any,
) -> Steps[ComparisonResult]:  # fmt: skip
    """The outcome of each training; see `compare`."""
    config, options = asked(target, settings)
    grid = comparison.parse_grid([vary] if isinstance(vary, str) else vary)
    return conducted(comparison.plan(data, config, options, grid, repeats), jobs, ComparisonResult)


def learning_curve(
    data: str | pd.DataFrame, target: str | None = None, *, repeats: int = curve.REPEATS, sizes: int = curve.SIZES,
    jobs: int | None = 1, **settings: Any,
) -> LearningCurveResult:  # fmt: skip
    """How much more rows would help, and whether more regularisation is the better next step. Raises MlpcliError.

    >>> found = mlpcli.learning_curve(
    ...     "sample_data/penguins.csv", repeats=2, sizes=3, hidden=(8,), ensemble=1, epochs=2
    ... )
    >>> found.frame()["rows"].tolist()
    [58, 117, 234]
    """
    return learning_curve_steps(data, target, repeats=repeats, sizes=sizes, jobs=jobs, **settings).all()


def learning_curve_steps(
    data: str | pd.DataFrame, target: str | None = None, *, repeats: int = curve.REPEATS, sizes: int = curve.SIZES,
    jobs: int | None = 1, **settings: Any,
) -> Steps[LearningCurveResult]:  # fmt: skip
    """The outcome of each training; see `learning_curve`."""
    config, options = asked(target, settings)
    study = curve.plan(DataSet.given(data, config, options), config, repeats, sizes)
    return conducted(study, jobs, LearningCurveResult)


def tune(
    data: str | pd.DataFrame, target: str | None = None, *, trials: int | None = None, space: Sequence[str] = (),
    folds: int = 5, jobs: int | None = 1, **settings: Any,
) -> TuningResult:  # fmt: skip
    """Searches for hyper-parameters on validation rows, trains the best model, evaluates it once on the test rows.

    `space` are 'OPTION=LOW..HIGH' or 'OPTION=A,B'. Nothing is kept on disk: a long search that may be interrupted is
    one for the command. Raises MlpcliError.

    >>> found = mlpcli.tune(
    ...     "sample_data/iris.csv", trials=2, folds=2, space=["hidden=4,8"], preset="classic", epochs=3
    ... )
    >>> found.frame()[["trial", "folds"]].values.tolist()
    [[0, 2], [1, 2]]
    >>> found.model.labels
    ('setosa', 'versicolor', 'virginica')
    """
    return tune_steps(data, target, trials=trials, space=space, folds=folds, jobs=jobs, **settings).all()


def tune_steps(
    data: str | pd.DataFrame, target: str | None = None, *, trials: int | None = None, space: Sequence[str] = (),
    folds: int = 5, jobs: int | None = 1, **settings: Any,
) -> Steps[TuningResult]:  # fmt: skip
    """The losses of each trial as they come; see `tune`. The model is trained when the result is asked for."""
    config, options = asked(target, settings)
    table = DataSet.given(data, config, options)
    folder = TemporaryDirectory()  # the search remembers its trials in a file
    tuner = Tuner(table, config, options, space, folds, os.path.join(folder.name, "search"))
    search = tuner.plan(trials, jobs)

    def events() -> Generator[SearchEvent]:
        yield from tuner.events(search.n_trials, search.on)

    def finish(seen: Sequence[SearchEvent], is_whole: bool) -> TuningResult:
        folder.cleanup()
        found, model, final = tuner.result(), None, None
        if is_whole:
            model = as_model(tuner.train_best(search.on))
            final = tuner.evaluate_best(model, search.on)
        return as_result(TuningResult, found, notes=table.notes, model=model, final=final)

    return Steps(events(), finish)


STEPS: dict[Callable[..., Any], Callable[..., Steps[Any]]] = {
    fit: fit_steps, cv: cv_steps, compare: compare_steps, learning_curve: learning_curve_steps, tune: tune_steps,
}  # fmt: skip


def steps(call: Callable[P, R], /, *args: P.args, **kwargs: P.kwargs) -> Steps[R]:
    """A call of fit, cv, compare, learning_curve or tune as an iterator of its events. Raises MlpcliError as it does.

    For fit these are Started, EpochEnded after each epoch, and Finished; for a study the outcome of each training, for
    tune the losses of each trial. `total` is how many will come, where that is known. `result` is what the call would
    give; asked for before the last event it ends the call, and what was done so far counts.

    >>> training = mlpcli.steps(mlpcli.fit, "sample_data/iris.csv", preset="classic", epochs=3)
    >>> [event.epoch for event in training if hasattr(event, "train_loss")]
    [1, 2, 3]
    >>> training.result.labels
    ('setosa', 'versicolor', 'virginica')
    """
    if call not in STEPS:
        raise UsageError(f"no steps: expected one of {', '.join(f'mlpcli.{one.__name__}' for one in STEPS)}")
    return STEPS[call](*args, **kwargs)
