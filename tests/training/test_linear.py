"""Networks without hidden layers find what scikit-learn's generalised linear models of the same loss find."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from conducted import compare
from sklearn import linear_model, metrics

import mlpcli
from mlpcli.config.settings import Config

LINEAR = {
    "hidden": (), "preset": "classic", "optimizer": "adam", "lr": 0.02, "schedule": "cosine", "l2": 0.0, "epochs": 150,
    "validation": "0", "test": "0", "task": "regression",
}  # fmt: skip


def table(draw, folder):
    """A CSV of 400 rows with two inputs, and the rows."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 2)).round(3)
    frame = pd.DataFrame({"a": x[:, 0], "b": x[:, 1], "y": draw(x, rng)})
    path = folder / "d.csv"
    frame.to_csv(path, index=False)
    return str(path), frame


def counts(x, rng):
    return rng.poisson(np.exp(1 + 0.4 * x[:, 0] - 0.3 * x[:, 1]))


def test_poisson_is_poisson_regression(tmp_path):
    path, frame = table(counts, tmp_path)
    model = mlpcli.fit(path, loss="poisson", **LINEAR)
    peer = linear_model.PoissonRegressor(alpha=0, tol=1e-8).fit(frame[["a", "b"]], frame.y)
    ours, theirs = model.predict(frame), peer.predict(frame[["a", "b"]])
    assert ours == pytest.approx(np.clip(theirs, frame.y.min(), frame.y.max()), rel=0.02)
    deviance = metrics.mean_poisson_deviance
    assert deviance(frame.y, ours) == pytest.approx(deviance(frame.y, theirs), rel=1e-4)


def spread_out(x, rng):
    return (3 * x[:, 0] - x[:, 1] + (1 + 0.5 * np.abs(x[:, 0])) * rng.exponential(size=len(x))).round(3)


@pytest.mark.parametrize("quantile", [0.1, 0.9])
def test_quantile_is_quantile_regression(quantile, tmp_path):
    path, frame = table(spread_out, tmp_path)
    model = mlpcli.fit(path, loss="quantile", quantile=quantile, **LINEAR)
    peer = linear_model.QuantileRegressor(quantile=quantile, alpha=0).fit(frame[["a", "b"]], frame.y)
    ours, theirs = model.predict(frame), np.clip(peer.predict(frame[["a", "b"]]), frame.y.min(), frame.y.max())
    assert np.mean(frame.y < ours) == pytest.approx(quantile, abs=0.01)
    assert np.abs(ours - theirs).mean() < 0.03 * frame.y.std()
    losses = [metrics.mean_pinball_loss(frame.y, answers, alpha=quantile) for answers in (ours, theirs)]
    assert losses[0] == pytest.approx(losses[1], rel=2e-3)


@pytest.mark.slow
def test_quantiles_are_judged_by_their_pinball_loss(tmp_path, call):
    path, _ = table(spread_out, tmp_path)
    flags, out = ("--loss", "quantile", "--quantile", "0.8"), str(tmp_path / "m.npz")
    assert call("train", path, *flags, "--epochs", "8", "-q", "-o", out)[0] == 0
    model = mlpcli.load(out)
    found = model.evaluate()
    pinball = metrics.mean_pinball_loss(found.y, found.outputs, alpha=0.8)
    assert next(iter(found.metrics["test"])) == "pinball"
    assert found.metrics["test"]["pinball"].value == pytest.approx(pinball)
    assert found.metrics["test"]["pinball"].value < found.baselines["quantile"]["pinball"]
    assert model.config.quantile == 0.8
    code, answer, err = call("cv", path, *flags, "--epochs", "2", "--folds", "2")
    assert code == 0, err
    assert "pinball" in answer
    settings = Config(loss="quantile", epochs=2)
    assert compare(path, "lr=0.01,0.02", settings).metric == "pinball"
    assert compare(path, "quantile=0.2,0.8", settings).metric == "rmse"  # pinball losses of two do not compare


def test_a_quantile_of_another_loss_is_refused(tmp_path, call):
    path, _ = table(spread_out, tmp_path)
    code, _, err = call("train", path, "--quantile", "0.9")
    assert code == 2
    assert "--quantile is for another loss than squared_error\nhint: --loss quantile" in err


@pytest.mark.slow
def test_counts_are_judged_by_their_deviance(tmp_path, call):
    path, _ = table(counts, tmp_path)
    out = str(tmp_path / "m.npz")
    assert call("train", path, "--loss", "poisson", "--task", "regression", "--epochs", "8", "-q", "-o", out)[0] == 0
    model = mlpcli.load(out)
    found = model.evaluate()
    assert next(iter(found.metrics["test"])) == "poisson_deviance"
    deviance = metrics.mean_poisson_deviance(found.y, found.outputs)
    assert found.metrics["test"]["poisson_deviance"].value == pytest.approx(deviance)
    assert found.metrics["test"]["poisson_deviance"].value < found.baselines["mean"]["poisson_deviance"]
    assert model.record.history.metric == "d2"
    assert max(model.record.history.valid_metric) > 0.1
    code, answer, _ = call("evaluate", out, "--metric", "poisson_deviance")
    assert (code, float(answer)) == (0, pytest.approx(deviance, rel=1e-4))
    code, answer, err = call("cv", path, "--loss", "poisson", "--task", "regression", "--epochs", "2", "--folds", "2")
    assert code == 0, err
    assert "poisson_deviance" in answer


def test_a_negative_count_is_refused_with_its_line(tmp_path, call):
    path, _ = table(lambda x, rng: np.r_[counts(x[:-1], rng), -3], tmp_path)
    code, _, err = call("train", path, "--loss", "poisson", "--task", "regression")
    assert code == 1
    assert "d.csv:401: column 'y': --loss poisson needs numbers of at least 0, found '-3'" in err
    good, _ = table(counts, tmp_path)
    out = str(tmp_path / "m.npz")
    assert call("train", good, "--loss", "poisson", "--task", "regression", "--epochs", "2", "-q", "-o", out)[0] == 0
    other = tmp_path / "other.csv"
    other.write_text("a,b,y\n0,0,1\n0,0,-2\n")
    code, _, err = call("evaluate", out, str(other))
    assert code == 1
    assert "other.csv:3: column 'y'" in err
