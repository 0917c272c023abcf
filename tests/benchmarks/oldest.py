"""The oldest NumPy, pandas, rich and typer that pyproject.toml allows (row N20 of the checklist of bad inputs).

    python tests/benchmarks/oldest.py [--python OTHER/bin/python]

Makes an environment with them, unless one is given, and trains there and here. Each must predict with the models of
both: no probability further apart than 1e-6. Then the quick tests run there. Exit code 1 when something differs.
"""

from __future__ import annotations

import argparse
import io
import os
import subprocess
import sys
import tempfile
import tomllib
import venv
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
TABLES = {"penguins": [], "iris": ["--preset", "classic"], "wine": ["--normalization", "batch"], "spirals": []}
CLOSE = 1e-6
NEED_MORE = "tests/test_package.py"  # builds the package, with a tool that is not installed there


def oldest(folder: Path) -> str:
    """An environment with the lowest versions, and what the tests need."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pinned = [requirement.replace(">=", "==") for requirement in project["dependencies"]]
    venv.create(folder, with_pip=True)
    python = str(folder / "bin" / "python")
    more = ["pytest", "pytest-timeout", "pytest-xdist", "hypothesis", "optuna>=5", "scikit-learn"]
    subprocess.run([python, "-m", "pip", "install", "-q", *pinned, *more], check=True)
    return python


def run(python: str, folder: Path, *args: object) -> str:
    env = os.environ | {"PYTHONPATH": str(ROOT)}
    command = [python, "-m", "mlpcli", *map(str, args)]
    return subprocess.run(command, cwd=folder, env=env, check=True, capture_output=True, text=True).stdout


def probabilities(python: str, folder: Path, model: str, table: str) -> np.ndarray:
    said = run(python, folder, "predict", model, ROOT / "sample_data" / f"{table}.csv", "--proba")
    n_columns = said.split("\n", 1)[0].count(",") + 1
    return np.loadtxt(io.StringIO(said), delimiter=",", skiprows=1, usecols=range(1, n_columns), ndmin=2)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--python", help="of an environment that is there")
    asked = parser.parse_args()
    n_bad = 0
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pythons = {"oldest": asked.python or oldest(folder / "env"), "here": sys.executable}
        for table, flags in TABLES.items():
            for age, python in pythons.items():
                data = ROOT / "sample_data" / f"{table}.csv"
                run(python, folder, "train", data, *flags, "--epochs", "20", "-q", "-o", f"{table}-{age}.npz")
            for age in pythons:
                model = f"{table}-{age}.npz"
                old, new = (probabilities(python, folder, model, table) for python in pythons.values())
                apart = float(np.abs(old - new).max())
                n_bad += not apart <= CLOSE
                print(f"{model}: predictions {apart:.1e} apart")
            same = len({(folder / f"{table}-{age}.npz").read_bytes() for age in pythons}) == 1
            print(f"{table}: the models are {'the same bytes' if same else 'not the same bytes'}")
        tests = [pythons["oldest"], "-m", "pytest", "-q", "-m", "not slow", "-n", "0", "--ignore", NEED_MORE]
        n_bad += (
            subprocess.run(tests, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, check=False).returncode != 0
        )
    return int(n_bad > 0)


if __name__ == "__main__":
    sys.exit(main())
