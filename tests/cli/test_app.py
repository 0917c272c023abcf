"""The command line as a user meets it: its streams, its exit codes, and what the README says of it."""

from __future__ import annotations

import json
import re
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import fields
from pathlib import Path

import pytest
from command_line import ENV, mlpcli

from mlpcli.cli import MODULES, app, register
from mlpcli.config import Config, ReadOptions, flag, setting_type
from mlpcli.diagnosis.findings import CHECKS
from mlpcli.diagnosis.table_checks import TABLE_CHECKS
from mlpcli.model.trained import load

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
PENGUINS = ROOT / "sample_data" / "penguins.csv"


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    folder = tmp_path_factory.mktemp("trained")
    (folder / "penguins.csv").write_bytes(PENGUINS.read_bytes())
    done = mlpcli("train", "penguins.csv", "--epochs", "40", "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder, done


def test_help_imports_neither_numpy_nor_pandas():
    code = "import sys; sys.argv = ['mlpcli', '--help']\ntry:\n import mlpcli.cli; mlpcli.cli.main()\n"
    code += "except SystemExit: pass\nassert 'numpy' not in sys.modules and 'pandas' not in sys.modules"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, check=False, env=ENV).returncode == 0


def test_train_writes_one_json_value_to_stdout_and_plain_lines_to_stderr(trained):
    folder, done = trained
    answer = json.loads(done.stdout)
    assert answer["schema"] == 1
    assert answer["metrics"]["test"]["accuracy"]["value"] > 0.9
    assert set(answer["rows"]) == {"train", "validation", "test"}
    assert "\x1b" not in done.stderr
    assert "training loss" in done.stderr
    assert (folder / "model.npz").is_file()


def test_train_says_how_far_the_networks_are_apart_and_that_validation_is_out_of_fold(trained):
    folder, done = trained
    history = load(str(folder / "model.npz")).record.history
    at = history.best_epoch - 1
    assert history.valid_spread[at] > 0
    assert f"curves are means over {history.n_members} networks" in done.stderr
    assert f"validation losses {history.valid_loss[at]:.3g} ± {history.valid_spread[at]:.2g}" in done.stderr
    assert "each row by the network that never saw it" in done.stderr


def test_the_same_command_gives_the_same_bytes(trained, tmp_path):
    folder, _ = trained
    for name, jobs in (("a.npz", 1), ("b.npz", 2)):
        mlpcli("train", "penguins.csv", "--epochs", "5", "-q", "--jobs", jobs, "-o", tmp_path / name, cwd=folder)
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()


def test_the_settings_that_inspect_shows_train_the_same_model(trained):
    folder, _ = trained
    shown = mlpcli("inspect", "model.npz", cwd=folder).stdout
    flags = shlex.split(re.search(r"^settings: (.*)$", shown, re.M)[1])
    assert "--hidden" in flags
    assert mlpcli("train", "penguins.csv", *flags, "-q", "-o", "again.npz", cwd=folder).returncode == 0
    assert (folder / "again.npz").read_bytes() == (folder / "model.npz").read_bytes()


def test_evaluate_alone_scores_the_test_rows_as_train_did(trained):
    folder, done = trained
    again = json.loads(mlpcli("evaluate", "model.npz", "--json", cwd=folder).stdout)
    assert again["metrics"]["test"] == json.loads(done.stdout)["metrics"]["test"]
    number = mlpcli("evaluate", "model.npz", "--metric", "auc", cwd=folder).stdout
    assert re.fullmatch(r"[01](\.\d+)?\n", number)


def test_a_model_is_never_judged_on_rows_it_trained_on(trained, tmp_path):
    folder, done = trained
    (tmp_path / "copy.csv").write_bytes((folder / "penguins.csv").read_bytes())
    named = json.loads(mlpcli("evaluate", "model.npz", tmp_path / "copy.csv", "--json", cwd=folder).stdout)
    assert named["metrics"]["test"] == json.loads(done.stdout)["metrics"]["test"]
    shown = mlpcli("evaluate", "model.npz", tmp_path / "copy.csv", cwd=folder).stdout
    assert "only its test rows are judged" in shown


