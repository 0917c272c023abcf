"""A statement run in its engine, on a table of texts made for it."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from mlpcli.export.program import Program
from mlpcli.export.sql.engines import quoted
from mlpcli.export.target import Answers


@dataclass(frozen=True)
class Table:
    """Cells as they stand in a CSV."""

    name: str
    columns: Sequence[str]
    cells: pd.DataFrame

    @property
    def rows(self) -> list[tuple[str, ...]]:
        return list(zip(*(self.cells[name].tolist() for name in self.columns), strict=True))

    def create(self, of_type: str) -> str:
        return f"CREATE TABLE {quoted(self.name)} ({', '.join(f'{quoted(c)} {of_type}' for c in self.columns)})"

    def insert(self, mark: str, doubled: str = "") -> str:
        """`doubled`: a character of which the engine takes two for one."""
        name = quoted(self.name)
        name = name.replace(doubled, doubled * 2) if doubled else name
        return f"INSERT INTO {name} VALUES ({', '.join([mark] * len(self.columns))})"


@dataclass(frozen=True)
class Found:
    """What a statement selected: the number of the row, then what it says of it."""

    rows: Sequence[Sequence[Any]]
    seconds: float

    def answers(self, program: Program) -> Answers:
        rows = [row[1:] for row in sorted(self.rows, key=lambda row: int(row[0]))]
        numbers = [row[1:] if program.labels else row for row in rows]
        width = len(program.names) - bool(program.labels)
        return Answers([str(row[0]) for row in rows], np.array(numbers, np.float64).reshape(-1, width), self.seconds)


def in_sqlite(statement: str, table: Table) -> Found | str:
    connection = sqlite3.connect(":memory:")
    try:
        connection.execute("SELECT exp(1), floor(1)")
    except sqlite3.OperationalError:
        return f"this Python's SQLite, {sqlite3.sqlite_version}, was built without exp and floor"
    connection.execute(table.create("TEXT"))
    connection.execute(statement)  # compiled, and kept so
    connection.executemany(table.insert("?"), table.rows)
    began = time.monotonic()
    rows = connection.execute(statement).fetchall()
    seconds = time.monotonic() - began
    connection.close()
    return Found(rows, seconds)


def in_duckdb(statement: str, table: Table) -> Found | str:
    try:
        import duckdb
    except ImportError:
        return "the package duckdb is not installed"
    with duckdb.connect() as connection:
        connection.register("cells of the file", table.cells.astype(object))
        connection.execute(f'CREATE TABLE {quoted(table.name)} AS SELECT * FROM "cells of the file"')
        began = time.monotonic()
        rows = connection.execute(statement).fetchall()
        return Found(rows, time.monotonic() - began)


def in_postgresql(statement: str, table: Table) -> Found | str:
    """In a temporary table of the server that libpq's variables name."""
    if not any(os.environ.get(name) for name in ("PGHOST", "PGSERVICE", "PGDATABASE")):
        return "PGHOST names no PostgreSQL server to run it in"
    try:
        import psycopg
    except ImportError:
        return "the package psycopg is not installed"
    try:
        connection = psycopg.connect(connect_timeout=TIMEOUT)
    except psycopg.OperationalError as error:
        return f"the PostgreSQL server does not answer: {error}"
    with connection:
        connection.execute("SET jit = off")
        connection.execute(table.create("text").replace("TABLE", "TEMPORARY TABLE", 1).encode())
        with connection.cursor() as cursor:
            cursor.executemany(table.insert("%s", "%").encode(), table.rows)
            began = time.monotonic()
            rows = cursor.execute(statement.encode()).fetchall()
            return Found(rows, time.monotonic() - began)


TIMEOUT = 5  # seconds to wait for a server


RUNNERS: Mapping[str, Callable[[str, Table], Found | str]] = {
    "sqlite": in_sqlite,
    "duckdb": in_duckdb,
    "postgresql": in_postgresql,
}
