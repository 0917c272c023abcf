"""--stop-on: a metric of the validation rows chooses the epoch, stops the training and compares trainings."""

from __future__ import annotations

import re
from dataclasses import replace

import conducted
import numpy as np
import pytest
from samples import SAMPLES, csv_of

from mlpcli.config.settings import STOP_METRIC_NAMES, Config, ReadOptions
from mlpcli.data.dataset import DataSet
from mlpcli.errors import UsageError
from mlpcli.files import archive
from mlpcli.metrics.scoring import METRICS
from mlpcli.model.assemble import assemble
from mlpcli.model.trained import load
from mlpcli.studies import comparison, learning_curve
from mlpcli.studies.tuning import Tuner, loss_of_one
from mlpcli.training.criterion import Criterion, as_loss, rank
from mlpcli.training.events import EpochEnded, Finished, History
from mlpcli.training.networks import build_loss
from mlpcli.training.prepare import prepare

EPOCHS = 14
QUICK = Config(
    preset="classic", hidden=(32,), optimizer="adam", lr=0.02, epochs=EPOCHS, patience=0, validation="0.3", l2=0.0
)
LOSS_OF = {"poisson_deviance": "poisson", "pinball": "quantile"}  # of the metrics that are one loss's own
COSTS_OF = {"mean_cost": {"cost": ("yes:no=5",)}, "rank_error": {"order": ("no", "yes")}}


@pytest.fixture(scope="module")
def tables(tmp_path_factory):
    """Noisy rows, which are soon learned by heart: the loss turns early and metrics wander. Weights are unequal."""
    rng = np.random.default_rng(1)
    x = rng.standard_normal((160, 5))
    signal = x[:, 0] + 0.5 * x[:, 1] ** 2
    label = np.where(signal + rng.normal(0, 1.2, 160) > 0.4, "yes", "no")
    amount = np.round(5000 + 900 * (signal + rng.normal(0, 1.0, 160)))
    weight = rng.integers(1, 6, 160)
    heads = ",".join(f"x{i}" for i in range(5))
    folder, found = tmp_path_factory.mktemp("tables"), {}
    for task, target in (("classification", label), ("regression", amount)):
        rows = [",".join(f"{v:.4f}" for v in row) + f",{w},{t}" for row, w, t in zip(x, weight, target, strict=True)]
        found[task] = csv_of(folder / f"{task}.csv", "\n".join([f"{heads},w,y", *rows]) + "\n")
    return found


def settings(name: str, **more) -> Config:
    asked = replace(QUICK, **COSTS_OF.get(name, {}))
    return replace(asked, stop_on=name, target="y", task=task_of(name), loss=LOSS_OF.get(name), drop=("w",), **more)


def task_of(name: str) -> str:
    return METRICS[name].task if name in METRICS else "classification"


def trained(path: str, config: Config):
    """The training's events, and what the network would predict for its validation rows after each epoch."""
    prepared = prepare(path, config)
    member, target, loss = prepared.members[0], prepared.schema.target, build_loss(prepared.settings)
    rows = prepared.encoded.rows[member.valid.index]
    cells = prepared.dataset.y_cells.iloc[rows]
    events, outputs, losses = [], [], []
    for event in prepared.events():
        events.append(event)
        if isinstance(event, EpochEnded):
            linked = loss.link(member.network.predict(member.valid.x[member.valid.index]).astype(np.float64))
            values = linked if target.labels else np.clip(target.in_units(linked[:, 0]), target.low, target.high)
            outputs.append(values)
            losses.append(event.valid_loss)
    labels = {label: i for i, label in enumerate(target.labels)}
    truth = np.array([labels[str(c)] for c in cells]) if labels else cells.to_numpy(np.float64)
    weights = None if config.weight is None else prepared.dataset.column(config.weight).to_numpy(float)[rows]
    return prepared, events, truth, outputs, losses, weights


def values_of(name, truth, outputs, weights, loss):
    metric = METRICS[name]
    if name == "mean_cost":  # "no" is answered where "yes" costs less: below a probability of 1/6
        labels = [(o[:, 1] > 1 / 6).astype(int) for o in outputs]
        return [np.average(np.where(truth > said, 5, truth != said), weights=weights) for said in labels]
    needed = [o.argmax(axis=1) if metric.needs == "labels" else o for o in outputs]
    return [metric.function(truth, o, weights, loss) for o in needed]


