"""Which bytes are taken for Korean, and what is said of those that are not UTF-8."""

from __future__ import annotations

import pytest

from mlpcli.data.encodings import FREQUENT_SYLLABLES, from_cell, looks_korean, undecodable


@pytest.mark.parametrize(
    ("text", "encoding", "is_korean"),
    [
        ("서울특별시 강남구", "cp949", True), ("서울 가격 ㎡ 3", "cp949", True), ("Århus", "latin-1", False),
        ("naïve café", "latin-1", False), ("Grüße aus Köln", "cp1252", False), ("Привет мир", "cp1251", False),
        ("中华人民共和国国家统计局", "gb18030", False), ("東京特許許可局", "shift-jis", False),
    ],
)  # fmt: skip
def test_only_korean_is_taken_for_korean(text, encoding, is_korean):
    assert looks_korean(text.encode(encoding)) == is_korean


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("女 坏 男 好", "gb18030"), ("ねこ いぬ さくら", "euc-jp"), ("東京 大阪 京都", "euc-jp"),
        ("北京 上海 天津", "gb18030"),
        ("男 女 好 不好", "big5"), ("北京 高雄", "big5"),
        ("남 여", "cp949"), ("켕 큽 뻐", "cp949"),
    ],
)  # fmt: skip
def test_R15_too_few_or_unusual_characters_are_not_taken_for_korean(text, encoding):
    assert not looks_korean(text.encode(encoding))


@pytest.mark.parametrize(
    "text", ["서울,부산,대구", "홍길동 이순신", "예,아니오", "미혼,기혼", "불량,정상", "커피 아메리카노"]
)
def test_R15_few_frequent_syllables_are_korean(text):
    assert looks_korean(text.encode("cp949"))


def test_R15_frequent_syllables_are_each_named_once():
    assert len(set(FREQUENT_SYLLABLES)) == len(FREQUENT_SYLLABLES) == len(FREQUENT_SYLLABLES.encode("cp949")) / 2


@pytest.mark.parametrize(("at", "cell"), [(3, b"\xa4\xcd,c"), (4, b"\xa4\xcd,c"), (0, b"ab,\xa4\xcd,c")])
def test_a_sample_begins_with_its_cell(at, cell):
    assert from_cell(b"ab,\xa4\xcd,c", at) == cell


def test_bytes_that_fit_no_east_asian_encoding_get_an_example_of_the_flag():
    assert undecodable(b"caf\xe9 ,1") == ("", "name the encoding, e.g. --encoding latin-1, shift-jis or gb18030")
