"""Statements that run in every transaction, compiled once for each kind of database and handed to the driver as text.

To look a statement up and make its context costs more than SQLite takes to run it. Values pass through the types of
their columns as they always do. What the statements are is decided by the stores that own them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa

Processed = Callable[[Any], Any] | None


class Prepared:
    """A Core statement. Safe to share between threads: what two of them compile at once is the same."""

    def __init__(self, statement: sa.sql.expression.ClauseElement) -> None:
        self._statement: Final = statement
        self._made: dict[str, tuple[str, Mapping[str, Any], Sequence[tuple[str, Processed]], bool]] = {}

    def run(self, connection: sa.Connection, values: Sequence[Mapping[str, Any]] = ({},)) -> sa.CursorResult[Any]:
        """Run it with these values by name, once for each; results are as the driver gives them. Raises SQLAlchemyError."""
        text, constant, processed, positional = self._compiled(connection.dialect)
        names = [name for name, _ in processed]
        columns: list[Sequence[Any]] = []
        for name, process in processed:
            column = [each[name] for each in values] if name in values[0] else [constant[name]] * len(values)
            columns.append(column if process is None else _each_once(process, column))
        rows: list[Any] = list(zip(*columns, strict=True)) if columns else [()] * len(values)
        told = rows if positional else [dict(zip(names, row, strict=True)) for row in rows]
        return connection.exec_driver_sql(text, told if len(told) > 1 else told[0])

    def _compiled(self, dialect: sa.Dialect) -> tuple[str, Mapping[str, Any], Sequence[tuple[str, Processed]], bool]:
        if dialect.name not in self._made:
            compiled: Any = self._statement.compile(dialect=dialect)
            names = compiled.positiontup or list(compiled.bind_names.values())
            processors = [(name, compiled.binds[name].type.dialect_impl(dialect).bind_processor(dialect)) for name in names]
            self._made[dialect.name] = (str(compiled), dict(compiled.params), processors, bool(compiled.positional))
        return self._made[dialect.name]


def _each_once(process: Callable[[Any], Any], values: Sequence[Any]) -> list[Any]:
    """Every value as the driver takes it; many rows of a transaction tell of the same moment."""
    known: dict[Any, Any] = {}
    return [known[value] if value in known else known.setdefault(value, process(value)) for value in values]
