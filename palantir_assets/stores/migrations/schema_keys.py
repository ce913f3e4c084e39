"""The keys of objects, under which personal values are kept. What is sealed with them is decided in `stores.sealing`."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy.orm import Mapped, mapped_column

from palantir_assets.stores.migrations.schema import Base, UtcTimestamp


class ObjectKeyRow(Base):
    """An object's key, wrapped by a key that lies outside the database; of an erased object only that it was erased."""

    __tablename__ = "object_keys"

    object_type: Mapped[str] = mapped_column(sa.String(100), primary_key=True)
    object_key: Mapped[str] = mapped_column(sa.Text, primary_key=True)
    key_id: Mapped[str | None] = mapped_column(sa.String(16))
    wrapped: Mapped[bytes | None] = mapped_column(sa.LargeBinary)
    erased_at: Mapped[datetime | None] = mapped_column(UtcTimestamp, index=True)
