"""Reports from the command line: which file is written, in which form, and that every study has one."""

from __future__ import annotations

import json

import pytest
from command_line import mlpcli
from reporter.html.pages import parsed, tables
from samples import IRIS, SAMPLES

QUICK = ("--preset", "classic", "--epochs", "3")


@pytest.fixture(scope="module")
def iris(tmp_path_factory):
    """A folder with iris.csv, a model of it, and the report that train wrote."""
    folder = tmp_path_factory.mktemp("iris")
    (folder / "iris.csv").write_bytes(IRIS.read_bytes())
    done = mlpcli("train", "iris.csv", *QUICK, "--report", "trained.html", "-q", cwd=folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return folder


def test_train_and_report_write_the_same_bytes(iris):
    done = mlpcli("report", "model.npz", cwd=iris)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "report: report.html\n")
    assert (iris / "report.html").read_bytes() == (iris / "trained.html").read_bytes()


@pytest.mark.slow
def test_markdown_goes_to_a_file_or_to_standard_output(iris):
    shown = mlpcli("report", "model.npz", "--format", "md", "-o", "-", cwd=iris)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert shown.stdout.startswith("# species: a model of iris.csv\n\n**The model predicts species")
    assert mlpcli("report", "model.npz", "-o", "r.md", "-q", cwd=iris).returncode == 0
    assert (iris / "r.md").read_text(encoding="utf-8") == shown.stdout
    assert mlpcli("report", "model.npz", "--format", "md", cwd=iris).stderr == "report: report.md\n"


@pytest.mark.slow
def test_json_writes_no_file_unless_one_is_named(iris):
    before = sorted(iris.iterdir())
    done = mlpcli("report", "model.npz", "--json", cwd=iris)
    answer = json.loads(done.stdout)
    assert sorted(iris.iterdir()) == before
    assert {"schema", "metrics", "verdict", "details", "explanation", "columns", "sha256"} <= answer.keys()
    assert answer["metrics"] == json.loads(mlpcli("evaluate", "model.npz", "--json", cwd=iris).stdout)["metrics"]
    assert mlpcli("report", "model.npz", "--json", "-o", "both.html", cwd=iris).stdout == done.stdout
    assert (iris / "both.html").is_file()


def test_other_rows_come_from_a_file_or_from_standard_input(iris):
    rows = IRIS.read_text().splitlines(keepends=True)
    (iris / "part.csv").write_text("".join(rows[:1] + rows[20:120]))
    done = mlpcli("report", "model.npz", "part.csv", "-o", "part.md", "-q", cwd=iris)
    assert (done.returncode, done.stderr) == (0, "")
    shown = mlpcli("report", "model.npz", "-", "-o", "piped.md", cwd=iris, stdin=(iris / "part.csv").read_text())
    assert (shown.returncode, shown.stderr) == (0, "report: piped.md\n")
    of_file, of_pipe = ((iris / name).read_text(encoding="utf-8") for name in ("part.md", "piped.md"))
    assert of_file.replace("part.csv", "&lt;stdin&gt;") == of_pipe
    assert "of 100 rows of part.csv (95 %" in of_file


REFUSED = {
    "its ending": (("-o", "iris.csv"), "does not end in .html"),
    "another form": (("-o", "r.html", "--format", "md"), "does not end in .md"),
    "no such form": (("--format", "pdf"), "no such choice 'pdf'"),
    "two values on one stream": (("--json", "-o", "-"), "cannot both go to standard output"),
    "a folder": (("-o", "folder.html"), "is a folder"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_written_is_refused_before_any_work(name, iris):
    (iris / "folder.html").mkdir(exist_ok=True)
    flags, message = REFUSED[name]
    done = mlpcli("report", "no-such-model.npz", *flags, cwd=iris)
    assert done.returncode == 2
    assert message in done.stderr
    assert (iris / "iris.csv").read_bytes() == IRIS.read_bytes()


@pytest.mark.parametrize("report", ["model.npz", "iris.csv", "-", "x.txt"])
def test_a_report_replaces_no_input_and_no_model(report, iris):
    done = mlpcli("train", "iris.csv", *QUICK, "--report", report, cwd=iris)
    assert done.returncode == 2
    assert "the output" in done.stderr


def test_a_model_without_its_data_says_what_to_name(iris, tmp_path):
    (tmp_path / "model.npz").write_bytes((iris / "model.npz").read_bytes())
    done = mlpcli("report", "model.npz", cwd=tmp_path)
    assert done.returncode == 1
    assert "hint: name a CSV: mlpcli report MODEL DATA" in done.stderr
    assert not (tmp_path / "report.html").exists()


STUDIES = {
    "cv": (("--folds", "2"), "cross-validation", "Folds"),
    "compare": (("--vary", "hidden=,8"), "a comparison", "Loss curves"),
    "learning-curve": (("--repeats", "2", "--sizes", "3"), "a learning curve", "Learning curve"),
    "tune": (("--trials", "2", "--folds", "2", "-o", "best.npz"), "a search for settings", "Which settings matter"),
}


@pytest.mark.parametrize("command", STUDIES)
def test_every_study_writes_a_report_that_says_how_to_make_it_again(command, tmp_path):
    flags, title, picture = STUDIES[command]
    (tmp_path / "xor.csv").write_bytes((SAMPLES / "xor.csv").read_bytes())
    done = mlpcli(command, "xor.csv", *QUICK, *flags, "--report", "r.html", "-q", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    content = (tmp_path / "r.html").read_bytes()
    shown = parsed(content)
    assert shown.all("h1")[0].text == f"class: {title}"
    assert picture in [f.all("h3")[0].text for f in shown.all("figure")]
    assert [h.text for h in shown.all("h2")] == ["What was found", "How to make it again"]
    again = shown.all("code")[0].text
    assert again.startswith(f"mlpcli {command} xor.csv ")
    assert again.endswith("--epochs 3 --preset classic")
    assert tables(shown)["What it was made of"][1][0] == "version of mlpcli"
    assert b"seconds" not in content  # the same command gives the same bytes


def test_repeats_of_a_comparison_and_losses_of_other_kinds_stand_in_its_report(tmp_path):
    (tmp_path / "xor.csv").write_bytes((SAMPLES / "xor.csv").read_bytes())
    vary = ("--vary", "loss=cross_entropy,binary_cross_entropy", "--repeats", "2")
    done = mlpcli("compare", "xor.csv", *QUICK, *vary, "--report", "r.md", "-q", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    text = (tmp_path / "r.md").read_text(encoding="utf-8")
    assert "mean of 2 repeats" in text
    assert "The losses differ in kind here; compare the metrics." in text
    assert "    mlpcli compare xor.csv --vary loss=cross_entropy,binary_cross_entropy --repeats 2" in text
