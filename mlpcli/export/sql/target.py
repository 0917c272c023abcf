"""A model as one SELECT, for one of several engines."""

from __future__ import annotations

from dataclasses import replace

from mlpcli.config.settings import ReadOptions
from mlpcli.data.foreign import open_any
from mlpcli.export.program import Program
from mlpcli.export.sql.cells import read_cells
from mlpcli.export.sql.engines import ENGINES
from mlpcli.export.sql.inputs import fill_inputs
from mlpcli.export.sql.networks import add_networks, answers_of
from mlpcli.export.sql.running import RUNNERS, Table
from mlpcli.export.target import Answers, Target, Wishes

HEAD = """\
-- One row of answers for each row of the table, numbered in the column "row" in the order in which the engine reads
-- the table. For a key of your own, write its name (d."id") in place of row_number() OVER () in the first SELECT.
"""
HEADS = {"postgresql": "-- SET jit = off; first: to compile it takes longer than all else.\n"}


class Sql(Target):
    flags = frozenset({"--dialect", "--table"})

    def write(self, program: Program, wishes: Wishes) -> bytes:
        chain = read_cells(program, ENGINES[wishes.dialect], wishes.table)
        fill_inputs(program, chain)
        add_networks(program, chain)
        return (
            HEAD + HEADS.get(wishes.dialect, "") + chain.written({"row": "id"} | answers_of(program, chain))
        ).encode()

    def run(self, path: str, rows: str, program: Program, wishes: Wishes) -> Answers | str:
        dialect = replace(program.dialect, missing=())
        source = open_any(rows, ReadOptions(), dialect=dialect, expect=[cell.name for cell in program.cells])
        names = [cell.name for cell in program.cells]
        frame = source.parse(texts=names, only=names)
        table = Table(wishes.table, names, frame)
        with open(path, encoding="utf-8") as file:
            found = RUNNERS[wishes.dialect](file.read(), table)
        if isinstance(found, str):
            return found
        return found.answers(program)
