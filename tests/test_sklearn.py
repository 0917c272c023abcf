from __future__ import annotations

import copy
import pickle
from dataclasses import fields
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn import neural_network
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.exceptions import NotFittedError
from sklearn.inspection import permutation_importance
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import check_sample_weight_equivalence_on_dense_data, parametrize_with_checks

import mlpcli
from mlpcli.config.settings import Config, ReadOptions
from mlpcli.errors import ModelError
from mlpcli.sklearn import NAMES, NOT_OFFERED, MLPClassifier, MLPRegressor, load

SAMPLES = Path(__file__).parents[1] / "sample_data"
ESTIMATORS = (MLPClassifier, MLPRegressor)
QUICK = {
    "preset": "classic", "optimizer": "adam", "hidden_layer_sizes": (16,), "batch_size": "full",
    "learning_rate_init": 0.02, "max_iter": 30,
}  # fmt: skip
# As scikit-learn's own by default: no rows set aside, and float64, as weights are to be repeats of rows to 1e-7.
AS_THEIRS = {"validation_fraction": 0, "dtype": "float64"}
DRAWN = {"check_sample_weight_equivalence_on_dense_data": "validation rows are drawn: theirs fails with them as well"}


@pytest.mark.slow
@parametrize_with_checks([kind(**QUICK | AS_THEIRS) for kind in ESTIMATORS])
def test_the_checks_of_scikit_learn_pass(estimator, check):
    check(estimator)


@pytest.mark.slow
@parametrize_with_checks([MLPClassifier(**QUICK)], expected_failed_checks=lambda _: DRAWN)
def test_the_checks_of_scikit_learn_pass_with_validation_rows(estimator, check):
    check(estimator)


def test_validation_rows_that_are_drawn_are_no_repeats_in_scikit_learn_either():
    theirs = neural_network.MLPClassifier(early_stopping=True, n_iter_no_change=3)
    with pytest.raises(AssertionError, match="not equivalent to fitting with removed or repeated"):
        check_sample_weight_equivalence_on_dense_data("MLPClassifier", theirs)


@pytest.fixture(scope="module")
def penguins() -> tuple[pd.DataFrame, pd.Series]:
    table = pd.read_csv(SAMPLES / "penguins.csv")
    return table.drop(columns="species"), table["species"]


@pytest.fixture(scope="module")
def fitted(penguins) -> MLPClassifier:
    return MLPClassifier(**QUICK).fit(*penguins)


# --- parameters -------------------------------------------------------------------------------------------


def test_every_setting_is_a_parameter_or_has_its_reason():
    offered = {NAMES.get(f.name, f.name) for kind in ESTIMATORS for f in fields(kind)} - {"n_jobs"}
    settings = {f.name for kind in (Config, ReadOptions) for f in fields(kind)}
    assert offered | set(NOT_OFFERED) == settings
    assert not offered & set(NOT_OFFERED)


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_a_name_of_scikit_learn_is_one_that_its_own_network_has(kind):
    theirs = getattr(neural_network, kind.__name__)().get_params()
    assert NAMES.keys() <= theirs.keys()


def test_an_estimator_and_the_command_line_train_the_same_model(penguins, fitted, tmp_path):
    X, y = penguins
    model = mlpcli.fit(
        X.assign(species=y), "species", preset="classic", optimizer="adam", hidden=(16,), batch_size="full", lr=0.02,
        epochs=30, test="0",
    )  # fmt: skip
    assert np.array_equal(fitted.predict_proba(X), model.predict_proba(X))
    assert list(fitted.classes_) == list(model.labels)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"learning_rate_init": -1.0}, "learning_rate_init: expected a number above 0"),
        ({"activation": "logistic", "batch_size": None}, "activation: no such choice 'logistic'"),
        ({"hidden_layer_sizes": (0,)}, "hidden_layer_sizes: expected a number from 1"),
        ({"loss": "huber"}, "loss huber is for regression"),
        ({"decimal": "bill=,"}, "no column 'bill'"),
    ],
)
def test_what_makes_no_sense_is_said_in_the_names_of_parameters(penguins, wrong, said):
    with pytest.raises(ValueError, match=said):
        MLPClassifier(**QUICK | wrong).fit(*penguins)


