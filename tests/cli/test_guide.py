"""`guide` as a user meets it: the table of topics, and where its tables of data are."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from command_line import mlpcli
from rich.cells import cell_len
from samples import SAMPLES

from mlpcli.guide import LANGUAGES, PAGES, REFERENCE, page

ROOT = Path(__file__).parents[2]


def test_the_guide_says_where_its_tables_are(call, here, monkeypatch):
    assert "comes with the source" in call("guide")[2]
    monkeypatch.chdir(SAMPLES.parent)
    assert "comes with the source" not in call("guide")[2]


def test_the_table_of_topics_names_them_all(tmp_path):
    (tmp_path / "sample_data").symlink_to(ROOT / "sample_data")
    for args in ([], ["layers"]):
        done = mlpcli("guide", *args, cwd=tmp_path)
        assert (done.returncode, done.stderr) == (0, "")
        expected = [page("layers").rstrip()] if args else [f"\n{topic} " for topic in PAGES]
        assert not [text for text in expected if text not in "\n" + done.stdout]


@pytest.mark.parametrize("width", [50, 80])
@pytest.mark.parametrize("lang", LANGUAGES)
@pytest.mark.parametrize("name", REFERENCE)
def test_a_page_of_the_reference_fits_the_screen_and_keeps_its_words(name, lang, width):
    done = mlpcli("guide", name, "--lang", lang, cwd=ROOT, env={"COLUMNS": str(width)})
    assert (done.returncode, done.stderr) == (0, "")
    assert max(map(cell_len, done.stdout.splitlines())) <= width
    assert "\x1b" not in done.stdout
    assert "…" not in done.stdout
    flags = set(re.findall(r"`(--[a-z-]+)`", page(name, lang)))
    assert not [flag for flag in flags if flag not in "".join(done.stdout.split())]
