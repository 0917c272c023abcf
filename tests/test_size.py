"""Tables of any size: what does not fit into --memory lives in a file, and nothing about the model changes."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import mlpcli


@pytest.fixture
def small_blocks(monkeypatch):
    """Blocks so small that a small table has many of everything."""
    monkeypatch.setattr("mlpcli.training.loop.SHUFFLED", 4 * 60 * 100)
    monkeypatch.setattr("mlpcli.training.prepare.ENCODED_ROWS", 130)
    monkeypatch.setattr("mlpcli.data.take.TAKEN_ROWS", 97)
    monkeypatch.setattr("mlpcli.training.prepare.FITTED_CELLS", 3000)
    monkeypatch.setattr("mlpcli.training.prepare.MIN_FITTED_ROWS", 100)
    monkeypatch.setattr("mlpcli.data.cuts.MAX_CUT_ROWS", 900)
    monkeypatch.setattr("mlpcli.training.prepare.MAX_VALIDATION_ROWS", 150)
    monkeypatch.setattr("mlpcli.model.assemble.MAX_EVALUATED", 400)
    monkeypatch.setattr("mlpcli.evaluation.evaluate.MAX_EVALUATED", 400)


def write_table(path: Path, n: int = 3000, target: str = "class") -> str:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((n, 3))
    lines = ["a,b,c,word,y"]
    for i, (a, b, c) in enumerate(x):
        y = f"{a + b * c:.4f}" if target == "number" else "yes" if a + b * c > 0 else "no"
        lines.append(f"{a:.4f},{'' if i % 17 == 3 else f'{b:.3f}'},{c:.4f},w{rng.integers(9)},{'' if i == 5 else y}")
    path.write_text("\n".join(lines) + "\n")
    return str(path)


@pytest.mark.slow
@pytest.mark.usefixtures("small_blocks")
@pytest.mark.parametrize("target", ["class", "number"])
@pytest.mark.parametrize("ensemble", [1, 3])
def test_a_model_has_the_same_bytes_in_memory_and_beyond_it(target, ensemble, tmp_path, monkeypatch):
    data = write_table(tmp_path / "d.csv", target=target)
    found = []
    for memory in (None, 1_000_000):
        if memory:
            monkeypatch.setattr("mlpcli.data.storage.SHARE_FOR_ARRAYS", 0.0)
        model = mlpcli.fit(data, epochs=2, ensemble=ensemble, memory=memory)
        assert bool(model.schema.width(["cuts"])) == (target == "class")
        model.save(str(tmp_path / "m.npz"))
        found.append((tmp_path / "m.npz").read_bytes())
        found.append(mlpcli.load(str(tmp_path / "m.npz")).evaluate().metrics)
    assert found[:2] == found[2:]
    assert sorted(p.name for p in tmp_path.iterdir()) == ["d.csv", "m.npz"]
