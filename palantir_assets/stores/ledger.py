"""The ledger: which release is current, and an audit chain over every change of state.

One SQLAlchemy model for SQLite (WAL, synchronous=FULL) and PostgreSQL; the schema is brought up to date
when the ledger is opened. What a release is, and when one may be committed, is decided in `release`.
"""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeVar

import sqlalchemy as sa
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.orm import Session

from palantir_assets.errors import LedgerError, Problem, ReleaseError
from palantir_assets.stores.migrations.schema import AuditRow, ReleaseRow
from palantir_assets.stores.migrations.upgrading import bring_up_to_date

RowT = TypeVar("RowT")

COMMIT: Final = "release.commit"
ATTEMPTS: Final = 20
"""How often a row is tried again when other writers keep taking its number in the audit chain."""


@dataclass(frozen=True, slots=True)
class ReleasePointer:
    """A row of `releases`, detached from any session."""

    release_no: int
    release_id: str
    content_id: str
    committed_at: datetime
    reason: str
    actor: str


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """A row of `audit`, detached from any session."""

    seq: int
    at: datetime
    actor: str
    action: str
    subject: str
    detail: Mapping[str, object]
    previous_hash: str | None
    hash: str


@dataclass(frozen=True, slots=True)
class Ledger:
    """An open ledger; safe to share between threads. Every method raises LedgerError when it cannot be reached."""

    engine: sa.Engine

    def head(self) -> ReleasePointer | None:
        """The release that is current, or None before the first one."""
        found = self._select(sa.select(ReleaseRow).order_by(ReleaseRow.release_no.desc()).limit(1))
        return _pointer(found[0]) if found else None

    def list(self) -> Sequence[ReleasePointer]:
        """Every release that was ever made current, oldest first."""
        return [_pointer(row) for row in self._select(sa.select(ReleaseRow).order_by(ReleaseRow.release_no))]

    def audit_head(self) -> str | None:
        """The hash of the last audit row, which stands for all rows before it."""
        found = self._select(sa.select(AuditRow).order_by(AuditRow.seq.desc()).limit(1))
        return found[0].hash if found else None

    def audit(self, *, after: int = 0, limit: int = 1000) -> Sequence[AuditEntry]:
        """Up to `limit` audit rows with a number above `after`, oldest first."""
        rows = self._select(sa.select(AuditRow).where(AuditRow.seq > after).order_by(AuditRow.seq).limit(limit))
        return [_entry(row) for row in rows]

    def commit(
        self, release_id: str, *, content_id: str, expected_no: int, reason: str, actor: str, at: datetime, notes: Sequence[str] = ()
    ) -> int:
        """Make a release current as number `expected_no + 1`, with its audit row, in one transaction.

        Raises ReleaseError if the head is no longer `expected_no`: another publisher was first.
        """
        number = expected_no + 1
        row = ReleasePointer(number, release_id, content_id, at, reason, actor)
        detail = {"release_no": number, "content_id": content_id, "reason": reason, "notes": list(notes)}

        def write(session: Session) -> None:
            last = session.scalar(sa.select(sa.func.max(ReleaseRow.release_no))) or 0
            if last != expected_no:
                raise ReleaseError(
                    f"another publisher made release number {last} current while this one expected {expected_no} to be the last",
                    next_step=f"see `palantir release list`; `palantir release activate {release_id}` makes this one current",
                )
            session.add(ReleaseRow(**{name: getattr(row, name) for name in ReleasePointer.__slots__}))
            _append(session, at=at, actor=actor, action=COMMIT, subject=release_id, detail=detail)

        self._write(write)
        return number

    def record(self, *, at: datetime, actor: str, action: str, subject: str, detail: Mapping[str, object]) -> None:
        """Append one audit row. What changes other tables appends its row in the same transaction instead."""
        self._write(lambda session: _append(session, at=at, actor=actor, action=action, subject=subject, detail=detail))

    def verify_chain(self, known_heads: Iterable[str] = ()) -> Sequence[Problem]:
        """What is wrong with the audit chain, first bad row first; an empty list means whole.

        The chain alone shows rows that were edited, removed, added or moved. A cut tail, a chain rewritten as
        a whole and an older copy of the database show against `known_heads`, such as those in the manifests.
        """
        rows = self._select(sa.select(AuditRow).order_by(AuditRow.seq))
        hashes = {row.hash for row in rows}
        lost = [Problem(f"audit head {head} was reached once and is in the chain no longer") for head in known_heads if head not in hashes]
        return _broken(rows) + lost + _unaudited(self.list(), rows)

    def close(self) -> None:
        """Give the connections back."""
        self.engine.dispose()

    def _select(self, query: sa.Select[RowT]) -> Sequence[RowT]:
        with _told(self.engine.url), self.engine.connect().execution_options(reading=True) as connection, Session(connection) as session:
            return session.scalars(query).all()

    def _write(self, write: Callable[[Session], None]) -> None:
        """One transaction; again when another writer took the same number in the audit chain."""
        with _told(self.engine.url):
            for attempt in range(ATTEMPTS):
                try:
                    with Session(self.engine) as session, session.begin():
                        write(session)
                    return
                except IntegrityError:
                    if attempt == ATTEMPTS - 1:
                        raise


