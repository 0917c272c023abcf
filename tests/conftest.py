"""One BLAS thread for every test, set before numpy is imported: results then do not depend on the machine's load."""

import os

os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"

import subprocess
import sys

import pytest
from samples import SAMPLES


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist
def pytest_xdist_auto_num_workers():
    """One more than there are cores: many a test waits for processes, pipes and servers."""
    from mlpcli.data.storage import n_cores

    return n_cores() + 1


@pytest.fixture
def call(monkeypatch):
    """Runs a command line in this process -> exit code, standard output, standard error."""
    from command_line import run

    monkeypatch.setenv("COLUMNS", "80")

    def called(*args: object) -> tuple[int, str, str]:
        done = run(args)
        return done.returncode, done.stdout, done.stderr

    return called


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder of its own, in which the test runs."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


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


@pytest.fixture
def edit(small, tmp_path):
    """A copy of the small model with an edited header or other arrays, and the digest that belongs to it."""
    from mlpcli.files import archive

    def run(change, **arrays) -> str:
        header, own = archive.load(str(small / "iris.npz"))
        change(header)
        path = str(tmp_path / "m.npz")
        archive.save(path, header, own | arrays)
        return path

    return run


@pytest.fixture(scope="session")
def perceptron(tmp_path_factory):
    """A single-layer perceptron on XOR, which only hidden layers can learn: its folder, and the model."""
    from mlpcli.config.settings import Config
    from mlpcli.model.assemble import assemble
    from mlpcli.training.events import History
    from mlpcli.training.prepare import prepare

    folder = tmp_path_factory.mktemp("perceptron")
    (folder / "xor.csv").write_bytes((SAMPLES / "xor.csv").read_bytes())
    prepared = prepare(str(folder / "xor.csv"), Config(preset="classic", epochs=12, patience=0, hidden=()))
    model = assemble(prepared, History.of(prepared.events()))
    model.save(str(folder / "model.npz"))
    model.path = str(folder / "model.npz")
    return folder, model


@pytest.fixture
def rare(tmp_path):
    """900 rows, one in fifteen sick, from x with much overlap."""
    import numpy as np
    import pandas as pd

    rng = np.random.default_rng(0)
    sick = rng.random(900) < 1 / 15
    frame = pd.DataFrame({"x": rng.normal(0, 1, 900) + 1.5 * sick, "z": rng.normal(0, 1, 900)}).round(4)
    frame["sick"] = np.where(sick, "yes", "no")
    frame.to_csv(tmp_path / "rare.csv", index=False)
    return str(tmp_path / "rare.csv"), frame


@pytest.fixture(scope="module")
def scheduler():
    """The address of a Dask scheduler in a process of its own, with two worker processes of one thread each.

    Of a module: while they wait they take a tenth of a core.
    """
    from mlpcli.studies.own_workers import own_workers

    with own_workers(2) as address:
        yield address
