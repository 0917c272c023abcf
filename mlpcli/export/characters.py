"""What Python's Unicode says of characters, as tables: other languages know other versions of Unicode, or none."""

from __future__ import annotations

import sys
from functools import cache
from itertools import pairwise


@cache
def folded_cases() -> dict[str, str]:
    """Character -> the same with its case folded, one to three characters; those that stay are left out."""
    return {one: one.casefold() for one in map(chr, range(sys.maxunicode + 1)) if one.casefold() != one}


@cache
def of_words() -> list[int]:
    r"""Where stretches of characters of words, `\w`, begin and end, ascending: 48, 58 for the digits, and so on."""
    inside = [one == "_" or one.isalnum() for one in map(chr, range(sys.maxunicode + 1))]
    return [at for at, (before, here) in enumerate(pairwise([False, *inside, False])) if before != here]
