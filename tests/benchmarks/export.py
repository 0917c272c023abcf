"""Every language's export held against its model: largest difference, size and rows a second.

    python tests/benchmarks/export.py [FOLDER] [LANGUAGE ...] [--ensemble K] [--epochs N] [--rows N]
        [--tables NAME,...]

Trains the default model, or one of K networks a kind, on 85 % of each table, exports it, and runs the export on the
other rows, or N of them. Tables are those of suite.py. A language is js, c, onnx, python, sqlite, duckdb or postgresql.
Prints a line a language; tables that a language refuses are counted, and their reasons named.
"""

from __future__ import annotations

import argparse
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
from mlpcli.export.sql.engines import ENGINES
from mlpcli.export.target import Wishes

WAYS = {name: (target, Wishes()) for name, target in TARGETS.items() if name != "sql"}
WAYS |= {dialect: (TARGETS["sql"], Wishes(dialect=dialect)) for dialect in ENGINES}


def trained(case: Case, folder: Path, n_rows: int | None, settings: dict[str, int]) -> tuple[mlpcli.Model, str]:
    """The model of a table, and a CSV of rows that it never saw."""
    paths = [str(folder / f"{case.name}-{name}.csv") for name in ("fit", "test")]
    for part, path in zip(case.split(0), paths, strict=True):
        (part if path == paths[0] else part[:n_rows]).to_csv(path, index=False)
    task = "regression" if case.is_regression else "classification"
    return mlpcli.fit(paths[0], case.target, test="0", task=task, **settings), paths[1]


def asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("words", nargs="*", metavar="FOLDER or LANGUAGE")
    for option in ("--ensemble", "--epochs", "--rows"):
        parser.add_argument(option, type=int)
    parser.add_argument("--tables")
    return parser.parse_args()


def main() -> None:
    given = asked()
    folder = next((word for word in given.words if Path(word).is_dir()), None)
    languages = [word for word in given.words if word in WAYS] or list(WAYS)
    names = given.tables and given.tables.split(",")
    settings = {name: getattr(given, name) for name in ("ensemble", "epochs") if getattr(given, name) is not None}
    found = {language: [] for language in languages}
    reasons = {language: Counter[str]() for language in languages}
    with tempfile.TemporaryDirectory() as name:
        for case in tables(folder):
            if names and case.name not in names:
                continue
            model, rows = trained(case, Path(name), given.rows, settings)
            print(case.name, file=sys.stderr, flush=True)
            for language in languages:
                try:
                    done = export(model, *WAYS[language], data=rows)
                except UsageError as error:
                    reasons[language][f"refused: {error.message}"] += 1
                except MlpcliError as error:
                    print(language, error.message, file=sys.stderr)
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
