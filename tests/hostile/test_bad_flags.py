"""Flags, settings and sizes that make no sense: usage errors with the range in the message, before any work."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from samples import IRIS

QUICK = ["--preset", "classic", "--epochs", "2"]


def test_F01_epochs(call, small):
    for text in ("0", "-1", "1e9", "nan", "abc", "１０", "", "1_0", "0x10", "1.5", "9" * 30):
        code, out, err = call("train", small / "iris.csv", f"--epochs={text}")
        assert (code, out) == (2, ""), text
        assert "--epochs: expected a" in err
        assert "from 1 to 100000" in err


def test_F02_learning_rate(call, small):
    for text in ("0", "-1", "inf", "nan", "1e-400", "1e400", "abc", "٣", ""):
        code, out, err = call("train", small / "iris.csv", f"--lr={text}")
        assert (code, out) == (2, ""), text
        assert "--lr: expected a number above 0 to 1000" in err


@pytest.mark.parametrize("text", ["64,,32", "64;32", "0", "-3", "64,x", "1e3", "65537", "1000000000", ",", "1," * 101])
def test_F03_Z07_hidden_layers_that_cannot_be(text, call, small):
    code, _, err = call("train", small / "iris.csv", f"--hidden={text}", *QUICK)
    assert code == 2
    assert "--hidden: " in err


@pytest.mark.parametrize(("text", "shape"), [("", "4 - 3"), ("6, 5", "4 - 6 - 5 - 3"), ("7x6", "4 - 7 - 6 - 3")])
def test_F03_hidden_layers_that_can_be(text, shape, call, small, tmp_path):
    code, _, err = call("train", small / "iris.csv", f"--hidden={text}", *QUICK, "-o", tmp_path / "m.npz")
    assert code == 0
    assert f"network {shape} (" in err


def test_F04_seed(call, small, tmp_path):
    for text in ("-1", str(2**64), "1.5", "x"):
        code, _, err = call("train", small / "iris.csv", f"--seed={text}")
        assert code == 2
        assert "--seed: expected a" in err
    for text in (str(2**63), str(2**64 - 1)):
        assert call("train", small / "iris.csv", f"--seed={text}", *QUICK, "-q", "-o", tmp_path / "m.npz")[0] == 0


OUTPUTS = {
    "the input": ("iris.csv", 2, "is an input too"),
    "the input by another name": ("link.npz", 2, "is an input too"),
    "a folder": (".", 2, "does not end in .npz"),
    "a folder named so": ("folder.npz", 2, "is a folder"),
    "the null device": ("/dev/null", 2, "does not end in .npz"),
    "a link to the null device": ("null.npz", 2, "is not a regular file"),
    "stdout": ("-", 2, "does not end in .npz"),
    "a missing folder": ("no/m.npz", 1, "no such folder"),
    "below a file": ("iris.csv/m.npz", 1, "no such folder"),
    "another ending": ("m.csv", 2, "does not end in .npz"),
    "nothing": ("", 2, "does not end in .npz"),
    "a pipe": ("fifo.npz", 2, "is not a regular file"),
    "a name too long": ("a" * 300 + ".npz", 1, "File name too long"),
}


@pytest.mark.parametrize("name", OUTPUTS)
def test_F05_outputs(name, call, tmp_path, monkeypatch):
    import os

    output, code, message = OUTPUTS[name]
    monkeypatch.chdir(tmp_path)
    Path("iris.csv").write_bytes(IRIS.read_bytes())
    Path("link.npz").symlink_to("iris.csv")
    Path("null.npz").symlink_to("/dev/null")
    Path("folder.npz").mkdir()
    os.mkfifo("fifo.npz")
    before = sorted(os.listdir())
    found, out, err = call("train", "iris.csv", *QUICK, "--output", output)
    assert (found, out) == (code, ""), err
    assert message in err
    assert "epoch" not in err  # before training
    assert Path("iris.csv").read_bytes() == IRIS.read_bytes()
    assert sorted(os.listdir()) == before


@pytest.mark.parametrize("flag", ["--log", "--checkpoint"])
def test_F05_no_other_file_replaces_an_input_or_the_model(flag, call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("iris.csv").write_bytes(IRIS.read_bytes())
    for other in ("iris.csv", "m.npz"):
        Path("m.npz").write_bytes(b"old")
        code, _, err = call("train", "iris.csv", *QUICK, "-o", "m.npz", flag, other)
        assert (code, "is an input too" in err) == (2, True)
    assert Path("iris.csv").read_bytes() == IRIS.read_bytes()
    assert Path("m.npz").read_bytes() == b"old"


def test_F05_predict_refuses_to_replace_what_it_reads(call, small):
    for output in ("iris.csv", "iris.npz"):
        before = (small / output).read_bytes()
        code, _, err = call("predict", small / "iris.npz", small / "iris.csv", "-o", small / output)
        assert (code, "is an input too" in err) == (2, True)
        assert (small / output).read_bytes() == before


def test_R10_a_model_of_another_target_or_other_columns_is_replaced_with_overwrite_alone(call, small, tmp_path):
    model = tmp_path / "m.npz"
    model.write_bytes((small / "iris.npz").read_bytes())
    narrow = tmp_path / "narrow.csv"
    lines = (small / "iris.csv").read_text().splitlines()
    narrow.write_text("".join(line.partition(",")[2] + "\n" for line in lines))
    args = [*QUICK, "-q", "-o", model]
    for data, more, message in (
        (small / "iris.csv", ["--target", "petal_width"], "predicts 'species', not 'petal_width'"),
        (narrow, [], "has other columns"),
    ):
        before = model.read_bytes()
        code, out, err = call("train", data, *more, *args)
        assert (code, out, model.read_bytes()) == (2, "", before)
        assert message in err
        assert "--overwrite" in err
    for more in ([], ["--drop", "petal_width"], ["--target", "petal_width", "--overwrite"]):
        assert call("train", small / "iris.csv", *more, *args)[::2] == (0, "")


def test_F06_an_existing_model_is_replaced(call, small, tmp_path):
    (tmp_path / "m.npz").write_bytes(b"old")
    assert call("train", small / "iris.csv", *QUICK, "-q", "-o", tmp_path / "m.npz")[0] == 0
    assert (tmp_path / "m.npz").read_bytes()[:2] == b"PK"


@pytest.mark.parametrize(
    ("args", "message"),
    [
        (["train", "{}", "--epohcs", "3"], "No such option: --epohcs"),
        (["train", "{}", "--epoch", "3"], "--epochs"),
        (["train", "{}", "{}"], "unexpected extra argument"),
        (["train", "{}", "--jobs", "0"], "--jobs"),
        (["train", "{}", "--jobs", "1000000"], "--jobs"),
        (["train", "{}", "--epochs"], "requires an argument"),
        (["trian"], "Did you mean 'train'?"),
        (["train", "{}", "--preset", "clasic"], "did you mean classic?"),
        (["train", "{}", "--time-limit", "5 days"], "--time-limit: expected a time such as"),
        (["train", "{}", "--delimiter", ";;"], "--delimiter: expected one ASCII character"),
        (["predict", "{}", "--threshold", "2"], "--threshold"),
        (["predict", "{}", "--format", "xml"], "no such choice"),
        (["train", "{}", "--batch-size", "0"], "--batch-size: expected auto, full or a whole number from 1"),
        (["train", "{}", "--fail-under", "accuracy"], "expected METRIC=VALUE"),
        (["train", "{}", "--fail-under", "acuracy=1"], "no metric 'acuracy'"),
        (["train", "{}", "--fail-on", "overfiting"], "no finding 'overfiting'"),
    ],
)
def test_F07_F09_unknown_flags_and_values(args, message, call, small):
    code, out, err = call(*(a.format(small / "iris.csv") for a in args))
    assert (code, out) == (2, "")
    assert message.lower() in err.lower()
    assert err.startswith("mlpcli: ")


def test_F07_the_last_of_a_repeated_flag_counts(call, small, tmp_path):
    code, out, _ = call(
        "train", small / "iris.csv", "--json", *QUICK, "--epochs", "4", "--epochs", "3", "-o", tmp_path / "m.npz"
    )
    assert (code, json.loads(out)["epochs"]) == (0, 3)


CONFIGS = {
    "unknown key": ("epoks = 3", "did you mean 'epochs'?"),
    "double key": ("epochs = 3\nepochs = 4", "not a TOML file"),
    "wrong type": ("epochs = {a = 1}", "setting 'epochs': expected"),
    "wrong type in a list": ("hidden = [[1]]", "setting 'hidden': expected"),
    "a date": ("epochs = 1979-05-27", "setting 'epochs': expected"),
    "out of range": ("epochs = 0", "--epochs: expected a number from 1"),
    "not a number": ("lr = nan", "--lr: expected a number"),
    "a yaml tag": ("epochs: !!python/object/apply:os.system ['touch owned']", "not a TOML file"),
    "an environment variable": ('epochs = "${HOME}"', "--epochs: expected a whole number"),
    "a target to call": ('_target_ = "os.system"', "unknown setting '_target_'"),
    "anchors": ("a: &a [x,x]\nb: &b [*a,*a]", "not a TOML file"),
    "deep brackets": ("epochs = " + "[" * 100_000, "not a TOML file"),
    "too large": ("#" * 1_000_001, "larger than 1 MB"),
    "binary": ("\udcff\udcfe", "not a TOML file"),
    "a table": ("[train]\nepochs = 3", "unknown setting 'train'"),
}


@pytest.mark.parametrize("name", CONFIGS)
def test_F08_X07_configuration_files(name, call, tmp_path, monkeypatch):
    text, message = CONFIGS[name]
    monkeypatch.chdir(tmp_path)
    Path("c.toml").write_bytes(text.encode("utf-8", "surrogateescape"))
    code, _, err = call("train", IRIS, "--config", "c.toml")
    assert code == 2
    assert message in err
    assert err.count("\n") <= 2
    assert [p.name for p in tmp_path.iterdir()] == ["c.toml"]


@pytest.mark.parametrize("name", ["missing.toml", "."])
def test_F08_a_configuration_file_that_cannot_be_read(name, call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, _, err = call("train", IRIS, "--config", name)
    assert code in (1, 2)
    assert "cannot read the configuration file" in err


def test_F08_names_with_dashes_and_lists_are_read(call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("mlpcli.toml").write_text(
        'preset = "classic"\nbatch-size = 16\nhidden = [4, 3]\nepochs = 2\ncalibrate = false\n'
    )
    code, _, err = call("train", IRIS)
    assert code == 0
    assert "4 - 4 - 3 - 3" in err


# --- sizes and shapes -------------------------------------------------------------------------------------


def table(n: int, seed: int = 0, **columns) -> str:
    """A CSV of n rows: x, y (a class that x tells), and more columns as text."""
    x = np.random.default_rng(seed).standard_normal(n)
    names = ["x", *columns, "y"]
    rows = [[f"{x[i]:.4f}", *(str(c[i % len(c)]) for c in columns.values()), "ab"[int(x[i] > 0)]] for i in range(n)]
    return ",".join(names) + "\n" + "".join(",".join(row) + "\n" for row in rows)


@pytest.fixture
def train(call, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def run(text: str, *args: object):
        Path("d.csv").write_text(text)
        return call("train", "d.csv", *args)

    return run


def test_Z01_a_target_alone(train):
    code, _, err = train("y\n" + "a\nb\n" * 20)
    assert (code, "no feature columns" in err) == (1, True)


def test_Z03_a_batch_larger_than_the_table(train):
    assert train(table(40), "--batch-size", "100000000", *QUICK)[0] == 0


@pytest.mark.parametrize("share", ["0.95", "1", "-0.1", "nan", "inf", "2"])
@pytest.mark.parametrize("flag", ["--validation", "--test"])
def test_Z04_shares_that_leave_nothing(share, flag, train):
    code, _, err = train(table(40), f"{flag}={share}", *QUICK)
    assert code == 2
    assert flag in err


def test_Z04_few_rows_and_large_shares(train):
    code, _, err = train(table(10), "--validation", "0.45", "--test", "0.45", "--ensemble", "1", *QUICK)
    assert code in (0, 1)
    assert "Traceback" not in err


@pytest.mark.parametrize("normalization", ["batch", "layer"])
def test_Z06_a_last_batch_of_one_row(normalization, train, tmp_path):
    code, out, _ = train(
        table(38), "--batch-size", "13", "--test", "0", "--validation", "0", "--normalization", normalization,
        *QUICK, "--json",
    )  # fmt: skip
    assert code == 0
    assert "NaN" not in out
    from mlpcli.model.trained import load

    assert all(np.isfinite(n.params).all() and np.isfinite(n.state).all() for n in load("model.npz").networks)


@pytest.mark.parametrize("hidden", ["65536,65536,65536", ",".join(["60000"] * 100)])
def test_Z07_a_network_too_large_is_refused_with_its_size(hidden, train):
    code, _, err = train(table(40), "--hidden", hidden, *QUICK)
    assert code == 1
    assert "parameters need" in err or "parameters needs about" in err
    assert "GB" in err
    assert not Path("model.npz").exists()


def test_Z08_predictions_of_no_rows_are_a_header(call, small, tmp_path):
    (tmp_path / "none.csv").write_text(IRIS.read_text().splitlines()[0] + "\n")
    assert call("predict", small / "iris.npz", tmp_path / "none.csv")[:2] == (0, "prediction\n")


@pytest.mark.slow
def test_Z09_predictions_of_nothing_at_all_are_an_error(small, shell):
    done = shell("mlpcli predict iris.npz - < /dev/null", small)
    assert (done.returncode, done.stdout) == (1, "")
    assert "<stdin>: empty file" in done.stderr


def test_Z11_weights_that_explode_are_caught_at_the_step_and_the_best_epoch_is_kept(train):
    x = np.random.default_rng(0).standard_normal((300, 3))
    rows = "".join(f"{a:.4f},{b:.4f},{c:.4f},{a * b + c:.4f}\n" for a, b, c in x)
    code, _, err = train(
        "a,b,c,y\n" + rows, "--task", "regression", "--preset", "classic", "--lr", "1000", "--activation", "identity"
    )
    if code == 0:
        assert "loss became" in err
        assert "learning rate now 100" in err
        from mlpcli.model.trained import load

        assert np.isfinite(load("model.npz").networks[0].params).all()
    else:
        assert code == 1
        assert "loss became" in err
        assert "epoch 1, step" in err
        assert not Path("model.npz").exists()


def test_Z11_a_recovery_is_said_in_words_a_finding_and_json(train):
    code, out, err = train(
        table(300), "--preset", "classic", "--lr", "1000", "--hidden", "30,30", "--activation", "identity", "--json",
        "--epochs", "20",
    )  # fmt: skip
    assert code == 0, err
    said = [line for line in err.splitlines() if "; back to" in line]
    assert said
    assert "step" in said[0]
    codes = {f["code"] for f in json.loads(out)["findings"]}
    assert codes & {"recovered", "diverged"}


def test_Z12_a_training_that_moves_nothing_ends_by_patience_and_is_named(train):
    code, out, _ = train(
        table(200), "--preset", "classic", "--init", "zeros", "--lr", "1e-9", "--patience", "4", "--epochs", "500",
        "--optimizer", "sgd", "--json",
    )  # fmt: skip
    answer = json.loads(out)
    assert code == 0
    assert answer["epochs"] < 500
    assert {"underfitting", "no-better-than-baseline"} & {f["code"] for f in answer["findings"]}


def test_Z13_extreme_logits_give_finite_probabilities_that_sum_to_one():
    from mlpcli.engine.losses import LOSSES

    logits = np.array([[1e4, -1e4, 0], [-1e4, -1e4, -1e4], [1e38, -1e38, 0]], np.float32)
    for name in ("cross_entropy", "binary_cross_entropy"):
        loss = LOSSES[name]()
        z = logits if name == "cross_entropy" else logits[:, :1]
        probabilities = loss.link(z)
        assert np.isfinite(probabilities).all()
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-6)
        assert np.isfinite(loss.value(z[:2], np.array([1, 1])))


EXTREME = {
    "1e300": ["1e300", "-1e300", "0"],
    "1e308 and its negative": ["1.7e308", "-1.7e308"],
    "1e-300": ["1e-300", "2e-300", "-1e-300"],
    "below the smallest float32": ["1e-39", "2e-40", "3e-45"],
    "the smallest double": ["5e-324", "0"],
    "constant": ["7"],
    "huge and constant": ["1e300"],
    "one value in many": ["1e30", *["0"] * 299],
    "mixed": ["1e-300", "1e300", "1", "-1"],
    "wide as the float64s": ["1e-308", "1e308"],
}


@pytest.mark.slow
@pytest.mark.parametrize("scale", ["standard", "robust", "none", "default"])
@pytest.mark.parametrize("name", EXTREME)
def test_V03_extreme_columns_never_put_a_number_that_is_not_finite_into_a_model(name, scale, train):
    args = ["--ensemble", "2"] if scale == "default" else ["--scale", scale, "--preset", "classic"]
    code, out, err = train(table(300, c=EXTREME[name]), "--epochs", "3", *args, "--json")
    assert "Traceback" not in err
    if code == 0:
        from mlpcli.model.trained import load

        model = load("model.npz")  # refuses any number that is not finite
        assert "NaN" not in out
        assert all(np.isfinite(n.params).all() for n in model.networks)
    else:
        assert code == 1, err
        assert json.loads(out)["error"]["kind"] in ("training", "data")
        assert not Path("model.npz").exists()


@pytest.mark.slow
@pytest.mark.parametrize("name", EXTREME)
def test_T09_extreme_targets_never_put_a_number_that_is_not_finite_into_a_model(name, train):
    cells = EXTREME[name]
    rows = "".join(f"{i % 17},{i % 5},{cells[i % len(cells)]}\n" for i in range(300))
    code, out, err = train("a,b,y\n" + rows, "--task", "regression", "--epochs", "3", "--ensemble", "2", "--json")
    assert code in (0, 1), err
    assert "Traceback" not in err
    assert "NaN" not in out
    assert "Infinity" not in out
    if code == 1:
        assert json.loads(out)["error"]["kind"] in ("training", "data")
