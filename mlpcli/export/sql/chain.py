"""A chain of SELECTs, each on the one before, that carries along the columns which are still needed."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from mlpcli.errors import UsageError
from mlpcli.export.sql.engines import Engine, quoted

ROW = "row_number() OVER ()"  # in the first SELECT; a column of the table can take its place


class Chain:
    """Columns are named by a letter and a number, and `id` for the row."""

    def __init__(self, engine: Engine, table: str, cells: Mapping[str, str]) -> None:
        self.engine, self.live = engine, ["id", *cells]
        self.name = "step" if not table.casefold().startswith("step") else "stage"
        columns = ",\n  ".join([f"{ROW} AS id", *(f"{cell} AS {name}" for name, cell in cells.items())])
        self.selects = [f"SELECT\n  {columns}\n  FROM {quoted(table)} AS d{engine.keeps_apart}"]
        self.others: list[str] = []  # tables of numbers

    def add(self, columns: Mapping[str, str], done: Collection[str] = (), join: str = "") -> None:
        """One more SELECT, after which nobody needs the columns of `done`; none where there is nothing to add.

        Raises UsageError for too many columns.
        """
        if not columns:
            return
        self.live = [name for name in self.live if name not in columns]
        new = [f"{expression} AS {name}" for name, expression in columns.items()]
        kept = [name for name in self.live if name not in done]
        self.selects.append(
            f"SELECT\n  {', '.join(kept)},\n  "
            + ",\n  ".join(new)
            + f"\n  FROM {self.last}{join}{self.engine.keeps_apart}"
        )
        self.live = [*kept, *columns]
        if len(self.live) > self.engine.max_columns:
            raise UsageError(
                f"the model needs {len(self.live):,} columns at once, and this SQL takes {self.engine.max_columns:,}",
                "--dialect duckdb has no such limit, or train with fewer inputs or units",
            )

    @property
    def last(self) -> str:
        return f"{self.name}{len(self.selects)}"

    def written(self, answers: Mapping[str, str]) -> str:
        """The whole statement; answers by name."""
        steps = [f"{self.name}{i} AS ({select})" for i, select in enumerate(self.selects, 1)]
        columns = ",\n  ".join(f"{expression} AS {quoted(name)}" for name, expression in answers.items())
        tables = ",\n".join([*self.others, *steps])
        return f"WITH {tables}\nSELECT\n  {columns}\nFROM {self.last};\n"
