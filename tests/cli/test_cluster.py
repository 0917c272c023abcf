"""Commands on a Dask cluster of two worker processes answer what they answer on one machine, to the byte."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from samples import SAMPLES

QUICK = ("--preset", "classic", "--hidden", "8", "--epochs", "4", "--ensemble", "2")
STUDIES = {
    "cv": ("cv", "iris.csv", "--folds", "3"),
    "compare": ("compare", "iris.csv", "--vary", "lr=0.01,0.1"),
    "learning-curve": ("learning-curve", "iris.csv", "--sizes", "3", "--repeats", "2", "--test", "0"),
    "tune": ("tune", "iris.csv", "--trials", "3", "--folds", "2", "--space", "lr=1e-3..1", "-o", "out.npz"),
    "train": ("train", "iris.csv", "-o", "out.npz"),
}


@pytest.fixture
def files(here):
    for name in ("iris.csv", "penguins.csv"):
        (here / name).write_bytes((SAMPLES / name).read_bytes())
    return here


def without_seconds(answer):
    if isinstance(answer, dict):
        return {k: without_seconds(v) for k, v in answer.items() if k != "seconds"}
    return [without_seconds(one) for one in answer] if isinstance(answer, list) else answer


def both(call, monkeypatch, folder, args, *cluster):
    """The JSON answers, the written files and what was said by a command here and on a cluster."""
    found = []
    for name, where in (("here", ("--jobs", "1")), ("there", cluster)):
        (folder / name).mkdir()
        monkeypatch.chdir(folder / name)
        (folder / name / "iris.csv").write_bytes((SAMPLES / "iris.csv").read_bytes())
        code, out, err = call(*args, "--json", *where)
        assert code == 0, err
        written = {p.name: p.read_bytes() for p in Path().iterdir() if p.suffix != ".journal"}
        found.append((without_seconds(json.loads(out)), written, err))
    return found


def test_cv_on_a_cluster(call, files, scheduler, monkeypatch):
    monkeypatch.setenv("MLPCLI_CLUSTER", scheduler)
    code, out, err = call(*STUDIES["cv"], *QUICK, "--json")
    assert code == 0
    assert f"cluster {scheduler}: 2 workers: 3 done, 0 running, 0 lost, 0 run again" in err
    monkeypatch.delenv("MLPCLI_CLUSTER")
    assert without_seconds(json.loads(call(*STUDIES["cv"], *QUICK, "--json")[1])) == without_seconds(json.loads(out))


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in STUDIES if name != "cv"])
def test_answers_and_files_are_those_of_one_machine(name, call, tmp_path, monkeypatch, scheduler):
    here, there = both(call, monkeypatch, tmp_path, (*STUDIES[name], *QUICK), "--cluster", scheduler)
    assert there[:2] == here[:2]
    assert "distributed" not in there[2]