def test_evaluate_refuses_a_data_file_that_changed(trained, tmp_path):
    folder, _ = trained
    (tmp_path / "model.npz").write_bytes((folder / "model.npz").read_bytes())
    (tmp_path / "penguins.csv").write_text(PENGUINS.read_text() + "Dream,40,18,190,3500,male,2009,Adelie\n")
    done = mlpcli("evaluate", "model.npz", cwd=tmp_path)
    assert done.returncode == 1
    assert "has changed" in done.stderr


def test_gates_exit_three(trained):
    folder, _ = trained
    assert mlpcli("evaluate", "model.npz", "--fail-under", "accuracy=0.5", cwd=folder).returncode == 0
    done = mlpcli("evaluate", "model.npz", "--fail-under", "accuracy=1.01", cwd=folder)
    assert done.returncode == 3
    assert "--fail-under asks for 1.01" in done.stderr


def test_predict_answers_every_row_in_order_whatever_the_columns_order(trained):
    folder, _ = trained
    text = PENGUINS.read_text()
    rows = [line.split(",") for line in text.splitlines()]
    whole = mlpcli("predict", "model.npz", "-", cwd=folder, stdin=text)
    turned = "\n".join(",".join(reversed(r)) for r in rows) + "\n"
    without = "\n".join(",".join(r[:-1]) for r in rows) + "\n"
    assert whole.stdout.count("\n") == len(rows)
    assert mlpcli("predict", "model.npz", "-", cwd=folder, stdin=turned).stdout == whole.stdout
    assert mlpcli("predict", "model.npz", "-", cwd=folder, stdin=without).stdout == whole.stdout
    right = sum(a == r[-1] for a, r in zip(whole.stdout.splitlines()[1:], rows[1:], strict=True))
    assert right / (len(rows) - 1) > 0.9


def test_predict_keeps_cells_as_they_stand_and_adds_probabilities(trained):
    folder, _ = trained
    head = "".join(PENGUINS.read_text().splitlines(keepends=True)[:4])
    done = mlpcli("predict", "model.npz", "-", "--keep", "bill_depth_mm,island", "--proba", cwd=folder, stdin=head)
    lines = done.stdout.splitlines()
    assert lines[0] == "bill_depth_mm,island,prediction,p_Adelie,p_Chinstrap,p_Gentoo"
    assert lines[3].startswith("18,Torgersen,Adelie,")
    assert sum(map(float, lines[1].split(",")[3:])) == pytest.approx(1, abs=1e-5)


def test_predict_of_a_header_alone_gives_a_header(trained):
    folder, _ = trained
    done = mlpcli("predict", "model.npz", "-", cwd=folder, stdin=PENGUINS.read_text().splitlines()[0] + "\n")
    assert (done.returncode, done.stdout) == (0, "prediction\n")


def test_predict_names_a_missing_column_and_the_bad_line(trained):
    folder, _ = trained
    text = PENGUINS.read_text()
    done = mlpcli("predict", "model.npz", "-", cwd=folder, stdin=text.replace("bill_length_mm", "bill_lenght_mm"))
    assert done.returncode == 1
    assert "no column 'bill_length_mm'; did you mean 'bill_lenght_mm'?" in done.stderr
    ragged = text.splitlines(keepends=True)
    ragged[9] = "Torgersen,39.1\n"
    done = mlpcli("predict", "model.npz", "-", cwd=folder, stdin="".join(ragged))
    assert done.returncode == 1
    assert "<stdin>:10: 2 fields, expected 8" in done.stderr
    done = mlpcli("predict", "model.npz", "-", "--bad-rows", "skip", cwd=folder, stdin="".join(ragged))
    assert done.stdout.splitlines()[9] in ('""', "")
    assert done.stdout.count("\n") == len(ragged)


