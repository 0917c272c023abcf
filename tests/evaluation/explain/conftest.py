"""Models whose law is known: the columns of a trained one, and in place of its networks a function of its inputs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import pytest

import mlpcli

N = 600
# The inputs are the values as they are, a level has an input of its own, a missing value one beside its column's.
PLAIN = {"preset": "classic", "scale": "none", "embed_numbers": "none", "epochs": 1, "hidden": ()}


@dataclass(frozen=True)
class Law:
    """Stands in for an ensemble: outputs are a function of the encoded rows."""

    function: Callable
    networks: tuple = ()

    def outputs(self, x, pool=None):
        return np.asarray(self.function(x.astype(np.float64)))


def made_frame(seed=0, n=N):
    """Numbers a, b, noise and twin, which follows a; the category c; y = 3 a + a b, yes where above 0."""
    rng = np.random.default_rng(seed)
    a, b = rng.uniform(-1, 1, n), rng.uniform(-1, 1, n)
    frame = pd.DataFrame({
        "a": a, "b": b, "noise": rng.uniform(-1, 1, n), "twin": a + rng.normal(0, 0.05, n),
        "c": rng.choice(["red", "green", "blue"], n, p=[0.5, 0.3, 0.2]),
    }).round(4)  # fmt: skip
    frame["y"] = (3 * frame.a + frame.a * frame.b + rng.normal(0, 0.1, n)).round(4)
    frame["is"] = np.where(frame.y > 0, "yes", "no")
    return frame


@pytest.fixture(scope="session")
def made():
    """Makes such a frame of a seed and a number of rows."""
    return made_frame


@pytest.fixture(scope="session")
def laws(tmp_path_factory):
    """Makes a model of a law from a task and a function of named columns; its training file is `made_frame`."""
    folder = tmp_path_factory.mktemp("laws")
    frame = made_frame()
    models = {}
    for target, other in (("y", "is"), ("is", "y")):
        path = str(folder / f"{target}.csv")
        frame.drop(columns=other).to_csv(path, index=False)
        model = mlpcli.fit(path, target, test="0.5", **PLAIN)
        models[target] = replace(model, path=str(folder / "model.npz"))

    def make(function, target="y"):
        model = models[target]
        stretches = {name: places["plain"] for name, places in model.schema.inputs_of.items()}

        def of_inputs(x):
            columns = {name: x[:, s] if s.stop - s.start > 1 else x[:, s.start] for name, s in stretches.items()}
            found = np.asarray(function(columns))
            return np.column_stack([1 - found, found]) if target == "is" else found

        return replace(model, ensemble=Law(of_inputs))

    return make
