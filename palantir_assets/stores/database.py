"""The database under the ledger: opening it, one transaction at a time, and errors that name it without its password.

SQLite (WAL, synchronous=FULL) or PostgreSQL by URL; the schema is brought up to date when it is opened. Writers
take turns, on both, so that numbers are dense and in the order of commits. What is kept in it is decided by the
stores that share it: `ledger` and its neighbours.
"""

from __future__ import annotations

import logging
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import OperationalError, SQLAlchemyError
from sqlalchemy.orm import Session

from palantir_assets.errors import LedgerError
from palantir_assets.settings import audit_key_beside
from palantir_assets.stores.audit_chain import APPENDED, KEY, head_of
from palantir_assets.stores.audit_key import AuditKey, begin_head, load_key, load_or_make_key, lose_head, note_head, read_head
from palantir_assets.stores.migrations.schema import AuditRow, MarkRow
from palantir_assets.stores.migrations.upgrading import bring_up_to_date

T = TypeVar("T")

log = logging.getLogger(__name__)

ATTEMPTS: Final = 20
"""How often a transaction is tried again when another writer was in its way."""
WAIT_SECONDS: Final = 30
"""How long a writer waits for its turn on SQLite."""

FILLING: Final = "filling"
"""The mark of a database that a ledger is being moved to."""

_WRITERS: Final = 0x70616C62  # writers of one PostgreSQL ledger take turns under this number
_TAKE_TURNS: Final = sa.select(sa.func.pg_advisory_xact_lock(_WRITERS))
_CONFLICTS: Final = frozenset({"40001", "40P01"})  # serialization failure, deadlock: nothing was committed


@dataclass(frozen=True, slots=True)
class Database:
    """An open database; safe to share between threads. Every method raises LedgerError when it cannot be reached."""

    engine: sa.Engine
    key: AuditKey | None = None

    @property
    def is_remote(self) -> bool:
        """Whether every question goes to another process."""
        return self.engine.dialect.name != "sqlite"

    def select(self, query: sa.Select[T]) -> Sequence[T]:
        """The rows of a query over one mapped class or column, detached."""
        with _told(self.engine.url), self.engine.connect().execution_options(reading=True) as connection, Session(connection) as session:
            return session.scalars(query).all()

    def rows(self, query: sa.Executable) -> Sequence[tuple[Any, ...]]:
        """The rows of a query over several columns, detached."""
        with _told(self.engine.url), self.engine.connect().execution_options(reading=True) as connection:
            return [tuple(row) for row in connection.execute(query)]

    def write(self, write: Callable[[Session], T]) -> T:
        """One transaction, alone; again when the database itself says that another writer was in its way."""
        with _told(self.engine.url):
            for attempt in range(ATTEMPTS):
                try:
                    return self._once(write)
                except OperationalError as error:
                    if attempt == ATTEMPTS - 1 or getattr(error.orig, "sqlstate", None) not in _CONFLICTS:
                        raise
        raise AssertionError("the last attempt returns or raises")

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()

    def _once(self, write: Callable[[Session], T]) -> T:
        with Session(self.engine, info={KEY: self.key}) as session, session.begin():
            if self.engine.dialect.name == "postgresql":
                session.connection().execute(_TAKE_TURNS)
            answer = write(session)
            head = session.info.get(APPENDED)
        if head is not None and self.key is not None:
            self._note(self.key, *head)
        return answer

    def _note(self, key: AuditKey, seq: int, row_hash: str) -> None:
        try:
            note_head(key, seq, row_hash)
        except OSError as error:  # what was committed is committed; the file may be behind
            log.warning("the head of the audit chain could not be noted in %s: %s", key.head_file, error)


def open_database(url: str, key_file: Path | None = None) -> Database:
    """Open the database at a SQLAlchemy URL, making it or bringing its schema up to date if need be.

    `key_file` holds the key of the audit chain; without one it is `keys/audit.key` beside a SQLite file.
    """
    try:
        parsed = sa.make_url(url)
        with _told(parsed):
            return _opened(_engine(parsed), key_file or audit_key_beside(url))
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError, ImportError) as error:
        raise LedgerError(f"the ledger's URL cannot be used: {error}", next_step="see PALANTIR_LEDGER_URL in docs/settings.md") from error


