"""Builds what would be published and tries it as a user would: fresh environments, oldest and newest dependencies.

    python .ci/release.py [FOLDER]

Each Python from 3.11 up that is found on this machine gets two environments with nothing but the wheel and what it
asks for. There a model is trained, evaluated and asked, exported, and a missing extra is named in one line; then the
extra `serve` is installed, with its oldest or newest versions, and the model is asked over HTTP.
"""

from __future__ import annotations

import glob
import os
import re
import shutil
import subprocess
import sys
import tarfile
import tempfile
import tomllib
import urllib.request
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).parents[1]
OLDEST_PYTHON = (3, 11)
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
BESIDE = {
    "pyproject.toml",
    "README.md",
    "LICENSE",
    "CHANGELOG.md",
    "CITATION.cff",
    "sample_data/iris.csv",
}  # of the sdist
# A command that needs an extra -> what its one line names.
NEEDS_EXTRA = {
    "train table.xlsx": "mlpcli[excel]",
    "train table.parquet": "mlpcli[parquet]",
    "serve model.npz": "mlpcli[serve]",
}

CLEAN = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "COVERAGE", "MLPCLI"))}


def run(*command: object, cwd: Path | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
    return subprocess.run(list(map(str, command)), cwd=cwd, env=CLEAN, text=True, capture_output=True, check=check)


def pythons() -> dict[str, str]:
    """Version -> a Python of it, newest patch first."""
    names = [*glob.glob(os.path.expanduser("~/.pyenv/versions/*/bin/python")), sys.executable]
    names += [path for path in map(shutil.which, (f"python3.{minor}" for minor in range(11, 30))) if path]
    found: dict[str, str] = {}
    for name in names:
        done = run(name, "-c", "import sys, venv, ensurepip; print(*sys.version_info[:2], sep='.')", check=False)
        if done.returncode == 0 and tuple(map(int, done.stdout.strip().split("."))) >= OLDEST_PYTHON:
            found.setdefault(done.stdout.strip(), name)
    return found


def build(folder: Path) -> Path:
    """Source and wheel, checked -> the wheel."""
    run(sys.executable, "-m", "build", "--outdir", folder, ROOT)
    (source,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
    run(sys.executable, "-m", "twine", "check", "--strict", source, wheel)
    package = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / "mlpcli").rglob("*") if path.is_file() and path.suffix != ".pyc"
    }  # fmt: skip
    with tarfile.open(source) as files:
        in_source = {name.split("/", 1)[-1] for name in files.getnames()}
    missing = (package | BESIDE) - in_source | package - set(zipfile.ZipFile(wheel).namelist())
    assert not missing, f"not in the package: {missing}"
    print(f"{source.name}: {source.stat().st_size >> 10} kB, {wheel.name}: {wheel.stat().st_size >> 10} kB")
    return wheel


def try_out(python: str, requirements: list[str], wheel: Path, folder: Path) -> str:
    """Installs the wheel into an environment of its own and works with it -> the versions it got."""
    run(python, "-m", "venv", folder / "env")
    here, mlpcli = folder / "env" / "bin" / "python", folder / "env" / "bin" / "mlpcli"
    run(here, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", wheel, *requirements)
    shutil.copy(ROOT / "sample_data" / "iris.csv", folder / "iris.csv")
    run(mlpcli, "train", "iris.csv", "--preset", "classic", "-q", "-o", "model.npz", cwd=folder)
    run(mlpcli, "evaluate", "model.npz", "--fail-under", "accuracy=0.8", cwd=folder)
    asked = run(mlpcli, "predict", "model.npz", "iris.csv", "-q", cwd=folder).stdout
    run(mlpcli, "export", "model.npz", "--to", "python", "-o", "model.py", cwd=folder)
    said = run("sh", "-c", f"'{here}' -I model.py < iris.csv", cwd=folder).stdout
    assert [line.split(",")[0] for line in said.splitlines()] == asked.splitlines()
    with zipfile.ZipFile(folder / "table.xlsx", "w") as workbook:
        workbook.writestr("xl/workbook.xml", "<workbook/>")
    (folder / "table.parquet").write_bytes(b"PAR1")
    for command, extra in NEEDS_EXTRA.items():
        done = run(mlpcli, *command.split(), cwd=folder, check=False)
        assert done.returncode in (1, 2), f"{command}: exit code {done.returncode}"
        assert extra in done.stderr, f"{command}: {done.stderr}"
    extra = PROJECT["optional-dependencies"]["serve"]
    wanted = oldest(extra) if requirements else extra
    run(here, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted, *requirements)
    assert served(mlpcli, folder) == asked
    lines = run(here, "-m", "pip", "list", "--format", "freeze", cwd=folder).stdout.split()
    shown = ("numpy", "pandas", "rich", "typer", *(requirement.split(">")[0] for requirement in extra))
    return " ".join(line for line in lines if line.split("==")[0] in shown)


def oldest(requirements: list[str]) -> list[str]:
    return [requirement.replace(">=", "==") for requirement in requirements]


def served(mlpcli: Path, folder: Path) -> str:
    """What the model says of the table over HTTP; the server must end well."""
    command, pipe = [mlpcli, "serve", "model.npz", "--port", "0"], subprocess.PIPE
    with subprocess.Popen(command, cwd=folder, env=CLEAN, stdout=subprocess.DEVNULL, stderr=pipe, text=True) as server:
        try:
            found = re.search(r"http://\S+", server.stderr.readline())
            assert found, server.stderr.read()
            headers = {"Content-Type": "text/csv"}
            request = urllib.request.Request(f"{found[0]}/predict", (folder / "iris.csv").read_bytes(), headers)
            with urllib.request.urlopen(request, timeout=30) as answer:
                said: str = answer.read().decode()
        finally:
            server.terminate()
        assert server.wait(30) == 0, server.stderr.read()
    return said


def main() -> int:
    pinned = oldest(PROJECT["dependencies"])
    with tempfile.TemporaryDirectory() as name:
        folder = Path(sys.argv[1] if len(sys.argv) > 1 else name).absolute()
        wheel = build(folder / "dist")
        tries = [
            (version, age, python, requirements)
            for version, python in sorted(pythons().items())
            for age, requirements in {"oldest": pinned, "newest": []}.items()
        ]
        with ThreadPoolExecutor(2) as executor:
            folders = [folder / f"{version}-{age}" for version, age, *_ in tries]
            for own in folders:
                own.mkdir()
            done = executor.map(try_out, *zip(*(one[2:] for one in tries), strict=True), [wheel] * len(tries), folders)
            for (version, age, *_), versions in zip(tries, done, strict=True):
                print(f"Python {version}, {age}: {versions}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
