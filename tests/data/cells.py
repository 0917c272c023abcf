"""Files whose second column holds the cells in question."""

from __future__ import annotations

import csv
import io

N = 200


def label(i):
    return "yes" if i * 5 % 17 > 8 else "no"


def table(folder, cell, target=label, n=N, header="a,b,y"):
    """A file whose columns are a good number, the cells in question, and a target."""
    out = io.StringIO()
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(header.split(","))
    rows.writerows([i * 5 % 17, cell(i), target(i)] for i in range(n))
    (folder / "d.csv").write_text(out.getvalue(), encoding="utf-8")
    return str(folder / "d.csv")


def at(row, odd, usual=lambda i: i % 7):
    return lambda i: odd if i == row else usual(i)


def cycle(*cells):
    return lambda i: cells[i * 5 % 17 % len(cells)]