def best_of(name, values, losses) -> int:
    sign = -1 if METRICS[name].higher_is_better else 1
    return 1 + min(range(len(values)), key=lambda i: (sign * round(values[i], 12), losses[i]))


@pytest.mark.parametrize("weight", [None, "w"])
@pytest.mark.parametrize("name", STOP_METRIC_NAMES)
def test_the_epoch_is_that_of_the_best_metric_in_the_targets_unit(name, weight, tables):
    config = replace(settings(name), weight=weight, drop=() if weight else ("w",))
    prepared, events, truth, outputs, losses, weights = trained(tables[task_of(name)], config)
    loss = build_loss(prepared.settings)
    values = values_of(name, truth, outputs, weights, loss)
    told = [e.valid_metric for e in events if isinstance(e, EpochEnded)]
    assert events[0].metric == name
    np.testing.assert_allclose(told, values, rtol=1e-5)
    assert events[-1].best_epoch == best_of(name, values, losses)
    member = prepared.members[0]  # left with the weights of that epoch
    kept = loss.value(
        member.network.predict(member.valid.x[member.valid.index]), member.valid.y[member.valid.index],
        None if member.valid.weights is None else member.valid.weights[member.valid.index],
    )  # fmt: skip
    assert kept == pytest.approx(losses[events[-1].best_epoch - 1])


def test_metrics_choose_other_epochs_than_the_loss_does(tables):
    chosen = {
        name: [*prepare(tables["classification"], settings(name)).events()][-1].best_epoch
        for name in ("loss", "accuracy", "auc")
    }
    assert len(set(chosen.values())) > 1


@pytest.mark.parametrize("name", ["auc", "rmse"])
def test_patience_counts_epochs_without_a_better_metric(name, tables):
    path, patience = tables[task_of(name)], 3
    _, _, truth, outputs, losses, _ = trained(path, settings(name, epochs=60))
    values = values_of(name, truth, outputs, None, None)
    bests = [best_of(name, values[:n], losses) for n in range(1, len(values) + 1)]
    end = next(n for n, best in enumerate(bests, 1) if n - best >= patience)
    *_, finished = prepare(path, replace(settings(name, epochs=60), patience=patience)).events()
    assert isinstance(finished, Finished)
    assert (finished.epochs, finished.best_epoch, finished.stopped_by) == (end, bests[end - 1], "patience")


def test_of_equal_metrics_the_lower_loss_is_better_and_of_equals_the_earlier_epoch_stays():
    accuracy = Criterion("accuracy", None, None, None, None)
    assert rank(accuracy, 0.5, 0.9) < rank(accuracy, 0.1, 0.8) < rank(accuracy, 0.2, 0.8)
    assert not rank(accuracy, 0.5, 0.9) < rank(accuracy, 0.5, 0.9)
    assert rank(accuracy, 0.5, 0.9) < rank(accuracy, np.inf, None)
    assert rank(Criterion("rmse", None, None, None, None), 0.5, 10.0) < rank(
        Criterion("rmse", None, None, None, None), 0.1, 11.0
    )
    assert rank(None, 0.1, 0.2) < rank(None, 0.2, 0.9)


def test_balanced_class_weights_leave_the_metric_as_it_is_reported(tables):
    config = settings("accuracy", class_weight="balanced")
    _, events, truth, outputs, _, _ = trained(tables["classification"], config)
    told = [e.valid_metric for e in events if isinstance(e, EpochEnded)]
    assert told == pytest.approx(values_of("accuracy", truth, outputs, None, None))


# --- what is refused --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "more", "message", "hint"),
    [
        ("penguins.csv", {"stop_on": "rmse"}, "no metric 'rmse' for classification", "one of loss, accuracy, .*brier$"),
        ("penguins.csv", {"stop_on": "mean_cost"}, "no metric 'mean_cost'", "one of loss, accuracy"),
        ("diabetes.csv", {"stop_on": "pinball"}, "'pinball'.*squared_error", "r2$"),
        ("penguins.csv", {"stop_on": "auc", "validation": "0"}, "without validation rows", "--validation 0.15"),
    ],
)
def test_a_metric_that_does_not_fit_is_a_usage_error(name, more, message, hint):
    with pytest.raises(UsageError, match="--stop-on.*" + message) as error:
        prepare(str(SAMPLES / name), replace(QUICK, **more))
    assert re.search(hint, error.value.hint)


