"""Imports go down this list, never up or sideways. The map of the rooms."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "mlpcli"
ORDER = [
    "__init__", "errors", "config", "events", "files", "engine", "data", "metrics", "training", "model", "evaluation",
    "diagnosis", "studies", "library", "guide", "reporter", "cli",
]  # fmt: skip
OUTSIDE = {"numpy", "pandas", "typer", "rich"}
UPWARD: set[tuple[str, str]] = set()
SCREEN = {"reporter", "cli"}
MODULES = sorted(PACKAGE.rglob("*.py"))


def room(module: Path) -> str:
    return module.relative_to(PACKAGE).parts[0].removesuffix(".py")


def imports(module: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(module.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            if node.module == "mlpcli":
                found |= {f"mlpcli.{a.name}" if a.name in ORDER else "mlpcli.__init__" for a in node.names}
            else:
                found.add(node.module or "")
    return found


@pytest.mark.parametrize("module", [m for m in MODULES if not m.name.startswith("__")], ids=str)
def test_imports_go_down(module):
    here = room(module)
    for name in imports(module):
        if name.startswith("mlpcli."):
            there = name.split(".")[1]
            if there == here or (here, there) in UPWARD:
                continue
            assert ORDER.index(there) < ORDER.index(here), f"{here} imports {there}"


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_only_the_named_packages_are_used_each_in_its_room(module):
    import sys

    here = room(module)
    for name in imports(module):
        top = name.split(".")[0]
        assert top in OUTSIDE | {"mlpcli", ""} or top in sys.stdlib_module_names, f"{here} imports {name}"
        if here == "engine":
            assert top != "pandas"
        if top in ("rich", "typer"):
            assert here in SCREEN


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_nothing_below_the_screen_prints_or_exits(module):
    source = module.read_text(encoding="utf-8")
    if room(module) not in SCREEN:
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Call):
                assert ast.unparse(node.func) not in ("print", "sys.exit", "exit")
    assert not source.strip() or ast.get_docstring(ast.parse(source))
