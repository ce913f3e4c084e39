"""A shop's database to read from, SQLite or PostgreSQL, and a source that reads it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from palantir_assets.ontology.spec import Source, SourceTable
from palantir_assets.sources.sql import SqlTables

VARIABLE = "SHOP_DATABASE_URL"


@dataclass(frozen=True)
class ShopDatabase:
    """A database that a test writes, and what reads it."""

    url: str
    project: Path

    @property
    def is_postgresql(self) -> bool:
        return self.url.startswith("postgresql")

    def run(self, *statements: str, rows: Sequence[dict[str, Any]] = ()) -> None:
        """One transaction; `rows` are the parameters of the last statement."""
        with self.writer() as connection:
            for statement in statements[:-1]:
                connection.exec_driver_sql(statement)
            connection.execute(sa.text(statements[-1]), list(rows) or None)

    @contextmanager
    def writer(self) -> Iterator[sa.Connection]:
        engine = sa.create_engine(self.url, poolclass=sa.NullPool)
        try:
            with engine.begin() as connection:
                yield connection
        finally:
            engine.dispose()

    def tables(self, table: SourceTable, *, rows: int = 3, timeout: str = "10m", **said: Any) -> SqlTables:
        """Whoever fetches a table, some rows at a time."""
        source = Source.model_validate({"kind": "sql", "sql": {"url_from": VARIABLE, "timeout": timeout}, "tables": {"orders": table}})
        return SqlTables(source, self.project, rows=rows, told={VARIABLE: self.url}.get, **said)


def declared(**said: Any) -> SourceTable:
    """A table of a database as it is declared: `orders`, unless a query is given."""
    return SourceTable.model_validate({**({} if "query" in said else {"table": "orders"}), **said})
