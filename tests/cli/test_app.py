"""The command line as a user meets it: help, exit codes, errors, and text that is shown as it is."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest
from command_line import COMMANDS, ENV, mlpcli
from samples import IRIS, PENGUINS

from mlpcli import __version__
from mlpcli.cli import MODULES

ROOT = Path(__file__).parents[2]
QUICK = ("--preset", "classic", "--epochs", "2")


def test_help_imports_neither_numpy_nor_pandas():
    code = "import sys; sys.argv = ['mlpcli', '--help']\ntry:\n import mlpcli.cli; mlpcli.cli.main()\n"
    code += "except SystemExit: pass\nassert 'numpy' not in sys.modules and 'pandas' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, env=ENV).returncode == 0


def test_a_command_whose_values_are_texts_loads_neither_pydantic_nor_pyarrow(tmp_path):
    code = f"import sys; sys.argv = ['mlpcli', 'split', {str(IRIS)!r}, '-q', '-o', {str(tmp_path)!r}]\n"
    code += "try:\n import mlpcli.cli; mlpcli.cli.main()\nexcept SystemExit: pass\n"
    code += "assert 'pydantic' not in sys.modules and sys.modules.get('pyarrow') is None"
    subprocess.run([sys.executable, "-c", code], check=True, env=ENV)
    assert (tmp_path / "iris_test.csv").exists()


def test_a_parquet_file_is_read_by_a_command_that_pandas_runs_in_without_pyarrow(tmp_path):
    pytest.importorskip("pyarrow")
    frame = pd.read_csv(PENGUINS)
    frame.to_parquet(tmp_path / "p.parquet")
    frame.to_csv(tmp_path / "p.csv", index=False)
    command = [sys.executable, "-m", "mlpcli", "inspect", "p.parquet", "--json"]  # here pandas has loaded it long ago
    shown = subprocess.run(command, cwd=tmp_path, env=ENV, capture_output=True, check=True).stdout
    assert (
        json.loads(shown)["columns"] == json.loads(mlpcli("inspect", "p.csv", "--json", cwd=tmp_path).stdout)["columns"]
    )


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["train", "none.csv"], 1, "none.csv: cannot read"),
        (["train", "penguins.csv", "--target", "speces"], 1, "did you mean 'species'?"),
        (["train", "penguins.csv", "--epochs", "0"], 2, "--epochs: expected a number from 1"),
        (["train", "penguins.csv", "-o", "penguins.csv"], 2, "is an input too"),
        (["train", "penguins.csv", "-o", "no/m.npz"], 1, "no such folder"),
        (["train", "penguins.csv", "--activation", "rleu"], 2, "did you mean relu?"),
        (["train", "penguins.csv", "--loss", "huber"], 2, "is for regression"),
        (["train", "penguins.csv", "--jobs", "x"], 2, "'--jobs'"),
        (["evaluate", "penguins.csv"], 1, "not an mlpcli model"),
        (["train"], 2, "Missing argument"),
        (["trian"], 2, "train"),
    ],
)
def test_mistakes_get_one_message_and_their_exit_code(args, code, message, trained):
    folder, _ = trained
    done = mlpcli(*args, cwd=folder)
    assert done.returncode == code
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert PENGUINS.read_bytes() == (folder / "penguins.csv").read_bytes()


def test_an_error_is_json_when_asked(tmp_path):
    (tmp_path / "bad.csv").write_text("a,b\n" + "1,2\n" * 20 + "1\n")
    done = mlpcli("train", "bad.csv", "--json", cwd=tmp_path)
    error = json.loads(done.stdout)["error"]
    assert (error["kind"], error["file"], error["line"]) == ("data", "bad.csv", 22)
    assert not (tmp_path / "model.npz").exists()


def test_names_with_markup_and_escapes_are_shown_as_they_are(tmp_path):
    (tmp_path / "n.csv").write_text(
        "[red]a[/],\x1b[31mb,y\n" + "".join(f"{i % 7},{i % 5},[b]x{i % 2}\n" for i in range(60)), encoding="utf-8"
    )
    shown = mlpcli("inspect", "n.csv", cwd=tmp_path).stdout
    assert "[red]a[/]" in shown
    assert "\\x1b[31mb" in shown
    assert "\x1b" not in shown
    mlpcli("train", "n.csv", "--epochs", "3", "-q", cwd=tmp_path)
    predicted = mlpcli("predict", "model.npz", "n.csv", cwd=tmp_path).stdout
    assert set(predicted.splitlines()[1:]) <= {"[b]x0", "[b]x1"}


@pytest.mark.slow
@pytest.mark.parametrize("command", MODULES)
def test_a_command_registers_itself_without_the_others(command):
    code = f"""
import sys
from mlpcli.cli import register
register({command!r})
from mlpcli.cli.app import app
print(*[c.name or c.callback.__name__ for c in app.registered_commands])
print(*sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    registered, modules = (line.split() for line in done.stdout.splitlines())
    assert command in registered
    assert ("diagnose" in registered) == (command == "diagnose")
    assert "numpy" not in modules


def test_every_registered_command_has_its_module_and_its_place():
    assert list(MODULES) == COMMANDS


def test_the_help_of_all_commands_is_whole_at_80_columns_and_has_examples():
    shown = mlpcli("--help", cwd=ROOT).stdout
    assert shown == mlpcli(cwd=ROOT).stdout
    assert "mlpcli train data.csv\n" in shown
    assert not [command for command in COMMANDS if f"\n  {command} " not in shown]
    assert "..." not in shown.replace("[ARGS]...", "")


def test_the_version_and_the_help_are_shown(call):
    assert call("--version")[:2] == (0, f"mlpcli {__version__}\n")
    assert "Usage: mlpcli" in call()[1]


def test_quiet_commands_say_nothing_and_judge_all_the_same(call, here):
    assert call("split", IRIS, "-q", "-o", str(here)) == (0, "", "")
    assert sorted(p.name for p in here.glob("*.csv")) == ["iris_test.csv", "iris_train.csv", "iris_validation.csv"]
    assert call("compare", IRIS, *QUICK, "--vary", "seed=1,2", "-q") == (0, "", "")
    assert call("train", IRIS, *QUICK, "-q", "-o", "m.npz") == (0, "", "")
    assert call("evaluate", "m.npz", IRIS, "-q") == (0, "", "")
    assert call("evaluate", "m.npz", IRIS, "-q", "--fail-under", "accuracy=0.99")[0] == 3
