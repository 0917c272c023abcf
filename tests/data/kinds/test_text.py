"""A column of free text as inputs: hashed words, the same wherever a row stands."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from data.schemas import fitted

import mlpcli
from mlpcli.config.settings import Config
from mlpcli.data.fit_columns import TEXT_INPUTS
from mlpcli.data.kinds.text import FreeText
from mlpcli.data.schema import Schema
from mlpcli.data.words import grams
from mlpcli.files.jsonable import from_json, to_json


def reviews(n=600, seed=0):
    """Sentences of which a few words, and a pair of words, tell the class; none occurs twice."""
    rng = np.random.default_rng(seed)
    filler = np.array([f"word{i}" for i in range(400)])
    texts, labels = [], []
    for i in range(n):
        label = int(rng.random() < 0.5)
        mood = rng.choice(["fine", "superb"] if label else ["poor", "awful"])
        if rng.random() < 0.3:
            mood = "not " + rng.choice(["poor", "awful"] if label else ["fine", "superb"])
        words = [*rng.choice(filler, 6), mood, *rng.choice(filler, 4), f"nr{i}"]
        texts.append(" ".join(words))
        labels.append(label)
    return texts, np.array(labels)


def test_free_text_becomes_hashed_words_of_fixed_width_and_comes_back_from_json():
    texts, _ = reviews()
    frame = pd.DataFrame({"t": pd.Categorical([*texts, None])})
    schema = fitted(frame)
    (column,) = schema.columns
    assert isinstance(column, FreeText)
    assert column.n_inputs["plain"] == schema.n_inputs == TEXT_INPUTS
    assert column.n_missing == 1
    assert np.isfinite(schema.encode(frame)).all()
    assert from_json(Schema, to_json(schema)) == schema
    words = schema.encode(pd.DataFrame({"t": pd.Categorical(["", "Fine,", "fine", "not fine", "fine not"])}))
    assert (words[1] == words[2]).all()  # neither case nor punctuation counts
    assert not (words[2] == words[0]).all()
    assert not (words[3] == words[4]).all()  # the order does


def test_text_is_encoded_by_the_row_alone_wherever_it_stands():
    texts, _ = reviews()
    frame = pd.DataFrame({"t": pd.Categorical(texts)})
    schema = fitted(frame)
    whole = schema.encode(frame)
    for rows in (slice(3), slice(100, 101), slice(590, 600)):
        assert (schema.encode(frame[rows]) == whole[rows]).all()
        assert (schema.encode(pd.DataFrame({"t": pd.Categorical(texts[rows])})) == whole[rows]).all()


def test_category_asked_for_is_no_text():
    frame = pd.DataFrame({"t": pd.Categorical(reviews()[0])})
    assert fitted(frame, Config(category=("t",)).resolve("classification")).columns[0].kind == "category"


@pytest.mark.slow
def test_free_text_pays(tmp_path):
    texts, labels = reviews()
    frame = pd.DataFrame({"t": texts, "x": np.arange(len(texts)) % 9, "y": np.where(labels, "good", "bad")})
    frame.to_csv(tmp_path / "d.csv", index=False)
    model = mlpcli.fit(str(tmp_path / "d.csv"), epochs=12, ensemble=1)
    assert (
        model.evaluate(str(tmp_path / "d.csv")).metrics["test"]["accuracy"].low > 0.75
    )  # 0.5 by chance, and without the text


def test_texts_without_a_known_word_are_lost():
    texts = pd.Categorical(["one two", "three four", None])
    slots = {text: np.unique(grams([text])[1]).tolist() for text in ("five six", "one two")}
    lost, kept = (
        FreeText("text", "t", 0, tuple(s), (0.0,) * len(s), (1.0,) * len(s), 0.0).lost(texts) for s in slots.values()
    )
    assert lost == "2 of 2 texts hold no word that others hold: as text it tells nothing"
    assert kept == ""
