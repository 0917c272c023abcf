"""One BLAS thread for every test, set before numpy is imported: results then do not depend on the machine's load."""

import os

os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"

import subprocess
import sys
from pathlib import Path

import pytest

SAMPLES = Path(__file__).parents[1] / "sample_data"


@pytest.fixture
def call(monkeypatch):
    """Runs a command line in this process -> exit code, standard output, standard error."""
    from command_line import run

    monkeypatch.setenv("COLUMNS", "80")

    def called(*args: object) -> tuple[int, str, str]:
        done = run(args)
        return done.returncode, done.stdout, done.stderr

    return called


@pytest.fixture(scope="session")
def shell():
    """Runs a bash script in which `mlpcli` is the command line, in a process of its own."""

    def run(script, cwd, check=False, timeout=120, **env):
        function = f'mlpcli() {{ "{sys.executable}" -m mlpcli "$@"; }}; export -f mlpcli\n'
        clean = {k: v for k, v in os.environ.items() if not k.startswith("MLPCLI_")} | {"COLUMNS": "80"}
        full = {k: str(v) for k, v in (clean | env).items() if v is not None}
        return subprocess.run(
            ["bash", "-c", function + script], cwd=cwd, env=full, capture_output=True, text=True, encoding="utf-8",
            errors="surrogateescape", timeout=timeout, check=check,
        )  # fmt: skip

    return run


@pytest.fixture(scope="session")
def small(tmp_path_factory, shell):
    """A folder with iris.csv and a model of it, iris.npz; not to be changed."""
    folder = tmp_path_factory.mktemp("small")
    (folder / "iris.csv").write_bytes((SAMPLES / "iris.csv").read_bytes())
    shell("mlpcli train iris.csv -q --preset classic --epochs 5 -o iris.npz", folder, check=True)
    return folder
