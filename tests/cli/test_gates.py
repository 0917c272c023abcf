"""Gates: bounds and codes that a user sets, and the exit code of one that fails."""

from __future__ import annotations

import json

import pytest
from command_line import mlpcli
from samples import IRIS

from mlpcli.cli.gates import read_gates
from mlpcli.diagnosis.codes import CODES
from mlpcli.errors import UsageError

QUICK = ("--preset", "classic", "--epochs", "2")


@pytest.mark.parametrize("code", CODES)
def test_every_code_can_be_a_gate(code):
    assert read_gates(None, [code]).codes == (code,)
    with pytest.raises(UsageError, match=f"did you mean {code}"):
        read_gates(None, [code[:-1]])


def test_gates_exit_three(trained):
    folder, _ = trained
    assert mlpcli("evaluate", "model.npz", "--fail-under", "accuracy=0.5", cwd=folder).returncode == 0
    done = mlpcli("evaluate", "model.npz", "--fail-under", "accuracy=1.01", cwd=folder)
    assert done.returncode == 3
    assert "--fail-under asks for 1.01" in done.stderr


def test_a_gate_that_fails_leaves_one_json_value(trained):
    folder, _ = trained
    done = mlpcli("evaluate", "model.npz", "--fail-under", "accuracy=1.01", "--json", cwd=folder)
    assert done.returncode == 3
    assert json.loads(done.stdout)["model"] == "model.npz"


def test_a_gate_on_test_rows_needs_them(call, here):
    code, _, err = call("train", IRIS, *QUICK, "--test", "0", "--fail-under", "accuracy=0.1")
    assert (code, "no such metric on test rows" in err) == (2, True)
