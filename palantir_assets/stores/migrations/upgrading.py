"""Bringing the ledger's schema up to date: a cheap look first, and Alembic only if it is behind.

What the tables are is told in `schema`; how they came about, in `versions`.
"""

from __future__ import annotations

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import sqlalchemy as sa

from palantir_assets.errors import LedgerError

REVISIONS: Final = ("0001", "0002", "0003", "0004", "0005", "0006")
"""Every revision, oldest first; a test compares it with `versions`."""

_LOCK_NUMBER: Final = 0x70616C61  # one number for all who open this ledger; the letters "pala"


def bring_up_to_date(engine: sa.Engine) -> None:
    """Run the revisions that are missing, one process at a time.

    Raises LedgerError if the ledger was made by a newer version of this program.
    """
    if _revision(engine) == REVISIONS[-1]:
        return
    with _alone(engine) as connection:
        revision = _revision(engine)
        if revision is not None and revision not in REVISIONS:
            raise LedgerError(
                f"the ledger's schema is at {revision!r}, which this version does not know", next_step="install the newer version"
            )
        if revision != REVISIONS[-1]:
            _upgrade(connection)


def _revision(engine: sa.Engine) -> str | None:
    with engine.connect().execution_options(reading=True) as connection:
        if not sa.inspect(connection).has_table("alembic_version"):
            return None
        return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()


def _upgrade(connection: sa.Connection, *, to: str = "head") -> None:
    from alembic import command
    from alembic.config import Config

    config = Config(attributes={"connection": connection})
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    command.upgrade(config, to)


@contextmanager
def _alone(engine: sa.Engine) -> Iterator[sa.Connection]:
    """A connection in a transaction, while no other process upgrades the same ledger."""
    if engine.dialect.name == "sqlite":
        with _file_lock(engine.url.database):
            _use_write_ahead_log(engine)
            with engine.begin() as connection:
                yield connection
        return
    with engine.begin() as connection:
        connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK_NUMBER)))
        yield connection


def _use_write_ahead_log(engine: sa.Engine) -> None:
    """Once for ever: the file remembers. It cannot be said inside a transaction."""
    connection = engine.raw_connection()
    try:
        connection.cursor().execute("PRAGMA journal_mode = WAL")
    finally:
        connection.close()


@contextmanager
def _file_lock(database: str | None) -> Iterator[None]:
    if not database or database == ":memory:":
        yield
        return
    with Path(f"{database}.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
