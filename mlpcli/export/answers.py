"""What a written program prints, read back: a CSV as `mlpcli predict --proba` writes, with all digits."""

from __future__ import annotations

import csv
import io

import numpy as np

from mlpcli.export.program import Program
from mlpcli.export.target import Answers


def read_answers(printed: bytes, program: Program, seconds: float) -> Answers:
    """The answers of a CSV with a header, of `Program.names`."""
    names, *rows = csv.reader(io.StringIO(printed.decode("utf-8", "surrogatepass"), newline=""))
    assert names == program.names, names
    numbers = [row[1:] if program.labels else row for row in rows]
    width = len(program.names) - bool(program.labels)
    return Answers([row[0] for row in rows], np.array(numbers, np.float64).reshape(len(rows), width), seconds)