def open_target(url: str) -> Database:
    """Open a database that a ledger is to be moved to, without a key: nothing is appended there. Raises LedgerError."""
    try:
        parsed = sa.make_url(url)
        with _told(parsed):
            return _opened(_engine(parsed), None, filling=True)
    except (sa.exc.ArgumentError, sa.exc.NoSuchModuleError, ImportError) as error:
        raise LedgerError(f"the URL to move to cannot be used: {error}", next_step="see PALANTIR_LEDGER_URL in docs/settings.md") from error


def _opened(engine: sa.Engine, key_file: Path | None, *, filling: bool = False) -> Database:
    try:
        if engine.dialect.name == "sqlite" and engine.url.database:
            Path(engine.url.database).parent.mkdir(parents=True, exist_ok=True)
        bring_up_to_date(engine)
        if filling:
            return Database(engine)
        _refuse_a_half_filled_one(engine)
        return Database(engine, _key(engine, key_file))
    except BaseException:
        engine.dispose()
        raise


def _engine(url: sa.URL) -> sa.Engine:
    if url.get_backend_name() != "sqlite":
        durable = {} if "options" in url.query else {"options": "-c synchronous_commit=on"}
        return sa.create_engine(url, pool_pre_ping=True, connect_args=durable)
    engine = sa.create_engine(url, connect_args={"timeout": WAIT_SECONDS})
    sa.event.listen(engine, "connect", _prepare_sqlite)
    sa.event.listen(engine, "begin", _begin_sqlite)
    return engine


def _prepare_sqlite(connection: sqlite3.Connection, _: object) -> None:
    connection.isolation_level = None  # transactions begin where `_begin_sqlite` says, DDL included
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA secure_delete = ON")  # what is overwritten is gone, such as the key of an erased object


def _begin_sqlite(connection: sa.Connection) -> None:
    reading = connection.get_execution_options().get("reading", False)
    connection.exec_driver_sql("BEGIN" if reading else "BEGIN IMMEDIATE")


def _key(engine: sa.Engine, file: Path | None) -> AuditKey | None:
    """The key of this ledger, made for a chain that has none yet; None if it is missing where the chain is signed."""
    if file is None:
        raise LedgerError("this ledger needs a file for the key of its audit chain", next_step="set PALANTIR_AUDIT_KEY_FILE")
    with engine.connect().execution_options(reading=True) as connection, Session(connection) as session:
        last = head_of(session)
        if last is not None and last.key_id is not None:
            key = load_key(file)
        else:
            key = load_or_make_key(file)
            begin_head(key, since=last.seq + 1 if last else 1)
    if key is not None:
        _hold_against_the_head(engine, key)
    return key


def _refuse_a_half_filled_one(engine: sa.Engine) -> None:
    with engine.connect().execution_options(reading=True) as connection:
        if connection.scalar(sa.select(MarkRow.value).where(MarkRow.name == FILLING)) is not None:
            raise LedgerError(
                "a ledger is being moved here, and not all of it has arrived", next_step="run `palantir ledger migrate` again"
            )


def _hold_against_the_head(engine: sa.Engine, key: AuditKey) -> None:
    """A head that the chain no longer holds is kept as evidence before new rows can pass it."""
    head = read_head(key)
    if head is None or head.hash is None:
        return
    with engine.connect().execution_options(reading=True) as connection, Session(connection) as session:
        found = session.scalar(sa.select(AuditRow.hash).where(AuditRow.seq == head.seq))
        last = head_of(session)
    if found != head.hash:
        log.error("the ledger no longer holds row %s of its audit chain; run `palantir ledger verify`", head.seq)
        lose_head(key, head, last=last.seq if last else 0)


@contextmanager
def _told(url: sa.URL) -> Iterator[None]:
    """Any failure of the database as a LedgerError that names the ledger, without its password."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        raise LedgerError(f"the ledger at {url.render_as_string(hide_password=True)} cannot be used: {reason}") from error
