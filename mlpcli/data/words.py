"""Free text as counts of hashed words and pairs of neighbouring words.

The hash is the same on every machine and in every run, so that a model needs no list of words, only the slots it uses.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from mlpcli.engine.arrays import Ints

SLOTS = 1 << 16  # so many that the frequent words of a language rarely meet in one
WORD = re.compile(r"\w+")
LETTER = re.compile(r"[^\W\d_]")
MIN_WORDS = 3  # of a text, in the sense of the rule for its column; a code or a full name has fewer
FIRST, SECOND, SPREAD = np.uint32(0x9E3779B1), np.uint32(0x85EBCA6B), np.uint32(0xC2B2AE3D)  # odd: nothing is lost


def is_sentence(text: str) -> bool:
    """Whether a text has several words, with letters in them and space between them."""
    return sum(LETTER.search(word) is not None for word in text.split()) >= MIN_WORDS


def grams(texts: Sequence[str]) -> tuple[Ints, Ints]:
    """n texts -> (k,) number of the text and (k,) slot, of each word and each pair of neighbouring words."""
    words = [WORD.findall(text.casefold()) for text in texts]
    text = np.repeat(np.arange(len(texts)), [len(found) for found in words])
    hashes = {word: zlib.crc32(word.encode("utf-8", "surrogatepass")) for word in set(chain.from_iterable(words))}
    of_word = np.fromiter(map(hashes.__getitem__, chain.from_iterable(words)), np.uint32, len(text))
    is_pair = text[1:] == text[:-1]
    of_pair = (of_word[:-1] * FIRST + of_word[1:] * SECOND)[is_pair]
    spread = np.append(of_word, of_pair) * SPREAD  # modulo 2^32; the upper bits are the well-mixed ones
    return np.append(text, text[1:][is_pair]), (spread >> np.uint32(16)).astype(np.int64)


def counts(texts: Sequence[str], slots: Ints) -> NDArray[np.float64]:
    """n texts -> (n, n_slots) log(1 + occurrences) in each of these ascending slots"""
    text, slot = grams(texts)
    place = np.searchsorted(slots, slot)
    known = np.flatnonzero(slots[np.minimum(place, len(slots) - 1)] == slot)
    found = np.bincount(text[known] * len(slots) + place[known], minlength=len(texts) * len(slots))
    return np.log1p(found.reshape(len(texts), len(slots)))
