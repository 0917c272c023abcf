"""The map of the rooms: imports go down this list, never up or sideways, and the tests stand in the same rooms."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
PACKAGE = TESTS.parent / "mlpcli"
ORDER = [
    "__init__", "errors", "config", "files", "engine", "data", "metrics", "training", "model", "evaluation",
    "diagnosis", "export", "studies", "guide", "reporter", "library", "sklearn", "cli",
]  # fmt: skip
OUTSIDE = {"numpy", "pandas", "typer", "rich"}
ONLY_IN = {  # which works without them
    "duckdb": "export", "onnx": "export", "onnxruntime": "export", "psycopg": "export", "joblib": "sklearn",
    "sklearn": "sklearn",
    "uvicorn": "cli", "starlette": "cli", "h11": "cli",
}  # fmt: skip
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
        known = OUTSIDE | {"mlpcli", ""} | {outside for outside, only in ONLY_IN.items() if only == here}
        assert top in known or top in sys.stdlib_module_names, f"{here} imports {name}"
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


# The tests of mlpcli/x/y.py stand in tests/x/test_y.py, but for modules whose tests stand with those of a neighbour.
WITHOUT_TESTS_OF_THEIR_OWN = {
    "errors": "a form; every test of a refusal reads its message, hint and place",
    "engine/arrays": "names of types",
    "engine/activations": "all of the registry: engine/test_gradients.py",
    "engine/layers": "each layer, alone and in networks: engine/test_gradients.py, engine/test_network.py",
    "data/foreign_stream": "each format predicted like its CSV: data/test_foreign.py",
    "data/workbook": "a cell far away: data/test_foreign.py",
    "data/rows": "rows that do not fit, each with its message: data/test_source.py, data/test_bad_structure.py",
    "data/formats/dates": "seconds of each layout: data/formats/test_date_format.py, data/formats/test_durations.py",
    "data/formats/marks": "each is read: data/formats/test_number_format.py",
    "data/formats/numbers": "what each format reads: data/formats/test_number_format.py",
    "data/formats/writing": "shapes and refusals: data/formats/test_number_format.py, data/formats/test_date_format.py",
    "data/problems": "what is told of a table: data/test_reading.py",
    "data/kinds/left_out": "a reason: data/test_fit_columns.py",
    "training/events": "frozen values and History: training/test_loop.py",
    "training/kinds": "what each kind is: training/test_ensemble.py",
    "training/state": "taken down and gone on with: training/test_checkpoint.py",
    "studies/row_shares": "every form of a share, and made anew: studies/test_distributed_rows.py",
    "training/networks": "the layers of each kind: training/test_ensemble.py",
    "model/record": "the fields of the file: training/test_ensemble.py, model/test_checks.py",
    "library/study_results": "each kind: library/test_results.py",
    "reporter/html/results": "each kind: library/test_results.py",
    "evaluation/explain/explanation": "each question: cli/test_explain.py, library/test_verbs.py",
    "model/reading": "files and frames are read alike by every verb: library/test_model.py, evaluation/test_drift.py",
    "reporter/findings": "its table with all tables: reporter/test_grid.py; its sentences: cli/test_diagnose.py",
    "reporter/tables": "every table at every width: reporter/test_grid.py",
    "diagnosis/bounds": "each bound, on planted cases: diagnosis/test_table_checks.py, diagnosis/test_findings.py",
    "diagnosis/codes": "each is a gate: cli/test_gates.py; each has a page: guide/test_guide.py",
    "reporter/answers": "what each command answers: cli/test_train.py, cli/test_studies.py, cli/test_inspect.py",
    "reporter/explain_tables": "what explain writes: cli/test_explain.py",
    "reporter/reproduction": "what reproduce shows: cli/test_reproduce.py",
    "reporter/distill": "what distill shows: cli/test_distill.py",
    "reporter/export": "what export shows: cli/test_export.py",
    "export/target": "what each language answers: export/test_python.py",
    "export/answers": "what each language prints: export/test_python.py",
    "export/onnx/target": "each sample: export/test_onnx.py",
    "export/onnx/graph": "each sample: export/test_onnx.py",
    "export/onnx/inputs": "each kind of column: export/test_onnx.py",
    "export/onnx/networks": "every layer and link: export/test_onnx.py",
    "export/sql/target": "each sample in each engine: export/test_sql.py",
    "export/sql/engines": "each engine: export/test_sql.py",
    "export/sql/chain": "each sample: export/test_sql.py",
    "export/sql/cells": "every format of a cell: export/test_sql.py",
    "export/sql/times": "every layout that is read: export/test_sql.py",
    "export/sql/inputs": "each sample: export/test_sql.py",
    "export/sql/networks": "every layer and link: export/test_sql.py",
    "export/sql/running": "each engine: export/test_sql.py",
    "export/languages": "each has a name on the command line: cli/test_export.py",
    "export/c_values": "hostile names and levels of every sample: export/test_c.py",
    "export/characters": "every character: export/test_c.py, export/test_javascript.py",
    "export/patterns": "every layout of a time: export/test_c.py",
    "export/rows": "rows in UTF-8, and as codes: export/test_c.py",
    "export/runtime/cells": "every format of a cell: export/test_python.py",
    "export/runtime/model": "every sample: export/test_python.py",
    "reporter/drift": "what drift and predict --drift show: cli/test_drift.py",
    "reporter/evaluation": "what evaluate shows: cli/test_evaluate.py",
    "reporter/model_comparison": "what evaluate --against shows: cli/test_evaluate.py",
    "reporter/model": "what inspect shows of a model: cli/test_inspect.py",
    "reporter/reference": "each page at two widths: cli/test_guide.py",
    "reporter/one_step": "every number of a step: cli/test_explain_step.py",
    "reporter/training": "what train shows: cli/test_train.py",
    "guide/synonyms": "each leads to one page: guide/test_guide.py",
    "reporter/html/classes": "its pictures and tables: reporter/html/test_model.py",
    "reporter/html/explanation": "its pictures: reporter/html/test_model.py",
    "reporter/html/studies": "the report of each: cli/test_report.py",
    "reporter/html/verdict": "the first sentence: reporter/html/test_model.py",
    "reporter/html/values": "its pictures and tables: reporter/html/test_model.py",
    "cli/documents": "what every command with --report writes: cli/test_report.py",
    "cli/workers": "every command on a cluster: cli/test_cluster.py",
    "cli/stops": "what is kept after an interruption: cli/test_train.py, cli/test_studies.py",
}


def has_tests(module: Path) -> bool:
    name = module.relative_to(PACKAGE).with_suffix("")
    return (TESTS / name.parent / f"test_{name.name}.py").is_file()


@pytest.mark.parametrize("module", [m for m in MODULES if not m.name.startswith("__")], ids=str)
def test_every_module_has_its_tests_under_its_name(module):
    name = module.relative_to(PACKAGE).with_suffix("").as_posix()
    assert has_tests(module) != (name in WITHOUT_TESTS_OF_THEIR_OWN), f"tests/{name}: a file of tests, or a reason here"


def test_what_needs_no_tests_of_its_own_exists_and_so_do_the_tests_that_are_named_for_it():
    for name, reason in WITHOUT_TESTS_OF_THEIR_OWN.items():
        assert (PACKAGE / f"{name}.py").is_file(), name
        for path in re.findall(r"[\w/]+/(?:test_\w+\.py)?", reason):
            assert (TESTS / path).exists(), path
