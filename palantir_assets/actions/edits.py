"""The nouns of change: an edit of one object or one link, what was applied as one, and the exact difference it makes.

Values are JSON, spelled as objects spell them: a long and a decimal as text, times in UTC with a Z; null and a missing
name are the same. Keys are texts, as in a URL. Where edits are kept is the ledger's affair.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final, Literal

Json = Any
Values = Mapping[str, Json]

GONE: Final = frozenset({"delete", "erase"})
"""The kinds of edit after which there is no object."""

EXISTS: Final = ""
"""Among the names that an edit restores: that the object is there, or is not."""


@dataclass(frozen=True, slots=True)
class ObjectEdit:
    """An object created (`values` of every property it has), modified (those set), deleted (none), or erased.

    `previous` holds what the same properties were before; of a deleted object, all of them; of an erased one, which never
    comes back, nothing. `version` is the one the object had before: 0 for one that nobody edited. `restores` names what is
    again as the source says, whatever that says later.
    """

    kind: Literal["create", "modify", "delete", "erase"]
    type: str
    key: str
    values: Values = field(default_factory=dict)
    previous: Values = field(default_factory=dict)
    version: int = 0
    restores: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class LinkEdit:
    """A pair of keys that is linked from now on, or no longer. `link` is the stored link's name, such as `book__authors`.

    `between` are the object types at its ends.
    """

    kind: Literal["link", "unlink"]
    link: str
    source: str
    target: str
    between: tuple[str, str] = ("", "")
    restores: bool = False


Edit = ObjectEdit | LinkEdit


@dataclass(frozen=True, slots=True)
class Applied:
    """What was applied as one: its edits in order, the number of the first, when, and which others it took back."""

    id: str
    edits: tuple[Edit, ...]
    edit_no: int
    at: datetime
    reverts: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Change:
    """The exact difference in one object: property → (before, after). Created and deleted objects differ in `kind`."""

    kind: Literal["created", "modified", "deleted"]
    type: str
    key: str
    properties: Mapping[str, tuple[Json, Json]]


def diff(edits: Iterable[Edit]) -> tuple[Change, ...]:
    """The net difference that edits make to objects, in the order in which these are first touched.

    What is set to what it was is no difference; an object that is created and deleted again is none either.
    """
    first: dict[tuple[str, str], Values | None] = {}
    last: dict[tuple[str, str], Values | None] = {}
    for edit in edits:
        if isinstance(edit, LinkEdit):
            continue
        here = (edit.type, edit.key)
        if here not in first:
            first[here] = last[here] = None if edit.kind == "create" else edit.previous
        elif edit.kind != "create":  # what an earlier edit did not tell of, it did not change
            first[here] = None if first[here] is None else {**edit.previous, **(first[here] or {})}
        last[here] = after(last[here], edit)
    return tuple(change for here in first if (change := _change(*here, first[here], last[here])))


def after(values: Values | None, edit: ObjectEdit) -> Values | None:
    """An object's values after an edit; None where there is no object."""
    if edit.kind == "create":
        return edit.values
    return None if edit.kind in GONE or values is None else {**values, **edit.values}


def erased(edits: Iterable[Edit]) -> frozenset[tuple[str, str]]:
    """The type and key of every object that one of the edits erases."""
    return frozenset((edit.type, edit.key) for edit in edits if isinstance(edit, ObjectEdit) and edit.kind == "erase")


def as_json(edit: Edit) -> dict[str, Json]:
    """An edit as JSON; `from_json` reads it again."""
    if isinstance(edit, LinkEdit):
        return {
            "kind": edit.kind, "link": edit.link, "source": edit.source, "target": edit.target,
            "between": list(edit.between), "restores": edit.restores,
        }  # fmt: skip
    return {
        "kind": edit.kind, "type": edit.type, "key": edit.key, "values": dict(edit.values), "previous": dict(edit.previous),
        "version": edit.version, "restores": sorted(edit.restores),
    }  # fmt: skip


def from_json(said: Mapping[str, Json]) -> Edit:
    """The edit that `as_json` wrote; raises TypeError for anything else."""
    if "link" in said:
        source, target = said["between"]
        return LinkEdit(**{**said, "between": (source, target)})
    return ObjectEdit(**{**said, "restores": frozenset(said.get("restores", ()))})


def _change(object_type: str, key: str, before: Values | None, now: Values | None) -> Change | None:
    if before is None and now is None:
        return None
    old, new = before or {}, now or {}
    names = dict.fromkeys((*old, *new))
    changed = {name: (old.get(name), new.get(name)) for name in names if old.get(name) != new.get(name)}
    if before is not None and now is not None:
        return Change("modified", object_type, key, changed) if changed else None
    return Change("created" if before is None else "deleted", object_type, key, changed)
