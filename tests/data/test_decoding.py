"""Bytes of any encoding as UTF-8, however they come."""

from __future__ import annotations

import pytest

from mlpcli.config.settings import ReadOptions
from mlpcli.data.decoding import SAMPLE_BYTES, UndecodableError, can_stand_beside_utf8, is_utf8, text_parts
from mlpcli.data.source import open_table
from mlpcli.errors import DataError

TEXT = "이름,값\n서울,1\n부산,2\n"


def whole(parts, encoding=None, otherwise=None):
    return b"".join(text_parts(parts, encoding, otherwise, "-"))


def test_cp949_from_a_pipe_is_read_when_the_model_was_and_never_guessed():
    assert whole([TEXT.encode("cp949")], otherwise="cp949") == TEXT.encode()
    assert whole([TEXT.encode()], otherwise="cp949") == TEXT.encode()
    with pytest.raises(UndecodableError, match="is not utf-8 text"):
        whole([TEXT.encode("cp949")], otherwise="utf-8")
    with pytest.raises(UndecodableError, match="byte 8 is not utf-8 or cp949 text"):
        whole([b"a,b\n" + "서울".encode("cp949") + b"\xff\xff,1\n"], otherwise="cp949")


@pytest.mark.parametrize("encoding", ["utf-8", "cp949"])
def test_a_header_that_is_no_ascii_decides_for_all_lines(encoding):
    """The syllable is also UTF-8 in cp949, as another character."""
    text = "이름,값\n짜,1\n"
    assert whole([text.encode(encoding)], otherwise="cp949") == text.encode()


def test_each_line_is_decoded_by_itself_below_a_header_in_ascii():
    """Bytes that are text in both encodings are UTF-8, whatever the lines around them are."""
    both = "\u0141".encode()  # also cp949
    line = b"x," + both + b"\n"
    assert both.decode("cp949")
    for before in (b"", "\uc11c\uc6b8,1\n".encode("cp949"), "\uc11c\uc6b8,1\n".encode()):
        assert whole([b"a,b\n", before + line], otherwise="cp949").endswith(line)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32", "cp949"])
@pytest.mark.parametrize("otherwise", ["utf-8", "cp949", "utf-16"])
def test_no_part_that_ends_inside_a_character_changes_the_text(encoding, otherwise):
    data = TEXT.encode(encoding)
    if encoding == "cp949" != otherwise:
        return
    for size in (1, 2, 3, 5, 7):
        assert whole((data[i : i + size] for i in range(0, len(data), size)), otherwise=otherwise) == TEXT.encode()


def test_the_text_before_a_byte_that_is_none_is_given_first():
    for otherwise in ("utf-8", "cp949"):
        parts = text_parts([b"a,b\n1,2\n3,\xff\xff\n"], None, otherwise, "-")
        assert next(parts).startswith(b"a,b\n1,2\n")
        with pytest.raises(UndecodableError) as caught:
            next(parts)
        assert (caught.value.at, caught.value.line) == (10, 3)


def test_cp949_in_a_file_is_judged_by_the_first_bytes_that_are_not_utf_8(tmp_path):
    korean = "서울,1\n".encode("cp949") * (SAMPLE_BYTES // 7 + 1)
    (tmp_path / "d.csv").write_bytes(korean + b"\xff\xff,1\n")
    with pytest.raises(DataError, match="byte 0 is not utf-8 text"):
        open_table(str(tmp_path / "d.csv"), ReadOptions())  # what does not look Korean comes after the sample


def test_only_supersets_of_ascii_stand_beside_utf8():
    assert can_stand_beside_utf8("cp1252")
    assert not any(map(can_stand_beside_utf8, ("utf-8", "utf-16", "cp037", "no-such-encoding")))


def test_bytes_are_utf8_or_not():
    assert is_utf8(b"a")
    assert is_utf8("\u00e9".encode())
    assert not is_utf8(b"\xe9a")
