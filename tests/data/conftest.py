"""One small table, a model of it, and every command run on whatever a CSV may be."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from data.cases import BEFORE, FAST, GOOD, Case

import mlpcli


@pytest.fixture(scope="session")
def model(tmp_path_factory):
    """A model of the clean table, and its predictions for it."""
    folder = tmp_path_factory.mktemp("model")
    (folder / "good.csv").write_text(GOOD)
    made = mlpcli.fit(str(folder / "good.csv"), target="y", preset="classic", hidden=(8,), epochs=30)
    made.save(str(folder / "model.npz"))
    return folder / "model.npz"


@pytest.fixture
def command(call, model, tmp_path):
    """Runs one command on a file as a user would -> exit code, data, messages; proves that a failure leaves nothing."""

    def run(name: str, path: object, *flags: str, train: tuple[str, ...] = ("--target", "y")) -> tuple[int, str, str]:
        folder = tmp_path / "out"
        folder.mkdir(exist_ok=True)
        output = folder / ("model.npz" if name == "train" else "out.csv")
        output.write_bytes(BEFORE)
        arguments = {
            "train": (*train, *FAST, "-q", "-o", output), "inspect": train, "split": (*train, "-o", folder),
            "evaluate": (), "predict": ("-o", output),
        }[name]  # fmt: skip
        first = (model,) if name in ("evaluate", "predict") else ()
        end = ("--", path) if str(path).startswith("-") and path != "-" else (path,)
        code, out, err = call(name, *first, *arguments, *flags, *end)
        assert code in (0, 1), out + err
        assert "\x1b" not in out + err
        assert "Traceback" not in err
        if code:
            assert output.read_bytes() == BEFORE
            assert os.listdir(folder) == [output.name]
            assert out == ""
            assert err.startswith("mlpcli: ")
        elif name == "predict":
            out = output.read_text(encoding="utf-8")
        return code, out, err

    return run


@pytest.fixture
def prove(command, model, tmp_path):
    """Proves that a command answers a case as it says."""

    def run(case: Case, name: str, path: Path | None = None) -> None:
        if path is None:
            path = tmp_path / case.name
            path.write_bytes(case.content if isinstance(case.content, bytes) else case.content.encode())
        code, out, err = command(name, path, *case.flags, train=case.train)
        if case.refused_by(name):
            assert (code, out) == (1, ""), err
            assert case.message(name) in err
            return
        assert code == 0, err
        if name != "train" and name not in case.silent:  # train says what inspect says
            assert case.message(name) in out + err
        if name == "predict" and case.same:
            (tmp_path / "clean.csv").write_text(GOOD)
            assert out == command("predict", tmp_path / "clean.csv")[1]

    return run
