"""The database under the ledger: opening it, one transaction at a time, and errors that name it without its password.

SQLite (WAL, synchronous=FULL) or PostgreSQL by URL; the schema is brought up to date when it is opened. What is
kept in it is decided by the stores that share it: `ledger` and its neighbours.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session

from palantir_assets.errors import LedgerError
from palantir_assets.stores.migrations.upgrading import bring_up_to_date

T = TypeVar("T")

ATTEMPTS: Final = 20
"""How often a transaction is tried again when other writers keep taking its number in the audit chain."""


@dataclass(frozen=True, slots=True)
class Database:
    """An open database; safe to share between threads. Every method raises LedgerError when it cannot be reached."""

    engine: sa.Engine

    def select(self, query: sa.Select[T]) -> Sequence[T]:
        """The rows of a query over one mapped class or column, detached."""
        with _told(self.engine.url), self.engine.connect().execution_options(reading=True) as connection, Session(connection) as session:
            return session.scalars(query).all()

    def write(self, write: Callable[[Session], T]) -> T:
        """One transaction; again when another writer took the same number in the audit chain."""
        with _told(self.engine.url):
            for attempt in range(ATTEMPTS):
                try:
                    with Session(self.engine) as session, session.begin():
                        return write(session)
                except IntegrityError:
                    if attempt == ATTEMPTS - 1:
                        raise
        raise AssertionError("the last attempt returns or raises")

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()


def open_database(url: str) -> Database:
    """Open the database at a SQLAlchemy URL, making it or bringing its schema up to date if need be."""
    try:
        parsed = sa.make_url(url)
        with _told(parsed):
            if parsed.get_backend_name() == "sqlite" and parsed.database:
                Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
            engine = _engine(parsed)
            bring_up_to_date(engine)
            return Database(engine)
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError, ImportError) as error:
        raise LedgerError(f"the ledger's URL cannot be used: {error}", next_step="see PALANTIR_LEDGER_URL in docs/settings.md") from error


def _engine(url: sa.URL) -> sa.Engine:
    if url.get_backend_name() != "sqlite":
        return sa.create_engine(url, pool_pre_ping=True)
    engine = sa.create_engine(url, connect_args={"timeout": 10})
    sa.event.listen(engine, "connect", _prepare_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _: object) -> None:
    connection.isolation_level = None  # transactions begin where `_begin_sqlite` says, DDL included
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")


def _begin_sqlite(connection: sa.Connection) -> None:
    reading = connection.get_execution_options().get("reading", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


@contextmanager
def _told(url: sa.URL) -> Iterator[None]:
    """Any failure of the database as a LedgerError that names the ledger, without its password."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        raise LedgerError(f"the ledger at {url.render_as_string(hide_password=True)} cannot be used: {reason}") from error
