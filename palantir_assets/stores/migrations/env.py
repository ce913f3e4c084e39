"""Alembic's door: it runs this file with the connection that `upgrading` hands over."""

from __future__ import annotations

from alembic import context

from palantir_assets.stores.migrations import (
    schema_edits,  # noqa: F401 - its tables belong to the same metadata
    schema_effects,  # noqa: F401 - its tables belong to the same metadata
    schema_identities,  # noqa: F401 - its tables belong to the same metadata
    schema_keys,  # noqa: F401 - its tables belong to the same metadata
)
from palantir_assets.stores.migrations.schema import Base

context.configure(connection=context.config.attributes["connection"], target_metadata=Base.metadata, render_as_batch=True)
context.run_migrations()
