"""What is optional: the core works without all of it, and each extra is asked for in one line where it is needed."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
OPTIONAL = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["optional-dependencies"]
EXTRAS = sorted(OPTIONAL.keys() - {"all", "dev"})
IMPORTED_AS = {"python-calamine": "python_calamine", "scikit-learn": "sklearn"}  # where it is another name
# What needs each extra; its one line names it. `tune` works without: it searches another way, and says so.
NEEDED_BY = {
    "cluster": ["-m", "mlpcli", "train", "iris.csv", "--cluster", "local:1"],
    "excel": ["-m", "mlpcli", "inspect", "table.ods"],
    "onnx": ["-m", "mlpcli", "export", "model.npz", "--to", "onnx", "-o", "model.onnx"],
    "parquet": ["-m", "mlpcli", "inspect", "table.parquet"],
    "serve": ["-m", "mlpcli", "serve", "model.npz"],
    "sklearn": ["-c", "import mlpcli.sklearn"],
    "tune": ["-m", "mlpcli", "tune", "iris.csv", "--preset", "classic", "--epochs", "1", "--trials", "1"],
}
BLOCK = """
from importlib.machinery import PathFinder
found = PathFinder.find_spec
PathFinder.find_spec = lambda name, *more: None if name.partition(".")[0] in {modules!r} else found(name, *more)
"""


def modules(extra: str) -> set[str]:
    """The names under which the packages of an extra are imported."""
    packages = [re.split(r"[<>=\[;]", requirement)[0].strip() for requirement in OPTIONAL[extra]]
    return {IMPORTED_AS.get(package, package) for package in packages}


@pytest.fixture(scope="module")
def python(tmp_path_factory):
    """Runs Python in a folder with iris.csv as if no extra were installed."""
    folder = tmp_path_factory.mktemp("core")
    missing = {module for extra in EXTRAS for module in modules(extra)}
    (folder / "block").mkdir()
    (folder / "block" / "sitecustomize.py").write_text(BLOCK.format(modules=missing))
    (folder / "iris.csv").write_bytes((ROOT / "sample_data" / "iris.csv").read_bytes())
    (folder / "table.parquet").write_bytes(b"PAR1 and so on")
    with zipfile.ZipFile(folder / "table.ods", "w") as workbook:
        workbook.writestr("content.xml", "<office/>")
    path = os.pathsep.join([str(folder / "block"), os.environ.get("PYTHONPATH", str(ROOT))])

    def run(*args: str) -> subprocess.CompletedProcess[str]:
        env = os.environ | {"PYTHONPATH": path}
        return subprocess.run(
            [sys.executable, *args], cwd=folder, env=env, capture_output=True, text=True, timeout=120, check=False
        )

    return run


@pytest.mark.slow
def test_the_core_works_without_any_extra_and_each_is_asked_for_in_one_line(python):
    for command in (
        ["train", "iris.csv", "--preset", "classic", "-q", "-o", "model.npz"],
        ["evaluate", "model.npz", "--fail-under", "accuracy=0.8"],
        ["export", "model.npz", "--to", "python", "-o", "model.py"],
    ):
        done = python("-m", "mlpcli", *command)
        assert done.returncode == 0, done.stderr
    for extra in EXTRAS:
        done = python(*NEEDED_BY[extra])
        told = [line for line in done.stderr.splitlines() if not line.startswith("    ")]  # no source in a traceback
        assert sum(f"pip install 'mlpcli[{extra}]'" in line for line in told) == 1, f"{extra}: {done.stderr}"
        assert (done.returncode == 0) == (extra == "tune"), extra
        assert "Traceback" not in done.stderr or extra == "sklearn"


def test_all_brings_every_extra():
    (everything,) = OPTIONAL["all"]
    assert sorted(re.findall(r"\[(.*)\]", everything)[0].split(",")) == EXTRAS


@pytest.mark.parametrize("extra", EXTRAS)
def test_what_a_user_may_install_the_tests_have(extra):
    assert set(OPTIONAL[extra]) <= set(OPTIONAL["dev"])
