"""Mutation score: how many small faults in a module its tests notice.

    python tests/benchmarks/mutation.py engine/losses [--sample 100] [--seed 0]

A mutant has one change: a comparison or operator turned round, a number or constant moved by one, a condition negated,
a `return` without its value, a statement or an argument left out. Each runs the module's own test files, up to the
first failure, in a process of its own. Survivors are printed with their line. Exit code 1 below 90 %.
"""

from __future__ import annotations

import os

os.environ["OPENBLAS_NUM_THREADS"] = os.environ["OMP_NUM_THREADS"] = "1"

import argparse
import ast
import copy
import importlib.abc
import importlib.util
import resource
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import pandas  # noqa: F401  once here, and not in each process
import pytest

ROOT = Path(__file__).parents[2]
TESTS = {
    "files/archive": ["tests/files/test_archive.py", "tests/hostile/test_trust.py"],
    "data/structure": [
        "tests/data/test_structure.py",
        "tests/data/test_bad_structure.py",
        "tests/data/test_reading.py",
    ],
    "training/ensemble": ["tests/training/test_ensemble.py"],
    "engine/losses": ["tests/engine/test_losses.py", "tests/engine/test_gradients.py", "tests/engine/test_golden.py"],
    "engine/optimizers": ["tests/engine/test_optimizers.py", "tests/engine/test_golden.py"],
}
ENOUGH = 0.9
LONGEST = 60  # seconds of processor time a mutant may take; one that hangs is noticed

SWAPS: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot, ast.IsNot: ast.Is, ast.In: ast.NotIn, ast.NotIn: ast.In, ast.Add: ast.Sub, ast.Sub: ast.Add,
    ast.Mult: ast.Div, ast.Div: ast.Mult, ast.Pow: ast.Mult, ast.Mod: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.And: ast.Or, ast.Or: ast.And, ast.BitAnd: ast.BitOr, ast.BitOr: ast.BitAnd, ast.LShift: ast.RShift,
    ast.RShift: ast.LShift, ast.USub: ast.UAdd, ast.Not: ast.UAdd, ast.Invert: ast.UAdd,
}  # fmt: skip


def mutants(tree: ast.Module) -> Iterator[tuple[int, str, ast.Module]]:
    """(line, what was changed, the changed module) for each."""
    for node in list(executed(tree)):
        line = getattr(node, "lineno", 0)
        before = ast.unparse(node) if line else ""
        for undo in changes(node):
            after = ast.unparse(node) if line else ""
            if after != before:
                yield line, f"{before[:60]} -> {after[:60]}".replace("\n", "; "), copy.deepcopy(tree)
            undo()


def executed(tree: ast.Module) -> Iterator[ast.AST]:
    """Its nodes without annotations, which nothing runs."""
    notes = [getattr(node, field, None) for node in ast.walk(tree) for field in ("annotation", "returns")]
    skipped = {id(part) for note in notes if note for part in ast.walk(note)}
    return (node for node in ast.walk(tree) if id(node) not in skipped)


def changes(node: ast.AST) -> Iterator[object]:
    """Makes each change of a node in place and gives what takes it back."""
    for field in ("op", "ops"):
        value = getattr(node, field, None)
        operators = value if isinstance(value, list) else [value]
        for i, operator in enumerate(operators):
            if type(operator) in SWAPS:
                new = SWAPS[type(operator)]()
                changed = [*operators[:i], new, *operators[i + 1 :]]
                yield from change(node, field, changed if isinstance(value, list) else new)
    if isinstance(node, ast.Constant) and not isinstance(node.value, (str, type(Ellipsis), type(None))):
        if isinstance(node.value, bool):
            yield from change(node, "value", not node.value)
        elif isinstance(node.value, bytes):
            yield from change(node, "value", node.value + b"?")
        else:
            yield from change(node, "value", node.value + 1)
            yield from change(node, "value", node.value - 1)
    if isinstance(node, (ast.If, ast.While, ast.IfExp)):
        yield from change(node, "test", ast.UnaryOp(ast.Not(), node.test))
    if isinstance(node, ast.Return) and node.value is not None:
        yield from change(node, "value", ast.Constant(None))
    if isinstance(node, ast.Call):
        for i in range(len(node.keywords)):
            yield from change(node, "keywords", node.keywords[:i] + node.keywords[i + 1 :])
    for field in ("body", "orelse"):
        body = getattr(node, field, None)
        if isinstance(body, list) and not isinstance(node, (ast.Module, ast.ClassDef)):
            for i, statement in enumerate(body):
                is_text = isinstance(statement, ast.Expr) and isinstance(statement.value, ast.Constant)
                if not is_text and not isinstance(statement, (ast.Pass, ast.Import, ast.ImportFrom)):
                    yield from change(node, field, [*body[:i], ast.Pass(), *body[i + 1 :]])


def change(node: ast.AST, field: str, value: object) -> Iterator[object]:
    old = getattr(node, field)
    setattr(node, field, value)
    yield lambda: setattr(node, field, old)


class Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Imports one module from a syntax tree."""

    def __init__(self, name: str, path: Path, tree: ast.Module) -> None:
        self.name, self.path, self.tree = name, path, tree

    def find_spec(self, name, path, target=None):
        return importlib.util.spec_from_file_location(name, self.path, loader=self) if name == self.name else None

    def create_module(self, spec):
        return None

    def exec_module(self, module) -> None:
        exec(compile(ast.fix_missing_locations(self.tree), str(self.path), "exec"), module.__dict__)


def is_noticed(finder: Changed | None, tests: Sequence[str]) -> bool:
    """Whether a test fails, in a fork of this process, which has not imported mlpcli."""
    child = os.fork()
    if child == 0:
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, 1)
        os.dup2(null, 2)
        resource.setrlimit(resource.RLIMIT_CPU, (LONGEST, LONGEST))
        if finder is not None:
            sys.meta_path.insert(0, finder)
        options = ["-x", "-q", "-n", "0", "-m", "not slow", "-p", "no:cacheprovider", "-p", "no:randomly"]
        options += ["--hypothesis-seed", "0"]  # the same score each time
        os._exit(min(int(pytest.main([*options, *tests])), 1))
    return os.waitpid(child, 0)[1] != 0


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("module", choices=TESTS)
    parser.add_argument("--sample", type=int, default=0, help="how many mutants, drawn at random; 0: all")
    parser.add_argument("--seed", type=int, default=0)
    asked = parser.parse_args()
    os.chdir(ROOT)
    path, name = ROOT / "mlpcli" / f"{asked.module}.py", "mlpcli." + asked.module.replace("/", ".")
    if is_noticed(None, TESTS[asked.module]):
        print("the tests fail without a change")
        return 1
    found = list(mutants(ast.parse(path.read_text(encoding="utf-8"))))
    chosen = np.arange(len(found))
    if asked.sample:
        chosen = np.sort(np.random.default_rng(asked.seed).permutation(len(found))[: asked.sample])
    survivors = 0
    for i in chosen.tolist():
        line, what, tree = found[i]
        if not is_noticed(Changed(name, path, tree), TESTS[asked.module]):
            survivors += 1
            print(f"survives: {asked.module}.py:{line}: {what}", flush=True)
    score = 1 - survivors / len(chosen)
    print(f"{asked.module}: {len(chosen)} of {len(found)} mutants, {survivors} survive: score {score:.1%}")
    return int(score < ENOUGH)


if __name__ == "__main__":
    sys.exit(main())
