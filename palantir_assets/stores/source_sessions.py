"""Connections to a database that rows are read from: read-only, one snapshot each, and nothing rounded on the way.

How PostgreSQL and SQLite are told so stands here; what is asked of them, in `source_database`.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa

from palantir_assets.errors import SourceError, did_you_mean

Clock = Callable[[], float]
"""Seconds that only grow, as of `time.monotonic`."""

CONNECT_SECONDS: Final = 10
STEPS: Final = 20_000
"""How many steps SQLite takes before it looks at the clock."""
NATIVE: Final = frozenset(
    {"bool", "int2", "int4", "int8", "oid", "float4", "float8", "numeric", "bytea", "text", "varchar", "bpchar", "name"}
)
"""The types of PostgreSQL that Python holds exactly; every other arrives as the text that PostgreSQL writes."""


def engine_of(url: sa.URL, *, timeout: float, clock: Clock) -> sa.Engine:
    """An engine whose connections read one moment each. Raises SourceError where a SQLite file is missing."""
    backend = url.get_backend_name()
    if backend == "sqlite":
        return _sqlite(url, timeout, clock)
    if backend == "postgresql":
        return _postgresql(url, timeout)
    return sa.create_engine(url, poolclass=sa.NullPool)


def sqlite_file(url: sa.URL) -> Path:
    """The file of a SQLite database. Raises SourceError where there is none."""
    if not url.database or url.database == ":memory:" or url.database.startswith("file:"):
        raise SourceError("a SQLite source is a file", next_step="name it as sqlite:///data/shop.db, or sqlite:////srv/shop.db")
    path = Path(url.database).resolve()
    if not path.is_file():
        hint = did_you_mean(path.name, [other.name for other in path.parent.iterdir()] if path.parent.is_dir() else [])
        raise SourceError(f"there is no file {path.name!r} in {path.parent}" + (f"; {hint}" if hint else ""))
    return path


def _sqlite(url: sa.URL, timeout: float, clock: Clock) -> sa.Engine:
    read_only = sa.URL.create("sqlite", database=sqlite_file(url).as_uri(), query={"mode": "ro", "uri": "true"})
    engine = sa.create_engine(read_only, poolclass=sa.NullPool)

    @sa.event.listens_for(engine, "connect")
    def begin_by_hand(connection: sqlite3.Connection, _: object) -> None:
        until = clock() + timeout
        connection.isolation_level = None
        connection.set_progress_handler(lambda: int(clock() > until), STEPS)

    @sa.event.listens_for(engine, "begin")
    def begin(connection: sa.Connection) -> None:
        connection.exec_driver_sql("BEGIN")

    return engine


def _postgresql(url: sa.URL, timeout: float) -> sa.Engine:
    waits = {} if "connect_timeout" in url.query else {"connect_timeout": CONNECT_SECONDS}
    engine = sa.create_engine(url, poolclass=sa.NullPool, connect_args=waits if url.get_driver_name() == "psycopg" else {})

    @sa.event.listens_for(engine, "connect")
    def speak_plainly(connection: Any, _: object) -> None:
        if url.get_driver_name() == "psycopg":
            _as_text(connection)
        with connection.cursor() as cursor:
            cursor.execute("SET TIME ZONE 'UTC'")
            cursor.execute("SET datestyle = 'ISO, YMD'")
            cursor.execute("SET intervalstyle = 'iso_8601'")
            cursor.execute(f"SET statement_timeout = {int(timeout * 1000)}")
        connection.commit()

    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def _as_text(connection: Any) -> None:
    """Whatever Python would cut or turn round (an interval of a month, a date of infinity, digits in JSON) stays text."""
    import psycopg
    from psycopg.types.string import TextLoader

    for kind in psycopg.adapters.types:
        if kind.name not in NATIVE:
            connection.adapters.register_loader(kind.oid, TextLoader)
        if kind.array_oid:
            connection.adapters.register_loader(kind.array_oid, TextLoader)
