"""What a client is told of a model: a schema that fits its rows, and a page that fetches nothing."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from command_line import mlpcli

from mlpcli.cli.serve import schema, service_of
from mlpcli.cli.serve.service import Limits, Wishes

NASTY = "<script>alert('x')</script>"


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    """Of a table with every kind of column, and names that a page must not run."""
    folder = tmp_path_factory.mktemp("kinds")
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice(["red", "green", "blue", "large", "small", "old"], 4)) + f" {i}" for i in range(300)]
    frame = pd.DataFrame({
        NASTY: rng.choice(["a", "b", NASTY], 300), "price": [f"${n:,}" for n in rng.integers(1000, 9000, 300)],
        "day": pd.date_range("2024-01-01", periods=300).strftime("%Y-%m-%d"), "words": texts,
        "shop": rng.choice([f"s{i}" for i in range(70)], 300), "y": rng.normal(size=300).round(3),
    })  # fmt: skip
    frame.to_csv(folder / "t.csv", index=False)
    options = ("-q", "-t", "y", "--preset", "classic", "--epochs", "1", "-o", "m.npz")
    assert mlpcli("train", "t.csv", *options, cwd=folder).returncode == 0
    return service_of(str(folder / "m.npz"), Wishes())


def test_a_schema_tells_of_every_column(service):
    found = schema.row_schema(service)
    assert found["required"] == [column.name for column in service.model.schema.features] == [*found["properties"]]
    assert NASTY in found["properties"][NASTY]["examples"]
    assert found["properties"]["price"]["type"] == ["number", "string", "null"]
    assert "$" in found["properties"]["price"]["description"]
    assert {column.kind for column in service.model.schema.features} <= schema.KINDS.keys()


@pytest.mark.parametrize("kind", schema.KINDS)
def test_a_text_column_and_each_other_has_a_description(kind):
    from types import SimpleNamespace

    column = SimpleNamespace(levels=("a", None, *map(str, range(100))), format=SimpleNamespace(describe=lambda: "d"))
    found = schema.KINDS[kind](column)
    assert found["description"]
    assert len(found.get("examples", ())) <= schema.MAX_LEVELS


def test_the_page_fetches_nothing_and_runs_nothing(service):
    page = schema.page(service, Limits(), "http://127.0.0.1:1")
    assert NASTY not in page
    assert not re.findall(r"<script|href|src=|@import|url\(", page)
    assert "&lt;script&gt;" in page


def test_openapi_names_every_path_and_refers_to_what_is_there(service):
    found = schema.openapi(service, Limits())
    assert {"/predict", "/", "/health", "/schema"} <= found["paths"].keys()
    refs = set(re.findall(r"#/components/schemas/(\w+)", str(found)))
    assert refs == found["components"]["schemas"].keys()


def test_an_example_is_a_value_that_the_column_may_have():
    assert schema.example_of({"type": ["string"], "examples": ["a"]}) == "a"
    assert schema.example_of({"type": ["string"], "examples": []}) is None
    assert schema.example_of({"type": ["number"]}) == 1
    assert schema.example_of({"type": ["string"]}) is None
