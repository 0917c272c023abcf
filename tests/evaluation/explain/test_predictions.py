"""`predict --explain`: the contributions of every row, adding up, whatever else the line holds."""

from __future__ import annotations

import io

import pandas as pd
import pytest
from command_line import mlpcli
from samples import PENGUINS

TRAIN = ("--preset", "classic", "--epochs", "60", "-q")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with penguins.csv, a model of it, and its first rows, few.csv."""
    folder = tmp_path_factory.mktemp("contributed")
    (folder / "penguins.csv").write_bytes(PENGUINS.read_bytes())
    (folder / "few.csv").write_text("".join(PENGUINS.read_text().splitlines(keepends=True)[:6]))
    assert mlpcli("train", "penguins.csv", *TRAIN, cwd=folder).returncode == 0
    return folder


def predicted(folder, *args):
    done = mlpcli("predict", "model.npz", *args, cwd=folder)
    assert done.returncode == 0, done.stderr
    return pd.read_csv(io.StringIO(done.stdout)), done.stderr


def test_they_add_up_to_the_probability_of_what_is_predicted(folder):
    found, notes = predicted(folder, "few.csv", "--explain", "2", "--proba", "--keep", "island")
    assert list(found)[5:] == [
        "column_1", "contribution_1", "column_2", "contribution_2", "contribution_others", "mean_answer",
    ]  # fmt: skip
    total = found[["contribution_1", "contribution_2", "contribution_others", "mean_answer"]].sum(axis=1)
    said = [row[f"p_{row.prediction}"] for _, row in found.iterrows()]
    assert total.tolist() == pytest.approx(said, abs=1e-5)
    assert (found.contribution_1.abs() >= found.contribution_2.abs()).all()
    assert "mean answer of 51 test rows of penguins.csv" in notes


def test_a_row_is_explained_by_itself(folder):
    whole, _ = predicted(folder, "few.csv", "--explain", "3")
    lines = (folder / "few.csv").read_text().splitlines()
    (folder / "one.csv").write_text(f"{lines[0]}\n{lines[3]}\n")
    one, _ = predicted(folder, "one.csv", "--explain", "3")
    assert one.iloc[0].tolist() == whole.iloc[2].tolist()


def test_a_row_without_a_prediction_has_no_contributions(folder):
    lines = (folder / "few.csv").read_text().splitlines()
    (folder / "bad.csv").write_text("\n".join([lines[0], lines[1].replace("39.1", "long"), lines[2]]) + "\n")
    found, _ = predicted(folder, "bad.csv", "--explain", "1", "--bad-cells", "empty")
    assert found.iloc[0].isna().all()
    assert found.iloc[1].notna().all()


def test_what_it_needs_is_said(folder, tmp_path):
    done = mlpcli("predict", "model.npz", "few.csv", "--explain", "9", cwd=folder)
    assert (done.returncode, done.stdout) == (2, "")
    assert "--explain: the model has 7 columns\nhint: --explain 7" in done.stderr
    (tmp_path / "model.npz").write_bytes((folder / "model.npz").read_bytes())
    (tmp_path / "few.csv").write_bytes((folder / "few.csv").read_bytes())
    done = mlpcli("predict", "model.npz", "few.csv", "--explain", "1", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "hint: --explain compares with rows of the training file: put it, as it was, beside the model" in done.stderr


def test_the_class_that_is_explained_is_that_of_the_threshold(tmp_path):
    rows = "".join(f"{i / 100},{'yes' if i % 100 > 50 else 'no'}\n" for i in range(200))
    (tmp_path / "d.csv").write_text("x,y\n" + rows)
    assert mlpcli("train", "d.csv", *TRAIN, cwd=tmp_path).returncode == 0
    (tmp_path / "new.csv").write_text("x\n0.5\n")
    for threshold, label in (("0.001", "yes"), ("0.999", "no")):
        args = ("new.csv", "--explain", "1", "--proba", "--threshold", threshold)
        found, _ = predicted(tmp_path, *args)
        assert found.prediction[0] == label
        total = found.contribution_1[0] + found.contribution_others[0] + found.mean_answer[0]
        assert total == pytest.approx(found[f"p_{label}"][0], abs=1e-5)
