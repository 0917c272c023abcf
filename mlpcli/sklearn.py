"""Estimators of scikit-learn: `MLPClassifier` and `MLPRegressor`, which train what `mlpcli train` trains.

A parameter has scikit-learn's name where it means the same (`NAMES`), else that of the setting. To offer a new setting:
a field of the estimator that it suits; what cannot be meant here stands in `NOT_OFFERED` with its reason.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from mlpcli.config.settings import Config, ReadOptions, Task
from mlpcli.data.dataset import MIN_ROWS
from mlpcli.data.frame import as_text
from mlpcli.engine.arrays import Array, Floats
from mlpcli.errors import DataError, UsageError
from mlpcli.library import Model, fit
from mlpcli.library import load as load_model

try:
    from joblib import effective_n_jobs
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
    from sklearn.utils import Tags, assert_all_finite, check_random_state, compute_sample_weight
    from sklearn.utils.multiclass import check_classification_targets
    from sklearn.utils.validation import (
        check_array,
        check_consistent_length,
        check_is_fitted,
        column_or_1d,
        validate_data,
    )
except ImportError as error:
    raise ImportError("mlpcli.sklearn needs scikit-learn: pip install 'mlpcli[sklearn]'") from error

NAMES = {  # scikit-learn's name: that of the setting, where both mean the same
    "hidden_layer_sizes": "hidden",
    "learning_rate_init": "lr",
    "max_iter": "epochs",
    "n_iter_no_change": "patience",
    "validation_fraction": "validation",
    "beta_1": "beta1",
    "beta_2": "beta2",
    "random_state": "seed",
}
NOT_OFFERED = {
    **dict.fromkeys(("target", "task", "weight"), "y, the class and sample_weight say it"),
    "test": "the caller keeps test rows: train_test_split, cross_val_score",
    **dict.fromkeys(
        (
            "encoding",
            "delimiter",
            "quote",
            "escape",
            "comment",
            "header",
            "skip_rows",
            "skip_last",
            "bad_rows",
            "sheet",
        ),
        "about the bytes of a file",
    ),
    "memory": "rows given are in memory",
}
MAX_SEED = 2**31 - 1
SETTINGS = {**Config.__dataclass_fields__, **ReadOptions.__dataclass_fields__}
LISTS = {name for name, field in SETTINGS.items() if field.default == ()} | {"hidden", "kinds"}
TARGET, WEIGHT = "target", "sample_weight"  # names of columns in the model, where none are given


def default(name: str) -> Any:
    """That of the setting behind a parameter."""
    return SETTINGS[NAMES.get(name, name)].default


@dataclass(kw_only=True, eq=False, repr=False)
class MLPEstimator(BaseEstimator):  # type: ignore[misc]
    """What both estimators share: the settings, the table that X and y make, the fitted model. No estimator itself."""

    # Columns, by the names of the DataFrame, or x0, x1, ... of an array.
    drop: tuple[str, ...] = default("drop")
    numeric: tuple[str, ...] = default("numeric")
    category: tuple[str, ...] = default("category")
    group: str | None = default("group")
    time: str | None = default("time")
    decimal: tuple[str, ...] = default("decimal")
    thousands: tuple[str, ...] = default("thousands")
    dates: tuple[str, ...] = default("dates")
    missing: tuple[str, ...] = default("missing")
    inf: str = default("inf")
    # Network
    scale: str | None = default("scale")
    embed_numbers: str | None = default("embed_numbers")
    embed_categories: str | None = default("embed_categories")
    max_categories: int | None = default("max_categories")
    hidden_layer_sizes: tuple[int, ...] | int | None = default("hidden_layer_sizes")
    activation: str | None = default("activation")
    init: str | None = default("init")
    parametrization: str | None = default("parametrization")
    normalization: str | None = default("normalization")
    dropout: float | None = default("dropout")
    input_noise: float | None = default("input_noise")
    # Training
    loss: str | None = default("loss")
    optimizer: str | None = default("optimizer")
    learning_rate_init: float | None = default("learning_rate_init")
    schedule: str | None = default("schedule")
    average: float | None = default("average")
    warmup: float | None = default("warmup")
    batch_size: str | int | None = default("batch_size")
    max_iter: int | None = default("max_iter")
    time_limit: float | None = default("time_limit")
    validation_fraction: float = float(default("validation_fraction"))
    n_iter_no_change: int | None = default("n_iter_no_change")
    stop_on: str = default("stop_on")
    dtype: str = default("dtype")
    momentum: float | None = default("momentum")
    beta_1: float | None = default("beta_1")
    beta_2: float | None = default("beta_2")
    l1: float | None = default("l1")
    l2: float | None = default("l2")
    weight_decay: float | None = default("weight_decay")
    clip_norm: float | None = default("clip_norm")
    max_norm: float | None = default("max_norm")
    random_state: int | np.random.RandomState | None = default("random_state")  # noqa: RUF009
    # Ensemble
    preset: str = default("preset")
    ensemble: int | None = default("ensemble")
    kinds: tuple[str, ...] | None = default("kinds")
    n_jobs: int | None = None  # networks trained in parallel; None: 1; -1: as many as processors

    task: ClassVar[Task]

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = True
        tags.input_tags.string = tags.input_tags.allow_nan = True
        tags.non_deterministic = self.random_state is None
        return tags

    def fit(self, X: Any, y: Any, sample_weight: ArrayLike | None = None) -> Self:
        """Trains on n rows of a DataFrame or an array (n, n_features).

        Raises ValueError, as scikit-learn does, for what cannot be learned from or set.
        """
        features = self._features(X, reset=True)
        values = self._checked(y)
        check_consistent_length(features, values)
        weights = self._weights(sample_weight, values)
        settings = self._settings()
        if not isinstance(X, pd.DataFrame):  # a number in an array is a number, however few distinct ones there are
            numbers = features.select_dtypes("number").columns.difference(list(settings["category"]))
            settings["numeric"] = tuple(dict.fromkeys([*settings["numeric"], *numbers]))
        self._columns = tuple(features.columns)
        roles = {unused(str(getattr(y, "name", None) or TARGET), self._columns): self._written(values, weights)}
        (target,) = roles
        if weights is not None:
            settings["weight"] = unused(WEIGHT, [*self._columns, target])
            roles[settings["weight"]] = weights
        with value_errors():
            self.model_ = fit(features.assign(**roles), target, jobs=effective_n_jobs(self.n_jobs), **settings)
        return self

    @property
    def n_iter_(self) -> int:
        """Epochs of the training."""
        check_is_fitted(self)
        return len(self.model_.record.history.train_loss)

    def to_npz(self, path: str | os.PathLike[str]) -> None:
        """Writes the model file, which `mlpcli predict` and `load` read. Raises MachineError."""
        check_is_fitted(self)
        self.model_.save(os.fspath(path))

    # --- X, y and settings as mlpcli takes them -----------------------------------------------------------

    def _features(self, X: Any, *, reset: bool = False) -> pd.DataFrame:
        """X as a frame: a DataFrame as it is, an array with numbers where all cells of a column are numbers.

        `reset`: these are the columns to learn; else they are checked against those learned.
        """
        if not reset:
            check_is_fitted(self)
        frame = X
        if not isinstance(X, pd.DataFrame) or 0 in X.shape:
            n_rows = MIN_ROWS if reset else 1
            cells = check_array(X, dtype=None, ensure_all_finite=False, ensure_min_samples=n_rows, estimator=self)
            frame = pd.DataFrame(cells, columns=[f"x{i}" for i in range(cells.shape[1])])
            frame = frame.infer_objects() if cells.dtype.kind == "O" else frame
        validate_data(self, X if isinstance(X, pd.DataFrame) else cells, reset=reset, skip_check_array=True)
        names = list(map(str, frame.columns if reset else self._columns))
        return pd.DataFrame(frame.set_axis(names, axis=1).reset_index(drop=True))

    def _checked(self, y: Any) -> NDArray[Any]:
        """(n,) the target's values. Raises ValueError for missing ones."""
        if y is None:
            raise ValueError("requires y to be passed, but the target y is None")
        values = column_or_1d(y, warn=True)
        assert_all_finite(values, input_name="y")
        return np.asarray(values)

    def _written(self, values: NDArray[Any], weights: Floats | None) -> Any:
        """The cells of the target's column."""
        raise NotImplementedError

    def _weights(self, sample_weight: ArrayLike | None, values: NDArray[Any]) -> Floats | None:
        """(n,) weights of the rows; None where all count the same. Raises ValueError."""
        if sample_weight is None:
            return None
        weights = column_or_1d(sample_weight, dtype=np.float64)
        assert_all_finite(weights, input_name="sample_weight")
        check_consistent_length(weights, values)
        if not weights.any():
            raise ValueError("Sample weights must contain at least one non-zero number.")
        return np.asarray(weights)

    def _settings(self) -> dict[str, Any]:
        """The keywords of `mlpcli.fit`, but for those of columns that X and y make."""
        found = {NAMES.get(f.name, f.name): plain(getattr(self, f.name)) for f in fields(self) if f.name != "n_jobs"}
        for name in LISTS & found.keys():
            if isinstance(found[name], str | int):
                found[name] = (found[name],)
        if found["batch_size"] is not None:
            found["batch_size"] = str(found["batch_size"])
        if not isinstance(found["seed"], int):
            found["seed"] = int(check_random_state(found["seed"]).randint(MAX_SEED))
        return found | {"validation": str(found["validation"]), "test": "0", "task": self.task}


