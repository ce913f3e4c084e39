"""A database that rows are read from: one moment of it, in batches, and failures that never tell its password.

Nothing is written there. PostgreSQL and SQLite are held by tests; any other that SQLAlchemy knows goes through the
same door. What the values mean is decided in `sources.sql`.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from palantir_assets.errors import SourceError, did_you_mean
from palantir_assets.stores.source_sessions import Clock, engine_of, sqlite_file

TOO_LATE: Final = ("57014", "interrupted")
"""How PostgreSQL and SQLite say that a question was stopped."""


Batches = Iterator[Sequence[Sequence[Any]]]
"""Rows, some at a time."""


@dataclass(frozen=True, slots=True)
class Relation:
    """What is read: a table or view, such as `public.orders`, or a query."""

    table: str | None = None
    query: str | None = None

    @property
    def name(self) -> str:
        return self.table or "the query"


@dataclass(frozen=True, slots=True)
class Moment:
    """A database as it was when it was first asked. Every method raises SourceError."""

    connection: sa.Connection
    timeout: float
    clock: Clock

    def columns(self, relation: Relation) -> list[str]:
        """The names of its columns, in their order."""
        self._find(relation)
        everything: sa.Select[Any] = sa.select(sa.literal_column("*")).select_from(_from(relation)).limit(0)
        with self.connection.execute(everything) as result:
            return list(result.keys())

    def rows(
        self, relation: Relation, columns: Sequence[str], *, order: Sequence[str], size: int, since: tuple[str, Any] | None = None
    ) -> Batches:
        """These columns of every row, in order of these others, at most `size` rows at a time and no more in memory.

        `since` asks for those rows alone whose column of that name is at or past a value.
        """
        until = self.clock() + self.timeout
        asked = sa.select(*map(_column, columns)).select_from(_from(relation)).order_by(*map(_column, order))
        if since is not None:
            asked = asked.where(_column(since[0]) >= sa.literal(since[1], sa.types.NullType()))  # the column's type decides
        with self.connection.execution_options(yield_per=size).execute(asked) as result:
            for batch in result.partitions(size):
                if self.clock() > until:
                    raise _too_late(self.timeout)
                yield batch

    def extent(self, relation: Relation, cursor: str) -> tuple[int, Any]:
        """How many rows there are, and the greatest value of a column."""
        column = _column(cursor)
        asked = sa.select(sa.func.count(), sa.func.max(column)).select_from(_from(relation))
        found = self.connection.execute(asked).one()
        return int(found[0]), found[1]

    def _find(self, relation: Relation) -> None:
        if relation.table is None:
            return
        schema, name = _parted(relation.table)
        known = sa.inspect(self.connection)
        if not known.has_table(name, schema=schema):
            before = f"{schema}." if schema else ""
            hint = did_you_mean(name, [*known.get_table_names(schema), *known.get_view_names(schema)])
            raise SourceError(f"there is no table {before}{name}, or it may not be seen" + (f"; {hint}" if hint else ""))


@contextmanager
def moment(url: str, *, named: str, timeout: float, clock: Clock) -> Iterator[Moment]:
    """A database at one moment, for reading. `named` is where its URL is written, for people; `timeout` is in seconds.

    Raises SourceError, also for what goes wrong while it is read.
    """
    parsed = _parsed(url, named)
    with _told(parsed, named, timeout):
        engine = engine_of(parsed, timeout=timeout, clock=clock)
        try:
            with engine.connect() as connection, connection.begin():
                yield Moment(connection, timeout, clock)
        finally:
            engine.dispose()


def check_url(url: str, *, named: str) -> None:
    """Raises SourceError for a URL that nothing can be read from, as far as can be seen without leaving this machine."""
    parsed = _parsed(url, named)
    if parsed.get_backend_name() == "sqlite":
        sqlite_file(parsed)


def _parsed(url: str, named: str) -> sa.URL:
    """A URL whose driver is installed. Raises SourceError, which does not tell the URL."""
    try:
        parsed = sa.make_url(url)
        parsed.get_dialect().import_dbapi()
    except (NoSuchModuleError, ImportError) as error:
        advice = f"install the driver, or name another one in {named}, such as postgresql+psycopg://"
        raise SourceError(f"there is no driver for {parsed.drivername} here", next_step=advice) from error
    except (ArgumentError, ValueError):
        advice = f"set {named} to one such as postgresql+psycopg://user:password@host/database"
        raise SourceError(f"{named} is no URL of a database", next_step=advice) from None
    return parsed


def _from(relation: Relation) -> sa.FromClause:
    if relation.table is not None:
        schema, name = _parted(relation.table)
        return sa.table(name, schema=schema)
    query = (relation.query or "").strip().removesuffix(";").replace(":", "\\:")  # no `:name` in it is a parameter
    return sa.text(f"{query}\n").columns().subquery("asked")  # a comment in its last line ends there


def _parted(table: str) -> tuple[str | None, str]:
    schema, _, name = table.rpartition(".")
    return schema or None, name


def _column(name: str) -> sa.ColumnClause[Any]:
    return sa.column(name)


@contextmanager
def _told(url: sa.URL, named: str, timeout: float) -> Iterator[None]:
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error) as error:
        cause = getattr(error, "orig", None) or error
        if getattr(cause, "sqlstate", None) == TOO_LATE[0] or str(cause) == TOO_LATE[1]:
            raise _too_late(timeout) from None
        where = url.set(query={}).render_as_string(hide_password=True)
        advice = f"see that {named} is right, that the database answers, and that its user may read; then run the command again"
        raise SourceError(f"{where} cannot be read: {_without_secrets(url, cause)}", next_step=advice) from None


def _too_late(timeout: float) -> SourceError:
    advice = "read less or from an index, or allow more, such as `sql: {timeout: 1h}`"
    return SourceError(f"the database took more than {timeout:g} s", next_step=advice)


def _without_secrets(url: sa.URL, error: BaseException) -> str:
    """The first line of what a driver said, without the password and whatever else of the URL may be one."""
    said = (str(error).strip() or type(error).__name__).splitlines()[0]
    parts = [url.password, *(value for given in url.query.values() for value in ([given] if isinstance(given, str) else given))]
    secrets = [re.escape(str(part)) for part in parts if part and len(str(part)) > 3]
    return re.sub("|".join(secrets), "•••", said) if secrets else said
