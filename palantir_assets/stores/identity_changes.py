"""What every change of identities does beside itself: the role version grows, and an audit row is appended.

The version is read at every request: through a connection of its own, past the ORM.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.orm import Session

from palantir_assets.errors import LedgerError
from palantir_assets.stores.audit_chain import append
from palantir_assets.stores.migrations.schema_identities import IdentityVersionRow

_VERSION: Final = "SELECT version FROM identity_version WHERE one = 1"


def changed(session: Session, *, at: datetime, actor: str, action: str, subject: str, detail: Mapping[str, object]) -> None:
    """A change that could change what a caller may: tell every process, and the audit."""
    session.execute(sa.update(IdentityVersionRow).values(version=IdentityVersionRow.version + 1))
    append(session, at=at, actor=actor, action=action, subject=subject, detail=detail)


class VersionWatch:
    """Reads the role version in some microseconds, over one connection that is kept. Safe to share between threads."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine, self._lock = engine, threading.Lock()
        self._connection: Any = None

    def read(self) -> int:
        """The version that is committed now. Raises LedgerError: who asks cannot be told without it."""
        with self._lock:
            for attempt in (1, 2):
                try:
                    cursor = self._opened().cursor()
                    cursor.execute(_VERSION)
                    return int(cursor.fetchone()[0])
                except Exception as error:
                    self._drop()
                    if attempt == 2:
                        raise LedgerError(f"the ledger does not tell who may what ({type(error).__name__})") from error
        raise AssertionError("the second attempt returns or raises")

    def close(self) -> None:
        """Give the connection back."""
        with self._lock:
            self._drop()

    def _opened(self) -> Any:
        if self._connection is None:
            connection: Any = self._engine.raw_connection()
            connection.detach()  # it is ours until it breaks; the pool makes another one for others
            if self._engine.dialect.name == "postgresql":
                connection.dbapi_connection.autocommit = True
            self._connection = connection
        return self._connection

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
