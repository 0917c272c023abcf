"""The languages that a model can be written in."""

from __future__ import annotations

from collections.abc import Mapping

from mlpcli.export.c import C
from mlpcli.export.javascript import JavaScript
from mlpcli.export.onnx.target import Onnx
from mlpcli.export.python import Python
from mlpcli.export.sql.target import Sql
from mlpcli.export.target import Target

TARGETS: Mapping[str, Target] = {
    "python": Python(),
    "js": JavaScript(),
    "c": C(),
    "sql": Sql(),
    "onnx": Onnx(),
}
