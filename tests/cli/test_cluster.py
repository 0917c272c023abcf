"""Commands on a Dask cluster of two worker processes answer what they answer on one machine, to the byte."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import typer
from command_line import ENV
from samples import SAMPLES

from mlpcli.cli.app import StoppedError
from mlpcli.cli.stops import collect, leave, result_of
from mlpcli.config.cluster import ClusterOptions
from mlpcli.errors import LostClusterError, TrainingError
from mlpcli.studies.cluster import connected

QUICK = ("--preset", "classic", "--hidden", "8", "--epochs", "4", "--ensemble", "2")
STUDIES = {
    "cv": ("cv", "iris.csv", "--folds", "3"),
    "compare": ("compare", "iris.csv", "--vary", "lr=0.01,0.1"),
    "learning-curve": ("learning-curve", "iris.csv", "--sizes", "3", "--repeats", "2", "--test", "0"),
    "tune": ("tune", "iris.csv", "--trials", "3", "--folds", "2", "--space", "lr=1e-3..1", "-o", "out.npz"),
    "train": ("train", "iris.csv", "-o", "out.npz"),
}
OF_A_MODEL = {
    "explain": ("explain", "iris.npz"),
    "evaluate": ("evaluate", "iris.npz"),
    "evaluate another file": ("evaluate", "iris.npz", "other.csv"),
    "diagnose": ("diagnose", "iris.npz", "--try"),
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


@pytest.fixture(scope="module")
def model(tmp_path_factory, shell):
    """A folder with iris.csv, the same rows as other.csv in another order, and a quick model."""
    folder = tmp_path_factory.mktemp("model")
    text = (SAMPLES / "iris.csv").read_text()
    (folder / "iris.csv").write_text(text)
    header, *rows = text.splitlines()
    (folder / "other.csv").write_text("\n".join([header, *reversed(rows), ""]))
    shell(f"mlpcli train iris.csv -q -o iris.npz {' '.join(QUICK)}", folder, check=True)
    return folder


def both(call, monkeypatch, files, folder, args, *cluster):
    """The JSON answers, the written files and what was said by a command here and on a cluster."""
    found = []
    for name, where in (("here", ()), ("there", cluster)):
        shutil.copytree(files, folder / name)
        monkeypatch.chdir(folder / name)
        code, out, err = call(*args, "--json", *where)
        assert code == 0, err
        written = {p.name: p.read_bytes() for p in Path().iterdir() if p.suffix != ".journal"}
        found.append((without_seconds(json.loads(out)), written, err))
    return found


def test_cv_on_a_cluster(call, files, scheduler, monkeypatch):
    monkeypatch.setenv("MLPCLI_CLUSTER", scheduler)
    code, out, err = call(*STUDIES["cv"], *QUICK, "--json")
    assert code == 0
    told = f"cluster {scheduler}: 2 workers: 3 done, 0 running, 0 lost, 0 run again"
    assert re.search(rf"^{re.escape(told)}, [\d,]+ rows/s$", err, re.M)
    monkeypatch.delenv("MLPCLI_CLUSTER")
    assert without_seconds(json.loads(call(*STUDIES["cv"], *QUICK, "--json")[1])) == without_seconds(json.loads(out))


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in STUDIES if name != "cv"])
def test_answers_and_files_are_those_of_one_machine(name, call, model, tmp_path, monkeypatch, scheduler):
    where = ("--cluster", scheduler)
    here, there = both(call, monkeypatch, model, tmp_path, (*STUDIES[name], *QUICK), *where)
    assert there[:2] == here[:2]
    assert "distributed" not in there[2]


@pytest.mark.slow
@pytest.mark.parametrize("name", OF_A_MODEL)
def test_what_is_asked_of_a_model_is_answered_as_on_one_machine(name, call, model, tmp_path, monkeypatch, scheduler):
    here, there = both(call, monkeypatch, model, tmp_path, OF_A_MODEL[name], "--cluster", scheduler)
    assert there[0] == here[0]


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cv", "tune", "compare"])
def test_workers_read_the_table_where_it_lies(name, call, model, tmp_path, monkeypatch, scheduler):
    where = ("--cluster", scheduler, "--data-on-workers")
    here, there = both(call, monkeypatch, model, tmp_path, (*STUDIES[name], *QUICK), *where)
    assert there[:2] == here[:2]


@pytest.mark.slow
def test_of_ten_files_nine_are_answered_by_workers_and_the_broken_one_is_named_and_resumed(
    call, model, here, scheduler
):  # fmt: skip
    shutil.copy(model / "iris.npz", here / "iris.npz")
    header, *rows = (model / "iris.csv").read_text().splitlines()
    (here / "in").mkdir()
    for number in range(10):
        (here / "in" / f"{number}.csv").write_text("\n".join([header, *rows[number::10], ""]))
    broken = here / "in" / "7.csv"
    broken.write_text("no,such\n1,2\n")
    command = ("predict", "iris.npz", "in/*.csv", "-o", "out/", "--cluster", scheduler)
    code, out, err = call(*command)
    assert (code, out) == (1, "")
    assert "mlpcli: in/7.csv" in err
    assert re.search(r": 10 done, 0 running, 0 lost, 0 run again, [\d,]+ rows/s$", err, re.M)
    assert sorted(os.listdir("out")) == [f"{number}.csv" for number in range(10) if number != 7]
    before = {one.name: one.stat().st_mtime_ns for one in (here / "out").iterdir()}
    broken.write_text("\n".join([header, *rows[7::10], ""]))
    code, _, err = call(*command, "--resume")
    assert code == 0
    assert ": 1 done" in err
    assert before.items() <= {one.name: one.stat().st_mtime_ns for one in (here / "out").iterdir()}.items()
    for number in range(10):
        answers = call("predict", "iris.npz", f"in/{number}.csv")[1]
        assert (here / "out" / f"{number}.csv").read_text() == answers


@pytest.mark.slow
def test_rows_are_trained_on_where_they_are_read(call, files, scheduler):
    header, *rows = (files / "penguins.csv").read_text().splitlines()
    for i in range(3):
        (files / f"part{i}.csv").write_text("\n".join([header, *rows[i::3], ""]))
    args = ("train", "part*.csv", "--epochs", "3", "--hidden", "8", "--ensemble", "1", "-o", "m.npz")
    code, out, err = call(*args, "--cluster", scheduler, "--distribute", "rows", "--json")
    assert code == 0, err
    assert "one table of 3 files in 2 shares" in err
    assert json.loads(out)["rows"] == {"train": 242, "validation": 51, "test": 51}
    assert json.loads(call("evaluate", "m.npz", "--json")[1])["metrics"]["test"] == json.loads(out)["metrics"]["test"]
    code, out, _ = call("reproduce", "m.npz")
    assert (code, "the same, bit for bit" in out) == (0, True)


ACTIVE = "len(__import__('mlpcli.studies.cluster', fromlist=['x']).ACTIVE)"


@pytest.mark.slow
@pytest.mark.parametrize("name", ["cv", "train"])
def test_ctrl_c_leaves_no_task_on_the_workers(name, files, scheduler):
    endless = ("--preset", "classic", "--ensemble", "2", "--batch-size", "1", "--epochs", "100000", "--patience", "0")
    command = [sys.executable, "-m", "mlpcli", *STUDIES[name], *endless, "--cluster", scheduler]
    with connected(ClusterOptions(scheduler)) as cluster, subprocess.Popen(
        command, cwd=files, env=ENV, stdout=-1, stderr=-1, text=True, start_new_session=True
    ) as process:  # fmt: skip

        def n_active() -> int:
            return sum(cluster.client.run(eval, ACTIVE).values())

        end = time.monotonic() + 60
        while n_active() < 2:
            assert process.poll() is None
            assert time.monotonic() < end
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=60)
        assert process.returncode == 130
        assert "interrupted" in err
        while n_active() or cluster.client.run_on_scheduler(tasks_of):
            assert time.monotonic() < end + 60
            time.sleep(0.05)


def tasks_of(dask_scheduler):
    return [str(key) for key in dask_scheduler.tasks]


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (("train", "iris.csv", "--distribute", "rows"), "is for the workers of --cluster"),
        (("train", "iris.csv", "--cluster", "local:2", "--distribute", "columns"), "no such choice 'columns'"),
        (
            ("train", "iris.csv", "--cluster", "local:2", "--distribute", "rows", "--start-from", "m.npz"),
            "--start-from needs all rows on this machine",
        ),
        (("cv", "iris.csv", "--cluster", "local:2", "--jobs", "2"), "--jobs is for this machine"),
        (("train", "iris.csv", "--cluster", "local:2", "--checkpoint", "a.ckpt"), "are for a training on this machine"),
        (("train", "iris.csv", "--cluster", "local:2", "--data-on-workers"), "get the encoded rows"),
        (("cv", "iris.csv", "--cluster", "nowhere"), "expected a scheduler or local:N, found 'nowhere'"),
    ],
)
def test_what_makes_no_sense_is_refused(call, files, args, message):
    code, _, err = call(*args)
    assert code == 2
    assert message in err


def test_one_file_is_answered_here_and_that_is_said(call, model, monkeypatch):
    monkeypatch.chdir(model)
    code, out, err = call("predict", "iris.npz", "iris.csv", "--cluster", "tcp://nowhere:1")
    assert code == 0
    assert "rows of one file are answered here" in err
    assert out == call("predict", "iris.npz", "iris.csv")[1]


def test_what_was_finished_before_the_cluster_was_lost_is_kept(capsys):
    def items():
        yield 1
        raise LostClusterError("the scheduler is gone")

    done, stopped = collect(items())
    assert done == [1]
    with pytest.raises(LostClusterError):
        leave(stopped, "not said")
    assert result_of(lambda: 5, stopped) == 5

    def nothing():
        raise TrainingError("stopped before two folds were done")

    with pytest.raises(LostClusterError):
        result_of(nothing, stopped)
    with pytest.raises(TrainingError):
        result_of(nothing, None)
    with pytest.raises(typer.Exit) as left:
        result_of(nothing, StoppedError(2))
    assert left.value.exit_code == 130
    assert "interrupted; stopped before two folds were done" in capsys.readouterr().err
