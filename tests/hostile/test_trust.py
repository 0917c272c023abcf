"""What a model file may not do, what it tells, and what else of ours others could misuse."""

from __future__ import annotations

import getpass
import json
import os
import re
import signal
import socket
import sys

import numpy as np
import pytest
from samples import SAMPLES

from mlpcli.cli.app import StoppedError
from mlpcli.config.settings import Config
from mlpcli.errors import DataError
from mlpcli.files import archive
from mlpcli.guide import page
from mlpcli.model.trained import load

QUICK = ("--preset", "classic", "--epochs", "2", "-q")


@pytest.mark.parametrize("flags", [("--threshold", "0.5"), ()])
def test_M19_a_regression_has_no_classes(flags, call, tmp_path):
    data = SAMPLES / "diabetes.csv"
    model = tmp_path / "m.npz"
    assert call("train", data, "--target", "progression", *QUICK, "-o", model)[0] == 0
    if flags:
        code, _, err = call("predict", model, data, *flags)
        assert (code, "for models of two classes" in err) == (2, True)
    code, _, err = call("evaluate", model, data, "--metric", "accuracy")
    assert (code, "no metric 'accuracy' for regression" in err) == (2, True)


def test_M20_missing_columns_are_named(small, tmp_path, call):
    (tmp_path / "d.csv").write_text("petal_length,species\n" + "1,setosa\n" * 3)
    for command in ("predict", "evaluate"):
        code, out, err = call(command, small / "iris.npz", tmp_path / "d.csv")
        assert (code, out) == (1, "")
        assert "no column 'sepal_length', 'sepal_width', 'petal_width'" in err


def test_X12_a_model_tells_no_absolute_path_user_or_host(tmp_path, call):
    data = tmp_path / "private" / "d.csv"
    data.parent.mkdir()
    data.write_bytes((SAMPLES / "penguins.csv").read_bytes())
    assert call("train", data, *QUICK, "-o", tmp_path / "m.npz")[0] == 0
    content = (tmp_path / "m.npz").read_bytes()
    for secret in (str(tmp_path), "private", socket.gethostname(), getpass.getuser()):
        assert not re.search(rb"\b" + re.escape(secret.encode()) + rb"\b", content)
    header, arrays = archive.load(str(tmp_path / "m.npz"))
    shown = json.loads(call("inspect", tmp_path / "m.npz", "--json")[1])["record"]
    assert shown == header  # inspect shows all that is kept but the weights
    assert arrays.keys() == {"members"}


def test_X15_a_right_digest_is_no_sign_of_trust_and_the_reference_says_so(edit, small, call):
    turned = edit(lambda h: h["schema"]["target"]["labels"].reverse())
    assert load(turned).labels == ("virginica", "versicolor", "setosa")
    security = " ".join(page("security").split())
    assert "Loading any file is safe" in security
    assert "as trustworthy as the author" in security


def test_X11_a_bug_is_said_in_one_line_and_no_local_value_is_shown(small, call, monkeypatch):
    def broken(*args):
        secret = "a row of the data"
        raise RuntimeError("oh" if secret else "")

    monkeypatch.setattr("mlpcli.model.trained.load", broken)
    code, out, err = call("predict", small / "iris.npz", small / "iris.csv")
    assert (code, out) == (70, "")
    assert err.splitlines()[0] == "mlpcli: this is a bug in mlpcli: RuntimeError: oh"
    assert "--debug" in err
    code, _, err = call("predict", small / "iris.npz", small / "iris.csv", "--debug")
    assert code == 70
    assert "Traceback (most recent call last)" in err
    assert "secret = " not in err


@pytest.mark.slow
def test_X13_long_cells_are_judged_in_linear_time(call, tmp_path):
    """A pattern that goes back on itself would take hours for the last ones."""
    cells = [
        "1" * 300_000 + "x", "1," * 100_000 + "x", "+" * 300_000, "1e" * 100_000, "2024-" * 60_000,
        " " * 300_000 + "x", "$" + "1.1" * 100_000, "a.b" * 100_000,
    ]  # fmt: skip
    for cell in cells:
        (tmp_path / "d.csv").write_text(
            "x,z,y\n" + "".join(f"{i},{i % 7},{i % 2}\n" for i in range(60)) + f'"{cell}",1,1\n'
        )
        code, _, err = call("inspect", tmp_path / "d.csv", "--target", "y")
        assert code in (0, 1)
        assert "Traceback" not in err
        assert len(err) < 3000


@pytest.mark.slow
def test_X14_Z10_many_levels_share_one_input(tmp_path):
    from mlpcli.training.prepare import prepare

    levels = [f"k{i}" for i in range(20_000)]
    text = "x,k,y\n" + "".join(f"{i % 13},{levels[i % 20_000]},{i % 2}\n" for i in range(120_000))
    (tmp_path / "d.csv").write_text(text)
    prepared = prepare(str(tmp_path / "d.csv"), Config(ensemble=1, preset="classic", max_categories=50))
    assert prepared.schema.n_inputs <= 52


def test_Z05_a_full_disk_for_the_rows_is_said_and_nothing_is_left(call, small, tmp_path, monkeypatch):
    """Rows beyond the memory that was given lie in a file; there is no room for it."""
    x = np.random.default_rng(0).standard_normal((9000, 16)).round(3)
    lines = [",".join(map(str, row)) + f",{i % 2}\n" for i, row in enumerate(x.tolist())]
    (tmp_path / "d.csv").write_text(",".join(f"x{i}" for i in range(16)) + ",y\n" + "".join(lines))

    def full(descriptor, offset, size):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "posix_fallocate", full)
    monkeypatch.chdir(tmp_path)
    code, _, err = call("train", "d.csv", "--memory", "1MB", *QUICK, "-o", "m.npz")
    assert code == 1
    assert "cannot write: No space left on device" in err
    assert os.listdir() == ["d.csv"]


def test_N09_an_error_before_a_waiting_stop_is_raised_is_that_stop(small, call, monkeypatch):
    """A stop waits for the end of an import; a pipe that is closed meanwhile must not be called an empty file."""

    def fails(path):
        os.kill(os.getpid(), signal.SIGINT)
        signal.setitimer(signal.ITIMER_REAL, 0)
        raise DataError("empty file", file="<stdin>")

    monkeypatch.setattr(StoppedError, "waiting", None)
    monkeypatch.setattr(sys.modules[StoppedError.__module__], "is_importing", lambda frame: True)
    monkeypatch.setattr("mlpcli.model.trained.load", fails)
    assert call("predict", small / "iris.npz", small / "iris.csv") == (130, "", "")


def test_N09_an_interruption_in_a_command_is_its_exit_code(small, call, monkeypatch):
    for number, code in ((signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)):
        monkeypatch.setattr("mlpcli.model.trained.load", lambda path, n=number: os.kill(os.getpid(), n))
        assert call("predict", small / "iris.npz", small / "iris.csv") == (code, "", "")


def test_N15_too_little_memory_is_said(small, call, monkeypatch, shell):
    def none_left(path):
        raise MemoryError

    done = shell("ulimit -v 150000; mlpcli inspect iris.csv; exit $?", small, COVERAGE_PROCESS_START=None)
    assert done.returncode == 1
    assert "not enough memory: the limit is 146 MB, and mlpcli needs about 256" in done.stderr
    assert "Traceback" not in done.stderr
    monkeypatch.setattr("mlpcli.model.trained.load", none_left)
    code, _, err = call("predict", small / "iris.npz", small / "iris.csv")
    assert (code, err.splitlines()[0]) == (1, "mlpcli: not enough memory")
