"""The README and the reference: the examples run, and the pages say what the settings, flags and warnings say."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest
from command_line import COMMANDS, mlpcli, run_lines

from mlpcli.config.flags import setting_type
from mlpcli.config.settings import Config, ReadOptions, flag
from mlpcli.diagnosis.findings import CHECKS
from mlpcli.diagnosis.table_checks import TABLE_CHECKS
from mlpcli.guide import REFERENCE, page

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCS = "\n".join([README, *map(page, REFERENCE)])


def block(marker: str) -> str:
    return README.split(f"<!-- {marker} -->")[1].split("```sh\n")[1].split("```")[0]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_examples_of_the_readme_run(tmp_path):
    done = run_lines(block("examples").splitlines(), tmp_path)
    assert done.returncode == 0, (done.args, done.stderr)
    assert (tmp_path / "predictions.csv").read_text().startswith("island,sex,prediction\n")


def test_the_library_example_of_the_readme_runs(tmp_path, monkeypatch):
    (tmp_path / "sample_data").symlink_to(ROOT / "sample_data")
    monkeypatch.chdir(tmp_path)
    exec(README.split("```python\n")[1].split("```")[0], {})
    assert (tmp_path / "iris.npz").is_file()


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_and_flag_is_documented(command):
    shown = mlpcli(command, "--help", cwd=ROOT, env={"COLUMNS": "200"})
    assert shown.returncode == 0
    before_options = re.split("Arguments:|Options:", shown.stdout)[0].splitlines()[1:]
    assert 2 <= sum("mlpcli " in line for line in before_options) <= 3  # examples to copy
    missing = [f for f in set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]+", shown.stdout)) if f not in DOCS]
    assert f"`mlpcli {command}" in DOCS
    assert set(missing) <= {"--help"}


def table_of_flags():
    """As it must stand in the reference: a line for each setting, from its help text and choices."""
    lines = ["| flag | meaning |", "|---|---|"]
    for owner in (Config, ReadOptions):
        for spec in fields(owner):
            is_switch = setting_type(owner, spec.name)[0] is bool
            names = f"`{flag(spec.name)}`" + (f", `{flag('no_' + spec.name)}`" if is_switch else "")
            choices = spec.metadata["choices"]
            meaning = spec.metadata["help"] + (f" One of {', '.join(choices)}." if choices else "")
            lines.append(f"| {names} | {meaning} |")
    return "\n".join(lines) + "\n"


def test_the_table_of_flags_says_what_the_settings_say():
    flags = page("flags")
    start = flags.index("| flag | meaning |")
    found = flags[start : flags.index("\n\n", start) + 1]
    assert found == table_of_flags(), f"the table of flags in mlpcli/guide/flags.md should be\n\n{table_of_flags()}"


def test_every_setting_is_a_flag_and_every_warning_is_documented():
    shown = mlpcli("train", "--help", cwd=ROOT, env={"COLUMNS": "200"}).stdout
    assert not [f.name for owner in (Config, ReadOptions) for f in fields(owner) if flag(f.name) not in shown]
    assert not [code for code in [*CHECKS, *TABLE_CHECKS] if f"| {code} |" not in DOCS]


def test_every_page_of_the_reference_is_linked_from_the_readme():
    assert not [name for name in REFERENCE if f"[{name}](mlpcli/guide/{name}.md)" not in README]
    assert {path.stem for path in (ROOT / "mlpcli" / "guide").glob("*.md")} == set(REFERENCE)
    assert not [link for link in re.findall(r"\]\((?!http)([^)]+)\)", README) if not (ROOT / link).exists()]


@pytest.mark.parametrize("picture", sorted((ROOT / "mlpcli" / "guide" / "screens").glob("*.svg")), ids=lambda p: p.name)
def test_pictures_of_screens_are_small_and_fetch_nothing(picture):
    svg = picture.read_text(encoding="utf-8")
    assert len(svg.encode()) < 40_000
    assert not re.findall(r"(?:href|src|@import|url\((?!#))", svg)
    assert f"mlpcli/guide/screens/{picture.name}" in README
