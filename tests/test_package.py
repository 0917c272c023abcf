from __future__ import annotations

import doctest
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
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


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The sample data, and a model of iris.csv."""
    folder = tmp_path_factory.mktemp("examples")
    (folder / "sample_data").symlink_to(ROOT / "sample_data")
    mlpcli.fit(str(folder / "sample_data" / "iris.csv"), preset="classic", epochs=5).save(str(folder / "iris.npz"))
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("name", mlpcli.HOMES)
def test_every_public_name_has_an_example_that_runs(name, folder, monkeypatch):
    monkeypatch.chdir(folder)
    example = doctest.DocTestParser().get_doctest(getattr(mlpcli, name).__doc__, {"mlpcli": mlpcli}, name, None, None)
    told: list[str] = []
    found = doctest.DocTestRunner().run(example, out=told.append)
    assert found.attempted
    assert not found.failed, "".join(told)


def test_no_name_is_loaded_before_it_is_used():
    code = "import mlpcli, sys; assert not {'numpy', 'pandas', 'rich'} & set(sys.modules); mlpcli.fit; "
    code += "mlpcli.cv; mlpcli.explain; assert 'rich' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