@dataclass(frozen=True, slots=True)
class LedgerAt:
    """A ledger by its URL, opened for each call: for a publisher that is to go as far as it can without one."""

    url: str

    def head(self) -> ReleasePointer | None:
        with closing(open_ledger(self.url)) as ledger:
            return ledger.head()

    def list(self) -> Sequence[ReleasePointer]:
        with closing(open_ledger(self.url)) as ledger:
            return ledger.list()

    def audit_head(self) -> str | None:
        with closing(open_ledger(self.url)) as ledger:
            return ledger.audit_head()

    def commit(
        self, release_id: str, *, content_id: str, expected_no: int, reason: str, actor: str, at: datetime, notes: Sequence[str] = ()
    ) -> int:
        with closing(open_ledger(self.url)) as ledger:
            return ledger.commit(release_id, content_id=content_id, expected_no=expected_no, reason=reason, actor=actor, at=at, notes=notes)


def open_ledger(url: str) -> Ledger:
    """Open the ledger at a SQLAlchemy URL, making it or bringing its schema up to date if need be."""
    try:
        parsed = sa.make_url(url)
        with _told(parsed):
            if parsed.get_backend_name() == "sqlite" and parsed.database:
                Path(parsed.database).parent.mkdir(parents=True, exist_ok=True)
            engine = _engine(parsed)
            bring_up_to_date(engine)
            return Ledger(engine)
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


def _append(session: Session, *, at: datetime, actor: str, action: str, subject: str, detail: Mapping[str, object]) -> None:
    last = session.scalars(sa.select(AuditRow).order_by(AuditRow.seq.desc()).limit(1)).first()
    row = AuditRow(
        seq=last.seq + 1 if last else 1,
        at=at,
        actor=actor,
        action=action,
        subject=subject,
        detail=_canonical(detail),
        previous_hash=last.hash if last else None,
    )
    row.hash = _chained(row)
    session.add(row)


def _chained(row: AuditRow) -> str:
    """The hash of a row and, through `previous_hash`, of every row before it."""
    at = row.at.astimezone(UTC).isoformat(timespec="microseconds")
    told = [row.previous_hash, row.seq, at, row.actor, row.action, row.subject, row.detail]
    return hashlib.sha256(_canonical(told).encode()).hexdigest()


def _canonical(value: object) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def _broken(rows: Sequence[AuditRow]) -> list[Problem]:
    problems: list[Problem] = []
    previous, expected = None, 1
    for row in rows:
        if row.seq != expected:
            problems.append(Problem(f"audit row {expected} is missing: the next one is {row.seq}"))
        elif row.previous_hash != previous:
            problems.append(Problem(f"audit row {row.seq} does not follow from the row before it"))
        if row.hash != _chained(row):
            problems.append(Problem(f"audit row {row.seq} was changed after it was written"))
        previous, expected = row.hash, row.seq + 1
    return problems


def _unaudited(pointers: Sequence[ReleasePointer], rows: Sequence[AuditRow]) -> list[Problem]:
    told = Counter((json.loads(row.detail)["release_no"], row.subject) for row in rows if row.action == COMMIT)
    made = Counter((pointer.release_no, pointer.release_id) for pointer in pointers)
    different = sorted((told - made) | (made - told))
    return [Problem(f"release number {row[0]} has {told[row]} audit rows for {made[row]} rows in the log") for row in different]


def _pointer(row: ReleaseRow) -> ReleasePointer:
    return ReleasePointer(**{name: getattr(row, name) for name in ReleasePointer.__slots__})


def _entry(row: AuditRow) -> AuditEntry:
    return AuditEntry(row.seq, row.at, row.actor, row.action, row.subject, json.loads(row.detail), row.previous_hash, row.hash)


@contextmanager
def _told(url: sa.URL) -> Iterator[None]:
    """Any failure of the database as a LedgerError that names the ledger, without its password."""
    try:
        yield
    except (SQLAlchemyError, sqlite3.Error, OSError) as error:
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        raise LedgerError(f"the ledger at {url.render_as_string(hide_password=True)} cannot be used: {reason}") from error
