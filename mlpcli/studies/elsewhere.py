"""One piece of work, or one on each of many columns, given to workers: what a model is asked travels with it once."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from mlpcli.data.dataset import DataSet
from mlpcli.model.trained import TrainedModel
from mlpcli.studies.tasks import each
from mlpcli.studies.workers import Shared, Workers

Task = TypeVar("Task")
Result = TypeVar("Result")


@dataclass(frozen=True)
class Question:
    """One of many things to ask a model."""

    number: int
    name: str  # to show
    asked: Any
    model_and_work: Shared[tuple[TrainedModel, Callable[[TrainedModel, Any], Any]]]


def answer(question: Question) -> tuple[int, Any]:
    model, work = question.model_and_work.value
    own = replace(model, ensemble=copy.deepcopy(model.ensemble))  # networks hold what they compute
    return question.number, work(own, question.asked)


@dataclass(frozen=True)
class Elsewhere:
    """What workers do in place of this process."""

    workers: Workers

    def in_order(
        self, model: TrainedModel, work: Callable[[TrainedModel, Task], Result], tasks: Sequence[Task]
    ) -> Iterator[Result]:
        """The results of tasks in their order, as they come."""
        with Shared((model, work)) as shared, self.workers as executor:
            questions = [Question(i, str(task), task, shared) for i, task in enumerate(tasks)]
            found: dict[int, Result] = {}
            n_told = 0
            for number, result in each(answer, questions, executor):
                found[number] = result
                while n_told in found:
                    yield found.pop(n_told)
                    n_told += 1

    def __call__(self, work: Callable[..., Result], *given: Any, **options: Any) -> Result:
        """The result of a call whose arguments travel as what is shared does."""
        given = tuple(one.without_file() if isinstance(one, DataSet) else one for one in given)
        with Shared((work, given, options)) as shared, self.workers as executor:
            return executor.submit(called, shared).result()


def called(shared: Shared[tuple[Callable[..., Result], tuple[Any, ...], dict[str, Any]]]) -> Result:
    work, given, options = shared.value
    return work(*given, **options)