def test_N22_a_slow_producer_gets_its_answers_as_its_lines_come(trained):
    folder, _ = trained
    lines = PENGUINS.read_text().splitlines(keepends=True)
    command = [sys.executable, "-m", "mlpcli", "predict", "model.npz", "-"]
    with subprocess.Popen(
        command, cwd=folder, env=ENV, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as run:
        assert run.stdin is not None
        assert run.stdout is not None
        run.stdin.write("".join(lines[:2]))
        run.stdin.flush()
        assert [run.stdout.readline(), run.stdout.readline()] == ["prediction\n", "Adelie\n"]
        run.stdin.write(lines[-1])
        run.stdin.flush()
        assert run.stdout.readline() == "Chinstrap\n"
        run.stdin.close()
    assert run.returncode == 0


def test_a_closed_pipe_is_a_quiet_success(trained):
    folder, _ = trained
    head = f"{sys.executable} -m mlpcli predict model.npz penguins.csv | head -1; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(["bash", "-c", head], cwd=folder, env=ENV, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (0, "prediction\n", "")


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_stop_keeps_the_best_model_so_far(number, code, trained, tmp_path):
    folder, _ = trained
    log, model = tmp_path / "run.jsonl", tmp_path / "m.npz"
    command = ["train", "penguins.csv", "--epochs", "100000", "--patience", "0", "--log", log, "-o", model]
    with subprocess.Popen(
        [sys.executable, "-m", "mlpcli", *map(str, command)], cwd=folder, env=ENV, stderr=subprocess.PIPE, text=True
    ) as run:
        for _ in range(300):
            time.sleep(0.1)
            if log.exists() and log.read_text().count("\n") >= 3:
                break
        run.send_signal(number)
        _, shown = run.communicate(timeout=20)
    assert run.returncode == code
    assert "interrupted; best model" in shown
    assert mlpcli("predict", model, PENGUINS, cwd=tmp_path).returncode == 0


@pytest.mark.parametrize(
    ("args", "code", "message"),
    [
        (["train", "none.csv"], 1, "none.csv: cannot read"),
        (["train", "penguins.csv", "--target", "speces"], 1, "did you mean 'species'?"),
        (["train", "penguins.csv", "--epochs", "0"], 2, "--epochs: expected a number from 1"),
        (["train", "penguins.csv", "-o", "penguins.csv"], 2, "is an input too"),
        (["train", "penguins.csv", "-o", "no/m.npz"], 1, "no such folder"),
        (["train", "penguins.csv", "--activation", "rleu"], 2, "did you mean relu?"),
        (["train", "penguins.csv", "--loss", "huber"], 2, "is for regression"),
        (["evaluate", "penguins.csv"], 1, "not an mlpcli model"),
        (["train"], 2, "Missing argument"),
        (["trian"], 2, "train"),
    ],
)
def test_mistakes_get_one_message_and_their_exit_code(args, code, message, trained):
    folder, _ = trained
    done = mlpcli(*args, cwd=folder)
    assert done.returncode == code
    assert message in done.stderr
    assert "Traceback" not in done.stderr
    assert PENGUINS.read_bytes() == (folder / "penguins.csv").read_bytes()


def test_an_error_is_json_when_asked(tmp_path):
    (tmp_path / "bad.csv").write_text("a,b\n" + "1,2\n" * 20 + "1\n")
    done = mlpcli("train", "bad.csv", "--json", cwd=tmp_path)
    error = json.loads(done.stdout)["error"]
    assert (error["kind"], error["file"], error["line"]) == ("data", "bad.csv", 22)
    assert not (tmp_path / "model.npz").exists()


def test_names_with_markup_and_escapes_are_shown_as_they_are(tmp_path):
    (tmp_path / "n.csv").write_text(
        "[red]a[/],\x1b[31mb,y\n" + "".join(f"{i % 7},{i % 5},[b]x{i % 2}\n" for i in range(60)), encoding="utf-8"
    )
    shown = mlpcli("inspect", "n.csv", cwd=tmp_path).stdout
    assert "[red]a[/]" in shown
    assert "\\x1b[31mb" in shown
    assert "\x1b" not in shown
    mlpcli("train", "n.csv", "--epochs", "3", "-q", cwd=tmp_path)
    predicted = mlpcli("predict", "model.npz", "n.csv", cwd=tmp_path).stdout
    assert set(predicted.splitlines()[1:]) <= {"[b]x0", "[b]x1"}


def test_settings_come_from_flags_then_environment_then_file(tmp_path):
    (tmp_path / "d.csv").write_bytes((ROOT / "sample_data" / "iris.csv").read_bytes())
    (tmp_path / "mlpcli.toml").write_text('epochs = 2\nseed = 3\nhidden = "4"\n')
    done = mlpcli("train", "d.csv", "--seed", "5", "--json", "-q", cwd=tmp_path, env={"MLPCLI_EPOCHS": "3"})
    answer = json.loads(done.stdout)
    assert (answer["epochs"], answer["seed"]) == (3, 5)
    (tmp_path / "mlpcli.toml").write_text("epoks = 2\n")
    done = mlpcli("train", "d.csv", cwd=tmp_path)
    assert done.returncode == 2
    assert "did you mean 'epochs'?" in done.stderr


def test_groups_stay_together_in_split_and_rows_are_unchanged(tmp_path):
    lines = [f"g{i % 17},{i},{i % 3}\n" for i in range(300)]
    (tmp_path / "d.csv").write_text("g,x,y\n" + "".join(lines))
    assert mlpcli("split", "d.csv", "--group", "g", cwd=tmp_path).returncode == 0
    sets = [(tmp_path / f"d_{n}.csv").read_text().splitlines(keepends=True) for n in ("train", "validation", "test")]
    assert sorted(row for s in sets for row in s[1:]) == sorted(lines)
    groups = [{row.split(",")[0] for row in s[1:]} for s in sets]
    assert sum(map(len, groups)) == len(set.union(*groups)) == 17


def test_a_test_file_of_its_own_is_what_is_judged(tmp_path):
    lines = (ROOT / "sample_data" / "iris.csv").read_text().splitlines(keepends=True)
    (tmp_path / "fit.csv").write_text("".join(lines[:1] + lines[1::2]))
    (tmp_path / "judge.csv").write_text("".join(lines[:1] + lines[2::2]))
    done = mlpcli("train", "fit.csv", "--test", "judge.csv", "--json", "-q", cwd=tmp_path)
    answer = json.loads(done.stdout)
    assert answer["rows"]["test"] == 75
    assert answer["metrics"]["test"]["accuracy"]["value"] > 0.9


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        (["ev"], ["evaluate"]),
        (["train", "--act"], ["--activation"]),
        (["train", "--activation", "se"], ["selu"]),
    ],
)
def test_the_shell_completes_commands_flags_and_values(words, offered):
    env = ENV | {
        "_MLPCLI_COMPLETE": "complete_bash", "COMP_WORDS": " ".join(["mlpcli", *words]), "COMP_CWORD": str(len(words)),
    }  # fmt: skip
    code = "import sys; sys.argv = ['mlpcli']; from mlpcli.cli import main; main()"
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True, check=False)
    assert done.stdout.split() == offered