@dataclass(kw_only=True, eq=False, repr=False)
class MLPClassifier(ClassifierMixin, MLPEstimator):  # type: ignore[misc]
    """A classifier: ensembles of multi-layer perceptrons, as `mlpcli train` trains them.

    Fitted, it has `classes_`, `n_features_in_`, `feature_names_in_` of a DataFrame, `n_iter_`, and `model_`, the
    `mlpcli.Model`.

    >>> MLPClassifier(max_iter=30).fit(X, y).predict_proba(X_new)
    """

    label_smoothing: float | None = default("label_smoothing")
    class_weight: str | Mapping[Any, float] | None = None  # balanced, or a weight for each class
    threshold: str = default("threshold")
    cost: tuple[str, ...] = default("cost")
    order: tuple[str, ...] = default("order")
    calibrate: bool | None = default("calibrate")

    task: ClassVar[Task] = "classification"

    def predict(self, X: Any) -> NDArray[Any]:
        """n rows -> n of `classes_`. Raises ValueError."""
        frame = self._features(X)
        with value_errors():
            found = self.model_.predict(frame)
        return np.asarray(self.classes_[pd.Index(written_classes(self.classes_)).get_indexer(pd.Index(found))])

    def predict_proba(self, X: Any) -> Array:
        """n rows -> (n, n_classes) probabilities, in the order of `classes_`. Raises ValueError."""
        frame = self._features(X)
        with value_errors():
            found = self.model_.predict_proba(frame)
        return found[:, pd.Index(self.model_.labels).get_indexer(pd.Index(written_classes(self.classes_)))]

    def _checked(self, y: Any) -> NDArray[Any]:
        values = super()._checked(y)
        check_classification_targets(values)
        return values

    def _written(self, values: NDArray[Any], weights: Floats | None) -> Any:
        self.classes_, codes = np.unique(values, return_inverse=True)
        if len(np.unique(codes if weights is None else codes[weights != 0])) < 2:
            raise ValueError("one class only in the target, of rows that count")
        return pd.Categorical.from_codes(codes, pd.Index(written_classes(self.classes_)))

    def _weights(self, sample_weight: ArrayLike | None, values: NDArray[Any]) -> Floats | None:
        weights = super()._weights(sample_weight, values)
        if not isinstance(self.class_weight, Mapping):
            return weights
        by_class = compute_sample_weight(dict(self.class_weight), values)
        return np.asarray(by_class if weights is None else by_class * weights)

    def _settings(self) -> dict[str, Any]:
        by_name = "none" if self.class_weight is None or isinstance(self.class_weight, Mapping) else self.class_weight
        return super()._settings() | {"class_weight": by_name}


