"""One BLAS thread for every test, set before numpy is imported: results then do not depend on the machine's load."""

import os

os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"

import signal
import subprocess
import sys
from pathlib import Path

import pytest

SAMPLES = Path(__file__).parents[1] / "sample_data"


@pytest.fixture
def call(capfdbinary, monkeypatch):
    """Runs a command line in this process -> exit code, standard output, standard error."""
    from mlpcli.cli.app import app, bounded

    monkeypatch.setenv("COLUMNS", "80")

    def run(*args: object) -> tuple[int, str, str]:
        handlers = {n: signal.getsignal(n) for n in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
        texts = [os.fsdecode(a) if isinstance(a, bytes) else str(a) for a in args]
        capfdbinary.readouterr()
        try:
            code = bounded(lambda: app(texts, prog_name="mlpcli", standalone_mode=False), as_json="--json" in texts)
        finally:
            for number, handler in handlers.items():
                signal.signal(number, handler)
        out, err = capfdbinary.readouterr()
        return code, out.decode("utf-8", "surrogateescape"), err.decode("utf-8", "surrogateescape")

    return run


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
