"""Facts measured on rows, judged by closed forms and by data of which the truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from mlpcli.config.settings import Config
from mlpcli.engine.network import Architecture, mlp
from mlpcli.files.jsonable import from_json, to_json
from mlpcli.metrics.intervals import Interval
from mlpcli.model.assemble import assemble
from mlpcli.model.trained import load
from mlpcli.training.events import History
from mlpcli.training.evidence import residual_signal, ridge, units
from mlpcli.training.prepare import prepare


def test_ridge_finds_a_linear_law_and_ignores_noise():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(400, 5))
    fitted = ridge(x, (x @ np.arange(5.0))[:, None] + 1)
    assert np.abs(fitted(x)[:, 0] - x @ np.arange(5.0) - 1).max() < 0.1
    noise = ridge(x, rng.normal(size=(400, 1)))
    assert np.abs(noise(x)).mean() < 0.2


@pytest.mark.parametrize("fitted_on_others", [True, False])
def test_structure_is_found_where_there_is_some_and_not_in_noise(fitted_on_others):
    rng = np.random.default_rng(0)
    x = rng.normal(size=(800, 3))
    law, noise = np.sin(2 * x[:, :1]), rng.normal(size=(800, 1))
    validating = np.arange(400, 800) if fitted_on_others else np.arange(800)
    others = np.arange(400) if fitted_on_others else None
    assert residual_signal(x, law, validating, others, float(law.var()), rng).low > 0.6
    assert residual_signal(x, noise, validating, others, 1.0, rng).high < 0.05


def test_dead_and_saturated_units_are_counted():
    rng = np.random.default_rng(0)
    x = rng.normal(size=(100, 4)).astype(np.float32)
    for activation, (dead, saturated) in {"relu": (0.25, 0.0), "silu": (0.25, 0.0), "tanh": (0.0, 0.25)}.items():
        network = mlp(4, 2, Architecture(hidden=(8,), activation=activation), rng=rng)
        first = network.layers[0]
        first.p["w"][:, :2] = 0
        first.p["b"][:2] = -50
        assert units(network, x) == [(dead, saturated)], activation


def planted(folder, columns, name="d.csv"):
    text = ",".join(columns) + "\n" + "\n".join(",".join(map(str, row)) for row in zip(*columns.values(), strict=True))
    path = folder / name
    path.write_text(text + "\n")
    return str(path)


def trained(path, **settings):
    prepared = prepare(path, Config(**settings))
    return assemble(prepared, History.of(prepared.events()))


@pytest.mark.parametrize("settings", [{"epochs": 8}, {"preset": "classic"}, {"preset": "classic", "validation": "0"}])
def test_evidence_survives_the_model_file(settings, tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(size=150).round(3)
    path = planted(tmp_path, {"x": x, "z": rng.normal(size=150).round(3), "y": (x + rng.normal(size=150)).round(2)})
    model = trained(path, **settings)
    evidence = model.record.evidence
    assert from_json(type(evidence), to_json(evidence)) == evidence
    model.save(str(tmp_path / "m.npz"))
    assert load(str(tmp_path / "m.npz")).record.evidence == evidence
    assert (evidence.valid_loss is None) == (settings.get("validation") == "0")


def test_the_column_that_holds_the_answer_stands_alone(tmp_path):
    rng = np.random.default_rng(0)
    y = rng.integers(0, 3, 300)
    x = rng.normal(size=300).round(3)
    leak = (10 * y + rng.normal(size=300) * 0.1).round(3)
    path = planted(tmp_path, {"x": x, "leak": leak, "city": [f"c{v}" for v in y], "y": [f"k{v}" for v in y]})
    alone = trained(path, epochs=3).record.evidence.univariate_strength
    assert alone["leak"].low > 0.97
    assert alone["city"].low > 0.97
    assert alone["x"].high < 0.3
    number = (np.exp(3 * x) + 1e-3 * rng.normal(size=300)).round(6)
    path = planted(tmp_path, {"x": x, "w": rng.normal(size=300).round(3), "y": number}, "r.csv")
    alone = trained(path, epochs=3).record.evidence.univariate_strength
    assert alone["x"].low > 0.95
    assert alone["w"].high < 0.3


def test_the_gap_is_that_of_training_and_validation_losses(tmp_path):
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(2, 200)).round(3)
    path = planted(tmp_path, {"x": x, "z": (x * y).round(3), "y": [f"k{v}" for v in (y > 0).astype(int)]})
    evidence = trained(path, preset="classic", ensemble=1, hidden=(64,), epochs=60).record.evidence
    assert evidence.valid_loss is not None
    assert evidence.gap is not None
    assert evidence.gap.value == pytest.approx(evidence.valid_loss.value - evidence.train_loss.value)
    assert isinstance(evidence.gap, Interval)