@dataclass(kw_only=True, eq=False, repr=False)
class MLPRegressor(RegressorMixin, MLPEstimator):  # type: ignore[misc]
    """A regressor of one number: ensembles of multi-layer perceptrons, as `mlpcli train` trains them.

    Fitted, it has `n_features_in_`, `feature_names_in_` of a DataFrame, `n_iter_`, and `model_`, the `mlpcli.Model`.

    >>> MLPRegressor(max_iter=30).fit(X, y).predict(X_new)
    """

    quantile: float = default("quantile")

    task: ClassVar[Task] = "regression"

    def predict(self, X: Any) -> Floats:
        """n rows -> n numbers. Raises ValueError."""
        frame = self._features(X)
        with value_errors():
            return np.asarray(self.model_.predict(frame))

    def _written(self, values: NDArray[Any], weights: Floats | None) -> Any:
        return np.asarray(values, np.float64)


def load(path: str | os.PathLike[str]) -> MLPClassifier | MLPRegressor:
    """The fitted estimator of a model file, whose columns are those of the training file but the target and weights.

    Classes written as whole numbers are whole numbers. Raises ModelError or MachineError.
    """
    model = load_model(os.fspath(path))
    config = model.config
    kind = MLPClassifier if model.labels else MLPRegressor
    estimator = kind(**{f.name: parameter(f.name, model) for f in fields(kind) if f.name != "n_jobs"})
    estimator.model_ = model
    estimator._columns = tuple(c.name for c in model.schema.columns if c.name != config.weight)
    estimator.n_features_in_ = len(estimator._columns)
    if estimator._columns != tuple(f"x{i}" for i in range(estimator.n_features_in_)):  # as those of an array
        estimator.feature_names_in_ = np.asarray(estimator._columns, object)
    if isinstance(estimator, MLPClassifier):
        estimator.classes_ = read_classes(model.labels)
    return estimator


