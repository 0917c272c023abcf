"""Whatever a model file holds, it is refused in one message, or loaded and then predicts finite numbers.

Found once, and kept as examples: each line of FOUND crashed a prediction or the loading of a file with a right digest.
"""

from __future__ import annotations

import copy
import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from mlpcli import fit
from mlpcli.config.settings import ReadOptions
from mlpcli.data.raw import parts_of
from mlpcli.diagnosis.findings import findings
from mlpcli.errors import MlpcliError, ModelError
from mlpcli.files import archive
from mlpcli.model.prediction import Predictor
from mlpcli.model.trained import load
from mlpcli.reporter.tables import columns_table

QUIET = settings(max_examples=100, deadline=None, database=None, suppress_health_check=list(HealthCheck))
VALUES = [
    None, True, -1, 0, 1, 7, 2**40, -(2**63), 2**200, 1.5, 1e308, -1e308, 5e-324, "", "x", "__class__", "os.system",
    "\x1b[31m", "\ud800", "/etc/passwd", [], {}, [[]], [None], [1.0], ["a"], [0.0] * 5, {"kind": "number"},
]  # fmt: skip
FOUND = [
    (("history", "train_loss"), []),
    (("dialect", "decimal"), ["a"]),
    (("dialect", "thousands"), ["7"]),
    *((("config", name), None) for name in ("activation", "init", "loss", "parametrization", "hidden", "lr")),
    *((("dialect", name), text) for name in ("delimiter", "quote", "escape", "comment") for text in ("", "ab")),
    (("dialect", "decimal"), ""),
    (("dialect", "missing", 0), "\ud800"),
    (("dialect", "quote"), "\ud800"),
    (("schema", "columns"), []),
    (("schema", "columns", 0, "clip"), 5e-324),
    (("schema", "columns", 0, "edges"), [0.0] * 5),
    (("schema", "columns", 0, "indicator"), [1.0]),
    (("schema", "columns", 0, "indicator", 0), 1e308),
    *((("schema", "columns", 1, name), value) for name in ("off", "on") for value in ([], [0.0] * 5, [1e308])),
    (("schema", "columns", 2, "format"), ""),
    (("schema", "columns", 2, "parts", 0, "name"), "x"),
    (("schema", "target", "labels"), []),
    (("schema", "target", "labels"), ["a"]),
    (("components", 0, "temperature"), 0),
    (("components", 0, "temperature"), 5e-324),
    (("components", 0, "weight"), 0.5),
    (("components", 0, "kind"), "wide"),
    (("components",), []),
]


def table(task: str) -> str:
    """Number with gaps, category, date, category of three; a class or a number to predict."""
    rng = np.random.default_rng(0)
    lines = ["n,c,d,k,y"]
    for i, x in enumerate(rng.standard_normal(80)):
        n = "" if i % 9 == 0 else f"{x:.3f}"
        y = "pq"[int(x > 0)] if task == "classification" else f"{x * x:.3f}"
        lines.append(f"{n},{'ab'[i * 7 % 5 % 2]},2024-0{1 + i % 9}-1{i % 8},{'uvw'[i % 3]},{y}")
    return "\n".join(lines) + "\n"


@pytest.fixture(scope="module", params=["classification", "regression"])
def trained(request, tmp_path_factory):
    """A folder with d.csv and a model of it, m.npz."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "d.csv").write_text(table(request.param))
    options = {"preset": "classic"} if request.param == "classification" else {"ensemble": 2}
    fit(str(folder / "d.csv"), target="y", epochs=3, hidden=(4,), **options).save(str(folder / "m.npz"))
    return folder


def answers(folder: Path, header: object, arrays: dict[str, np.ndarray]) -> str:
    """What becomes of a file with this content and the digest that belongs to it."""
    path = folder / "edited.npz"
    path.write_bytes(archive.pack(header, arrays))
    try:
        model = load(str(path))
        columns_table(model.schema.columns)
        findings(model)
        descriptor = os.open(folder / "d.csv", os.O_RDONLY)
        try:
            said = b"".join(Predictor(model, proba=True).predict(parts_of(descriptor), "d.csv", ReadOptions()))
        finally:
            os.close(descriptor)
    except MlpcliError as error:
        return str(error)
    assert not {b"nan", b"inf", b"-inf"} & set(said.replace(b"\n", b",").split(b","))
    return "predicted"


def put(header: dict, path: tuple, value: object) -> dict:
    """A copy with the value at a path; unchanged where there is no such place."""
    edited = place = copy.deepcopy(header)
    try:
        for step in path[:-1]:
            place = place[step]
        if isinstance(place, dict) != isinstance(path[-1], str):  # an edit before put something else there
            return header
        place[path[-1]] = value
    except (KeyError, IndexError, TypeError):
        return header
    return edited


def places(value: object, at: tuple = ()) -> list[tuple]:
    found = [at] if at else []
    if isinstance(value, dict):
        for key in value:
            found += places(value[key], (*at, key))
    elif isinstance(value, list):
        for i in range(min(len(value), 4)):
            found += places(value[i], (*at, i))
    return found


def test_M16_what_was_found_once_is_refused(trained):
    header, arrays = archive.load(str(trained / "m.npz"))
    assert answers(trained, header, arrays) == "predicted"
    for path, value in FOUND:
        edited = put(header, path, value)
        if edited != header:
            assert answers(trained, edited, arrays) != "predicted", (path, value)


@pytest.mark.slow
def test_M16_M08_M11_any_edit_of_the_header_is_refused_or_borne(trained, for_a_while):
    header, arrays = archive.load(str(trained / "m.npz"))
    edits = st.lists(
        st.tuples(st.sampled_from(places(header)), st.sampled_from(VALUES) | st.floats(-1e9, 1e9) | st.integers()),
        min_size=1, max_size=3,
    )  # fmt: skip

    @given(edits, st.none() | st.floats(-(2.0**127), 2.0**127))
    @QUIET
    def test(edits, weight):
        edited = header
        for path, value in edits:
            edited = put(edited, path, value)
        weights = arrays["members"]
        answers(trained, edited, {"members": weights if weight is None else np.full_like(weights, weight)})

    for_a_while(test)


@pytest.mark.slow
def test_M01_M02_any_damage_is_refused(trained, for_a_while):
    good = (trained / "m.npz").read_bytes()
    at = st.integers(0, len(good))

    @given(at, at, st.binary(max_size=40), at)
    @example(0, len(good), b"", 0)
    @QUIET
    def test(start, stop, piece, source):
        """A piece of the file is left out, and another one, or part of the file itself, put in its place."""
        piece = piece or good[source : source + 40]
        data = good[:start] + piece + good[max(start, stop) :]
        if data != good:
            with pytest.raises(ModelError):
                archive.unpack(data)

    for_a_while(test)
