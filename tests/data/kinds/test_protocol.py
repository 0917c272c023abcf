"""Every kind of column answers what it must, and a header that says what cannot be is refused."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import get_args

import numpy as np
import pandas as pd
import pytest

from mlpcli.config.settings import Config
from mlpcli.data.fit_columns import fit_columns
from mlpcli.data.formats.dates import TimeFormat
from mlpcli.data.formats.numbers import NumberFormat
from mlpcli.data.kinds import KINDS, Column
from mlpcli.data.kinds.protocol import BLOCKS
from mlpcli.data.schema import Schema
from mlpcli.data.target import fit_target
from mlpcli.data.values import column_values
from mlpcli.files.jsonable import from_json, to_json

N = 400
CONFIG = Config().resolve("classification")
RNG = np.random.default_rng(0)
WORDS = [f"word{c}" for c in "abcdefghijklmnopqrstuvwxyz"]


def texts(values):
    return pd.Series(pd.Categorical(values), name="a")


# Kind -> cells that make one, cells that training never saw, and fields changed so that none of it can be.
EXAMPLES = {
    "number": (
        pd.Series(np.where(np.arange(N) % 9, RNG.normal(size=N), np.nan), name="a"),
        pd.Series([1e9, 0.0, np.nan], name="a"),
        [{"clip": 1e-9}, {"indicator": (1.0,)}, {"indicator": (1e38, 0.0)}, {"edges": (1.0,)}, {"edges": (2.0, 1.0)},
         {"shrink": 1e38}, {"cuts": (2.0, 1.0)}, {"cuts": (1.0, 1.0)},
         {"format": NumberFormat(decimal="x")}, {"format": TimeFormat("date", ("y-m-d",))}],
    ),
    "category": (
        texts(np.array(["x", "y", "z"])[np.arange(N) % 3]),
        texts(["w", "x", None]),
        [{"on": (1.0,)}, {"off": ()}, {"on": (1e38, 1.0, 1.0)}, {"levels": ("x", "x", "y")}, {"has_rare": True}],
    ),
    "embedded": (
        texts([f"level {i % 40}" for i in range(N)]),
        texts(["level 99", "level 1"]),
        [{"width": 0}, {"width": 10**6}, {"levels": ("x", "x")}],
    ),
    "date": (
        pd.Series(18_262 * 86_400 + np.arange(N) * 86_400.0, name="a"),
        pd.Series([1e12, 18_300 * 86_400, np.nan], name="a"),
        [{"format": TimeFormat("date", ("a",))}, {"format": TimeFormat("duration", ("m:s",))},
         {"parts": "twice"}, {"parts": "unknown"}, {"parts": "broken"}],
    ),
    "text": (
        texts([" ".join(RNG.permutation(WORDS)[:6]) + f" {i}" for i in range(N)]),
        texts(["nothing like this before", "worda wordb wordc", None]),
        [{"clip": 1e-9}, {"center": ()}, {"factor": (1e38,)}, {"slots": (5, 4)}, {"slots": (-1,)}],
    ),
    "left out": (texts(["x"] * N), None, [{"reason": ""}]),
}  # fmt: skip
UNSEEN = {
    "number": 1,
    "category": 2,
    "embedded": 1,
    "date": 1,
    "text": 1,
    "left out": 0,
}  # cells counted; a missing one is too where training had none


def fitted(kind: str) -> Schema:
    cells, _, _ = EXAMPLES[kind]
    config = replace(CONFIG, max_categories=20, embed_categories="learned", embed_numbers="ple")
    formats = {"a": TimeFormat("date", ("y-m-d",)) if kind == "date" else None}
    columns = fit_columns(pd.DataFrame({"a": cells}), config, "classification", {}, formats)
    return Schema(columns, fit_target("y", "classification", pd.Categorical(["a", "b"])))


def test_every_kind_has_an_example_and_stands_in_a_header():
    assert EXAMPLES.keys() == UNSEEN.keys() == KINDS.keys()
    assert set(get_args(Column)) == set(KINDS.values())


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_fills_all_its_inputs_with_finite_numbers_that_depend_on_the_row_alone(kind):
    schema = fitted(kind)
    [column] = schema.columns
    assert type(column) is KINDS[kind]
    assert column.kind == kind
    assert set(column.n_inputs) <= set(BLOCKS)
    values = column_values(EXAMPLES[kind][0])
    full = {block: np.full((N, n), np.nan, np.float32) for block, n in column.n_inputs.items()}
    column.encode(values, full)
    assert all(np.isfinite(inputs).all() for inputs in full.values())
    one = {block: np.full((1, n), np.nan, np.float32) for block, n in column.n_inputs.items()}
    column.encode(values[7:8], one)
    assert all(np.array_equal(one[block][0], full[block][7]) for block in full)


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_counts_what_training_never_saw_and_nothing_of_what_it_saw(kind):
    schema = fitted(kind)
    known, unknown, _ = EXAMPLES[kind]
    assert schema.unseen_values(pd.DataFrame({"a": known})) == {}
    found = {} if unknown is None else schema.unseen_values(pd.DataFrame({"a": unknown}))
    assert sum(sum(counts.values()) for counts in found.values()) == UNSEEN[kind]


@pytest.mark.parametrize("kind", KINDS)
def test_a_kind_comes_back_from_json_and_vouches_for_itself(kind):
    schema = fitted(kind)
    assert from_json(Schema, to_json(schema)) == schema
    assert schema.columns[0].is_valid()
    assert schema.columns[0].becomes()


@pytest.mark.parametrize(
    ("kind", "change"), [(kind, change) for kind, example in EXAMPLES.items() for change in example[2]]
)
def test_a_kind_whose_fields_cannot_be_is_refused(kind, change):
    [column] = fitted(kind).columns
    parts = getattr(column, "parts", ())
    changed_parts = {
        "twice": (*parts, *parts[:1]),
        "unknown": tuple(replace(part, name="else") for part in parts[:1]),
        "broken": tuple(replace(part, edges=(2.0, 1.0)) for part in parts),
    }
    change = {name: changed_parts.get(value, value) if name == "parts" else value for name, value in change.items()}
    assert not replace(column, **change).is_valid()


@pytest.mark.parametrize("kind", KINDS)
def test_every_field_of_a_kind_can_stand_in_a_header(kind):
    [column] = fitted(kind).columns
    assert [f.name for f in fields(column)][:2] == ["kind", "name"]


def test_blocks_that_are_neighbours_are_one_stretch_and_others_are_not():
    schema = fitted("number")
    n_plain, n_ple = (schema.width([block]) for block in ("plain", "ple"))
    assert schema.stretches(("ple", "plain")) == (slice(0, n_plain + n_ple),)
    assert schema.stretches(("ple",)) == (slice(n_plain, n_plain + n_ple),)
    assert schema.stretches(()) == ()
