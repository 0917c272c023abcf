"""Every language's export held against its model: largest difference, size and rows a second.

    python tests/benchmarks/export.py [FOLDER] [LANGUAGE ...]

Trains the default model on 85 % of each table, exports it, and runs the export on the other rows. Tables are those of
suite.py. Prints a line a language; tables that a language refuses are counted, and their reasons named.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from pathlib import Path

import numpy as np
from suite import Case, tables

import mlpcli
from mlpcli.errors import MlpcliError, UsageError
from mlpcli.export.check import export
from mlpcli.export.languages import TARGETS
from mlpcli.export.target import Wishes


def trained(case: Case, folder: Path) -> tuple[mlpcli.Model, str]:
    """The model of a table, and a CSV of the rows that it never saw."""
    paths = [str(folder / f"{case.name}-{name}.csv") for name in ("fit", "test")]
    for part, path in zip(case.split(0), paths, strict=True):
        part.to_csv(path, index=False)
    task = "regression" if case.is_regression else "classification"
    return mlpcli.fit(paths[0], case.target, test="0", task=task), paths[1]


def main() -> None:
    folder = next((argument for argument in sys.argv[1:] if Path(argument).is_dir()), None)
    languages = [argument for argument in sys.argv[1:] if argument in TARGETS] or list(TARGETS)
    found = {language: [] for language in languages}
    reasons = {language: Counter[str]() for language in languages}
    with tempfile.TemporaryDirectory() as name:
        for case in tables(folder):
            model, rows = trained(case, Path(name))
            for language in languages:
                try:
                    done = export(model, TARGETS[language], Wishes(), data=rows)
                except UsageError as error:
                    reasons[language][f"refused: {error.message}"] += 1
                except MlpcliError as error:
                    reasons[language][f"WRONG on {case.name}: {error.message}"] += 1
                else:
                    if isinstance(done.checked, str):
                        reasons[language][f"not checked: {done.checked}"] += 1
                    else:
                        found[language].append((len(done.content), done.checked))
    print("| language | tables | rows | largest difference | other predictions | kB | rows a second |")
    print("|---|---|---|---|---|---|---|")
    for language, of in found.items():
        if of:
            sizes, checks = [size for size, _ in of], [checked for _, checked in of]
            print(
                f"| {language} | {len(of)} | {sum(c.n_rows for c in checks):,} | "
                f"{max(c.largest for c in checks):.1e} | {sum(c.n_others for c in checks)} | "
                f"{np.median(sizes) / 1000:,.0f} | {np.median([c.rows_per_second for c in checks]):,.0f} |"
            )
    for language, of_language in reasons.items():
        for reason, n in of_language.items():
            print(f"{language}: {n} {reason}")


if __name__ == "__main__":
    main()