@pytest.mark.parametrize("name", ["ece", "no_such"])
def test_a_metric_that_cannot_choose_is_refused_with_the_choices(name):
    with pytest.raises(UsageError, match=f"--stop-on: no such choice '{name}'") as error:
        Config(stop_on=name)
    assert "loss, accuracy" in error.value.hint


# --- what is kept and shown -------------------------------------------------------------------------------


def test_a_model_keeps_the_metric_and_without_one_its_header_is_as_before(tables, tmp_path):
    for name in ("loss", "auc"):
        prepared = prepare(tables["classification"], replace(settings(name), epochs=2))
        path = str(tmp_path / f"{name}.npz")
        assemble(prepared, History.of(prepared.events())).save(path)
        header, _ = archive.load(path)
        assert ("stop_on" in header["config"]) == (name != "loss")
        model = load(path)
        assert (model.config.stop_on, model.record.history.metric) == (name, "auc" if name == "auc" else "accuracy")


def test_the_screen_says_by_which_metric_the_epoch_was_chosen(call, tables, here):
    quick = ("--target", "y", "--preset", "classic", "--epochs", "3", "-o", "m.npz")
    code, _, err = call("train", tables["classification"], *quick, "--stop-on", "auc", "--report", "r.html")
    assert (code, "by validation auc" in err) == (0, True), err
    assert "(auc 0." in err
    assert "by validation auc" in call("inspect", "m.npz")[1]
    assert "the best by validation auc" in (here / "r.html").read_text()


# --- studies ----------------------------------------------------------------------------------------------


def test_a_comparison_is_by_the_metric(tables):
    config = replace(settings("auc"), epochs=4)
    found = conducted.compare(tables["classification"], "lr=0.0001,0.05", config, repeats=2)
    means = [r.metric.value for r in found.repeated]
    assert found.metric == "auc"
    assert found.best is found.outcomes[int(np.argmax(means))]
    assert [r.behind.value for r in found.repeated if r.behind] == pytest.approx([max(means) - min(means)])
    once = conducted.compare(tables["classification"], "lr=0.0001,0.05", config)
    reached = [o.metrics["validation"]["auc"] for o in once.outcomes]
    assert once.best is once.outcomes[int(np.argmax(reached))]
    mixed = comparison.plan(tables["classification"], config, ReadOptions(), {"stop_on": ("auc", "f1")})
    assert mixed.metric == "log_loss"


def test_the_metric_leads_the_table_of_a_cross_validation(tables):
    found = conducted.cross_validate(tables["regression"], replace(settings("mae"), epochs=2), folds=2)
    assert list(found.metrics) == ["mae", "rmse", "median_absolute_error", "r2"]


def test_a_learning_curve_is_of_what_the_metric_lacks_of_its_best(tables):
    config = replace(settings("auc"), epochs=2, test="0")
    table = DataSet.read(tables["classification"], config, ReadOptions())
    study = learning_curve.plan(table, config, n_repeats=2, n_sizes=3)
    outcomes = list(study.outcomes())
    found = study.result(outcomes)
    last = [o.metrics["test"]["auc"] for o in outcomes if o.number % 4 == 2]
    assert found.metric == "1 - auc"
    assert found.points[-1].valid.value == pytest.approx(1 - np.mean(last))
    assert found.points[-1].valid.low <= found.points[-1].valid.value <= found.points[-1].valid.high


def test_a_search_minimises_what_the_metric_lacks_of_its_best(tables, tmp_path):
    config = replace(settings("accuracy"), epochs=2)
    table = DataSet.read(tables["classification"], config, ReadOptions())
    tuner = Tuner(table, config, ReadOptions(), ["lr=1e-4..1e-1"], 2, str(tmp_path / "best"))
    list(tuner.events(2))
    found = tuner.result()
    assert (found.metric, found.loss_name) == ("accuracy", "1 - accuracy")
    assert found.best.loss == min(t.loss for t in found.trials)
    assert 0 < found.best.loss < 1
    model = tuner.train_best()
    final = tuner.evaluate_best(model)
    reached = final.evaluation.metrics["test"]["accuracy"].value  # one network, so that it is the model
    assert loss_of_one(model, table, "accuracy") == pytest.approx(as_loss("accuracy", reached))
    assert "validation 1 - accuracy" in tuner.best_toml()
