"""Settings as flags: where they come from, how they are completed, and what is refused."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
from command_line import ENV, mlpcli
from samples import IRIS

from mlpcli.config.settings import Config, ReadOptions, flag

QUICK = ("--preset", "classic", "--epochs", "2")


SETTINGS = {
    "--batch-size=1.5": "expected auto, full or a whole number",
    "--hidden=" + "1," * 101 + "1": "at most 100",
    "--memory=much": "expected a size such as 500MB",
    "--time-limit=soon": "expected a time such as 90s",
    "--loss=binary_cross_entropy": "needs a target of two classes",
}
ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("flag", SETTINGS)
def test_settings_that_do_not_fit_are_refused(flag, call, here):
    code, _, err = call("train", IRIS, *QUICK, flag)
    assert code in (1, 2)
    assert SETTINGS[flag] in err


def test_settings_come_from_flags_then_environment_then_file(tmp_path):
    (tmp_path / "d.csv").write_bytes(IRIS.read_bytes())
    (tmp_path / "mlpcli.toml").write_text('epochs = 2\nseed = 3\nhidden = "4"\n')
    done = mlpcli("train", "d.csv", "--seed", "5", "--json", "-q", cwd=tmp_path, env={"MLPCLI_EPOCHS": "3"})
    answer = json.loads(done.stdout)
    assert (answer["epochs"], answer["seed"]) == (3, 5)
    (tmp_path / "mlpcli.toml").write_text("epoks = 2\n")
    done = mlpcli("train", "d.csv", cwd=tmp_path)
    assert done.returncode == 2
    assert "did you mean 'epochs'?" in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["ev"], ["evaluate"]),
        (["train", "--act"], ["--activation"]),
        (["train", "--activation", "se"], ["selu"]),
    ],
)
def test_the_shell_completes_commands_flags_and_values(words, offered):
    env = ENV | {
        "_MLPCLI_COMPLETE": "complete_bash", "COMP_WORDS": " ".join(["mlpcli", *words]), "COMP_CWORD": str(len(words)),
    }  # fmt: skip
    code = "import sys; sys.argv = ['mlpcli']; from mlpcli.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert done.stdout.split() == offered


def test_help_puts_settings_under_the_names_of_their_groups():
    shown = mlpcli("train", "--help", cwd=ROOT).stdout
    sections = dict(re.findall(r"^(\w+):\n((?:(?:  .*)?\n)+)", shown, re.M))
    assert list(sections) == ["Arguments", "Options", "Data", "Network", "Training", "Ensemble", "Reading", "Cluster"]
    for owner in (Config, ReadOptions):
        for spec in fields(owner):
            assert re.search(rf"{flag(spec.name)}\b", sections[spec.metadata["group"]])