def test_numbers_may_stand_in_place_of_lists_and_texts(penguins):
    X, y = penguins
    one = MLPClassifier(**QUICK | {"hidden_layer_sizes": np.int64(16), "batch_size": 300, "drop": "year"}).fit(X, y)
    two = MLPClassifier(**QUICK | {"hidden_layer_sizes": [16], "batch_size": "300", "drop": ["year"]}).fit(X, y)
    assert np.array_equal(one.predict_proba(X), two.predict_proba(X))


def test_a_generator_draws_the_seed(penguins):
    X, y = penguins
    drawn = [
        MLPClassifier(**QUICK | {"random_state": np.random.RandomState(seed)}).fit(X, y).model_.config.seed
        for seed in (1, 1, 2)
    ]
    assert drawn[0] == drawn[1] != drawn[2]


# --- rows -------------------------------------------------------------------------------------------------


def test_a_frame_is_read_as_its_csv_would_be(tmp_path):
    rng = np.random.default_rng(0)
    x = rng.normal(size=120)
    X = pd.DataFrame({
        "price": [f"{value:.2f}".replace(".", ",") for value in x],
        "day": pd.date_range("2024-01-01", periods=120, freq="7h"),
        "town": rng.choice(["Ulm", "Bonn", "NA"], 120),
        "few": np.where(rng.random(120) < 0.2, np.nan, x),
    })  # fmt: skip
    y = np.where(x > 0, "dear", "cheap")
    X.assign(target=y).to_csv(tmp_path / "t.csv", index=False)
    fitted = MLPClassifier(**QUICK, decimal=("price=,",)).fit(X, y)
    model = mlpcli.fit(
        str(tmp_path / "t.csv"), "target", preset="classic", optimizer="adam", hidden=(16,), batch_size="full",
        lr=0.02, epochs=30, test="0", decimal=("price=,",),
    )  # fmt: skip
    kinds = [column.kind for column in fitted.model_.schema.columns]
    assert kinds == [column.kind for column in model.schema.columns] == ["number", "date", "category", "number"]
    assert fitted.score(X, y) > 0.9
    assert list(fitted.feature_names_in_) == list(X.columns)


def test_columns_of_an_array_are_numbers_but_for_text():
    rng = np.random.default_rng(0)
    numbers = rng.integers(0, 2, (80, 2))
    texts = rng.choice(["u", "v"], 80)
    X = np.column_stack([numbers.astype(object), texts])
    fitted = MLPClassifier(**QUICK).fit(X, texts == "u")
    assert [column.kind for column in fitted.model_.schema.columns] == ["number", "number", "category"]
    assert fitted.classes_.tolist() == [False, True]
    assert fitted.score(X, texts == "u") == 1.0


@pytest.mark.parametrize("classes", [["NA", ""], [1.0, 2.0], [True, False], ["01", "1"], [-3, 4], ["nan", "None"]])
def test_classes_come_back_as_they_were_given(classes):
    X = np.random.default_rng(0).normal(size=(60, 2))
    y = np.asarray(classes, object if isinstance(classes[0], str) else None)[(X[:, 0] > 0).astype(int)]
    fitted = MLPClassifier(**QUICK).fit(X, y)
    assert fitted.classes_.tolist() == sorted(classes)
    assert fitted.score(X, y) > 0.9
    assert np.array_equal(fitted.predict(X), fitted.classes_[fitted.predict_proba(X).argmax(axis=1)])


