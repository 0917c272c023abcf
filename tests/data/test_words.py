"""Words are hashed to the same numbers on every machine."""

from __future__ import annotations

from mlpcli.data.words import grams


def test_the_hash_of_words_is_the_same_on_every_machine():
    text, slot = grams(["Der Käse", "", "한국 text"])
    assert text.tolist() == [0, 0, 2, 2, 0, 2]
    assert slot.tolist() == [
        62147,
        38197,
        35301,
        37550,
        19999,
        22808,
    ]  # a change here makes older models read text as noise
