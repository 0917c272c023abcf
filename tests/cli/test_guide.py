"""`guide` as a user meets it: the table of topics, and where its tables of data are."""

from __future__ import annotations

from pathlib import Path

from command_line import mlpcli
from samples import SAMPLES

from mlpcli.guide import TOPICS, page

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
        expected = [page("layers").rstrip()] if args else [f"\n{topic} " for topic in TOPICS]
        assert not [text for text in expected if text not in "\n" + done.stdout]