def test_names_that_the_table_needs_do_not_collide_with_columns():
    X = pd.DataFrame({"target": np.arange(40.0), "sample_weight": np.arange(40.0) % 7})
    fitted = MLPRegressor(**QUICK).fit(X, X["target"].to_numpy(), sample_weight=np.ones(40))
    assert fitted.model_.schema.target.name == "target_"
    assert list(fitted.feature_names_in_) == ["target", "sample_weight"]


def test_a_row_of_weight_3_counts_as_three_rows():
    rng = np.random.default_rng(0)
    X, y, weights = rng.random((60, 4)), rng.integers(0, 3, 60), rng.integers(0, 4, 60)
    settings = QUICK | {"validation_fraction": 0, "learning_rate_init": 0.005}
    weighted = MLPClassifier(**settings).fit(X, y, sample_weight=weights)
    repeated = MLPClassifier(**settings).fit(X.repeat(weights, axis=0), y.repeat(weights))
    assert weighted.predict_proba(X) == pytest.approx(repeated.predict_proba(X), rel=1e-4)
    assert MLPClassifier(**settings).fit(X, y).predict_proba(X) != pytest.approx(weighted.predict_proba(X), rel=1e-2)


@pytest.mark.parametrize("kind", ESTIMATORS)
@pytest.mark.parametrize("scale", ["standard", "robust", "clipped"])
def test_in_float64_a_row_of_weight_3_is_three_rows_bit_for_bit(kind, scale):
    rng = np.random.default_rng(0)
    X, y, weights = rng.random((60, 4)), rng.integers(0, 3, 60), rng.integers(0, 4, 60)
    X[:9, 0] = np.nan
    embed = "none" if kind is MLPClassifier else "ple"  # of classes with cuts, which are found by rows
    settings = QUICK | AS_THEIRS | {"scale": scale, "embed_numbers": embed, "max_iter": 10}
    weighted = kind(**settings).fit(X, y, sample_weight=weights)
    repeated = kind(**settings).fit(X.repeat(weights, axis=0), y.repeat(weights))
    assert np.array_equal(weighted.predict(X), repeated.predict(X))
    assert weighted.model_.networks[0].params.dtype == np.float32
    assert np.array_equal(weighted.model_.networks[0].params, repeated.model_.networks[0].params)


def test_weights_of_classes_and_of_rows_are_multiplied(penguins):
    X, y = penguins
    by_row = np.where(y == "Gentoo", 3.0, 1.0)
    settings = {**QUICK, "max_iter": 5}
    one = MLPClassifier(**settings, class_weight={"Gentoo": 3.0}).fit(X, y)
    two = MLPClassifier(**settings).fit(X, y, sample_weight=by_row)
    both = MLPClassifier(**settings, class_weight={"Gentoo": 3.0}).fit(X, y, sample_weight=np.ones(len(y)))
    assert np.array_equal(one.predict_proba(X), two.predict_proba(X))
    assert np.array_equal(one.predict_proba(X), both.predict_proba(X))


def test_weights_of_0_only_and_one_class_are_refused(penguins):
    X, y = penguins
    with pytest.raises(ValueError, match="at least one non-zero"):
        MLPClassifier(**QUICK).fit(X, y, sample_weight=np.zeros(len(y)))
    with pytest.raises(ValueError, match="one class only"):
        MLPClassifier(**QUICK).fit(X, y, sample_weight=(y == "Gentoo").astype(float))


# --- with scikit-learn ------------------------------------------------------------------------------------


def test_it_stands_at_the_end_of_a_pipeline_that_gives_frames(penguins):
    X, y = penguins
    first = make_column_transformer((StandardScaler(), ["bill_length_mm"]), remainder="passthrough")
    pipeline = make_pipeline(first, MLPClassifier(**QUICK)).set_output(transform="pandas").fit(X, y)
    assert pipeline.score(X, y) > 0.95
    assert "standardscaler__bill_length_mm" in pipeline[-1].feature_names_in_


