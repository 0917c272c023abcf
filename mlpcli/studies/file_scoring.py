"""Files scored one by one, each a task: a file of rows becomes a file of answers of the same name in a folder.

A file that cannot be answered keeps nobody from the others.
"""

from __future__ import annotations

import copy
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from mlpcli.config.settings import ReadOptions
from mlpcli.data.raw import opened
from mlpcli.data.text import files_of
from mlpcli.errors import MachineError, MlpcliError, UsageError
from mlpcli.files.atomic import check_output, write_atomically
from mlpcli.model.prediction import Predictor
from mlpcli.studies.tasks import each
from mlpcli.studies.workers import Shared, Workers

NewPredictor = Callable[[], Predictor]


@dataclass(frozen=True)
class FileTask:
    """One file to score."""

    number: int
    name: str  # its path as given
    path: str  # where it lies, for a worker in another folder
    output: str
    predictor: Shared[NewPredictor]
    options: ReadOptions


@dataclass(frozen=True)
class ScoredFile:
    """What came of a file: its rows were answered, or why not."""

    number: int
    name: str
    n_rows: int
    notes: tuple[str, ...]
    error: MlpcliError | None = None


def perform(task: FileTask) -> ScoredFile:
    """Answers all rows of a file; the output is there when all are."""
    predictor = task.predictor.value()
    model = predictor.model
    predictor.model = replace(model, ensemble=copy.deepcopy(model.ensemble))  # networks hold what they compute
    try:
        with opened(task.path) as (parts, _), write_atomically(task.output) as file:
            for lines in predictor.predict(parts, task.name, task.options):
                file.write(lines)
    except MlpcliError as error:
        error.file = error.file if error.file != task.path else task.name
        return ScoredFile(task.number, task.name, 0, (), error)
    return ScoredFile(task.number, task.name, predictor.n_rows, tuple(predictor.notes()))


@dataclass(frozen=True)
class FileScoring:
    """Files that are ready to be scored: iterate `outcomes`."""

    tasks: tuple[FileTask, ...]
    n_done: int  # that --resume leaves as they are

    def outcomes(self, workers: Workers) -> Iterator[ScoredFile]:
        with workers as executor:
            yield from each(perform, self.tasks, executor)


def plan(
    model: str, pattern: str, folder: str, form: str, resume: bool, predictor: NewPredictor, options: ReadOptions
) -> FileScoring:
    """The files that a pattern finds, each with its place in the folder, which is made where there is none.

    With `resume` a file is done that has an answer as new as itself and the model. Raises UsageError or MachineError.
    """
    if pattern == "-":
        raise UsageError("standard input is no file to score into a folder", "name files, as in 'in/*.csv'")
    try:
        os.makedirs(folder, exist_ok=True)
    except OSError as error:
        raise MachineError(f"cannot make the folder: {error.strerror}", file=folder) from error
    names, shared = files_of(pattern), Shared(predictor)
    tasks: list[FileTask] = []
    outputs = outputs_of(names, folder, form)
    for name, output in zip(names, outputs, strict=True):
        check_output(output, [model, *names])
        if not (resume and is_newer(output, [name, model])):
            place = os.path.abspath(output)
            tasks.append(FileTask(len(tasks), name, os.path.abspath(name), place, shared, options))
    return FileScoring(tuple(tasks), len(names) - len(tasks))


def outputs_of(names: Sequence[str], folder: str, form: str) -> list[str]:
    """Where the answers to each file go. Raises UsageError where two would go to one place."""
    found: dict[str, str] = {}
    for name in names:
        output = os.path.join(folder, f"{os.path.basename(name).partition('.')[0]}.{form}")
        if output in found:
            raise UsageError(f"'{found[output]}' and '{name}' would both be answered in {output}", "score them apart")
        found[output] = name
    return list(found)


def is_newer(path: str, others: Sequence[str]) -> bool:
    """Whether a file is there, and no older than others."""
    try:
        return os.stat(path).st_mtime_ns >= max(os.stat(other).st_mtime_ns for other in others)
    except OSError:
        return False