@pytest.mark.parametrize("command", MODULES)
def test_a_command_registers_itself_without_the_others(command):
    code = f"""
import sys
from mlpcli.cli import register
register({command!r})
from mlpcli.cli.app import app
print(*[c.name or c.callback.__name__ for c in app.registered_commands])
print(*sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    registered, modules = (line.split() for line in done.stdout.splitlines())
    assert command in registered
    assert ("diagnose" in registered) == (command == "diagnose")
    assert "numpy" not in modules


def test_every_registered_command_has_its_module_and_its_place():
    assert list(MODULES) == COMMANDS


# --- the README -------------------------------------------------------------------------------------------


def block(marker: str) -> str:
    return README.split(f"<!-- {marker} -->")[1].split("```sh\n")[1].split("```")[0]


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_examples_of_the_readme_run(tmp_path):
    (tmp_path / "sample_data").symlink_to(ROOT / "sample_data")
    script = f'set -eo pipefail\nmlpcli() {{ "{sys.executable}" -m mlpcli "$@"; }}\n' + block("examples")
    done = subprocess.run(["bash", "-c", script], cwd=tmp_path, env=ENV, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "predictions.csv").read_text().startswith("island,sex,prediction\n")


def test_the_library_example_of_the_readme_runs(tmp_path, monkeypatch):
    (tmp_path / "sample_data").symlink_to(ROOT / "sample_data")
    monkeypatch.chdir(tmp_path)
    exec(README.split("```python\n")[1].split("```")[0], {})
    assert (tmp_path / "iris.npz").is_file()


register()
COMMANDS = [c.name or c.callback.__name__ for c in app.registered_commands]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_and_flag_is_in_the_readme(command):
    shown = mlpcli(command, "--help", cwd=ROOT, env={"COLUMNS": "200"})
    assert shown.returncode == 0
    before_options = re.split("Arguments:|Options:", shown.stdout)[0].splitlines()[1:]
    assert 2 <= sum("mlpcli " in line for line in before_options) <= 3  # examples to copy
    missing = [f for f in set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]+", shown.stdout)) if f not in README]
    assert set(missing) <= {"--help"}


def test_the_help_of_all_commands_is_whole_at_80_columns_and_has_examples():
    shown = mlpcli("--help", cwd=ROOT).stdout
    assert shown == mlpcli(cwd=ROOT).stdout
    assert "mlpcli train data.csv\n" in shown
    assert not [command for command in COMMANDS if f"\n  {command} " not in shown]
    assert "..." not in shown.replace("[ARGS]...", "")


def test_help_puts_settings_under_the_names_of_their_groups():
    shown = mlpcli("train", "--help", cwd=ROOT).stdout
    sections = dict(re.findall(r"^(\w+):\n((?:(?:  .*)?\n)+)", shown, re.M))
    assert list(sections) == ["Arguments", "Options", "Data", "Network", "Training", "Ensemble", "Reading"]
    for owner in (Config, ReadOptions):
        for spec in fields(owner):
            assert re.search(rf"{flag(spec.name)}\b", sections[spec.metadata["group"]])


def table_of_flags():
    """As it must stand in the README: a line for each setting, from its help text and choices."""
    lines = ["| flag | meaning |", "|---|---|"]
    for owner in (Config, ReadOptions):
        for spec in fields(owner):
            is_switch = setting_type(owner, spec.name)[0] is bool
            names = f"`{flag(spec.name)}`" + (f", `{flag('no_' + spec.name)}`" if is_switch else "")
            choices = spec.metadata["choices"]
            meaning = spec.metadata["help"] + (f" One of {', '.join(choices)}." if choices else "")
            lines.append(f"| {names} | {meaning} |")
    return "\n".join(lines) + "\n"


def test_the_readmes_table_of_flags_says_what_the_settings_say():
    start = README.index("| flag | meaning |")
    found = README[start : README.index("\n\n", start) + 1]
    assert found == table_of_flags(), f"the table of flags in the README should be\n\n{table_of_flags()}"


def test_every_setting_is_a_flag_and_every_warning_is_in_the_readme():
    shown = mlpcli("train", "--help", cwd=ROOT, env={"COLUMNS": "200"}).stdout
    assert not [f.name for owner in (Config, ReadOptions) for f in fields(owner) if flag(f.name) not in shown]
    assert not [code for code in [*CHECKS, *TABLE_CHECKS] if f"| {code} |" not in README]
