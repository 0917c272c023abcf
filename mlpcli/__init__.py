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
    from mlpcli.evaluation.evaluate import evaluate as evaluate
    from mlpcli.library import Model as Model
    from mlpcli.library import fit as fit
    from mlpcli.library import load as load

HOMES = {
    "Config": "config.settings",
    "ReadOptions": "config.settings",
    "evaluate": "evaluation.evaluate",
    "fit": "library",
    "Model": "library",
    "load": "library",
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
