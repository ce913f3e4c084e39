"""Which rows a caller may see: asked at every leaf and every hop, so that one answer here holds everywhere."""

from __future__ import annotations

from palantir_assets.access.principal import Principal
from palantir_assets.engine.ports import Released
from palantir_assets.engine.rows import RowSet, everything


def visible(principal: Principal, release: Released, object_type: str) -> RowSet:
    """The rows of an object type that the caller may see. Today every row, of a type that may be read at all."""
    return everything(release.count(object_type))
