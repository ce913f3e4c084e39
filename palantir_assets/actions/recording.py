"""How an edit stands in the ledger: the whole of it as JSON, in the values of its row. Rows are the stores' affair."""

from __future__ import annotations

from collections.abc import Mapping

from palantir_assets.actions.edits import Edit, Json, as_json, from_json


def written(edit: Edit) -> dict[str, Json]:
    """The values of the row that tells of an edit."""
    return as_json(edit)


def read(values: Mapping[str, Json]) -> Edit:
    """The edit that a row tells of; raises TypeError where the values are none."""
    return from_json(values)