@pytest.mark.slow
def test_a_grid_of_settings_is_searched_and_cross_validated(penguins):
    X, y = penguins
    search = GridSearchCV(MLPClassifier(**QUICK), {"hidden_layer_sizes": [(), (8,)], "l2": [0.0]}, cv=2).fit(X, y)
    assert search.best_score_ > 0.9
    assert cross_val_score(MLPClassifier(**QUICK), X, y, cv=2).min() > 0.9


def test_a_column_that_matters_is_important(penguins, fitted):
    X, y = penguins
    found = permutation_importance(fitted, X, y, n_repeats=1, random_state=0).importances_mean
    assert X.columns[found.argmax()] == "bill_length_mm"


@pytest.mark.parametrize("again", [copy.deepcopy, lambda fitted: pickle.loads(pickle.dumps(fitted))])
def test_a_copy_answers_alike_and_is_small(penguins, fitted, again):
    X, _ = penguins
    assert np.array_equal(again(fitted).predict_proba(X), fitted.predict_proba(X))
    assert len(pickle.dumps(fitted)) < 100_000  # weights and header, no buffers


def test_a_clone_is_not_fitted(penguins, fitted):
    fresh = clone(fitted)
    assert fresh.get_params() == fitted.get_params()
    for ask in (lambda: fresh.predict(penguins[0]), lambda: fresh.n_iter_, lambda: fresh.to_npz("m.npz")):
        with pytest.raises(NotFittedError):
            ask()


def test_epochs_are_counted(fitted):
    assert fitted.n_iter_ == len(fitted.model_.record.history.train_loss) > 0


# --- model files ------------------------------------------------------------------------------------------


def test_a_classifier_goes_to_a_file_and_back(penguins, fitted, tmp_path):
    X, y = penguins
    fitted.to_npz(tmp_path / "m.npz")
    loaded = load(tmp_path / "m.npz")
    assert isinstance(loaded, MLPClassifier)
    assert np.array_equal(loaded.predict_proba(X), fitted.predict_proba(X))
    assert np.array_equal(loaded.predict(X), fitted.predict(X))
    assert list(loaded.feature_names_in_) == list(X.columns)
    again = clone(loaded).fit(X, y)
    assert np.array_equal(again.predict_proba(X), fitted.predict_proba(X))


def test_a_regressor_on_an_array_goes_to_a_file_and_back(tmp_path):
    X = np.random.default_rng(0).normal(size=(80, 2))
    fitted = MLPRegressor(**QUICK).fit(X, X[:, 0], sample_weight=np.arange(80.0))
    fitted.to_npz(tmp_path / "m.npz")
    loaded = load(tmp_path / "m.npz")
    assert isinstance(loaded, MLPRegressor)
    assert np.array_equal(loaded.predict(X), fitted.predict(X))
    assert not hasattr(loaded, "feature_names_in_")
    assert loaded.n_features_in_ == 2


def test_a_model_of_the_command_line_is_an_estimator(tmp_path):
    path = str(tmp_path / "m.npz")
    table = pd.read_csv(SAMPLES / "iris.csv")
    table["kind"] = table["species"].astype("category").cat.codes
    table = table.drop(columns="species")
    table.to_csv(tmp_path / "valid.csv", index=False)
    mlpcli.fit(
        table, "kind", preset="classic", hidden=(8,), epochs=3, class_weight="balanced",
        validation=str(tmp_path / "valid.csv"),
    ).save(path)  # fmt: skip
    loaded = load(path)
    assert loaded.classes_.tolist() == [0, 1, 2]
    assert loaded.class_weight == "balanced"
    assert loaded.validation_fraction == 0.15
    assert loaded.predict(table.drop(columns="kind")).dtype == np.int64


def test_what_is_no_model_is_no_estimator(tmp_path):
    (tmp_path / "m.npz").write_bytes(b"no model")
    with pytest.raises(ModelError):
        load(tmp_path / "m.npz")
