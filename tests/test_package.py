from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

from hatchling.builders.wheel import WheelBuilder

import mlpcli

ROOT = Path(__file__).parents[1]


def test_the_wheel_holds_only_the_package(tmp_path):
    (built,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    names = zipfile.ZipFile(built).namelist()
    assert {name.split("/")[0] for name in names} == {"mlpcli", f"mlpcli-{mlpcli.__version__}.dist-info"}
    assert "mlpcli/py.typed" in names
    pages = [path for path in (ROOT / "mlpcli" / "guide").rglob("*") if path.suffix in (".txt", ".md")]
    assert {path.relative_to(ROOT).as_posix() for path in pages} <= set(names)
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_the_version_is_said():
    done = subprocess.run([sys.executable, "-m", "mlpcli", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"mlpcli {mlpcli.__version__}\n"
    assert f'version = "{mlpcli.__version__}"' in (ROOT / "pyproject.toml").read_text()


def test_the_names_of_the_package_are_listed_before_they_are_loaded():
    assert set(mlpcli.HOMES) <= set(dir(mlpcli))
    assert dir(mlpcli) == sorted(dir(mlpcli))
