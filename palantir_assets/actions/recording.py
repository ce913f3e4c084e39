"""How an edit stands in the ledger: as JSON, whole, and read again as it was written."""

from __future__ import annotations

from collections.abc import Mapping

from palantir_assets.actions.edits import Edit, Json, as_json, from_json


def written(edit: Edit) -> dict[str, Json]:
    """What a row of the ledger holds of an edit."""
    return as_json(edit)


def read(values: Mapping[str, Json]) -> Edit:
    """The edit that a row holds. Raises TypeError for anything else."""
    return from_json(values)
