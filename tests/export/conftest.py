"""A model of each sample, trained once."""

from __future__ import annotations

import pytest
from export.samples import N_ROWS, SAMPLES, cells, write

import mlpcli


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """Name of a sample -> the model, and a CSV of rows that it never saw, some with values never seen."""
    folder, found = tmp_path_factory.mktemp("export"), {}

    def of(name: str, without: tuple[str, ...] = ()) -> tuple[mlpcli.Model, str]:
        """`without` leaves out columns, such as those that a language cannot say."""
        if (name, without) not in found:
            sample, stem = SAMPLES[name], f"{name}{len(found)}"
            left_out = (*sample.without, *without)
            write(folder / f"{stem}.csv", cells(N_ROWS), sample.target, left_out)
            model = mlpcli.fit(str(folder / f"{stem}.csv"), sample.target, **sample.settings)
            model.save(str(folder / f"{stem}.npz"))
            columns = cells(60, seed=1)
            columns["category"][:4] = ["never seen", "NA", "", " é"]
            columns["rare"][0] = columns["first"][1] = columns["many"][2] = "nowhere"
            columns["number"][:3], columns["missing"][3] = ["1e300", "", "-99999"], "1e-40"
            columns["date"][5] = columns["pair"][6] = columns["text"][7] = ""
            columns["text"][8] = "¿unknown? words"
            write(folder / f"{stem}-new.csv", columns, sample.target, left_out)
            found[name, without] = mlpcli.load(str(folder / f"{stem}.npz")), str(folder / f"{stem}-new.csv")
        return found[name, without]

    return of


@pytest.fixture
def own_dialect(here, call):
    """Trains m.npz on a table with marks of its own -> the text of the table but for its last row."""
    text = "made by hand\n# a note\nname;size;kind\n" + "'a;b'; 1,5;p\n'c\\'d'; 2,5;q\n" * 30
    (here / "own.csv").write_bytes((text + "가; 2,5;q\n").encode("cp949"))
    marks = (
        "--skip-rows", 1, "--comment", "#", "--quote", "'", "--escape", "\\", "--decimal", ",", "--bad-rows", "skip",
        "--encoding", "cp949",
    )  # fmt: skip
    assert call("train", "own.csv", *marks, "--preset", "classic", "--epochs", 1, "-q", "-o", "m.npz")[0] == 0
    return text