def parameter(name: str, model: Model) -> Any:
    """What a parameter was in the training of a model."""
    setting = NAMES.get(name, name)
    if setting in ReadOptions.__dataclass_fields__:
        return getattr(model.record.dialect.options(None), setting)
    value = getattr(model.config, setting)
    if setting == "class_weight":
        return None if value == "none" else value
    if setting == "validation":  # a file of such rows is none that scikit-learn has
        share = model.config.share("validation")
        return MLPEstimator.validation_fraction if share is None else share
    return value


def read_classes(labels: tuple[str, ...]) -> NDArray[Any]:
    """The classes of a model as y has them: whole numbers where they are written so, else text; sorted."""
    if all(re.fullmatch(r"-?(0|[1-9][0-9]{0,17})", label) for label in labels):
        return np.sort(np.asarray(labels, np.int64))
    return np.sort(np.asarray(labels, object))


def written_classes(classes: NDArray[Any]) -> list[str]:
    """The classes as labels of a model: text, whole numbers without a point."""
    return [str(text) for text in as_text(pd.Series(classes))]


def unused(name: str, taken: Collection[str]) -> str:
    """The name, with strokes behind it as long as there is such a column."""
    return unused(name + "_", taken) if name in taken else name


def plain(value: Any) -> Any:
    """A parameter as a setting takes it: numbers of Python, tuples."""
    if isinstance(value, np.generic):
        return value.item()
    return tuple(map(plain, value)) if isinstance(value, list | tuple | np.ndarray) else value


@contextmanager
def value_errors() -> Iterator[None]:
    """What is wrong with rows or settings as ValueError, which scikit-learn expects, in the names of parameters."""
    try:
        yield
    except (DataError, UsageError) as error:
        text = str(error) if error.hint is None else f"{error}; {error.hint}"
        raise ValueError(re.sub(r"--([a-z][a-z0-9-]*)", in_words_of_parameters, text)) from error


def in_words_of_parameters(found: re.Match[str]) -> str:
    """--lr -> learning_rate_init; a flag without a parameter stays."""
    setting = found[1].replace("-", "_")
    by_setting = {of: name for name, of in NAMES.items()}
    known = {f.name for kind in (MLPClassifier, MLPRegressor) for f in fields(kind)}
    name = by_setting.get(setting, setting)
    return name if name in known else found[0]
