"""mlpcli: multi-layer perceptrons trained on CSV files.

>>> import mlpcli
>>> model = mlpcli.fit("sample_data/iris.csv", target="species")
>>> model.save("iris.npz")
"""

from __future__ import annotations

TYPE_CHECKING = False  # of `typing`, whose import would be in the way of a stop at the start
__version__ = "0.1.0"

if TYPE_CHECKING:
    from typing import Any

    from mlpcli.config.settings import Config as Config
    from mlpcli.config.settings import ReadOptions as ReadOptions
    from mlpcli.library.model import Model as Model
    from mlpcli.library.model import load as load
    from mlpcli.library.studies import compare as compare
    from mlpcli.library.studies import cv as cv
    from mlpcli.library.studies import learning_curve as learning_curve
    from mlpcli.library.studies import steps as steps
    from mlpcli.library.studies import tune as tune
    from mlpcli.library.training import fit as fit
    from mlpcli.library.verbs import drift as drift
    from mlpcli.library.verbs import evaluate as evaluate
    from mlpcli.library.verbs import explain as explain
    from mlpcli.library.verbs import predict as predict

HOMES = {
    "Config": "config.settings",
    "ReadOptions": "config.settings",
    "Model": "library.model",
    "load": "library.model",
    "fit": "library.training",
    "predict": "library.verbs",
    "evaluate": "library.verbs",
    "explain": "library.verbs",
    "drift": "library.verbs",
    "cv": "library.studies",
    "compare": "library.studies",
    "learning_curve": "library.studies",
    "tune": "library.studies",
    "steps": "library.studies",
}


def __getattr__(name: str) -> Any:
    """Names of the library, imported when first used: `mlpcli --help` must not wait for numpy and pandas."""
    import importlib

    if name not in HOMES:
        raise AttributeError(f"module 'mlpcli' has no attribute '{name}'")
    module = importlib.import_module(f"mlpcli.{HOMES[name]}")
    value = getattr(module, name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *HOMES])
