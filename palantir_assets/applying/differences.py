"""An action's exact difference as JSON, and its fingerprint: what is previewed, agreed to, told and compared."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from palantir_assets.access.views import View
from palantir_assets.actions.edits import Change, Edit, LinkEdit, diff
from palantir_assets.errors import EditRefused
from palantir_assets.names import fingerprint

Json = dict[str, Any]


class Differs(EditRefused):
    """What would be done is not what was shown. `shown` is the difference of now, as the caller sees it; `digest` names it."""

    next_step = "look at the difference, then ask again with its digest in `accept`"

    def __init__(self, what: str, shown: Json) -> None:
        self.shown, self.digest = shown, digest(shown)
        super().__init__(f"{what} would now do something else than was shown")


def difference(edits: Sequence[Edit]) -> Json:
    """What edits change: `changes` of objects, property by property, and `links`, in the order in which they are touched."""
    return {"changes": [change_json(change) for change in diff(edits)], "links": _links(edits)}


def change_json(change: Change) -> Json:
    """One object's difference."""
    properties = {name: {"before": before, "after": after} for name, (before, after) in change.properties.items()}
    return {"kind": change.kind, "object_type": change.type, "key": change.key, "properties": properties}


def digest(shown: Mapping[str, Any]) -> str:
    """A short text that is another one for every other difference."""
    return fingerprint(shown["changes"], shown["links"])


def as_seen(shown: Mapping[str, Any], view: View) -> Json:
    """A difference without the properties that a caller may not see. Whether its objects may be seen is asked before."""
    changes = []
    for change in shown["changes"]:
        kind = view.ontology.types.get(change["object_type"])
        if kind is not None:
            kept = {name: values for name, values in change["properties"].items() if name in kind.properties}
            changes.append({**change, "properties": kept})
    links = [link for link in shown["links"] if _walks(view, link["link"])]
    return {"changes": changes, "links": links}


def _links(edits: Iterable[Edit]) -> list[Json]:
    return [
        {"kind": "linked" if edit.kind == "link" else "unlinked", "link": edit.link, "source": edit.source, "target": edit.target}
        for edit in edits
        if isinstance(edit, LinkEdit)
    ]


def _walks(view: View, link: str) -> bool:
    owner, _, name = link.partition("__")
    return owner in view.ontology.types and name in view.ontology.types[owner].links
