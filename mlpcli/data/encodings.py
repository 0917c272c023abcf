"""Which encoding bytes may be in that are not UTF-8: cp949 is taken without asking, but only where it shows.

Bytes of Chinese and Japanese text that are pairs above 0xA0 fit cp949 too. What tells them apart is which characters
they make: those that are frequent in Korean, or any.
"""

from __future__ import annotations

import codecs
import re
from collections import Counter
from collections.abc import Sequence
from itertools import takewhile

EAST_ASIAN = ("cp949", "gb18030", "euc-jp", "big5")  # encodings whose bytes fit one another's
KS_LEADS = {*range(0xA1, 0xAD), *range(0xB0, 0xC9)}  # first bytes of KS X 1001's symbols and its 2,350 syllables
KS_SHARE = 0.9  # of the two-byte characters that have to be among these, with a second byte above 0xA0
MIN_FREQUENT = 3  # different frequent syllables: so many by chance are one Chinese text in 3,000
FREQUENT_SHARE, ENOUGH_FREQUENT = 0.5, 64  # of the different characters that have to be frequent, or so many
# Four fifths of the syllables of Korean web pages, and what names, places and answers are written with.
FREQUENT_SYLLABLES = (
    "이다는에하지가을고로의기서한은어를도그아게사나리있자만일니라해시들인스것면보으대적주수전제정과되내요상마"
    "미거구트드여임했분데야진오용었간소할장않무비생개신문위안우와부까글러때월경음회모래동유세작없프히저화업성"
    "중터려치말바된계행실같각연더체버습공람크본발관식금던든런원번많디포호조움영국처매당건두입파선재겠단등통목"
    "예타검직른태결물색네메집워레못년근알명루록현후술좋너돋며았차방심운역점걸출함살르론표머최능피추류달편노난"
    "린느속또법잘새반휴날얼블싶군석약렇언락코배불될토투필접민받올온테초쓰름형플좀강열력순복잡설외준키남별울산"
    "천광종충북김박윤권황송홍혼량합격탈찬졸학급값"
)
SHOWN_BYTES = 8


def looks_korean(data: bytes) -> bool:
    """Whether the bytes above ASCII are mostly pairs of KS X 1001, half of the different ones frequent syllables."""
    pairs = Counter(pair for run in re.findall(rb"[\x80-\xff]+.?", data, re.DOTALL) for pair in pairs_of(run))
    in_standard = sum(n for pair, n in pairs.items() if pair[0] in KS_LEADS and pair[1] > 0xA0)
    n_frequent = len(FREQUENT_PAIRS.intersection(pairs))
    needed = max(MIN_FREQUENT, min(FREQUENT_SHARE * len(pairs), ENOUGH_FREQUENT))
    return in_standard >= KS_SHARE * sum(pairs.values()) and n_frequent >= needed


def pairs_of(run: bytes) -> list[bytes]:
    return [run[i : i + 2] for i in range(0, len(run) - 1, 2)]


FREQUENT_PAIRS = frozenset(pairs_of(FREQUENT_SYLLABLES.encode("cp949")))


def undecodable(data: bytes) -> tuple[str, str]:
    """The first bytes above ASCII as they read in each East Asian encoding that `data` fits, and the flags to choose.

    Both for a message; '' and another hint where it fits none.
    """
    run = re.search(rb"[\x80-\xff]+.?", data, re.DOTALL)
    fits = [name for name in EAST_ASIAN if decodes(data, name)]
    if run is None or not fits:
        return "", "name the encoding, e.g. --encoding latin-1, shift-jis or gb18030"
    readings = [f"{name} '{shown(run[0], name)}'" for name in fits]
    return f"; it reads as {listed(readings)}", listed([f"--encoding {name}" for name in fits])


def shown(run: bytes, encoding: str) -> str:
    """The characters above ASCII at its beginning."""
    return "".join(takewhile(lambda c: not c.isascii(), run[:SHOWN_BYTES].decode(encoding, "ignore")))


def from_cell(data: bytes, at: int) -> bytes:
    """The bytes from the beginning of the cell that holds byte `at`, which may be a character's second."""
    before = re.search(rb"[^\r\n\t,;\"]*\Z", data[:at])
    return data[before.start() if before else at :]


def decodes(data: bytes, encoding: str) -> bool:
    """Whether the bytes are text in an encoding; the last character may be cut off."""
    try:
        codecs.getincrementaldecoder(encoding)().decode(data)
    except UnicodeDecodeError:
        return False
    return True


def listed(choices: Sequence[str]) -> str:
    """a, b or c"""
    return " or ".join([part for part in (", ".join(choices[:-1]), choices[-1]) if part])
