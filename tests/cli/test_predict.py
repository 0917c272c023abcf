"""`predict` as a user meets it: an answer for each row, in order, as the rows come."""

from __future__ import annotations

import subprocess
import sys

import pytest
from command_line import ENV, mlpcli
from samples import PENGUINS


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


@pytest.mark.slow
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
