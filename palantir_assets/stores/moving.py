"""Moving a ledger to another database: row by row, verified by hash, resumed when it was killed.

Most rows are copied while the old ledger goes on; the rest in one transaction of the old one, in which nobody else
writes. In that transaction the old ledger learns where it moved to, and takes no row from then on. Until the new one
is whole it bears a mark and cannot be opened. Both are signed with the same key.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from palantir_assets.errors import LedgerError
from palantir_assets.stores.audit_chain import MOVED_TO, append, canonical
from palantir_assets.stores.database import FILLING, Database, open_target
from palantir_assets.stores.migrations import (
    schema_edits,
    schema_effects,  # noqa: F401 - its tables are moved too
    schema_identities,  # noqa: F401 - its tables are moved too
    schema_keys,  # noqa: F401 - its table is moved too
)
from palantir_assets.stores.migrations.schema import Base, MarkRow

PAGE: Final = 2000
GROWING: Final = {"releases": "release_no", "audit": "seq", "edits": "edit_no"}
"""Tables whose rows never change, and what numbers them: copied while the old ledger goes on."""
MODULUS: Final = 2**256

_MARKS: Final = Base.metadata.tables[MarkRow.__tablename__]
_OWN: Final = (FILLING, MOVED_TO)
"""Marks that tell of one of the two ledgers and are not copied."""


@dataclass(frozen=True, slots=True)
class Moved:
    """How many rows each table has, equal in number and hash on both sides; `rehearsed` if the old ledger is still the ledger."""

    rows: dict[str, int]
    rehearsed: bool


def move(
    source: Database, to: str, *, at: datetime, actor: str, rehearse: bool = False, reach: Callable[[str], None] = lambda point: None
) -> Moved:
    """Make the database at URL `to` the ledger; run it again if it was killed. `rehearse` leaves the old one in charge.

    Raises LedgerError if the new database holds anything else, or if a row came out differently.
    """
    with closing(open_target(to)) as target:
        _begin(target)
        reach("move.begun")
        for name, number in GROWING.items():
            _copy_growing(source, target, Base.metadata.tables[name], number, reach)
        rows = source.write(lambda session: _finish(session, target, to, at=at, actor=actor, rehearse=rehearse, reach=reach))
        reach("move.old.committed")
        if not rehearse:
            with target.engine.begin() as connection:
                connection.execute(sa.delete(_MARKS).where(_MARKS.c.name == FILLING))
        reach("move.done")
    return Moved(rows, rehearse)


def reopen(source: Database, *, at: datetime, actor: str) -> None:
    """Make an old ledger the ledger again, as it was when it was left. What the new one took since stays there alone.

    Raises LedgerError if it was not moved.
    """

    def write(session: Session) -> None:
        where = session.get(MarkRow, MOVED_TO)
        if where is None:
            raise LedgerError("this ledger was not moved: it is the ledger", next_step="`palantir ledger verify` looks at it")
        detail = {"moved_to": where.value}
        session.delete(where)
        session.flush()
        append(session, at=at, actor=actor, action="ledger.reopened", subject="ledger", detail=detail)

    source.write(write)


def _begin(target: Database) -> None:
    """Only an empty database is filled, or one whose filling was cut short."""
    with target.engine.begin() as connection:
        if connection.scalar(sa.select(_MARKS.c.name).where(_MARKS.c.name == FILLING)) is not None:
            return
        for name in (*GROWING, schema_edits.ActionRow.__tablename__):
            if connection.scalar(sa.select(sa.func.count()).select_from(Base.metadata.tables[name])):
                raise LedgerError(
                    f"the database to move to is not empty: it has rows in {name}",
                    next_step="name an empty database, or set PALANTIR_LEDGER_URL to this one if the ledger has moved already",
                )
        connection.execute(sa.insert(_MARKS), [{"name": FILLING, "value": "1"}])


def _copy_growing(source: Database, target: Database, table: sa.Table, number: str, reach: Callable[[str], None]) -> None:
    column = table.c[number]
    while True:
        with target.engine.connect() as connection:
            last = connection.scalar(sa.select(sa.func.coalesce(sa.func.max(column), 0)))
        with source.engine.connect().execution_options(reading=True) as connection:
            rows = connection.execute(sa.select(table).where(column > last).order_by(column).limit(PAGE)).mappings().all()
        if not rows:
            return
        with target.engine.begin() as connection:
            connection.execute(sa.insert(table), [dict(row) for row in rows])
        reach(f"move.{table.name}")


def _finish(
    session: Session, target: Database, to: str, *, at: datetime, actor: str, rehearse: bool, reach: Callable[[str], None]
) -> dict[str, int]:
    """What is left, while nobody writes; then both sides are compared, and the old ledger is closed."""
    where = sa.make_url(to).render_as_string(hide_password=True)
    moved = session.get(MarkRow, MOVED_TO)
    if moved is not None and moved.value != where:
        raise LedgerError(f"this ledger moves to {moved.value}, and not to {where}", next_step="name the same URL again")
    if not rehearse and moved is None:
        append(session, at=at, actor=actor, action="ledger.moved", subject="ledger", detail={"to": where})
        session.add(MarkRow(name=MOVED_TO, value=where))
        session.flush()
    source = session.connection()
    with target.engine.begin() as connection:
        _copy_rest(source, connection)
        rows = {table.name: _same(source, connection, table) for table in Base.metadata.sorted_tables}
    reach("move.new.committed")
    return rows


def _copy_rest(source: sa.Connection, target: sa.Connection) -> None:
    for table in reversed(Base.metadata.sorted_tables):
        if table.name not in GROWING:
            target.execute(sa.delete(table).where(_foreign(table)))
    for table in Base.metadata.sorted_tables:
        query = sa.select(table).where(_foreign(table))
        if number := GROWING.get(table.name):
            last = target.scalar(sa.select(sa.func.coalesce(sa.func.max(table.c[number]), 0)))
            query = query.where(table.c[number] > last)
        for rows in _pages(source, query):
            target.execute(sa.insert(table), rows)


def _same(source: sa.Connection, target: sa.Connection, table: sa.Table) -> int:
    ours, theirs = _digest(source, table), _digest(target, table)
    if ours != theirs:
        raise LedgerError(
            f"the rows of {table.name} came out differently: {ours[0]} rows here, {theirs[0]} there, or other bytes",
            next_step="empty the new database, then run the command again",
        )
    return ours[0]


def _digest(connection: sa.Connection, table: sa.Table) -> tuple[int, int]:
    """How many rows, and the sum of their hashes: databases sort text differently."""
    count, total = 0, 0
    for rows in _pages(connection, sa.select(table).where(_foreign(table))):
        count += len(rows)
        total += sum(int.from_bytes(hashlib.sha256(_text(row)).digest()) for row in rows)
    return count, total % MODULUS


def _pages(connection: sa.Connection, query: sa.Select[Any]) -> Iterator[Sequence[dict[str, Any]]]:
    for rows in connection.execute(query.execution_options(yield_per=PAGE)).mappings().partitions():
        yield [dict(row) for row in rows]


def _foreign(table: sa.Table) -> sa.ColumnElement[bool]:
    """Rows that are the ledger's, not one of its two places'."""
    return _MARKS.c.name.not_in(_OWN) if table is _MARKS else sa.true()


def _text(row: dict[str, Any]) -> bytes:
    return canonical({name: _plain(value) for name, value in row.items()}).encode()


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds")
    return value.hex() if isinstance(value, bytes) else value
