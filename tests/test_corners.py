"""What few runs reach: refusals of odd requests, the words of rare endings, terminals and other systems."""

from __future__ import annotations

import errno
import json
import math
import os
import signal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import mlpcli
from mlpcli.config import Config, ReadOptions, parse
from mlpcli.data import text as texts
from mlpcli.data.dialect import Dialect
from mlpcli.data.source import open_table
from mlpcli.data.storage import free_memory
from mlpcli.diagnosis.findings import noise_of
from mlpcli.errors import DataError, MachineError, ModelError, TrainingError, UsageError
from mlpcli.files import atomic as files
from mlpcli.files import jsonable
from mlpcli.model.assemble import assemble
from mlpcli.training.prepare import prepare

SAMPLES = Path(__file__).parents[1] / "sample_data"
IRIS, DIABETES = SAMPLES / "iris.csv", SAMPLES / "diabetes.csv"
QUICK = ("--preset", "classic", "--epochs", "2")
EXPLODES = ("--preset", "classic", "--epochs", "3", "--lr", "1000", "--activation", "identity", "--init", "normal",
            "--hidden", "200,200,200", "--optimizer", "sgd")  # fmt: skip


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def csv_of(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


ROWS = "".join(f"{i * 7 % 23},{'abc'[i % 3]},{i % 2}\n" for i in range(60))


# --- commands ---------------------------------------------------------------------------------------------


def test_the_version_and_the_help_are_shown(call):
    assert call("--version")[:2] == (0, f"mlpcli {mlpcli.__version__}\n")
    assert "Usage: mlpcli" in call()[1]


def test_a_gate_on_test_rows_needs_them(call, here):
    code, _, err = call("train", IRIS, *QUICK, "--test", "0", "--fail-under", "accuracy=0.1")
    assert (code, "no such metric on test rows" in err) == (2, True)


def test_a_model_without_test_rows_asks_for_a_file(call, here):
    (here / "iris.csv").write_bytes(IRIS.read_bytes())
    assert call("train", "iris.csv", *QUICK, "--test", "0", "-q")[0] == 0
    code, _, err = call("evaluate", "model.npz")
    assert (code, "kept no test rows" in err) == (1, True)
    shown = call("diagnose", "model.npz")
    assert shown[0] == 0


def test_a_regression_is_judged_by_its_residuals(call, here):
    assert call("train", DIABETES, "--target", "progression", *QUICK, "-q")[0] == 0
    out = call("evaluate", "model.npz", DIABETES)[1]
    assert "residual (prediction - truth)" in out


@pytest.mark.slow
def test_many_classes_show_their_worst_mistakes(call, here):
    data = csv_of(here / "d.csv", "x,y\n" + "".join(f"{i % 29},c{i * 5 % 17}\n" for i in range(340)))
    assert call("train", data, *QUICK, "-q")[0] == 0
    assert "most frequent mistakes" in call("evaluate", "model.npz", data)[1]


def test_inspect_answers_json_for_a_table_too(call):
    answer = json.loads(call("inspect", IRIS, "--json")[1])
    assert answer["target"]["name"] == "species"
    assert {"columns", "notes", "suspicions"} <= answer.keys()


def test_the_guide_says_where_its_tables_are(call, here, monkeypatch):
    assert "comes with the source" in call("guide")[2]
    monkeypatch.chdir(SAMPLES.parent)
    assert "comes with the source" not in call("guide")[2]


@pytest.mark.slow
def test_diagnose_tries_remedies_and_shows_them_as_table_and_json(call, here, monkeypatch):
    (here / "iris.csv").write_bytes(IRIS.read_bytes())
    assert call("train", "iris.csv", *QUICK, "-q")[0] == 0
    answer = json.loads(call("diagnose", "model.npz", "--try", "--json")[1])
    assert {"flags", "verdict"} <= answer["remedies"][0].keys()
    code, out, err = call("diagnose", "model.npz", "--try")
    assert code == 0
    assert "verdict" in out
    assert "1/" in err
    from mlpcli.studies import remedies

    real = remedies.RemedyPlan.outcomes

    def stopped(self, jobs):
        for i, one in enumerate(real(self, jobs)):
            if i == 2:
                os.kill(os.getpid(), signal.SIGINT)
            yield one

    monkeypatch.setattr(remedies.RemedyPlan, "outcomes", stopped)
    assert call("diagnose", "model.npz", "--try", "-q")[0] == 130
    without = call("train", "iris.csv", *QUICK, "--validation", "0", "-q")
    assert without[0] == 0
    code, _, err = call("diagnose", "model.npz", "--try")
    assert (code, "no validation rows" in err) == (1, True)


@pytest.mark.slow
def test_tune_goes_on_is_quiet_when_asked_and_needs_rows_to_choose_by(call, here):
    search = ("tune", IRIS, *QUICK, "--folds", "2", "--space", "lr=0.01,0.1", "-o", "b.toml")
    assert call(*search, "--trials", "2", "-q") == (0, "", "")
    assert "goes on after 2 trials" in call(*search, "--trials", "3")[2]
    for flags, message in (
        (("--validation", "0", "--time", "sepal_length"), "without validation rows"),
        (("--space", "hidden=1..2"), "has no range"),
        (("--space", "lr=0.1,1", "--space", "lr=1,2"), "each setting once"),
        (("--folds", "1"), "--folds: expected a number from 2"),
    ):
        code, _, err = call("tune", IRIS, *QUICK, "--trials", "1", *flags, "-o", "c.toml")
        assert (code, message in err) == (2, True), err


@pytest.mark.slow
def test_studies_whose_trainings_all_diverge_say_so(call, here):
    for command in (("cv", IRIS, "--folds", "2"), ("compare", IRIS, "--vary", "seed=1,2")):
        code, _, err = call(*command, *EXPLODES)
        assert code in (0, 1)
        assert "Traceback" not in err


@pytest.mark.slow
def test_a_study_shows_a_bar_on_a_terminal(call, here, monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    for command in (("cv", IRIS, "--folds", "2"), ("tune", IRIS, "--trials", "2", "--folds", "2", "-o", "b.toml")):
        code, _, err = call(*command, *QUICK)
        assert code == 0
        assert "\x1b" in err


@pytest.mark.slow
def test_studies_take_a_validation_file_of_their_own(call, here):
    lines = IRIS.read_text().splitlines(keepends=True)
    judge = csv_of(here / "v.csv", "".join(lines[:1] + lines[1::3]))
    big = csv_of(here / "d.csv", "".join(lines) + "".join(lines[1:]))
    assert call("cv", big, "--folds", "2", *QUICK, "--validation", judge)[0] == 0
    assert call("learning-curve", big, "--repeats", "2", "--sizes", "3", *QUICK, "--validation", judge)[0] == 0
    code, _, err = call("learning-curve", big, "--time", "sepal_length", *QUICK)
    assert (code, "leave out --time" in err) == (2, True)


SETTINGS = {
    "--batch-size=1.5": "expected auto, full or a whole number",
    "--hidden=" + "1," * 101 + "1": "at most 100",
    "--memory=much": "expected a size such as 500MB",
    "--time-limit=soon": "expected a time such as 90s",
    "--loss=binary_cross_entropy": "needs a target of two classes",
}


@pytest.mark.parametrize("flag", SETTINGS)
def test_settings_that_do_not_fit_are_refused(flag, call, here):
    code, _, err = call("train", IRIS, *QUICK, flag)
    assert code in (1, 2)
    assert SETTINGS[flag] in err


def test_shares_may_not_leave_too_little(call, here):
    code, _, err = call("train", IRIS, *QUICK, "--validation", "0.5", "--test", "0.45")
    assert (code, "less than a tenth" in err) == (2, True)
    assert parse(ReadOptions, "memory", "2GB") == 2 << 30 or parse(ReadOptions, "memory", "2GB") == 2_000_000_000
    assert parse(ReadOptions, "header", "false") is False
    with pytest.raises(UsageError, match="expected true or false"):
        parse(ReadOptions, "header", "maybe")


# --- the library ------------------------------------------------------------------------------------------


def test_fit_refuses_an_unknown_setting():
    with pytest.raises(UsageError, match="unknown setting 'epoch'"):
        mlpcli.fit(str(IRIS), epoch=3)


def test_a_model_predicts_frames_in_any_order_and_names_what_is_missing(small):
    model = mlpcli.load(str(small / "iris.npz"))
    frame = pd.read_csv(IRIS)
    whole = model.predict(frame)
    assert (model.predict(frame[frame.columns[::-1]]) == whole).all()
    assert model.predict_proba(frame).shape == (150, 3)
    with pytest.raises(DataError, match="missing columns: sepal_length") as caught:
        model.predict(frame.rename(columns={"sepal_length": "sepal_lengthy"}))
    assert "did you mean 'sepal_lengthy'" in str(caught.value.hint)


def test_a_frame_of_numbers_where_the_model_has_text_is_read_as_text(here):
    data = csv_of(here / "d.csv", "k,x,y\n" + "".join(f"{'7a'[i % 2]},{i % 9},{i % 2}\n" for i in range(60)))
    model = mlpcli.fit(data, preset="classic", epochs=2)
    frame = pd.DataFrame({"k": pd.Categorical(["7", "a"]), "x": [1, 2]})
    plain = pd.DataFrame({"k": ["7", "a"], "x": ["1", "2"]})
    assert (model.predict_proba(frame) == model.predict_proba(plain)).all()
    regression = mlpcli.fit(str(DIABETES), target="progression", preset="classic", epochs=1)
    assert regression.predict(pd.read_csv(DIABETES).drop(columns="progression")).dtype == np.float64


REFUSED = {
    "too many classes": ("x,y\n" + "".join(f"{i % 7},c{i}\n" for i in range(60)), {}, "look like an id"),
    "target mostly missing": ("x,y\n" + "1,\n2,a\n3,\n4,b\n5,\n" * 12, {}, "missing"),
    "too few rows": ("x,y\n" + "1,a\n2,b\n" * 6, {"ensemble": 8}, "too few rows"),
    "a text as time": ("t,x,y\n" + "".join(f"w{i},{i % 5},{i % 2}\n" for i in range(60)), {"time": "t"}, "neither"),
    "no time": ("t,x,y\n" + "".join(f"{i or ''},{i % 5},{i % 2}\n" for i in range(60)), {"time": "t"}, "no time here"),
    "weights below 0": ("w,x,y\n" + "".join(f"-1,{i % 5},{i % 2}\n" for i in range(60)), {"weight": "w"}, "at least 0"),
    "weights no numbers": ("w,x,y\n" + "".join(f"q{i % 2},{i % 5},{i % 2}\n" for i in range(60)), {"weight": "w"},
                           "at least 0"),
    "weight 0 in all test rows": ("w,t,x,y\n" + "".join(f"{int(i < 51)},{i},{i % 7},{i % 2}\n" for i in range(60)),
                                  {"weight": "w", "time": "t"}, "all test rows have the weight 0"),
    "weight 0 to validate by": ("w,t,x,y\n" + "".join(f"{int(i < 42)},{i},{i % 7},{i % 2}\n" for i in range(60)),
                                {"weight": "w", "time": "t"}, "all validation rows have the weight 0"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_tables_that_cannot_be_trained_on_are_refused(name, here):
    text, settings, message = REFUSED[name]
    with pytest.raises(DataError, match=message):
        prepare(csv_of(here / "d.csv", text), Config(preset="classic", epochs=1, **({"ensemble": 1} | settings)))


def test_a_model_needs_an_epoch(small):
    prepared = prepare(str(IRIS), Config(preset="classic", epochs=1))
    with pytest.raises(TrainingError, match="before the first epoch"):
        assemble(prepared, mlpcli.events.History())


def test_json_holds_no_nan_and_no_foreign_object():
    for value, kind in ((math.nan, ValueError), (object(), TypeError)):
        with pytest.raises(kind):
            jsonable.to_json({"a": value})


@pytest.mark.parametrize("value", [[1], {"kind": 3}, "x", {}])
def test_what_is_no_such_record_is_refused(value):
    with pytest.raises(ModelError):
        jsonable.from_json(Dialect, value)
    with pytest.raises(ModelError):
        jsonable.from_json(tuple[int, int], [1, 2, 3])


def test_the_noise_of_a_short_curve_is_not_known():
    assert noise_of(np.array([1.0, 2.0])) == 0


# --- other systems ------------------------------------------------------------------------------------------


def test_the_limit_of_a_container_counts(here, monkeypatch):
    (here / "memory.max").write_text("2000000\n")
    (here / "memory.current").write_text("1500000\n")
    monkeypatch.setattr("mlpcli.data.storage.CGROUP", here)
    assert free_memory() == 500_000
    (here / "memory.max").write_text("max\n")
    assert free_memory() > 2_000_000  # no limit: what the machine has
    monkeypatch.setattr("mlpcli.data.storage.CGROUP", here / "none")
    assert free_memory() > 0


def test_rows_live_in_a_file_where_disk_space_cannot_be_reserved(here, monkeypatch):
    monkeypatch.delattr(os, "posix_fallocate")
    from mlpcli.data.storage import Storage

    array = Storage(1, str(here)).array((1000,), np.float64)
    array[:] = 3
    assert array.sum() == 3000


def test_a_process_of_another_user_is_alive(monkeypatch):
    def forbidden(pid, number):
        raise PermissionError

    monkeypatch.setattr(os, "kill", forbidden)
    assert files.is_alive(1)


def test_a_copy_that_does_not_fit_the_disk_is_refused(here, monkeypatch):
    def full(descriptor, data):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    path = here / "d.csv"
    path.write_bytes("a,y\n1,2\n".encode("utf-16"))
    monkeypatch.setattr(os, "write", full)
    with pytest.raises(MachineError, match="No space left"):
        open_table(str(path), ReadOptions())


def test_a_file_that_shrinks_while_it_is_read_is_refused(here):
    path = here / "d.csv"
    path.write_text("a,y\n" + "1,2\n" * 1000)
    text = texts.open_text(str(path), None, str(here))
    path.write_text("a,y\n")
    with pytest.raises(DataError, match="changed while it was read"):
        text.read(0, 4000)
    with pytest.raises(DataError, match="changed while it was read"):
        text.check_unchanged()
    assert list(text.file.blocks(2000)) == []


def test_an_unknown_encoding_is_refused(here):
    path = csv_of(here / "d.csv", "a,y\n1,2\n")
    for name in ("no-such", "rot13", "hex"):
        with pytest.raises(DataError, match="no such text encoding"):
            open_table(path, ReadOptions(encoding=name))


def test_what_was_never_told_to_end_has_no_figures(call, here, monkeypatch):
    """A study stopped before anything came of it."""
    from mlpcli.cli.app import StoppedError
    from mlpcli.studies import comparison, cross_validation, tuning

    def stopped(*args, **more):
        raise StoppedError(signal.SIGTERM)
        yield

    for module in (comparison, cross_validation, tuning):
        monkeypatch.setattr(module, "run", stopped)
    for command in (
        ("cv", IRIS, "--folds", "2"),
        ("compare", IRIS, "--vary", "seed=1,2"),
        ("tune", IRIS, "--trials", "2", "-o", "b.toml"),
    ):
        code, _, err = call(*command, *QUICK)
        assert code == 1, err
        assert "there is nothing to" in err


# --- what a search, a remedy and a file may meet ----------------------------------------------------------


def test_a_range_of_words_is_no_range(call, here):
    code, _, err = call("tune", IRIS, *QUICK, "--trials", "1", "--space", "batch-size=auto..full")
    assert (code, "expected two numbers" in err) == (2, True)


def test_tune_keeps_groups_together(call, here):
    rows = "".join(f"{i * 7 % 23},g{i % 12},{i % 2}\n" for i in range(96))
    path = csv_of(here / "d.csv", "a,who,y\n" + rows)
    code, out, err = call(
        "tune", path, *QUICK, "--group", "who", "--trials", "1", "--folds", "2", "-o", "b.toml", "--json"
    )
    assert code == 0, err
    assert json.loads(out)["trials"]


def test_tune_takes_a_validation_file_for_its_one_fold(call, here):
    data, held = (
        csv_of(here / "d.csv", "a,b,y\n" + ROWS),
        csv_of(here / "v.csv", "a,b,y\n" + "".join(ROWS.splitlines(True)[:20])),
    )
    code, out, err = call("tune", data, *QUICK, "--validation", held, "--trials", "1", "-o", "b.toml", "--json")
    assert code == 0, err
    assert json.loads(out)["trials"]


def test_a_remedy_that_diverges_is_said_to(call, here, monkeypatch):
    from mlpcli.studies import remedies

    monkeypatch.setattr(
        remedies, "REMEDIES", {"a mad rate": lambda patient: {"lr": 1000.0, "hidden": (300, 300, 300, 300)}}
    )
    path = csv_of(here / "d.csv", "a,b,y\n" + "".join(f"{i % 23},{i % 5},{i % 23 + i % 5}\n" for i in range(80)))
    wild = ("--activation", "identity", "--init", "normal", "--hidden", "4")
    train = ("train", path, *QUICK, *wild, "--task", "regression", "-q", "-o", "m.npz")
    assert call(*train)[0] == 0
    code, out, err = call("diagnose", "m.npz", "--try", "--jobs", "1")
    assert code == 0, err
    assert "diverged" in out


@pytest.mark.parametrize("loss", ["squared_error", "absolute_error", "huber"])
def test_the_link_of_numbers_is_the_number(loss):
    from mlpcli.engine.losses import LOSSES

    logits = np.array([[0.5], [-2.0]])
    assert LOSSES[loss]().link(logits).tolist() == logits.tolist()


def test_texts_that_all_look_like_numbers_are_still_the_model_s_texts(call, here):
    rows = "".join(f"{['x', '1', '2.5'][i % 3]},{i % 3 == 0}\n" for i in range(90))
    data = csv_of(here / "d.csv", "kind,y\n" + rows)
    assert call("train", data, *QUICK, "--category", "kind", "-q", "-o", "m.npz")[0] == 0
    only = csv_of(here / "n.csv", "kind\n1\n2.5\n")
    model = mlpcli.load("m.npz")
    frame = pd.read_csv(only)
    assert model.predict(frame).tolist() == call("predict", "m.npz", only)[1].split()[1:]


def test_a_stop_before_the_first_epoch_and_one_after_it_are_told_apart(call, here, monkeypatch):
    from mlpcli.cli.app import StoppedError
    from mlpcli.training.loop import MemberTrainer

    epoch = MemberTrainer.epoch

    def stopped_after(n):
        def run(self):
            if self.done == n:
                raise StoppedError(signal.SIGINT)
            return epoch(self)

        return run

    monkeypatch.setattr(MemberTrainer, "epoch", stopped_after(0))
    code, _, err = call("train", IRIS, *QUICK, "-o", "m.npz")
    assert (code, "interrupted before the first epoch ended" in err, os.path.exists("m.npz")) == (130, True, False)
    monkeypatch.setattr(MemberTrainer, "epoch", stopped_after(1))
    code, _, err = call("train", IRIS, *QUICK, "-o", "m.npz", "--checkpoint", "r.ckpt")
    assert (code, "go on with the same command and --resume r.ckpt" in err) == (130, True)
    assert "best model (epoch 1) saved to m.npz" in err


def test_quiet_commands_say_nothing_and_judge_all_the_same(call, here):
    assert call("split", IRIS, "-q", "-o", str(here)) == (0, "", "")
    assert sorted(p.name for p in here.glob("*.csv")) == ["iris_test.csv", "iris_train.csv", "iris_validation.csv"]
    assert call("compare", IRIS, *QUICK, "--vary", "seed=1,2", "-q") == (0, "", "")
    assert call("train", IRIS, *QUICK, "-q", "-o", "m.npz") == (0, "", "")
    assert call("evaluate", "m.npz", IRIS, "-q") == (0, "", "")
    assert call("evaluate", "m.npz", IRIS, "-q", "--fail-under", "accuracy=0.99")[0] == 3


def test_an_ensemble_without_validation_rows_tells_the_spread_of_its_training_losses_alone(call, here):
    code, _, err = call("train", IRIS, *QUICK, "--ensemble", "2", "--validation", "0", "--time", "sepal_length")
    assert code == 0, err
    assert "their training losses" in err
    assert "their validation losses" not in err


def test_a_regression_takes_a_validation_file_of_its_own(call, here):
    lines = DIABETES.read_text().splitlines(keepends=True)
    data, judge = csv_of(here / "d.csv", "".join(lines[:301])), csv_of(here / "v.csv", lines[0] + "".join(lines[301:]))
    code, _, err = call("train", data, *QUICK, "--target", "progression", "--validation", judge, "-o", "m.npz")
    assert code == 0, err
    model = mlpcli.load("m.npz")
    assert model.record.data.n_validation == len(lines) - 301
    assert not model.labels


def test_a_class_that_the_model_never_saw_cannot_be_judged(call, here):
    from mlpcli.evaluation.evaluate import truth_of

    assert call("train", IRIS, *QUICK, "-q", "-o", "m.npz")[0] == 0
    cells = pd.Series(pd.Categorical(["setosa", "tulip", "tulip"]))
    with pytest.raises(DataError, match=r"never seen the class 'tulip' \(2 rows\)") as caught:
        truth_of(mlpcli.load("m.npz"), cells, "new.csv")
    assert caught.value.file == "new.csv"
