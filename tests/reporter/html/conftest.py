"""Reports on small models of three tasks, and on one of a table full of hostile text."""

import csv
import io
from dataclasses import dataclass
from pathlib import Path

import pytest
from hostile.test_foreign_text import naughty_strings, write_table
from samples import SAMPLES

from mlpcli.config.settings import Config, ReadOptions
from mlpcli.model.assemble import assemble
from mlpcli.reporter.html.document import Document
from mlpcli.reporter.html.model import ModelReport, gather, model_document
from mlpcli.training.events import History
from mlpcli.training.prepare import prepare

HOSTILE = [
    "<script>alert(1)</script>", '"><img src=x onerror=alert(1)>', "javascript:alert(1)", "&amp;<b>", "\u202eabc",
    "a\u200bb", "[x](http://evil.example)", "`code`|*b*_i_~s~$x$", "@somebody #1 www.evil.example",
    "가나다 라마바 사아자", "x" * 3_000, "'; DROP TABLE x; --",
]  # fmt: skip
TASKS = {
    "classes": ("iris.csv", {}),
    "two classes": ("xor.csv", {}),
    "numbers": ("diabetes.csv", {"target": "progression"}),
    "Korean": ("cafe_cp949.csv", {}),
    "hostile": ("hostile.csv", {"target": HOSTILE[1], "category": (HOSTILE[0],)}),
}


@dataclass(frozen=True)
class Made:
    """A report, its document, and the folder it was made in."""

    report: ModelReport
    document: Document
    folder: Path


def hostile_table(path: Path) -> None:
    """Names, levels and classes that could act on a page."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(HOSTILE)
    for i in range(240):
        text = HOSTILE[i % len(HOSTILE)]
        writer.writerow([text, HOSTILE[i * i % 5], *((i * (k + 3) + k) % 11 for k in range(len(HOSTILE) - 2))])
    path.write_text(out.getvalue(), encoding="utf-8")


@pytest.fixture(scope="session")
def made(tmp_path_factory):
    """A name of TASKS, or of a sample table -> Made; each once."""
    known: dict[str, Made] = {}

    def make(name: str) -> Made:
        if name not in known:
            file, settings = TASKS.get(name, (name, {}))
            folder = tmp_path_factory.mktemp("report")
            path = folder / file
            if file == "hostile.csv":
                hostile_table(path)
            elif file == "naughty.csv":
                write_table(path, naughty_strings())
            else:
                path.write_bytes((SAMPLES / file).read_bytes())
            prepared = prepare(str(path), Config(preset="classic", epochs=8, **settings))
            model = assemble(prepared, History.of(prepared.events()))
            model.path = str(folder / "model.npz")
            model.save(model.path)
            report = gather(model, model.path, None, ReadOptions())
            known[name] = Made(report, model_document(report), folder)
        return known[name]

    return make
