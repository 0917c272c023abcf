"""Models of the same question that were trained on different rows."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

import mlpcli

QUICK = {"preset": "classic", "epochs": 8, "hidden": (8,)}


def grown(n: int, seed: int = 0) -> pd.DataFrame:
    """n rows of two numbers, a category and a class."""
    rng = np.random.default_rng(seed)
    x, z = rng.normal(size=n).round(4), rng.normal(size=n).round(4)
    town = rng.choice(["Ulm", "Bonn", "Kiel"], n)
    y = np.where(x + 0.5 * z + (town == "Ulm") + rng.normal(0, 0.6, n) > 0.3, "yes", "no")
    return pd.DataFrame({"x": x, "z": z, "town": town, "y": y})


@pytest.fixture(scope="session")
def months(tmp_path_factory):
    """A folder with jan.csv, and janfeb.csv that begins with its rows; a model of each, jan.npz and janfeb.npz."""
    folder = tmp_path_factory.mktemp("months")
    both = grown(500)
    both[:300].to_csv(folder / "jan.csv", index=False)
    both.to_csv(folder / "janfeb.csv", index=False)
    for name in ("jan", "janfeb"):
        mlpcli.fit(str(folder / f"{name}.csv"), **QUICK).save(str(folder / f"{name}.npz"))
    return folder
