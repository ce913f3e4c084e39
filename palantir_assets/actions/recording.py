"""How an edit stands in a ledger: as one JSON object, whole, beside the few columns that it is found by.

Who keeps it there is the ledger's affair; here is only what is written and how it is read again.
"""

from __future__ import annotations

from collections.abc import Mapping

from palantir_assets.actions.edits import Edit, Json, LinkEdit, as_json, from_json
from palantir_assets.actions.overlay import pair


def written(edit: Edit) -> dict[str, Json]:
    """An edit as the JSON that a ledger keeps."""
    return as_json(edit)


def read(values: Mapping[str, Json]) -> Edit:
    """The edit that `written` wrote. Raises TypeError, KeyError or ValueError for anything else."""
    return from_json(values)


def subject(edit: Edit) -> tuple[str, str]:
    """What an edit is found by: an object's type and key, or a stored link's name and its pair of keys as one text."""
    if isinstance(edit, LinkEdit):
        return edit.link, pair(edit.source, edit.target)
    return edit.type, edit.key
