"""What a client is told of a model without asking for an answer: the JSON schema of a row, OpenAPI, and a page.

The page needs neither a network nor a script; names and levels are foreign text, and are escaped in it.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from html import escape
from typing import Any

from mlpcli import __version__
from mlpcli.cli.serve.service import CSV, JSON, LINES, Limits, Service
from mlpcli.data.kinds import Column
from mlpcli.errors import plural

MAX_LEVELS = 50  # of a category, as examples
PLACE = "#/components/schemas/"


def row_schema(service: Service) -> dict[str, Any]:
    """JSON Schema 2020-12 of a row; further keys are ignored."""
    columns = {column.name: column_schema(column) for column in service.model.schema.features}
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": f"a row, of which {service.model.schema.target.name} is predicted",
        "type": "object", "properties": columns, "required": [*columns], "additionalProperties": True,
    }  # fmt: skip


def column_schema(column: Column) -> dict[str, Any]:
    return {"type": ["string", "number", "boolean", "null"]} | KINDS[column.kind](column)


def of_number(column: Any) -> dict[str, Any]:
    form = column.format.describe()
    return {"type": ["number", "string", "null"], "description": "a number" + (f": {form}" if form else "")}


def of_date(column: Any) -> dict[str, Any]:
    return {"type": ["string", "null"], "description": column.format.describe()}


def of_category(column: Any) -> dict[str, Any]:
    levels = [level for level in column.levels if level is not None]
    more = f" (of {len(levels):,})" if len(levels) > MAX_LEVELS else ""
    return {"description": f"a category{more}; others than these may come", "examples": levels[:MAX_LEVELS]}


def of_text(column: Any) -> dict[str, Any]:
    return {"type": ["string", "null"], "description": "free text"}


KINDS: Mapping[str, Callable[[Any], dict[str, Any]]] = {
    "number": of_number, "date": of_date, "category": of_category, "embedded": of_category, "text": of_text,
}  # fmt: skip


def answer_schema(service: Service) -> dict[str, Any]:
    """JSON Schema of the answer to a row."""
    target = service.model.schema.target
    answer = {"type": ["string", "number", "null"] if target.labels else ["number", "null"]}
    error = {"type": "object", "description": "why the row has no answer", "properties": {
        name: {"type": "string"} for name in ("column", "cell", "reason")
    }}  # fmt: skip
    others = {name: {"type": ["number", "string", "null"]} for name in service.predictor("jsonl").names}
    return {"type": "object", "properties": others | {"prediction": answer, "error": error}, "required": ["prediction"]}


def openapi(service: Service, limits: Limits) -> dict[str, Any]:
    """OpenAPI 3.1 of the server."""
    ask = {
        "summary": f"predict {service.model.schema.target.name}", "requestBody": {
            "required": True, "content": content("Row", {"type": "string"}),
        },
        "responses": {
            "200": {"description": "an answer to each row, in order", "content": content("Answer", {"type": "string"})},
            "422": {"description": "the same where some rows are wrong: each says why in its error",
                    "content": content("Answer", {"type": "string"})},
            **{code: {"description": text} for code, text in refusals(limits).items()},
        },
    }  # fmt: skip
    pages = {"/": "this page", "/health": "whether it answers, and with which model", "/schema": "JSON schema of a row"}
    gets = {
        path: {"get": {"summary": what, "responses": {"200": {"description": what}}}} for path, what in pages.items()
    }
    return {
        "openapi": "3.1.0", "info": {"title": f"mlpcli serve {service.path}", "version": __version__},
        "paths": {"/predict": {"post": ask}, **gets},
        "components": {"schemas": {"Row": row_schema(service), "Answer": answer_schema(service)}},
    }  # fmt: skip


def content(name: str, text: dict[str, Any]) -> dict[str, Any]:
    """The kinds of body, of rows or of answers."""
    one = {"$ref": PLACE + name}
    each = {"oneOf": [one, {"type": "array", "items": one}]}
    return {JSON: {"schema": each}, LINES: {"schema": text}, CSV.partition(";")[0]: {"schema": text}}


def refusals(limits: Limits) -> dict[str, str]:
    return {
        "400": "not HTTP or not JSON",
        "408": f"the request took longer than {limits.seconds:g} s to come",
        "413": f"more than {limits.body:,} bytes or {plural(limits.rows, 'row')}",
        "415": "another type of body",
        "503": f"no answer within {limits.seconds:g} s, or more than {plural(limits.connections, 'connection')}",
    }


STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;max-width:56rem;margin:2rem auto;padding:0 1rem;"
    "color:#111;background:#fff}"
    "pre{background:#f3f3f3;padding:.8rem;overflow:auto}td,th{text-align:left;padding:.2rem 1rem .2rem 0;"
    "vertical-align:top;border-bottom:1px solid #ccc;overflow-wrap:anywhere}"
)


def page(service: Service, limits: Limits, address: str) -> str:
    """The OpenAPI document as one page of HTML, with examples to copy."""
    schema, target = row_schema(service), service.model.schema.target.name
    example = json.dumps({name: example_of(part) for name, part in schema["properties"].items()}, ensure_ascii=False)
    columns = [(name, " or ".join(part["type"]), described(part)) for name, part in schema["properties"].items()]
    answers = [(name, " or ".join(p.get("type", ""))) for name, p in answer_schema(service)["properties"].items()
               if name != "error"]  # fmt: skip
    paths = [
        ("POST /predict", "rows in, answers out: application/json (a row or a list), application/x-ndjson, text/csv"),
        ("GET /schema", "JSON schema of a row"), ("GET /openapi.json", "all of this for a program"),
        ("GET /health", "whether it answers, and with which model"),
    ]  # fmt: skip
    quoted = example.replace("'", "'\\''")
    return "".join([
        '<!doctype html><html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">',
        f"<title>mlpcli serve</title><style>{STYLE}</style>",
        f"<h1>Predict {escape(target)}</h1><p>{escape(service.path)} ({service.digest}), mlpcli {__version__}</p>",
        table(paths), "<h2>Ask</h2>",
        f"<pre>curl {escape(address)}/predict -H 'Content-Type: application/json' -d '{escape(quoted, False)}'\n",
        f"curl {escape(address)}/predict -H 'Content-Type: text/csv' --data-binary @new.csv</pre>",
        "<h2>A row</h2>", table(columns), "<h2>An answer</h2>", table(answers),
        "<p>A wrong row has no prediction and an <code>error</code> that names column and reason; the status is then "
        "422, and all other rows have their answers.</p>", "<h2>Refusals</h2>", table([*refusals(limits).items()]),
    ])  # fmt: skip


def described(part: Mapping[str, Any]) -> str:
    levels = ", ".join(map(str, part.get("examples", ())))
    return str(part["description"]) + (f": {levels}" if levels else "")


def example_of(part: Mapping[str, Any]) -> object:
    """A value that the column may have."""
    if "examples" in part:
        return part["examples"][0] if part["examples"] else None
    return 1 if "number" in part["type"] else None


def table(rows: list[Any]) -> str:
    cells = ("".join(f"<td>{escape(str(cell))}" for cell in row) for row in rows)
    return "<table>" + "".join(f"<tr>{row}" for row in cells) + "</table>"
