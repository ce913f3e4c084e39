"""The role version: a number that goes up, in the same transaction, with every change of identities or grants.

Whoever keeps a Principal asks whether the number is still the one under which it was made. What changes
identities is decided in the stores that hold them.
"""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy.orm import Session

from palantir_assets.stores.database import Database
from palantir_assets.stores.migrations.schema import RoleVersionRow


def bump(session: Session) -> int:
    """The next number, in the transaction of the change."""
    session.execute(sa.update(RoleVersionRow).values(version=RoleVersionRow.version + 1))
    return session.scalars(sa.select(RoleVersionRow.version)).one()


def current(database: Database) -> int:
    """The number as it stands; 0 before the first change. Raises LedgerError without the ledger."""
    return database.select(sa.select(RoleVersionRow.version))[0]
