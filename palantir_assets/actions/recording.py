"""An edit as a row of the ledger holds it: the whole edit as JSON, in the row's values. Where rows are kept is the ledger's affair."""

from __future__ import annotations

from collections.abc import Mapping

from palantir_assets.actions.edits import Edit, Json, as_json, from_json


def written(edit: Edit) -> dict[str, Json]:
    """The values of the row that stands for an edit."""
    return as_json(edit)


def read(values: Mapping[str, Json]) -> Edit:
    """The edit that a row's values are. Raises TypeError, KeyError or ValueError for what is none."""
    return from_json(values)
