"""Edits folded into rows at build: what people said and what the source says, by the conflict rule of each property.

Pure, over rows and pairs: which rows a build hands in, and where edits come from, is decided in `assets`. Only objects
with edits need to be handed in; for the others a row is what the source says.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from palantir_assets.actions.edits import EXISTS, Applied, Json, LinkEdit, ObjectEdit
from palantir_assets.actions.values import key_text
from palantir_assets.ontology.spec import ObjectType
from palantir_assets.ontology.spec_actions import Conflict

Row = Mapping[str, Any]
Pair = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Rules:
    """What a build keeps of a type: its key, the conflict rule of each property (edit_wins unless said), and what dates a row."""

    key: str
    conflicts: Mapping[str, Conflict] = field(default_factory=dict)
    updated_at: str | None = None


@dataclass(frozen=True, slots=True)
class Said:
    """What edits say of an object in the end: whether it is there (None: nothing), and the values that were set, each with its time."""

    exists: bool | None = None
    at: datetime = datetime.min
    values: Mapping[str, tuple[Json, datetime]] = field(default_factory=dict)
    erased: bool = False
    """Whether it is gone for good, whatever the source says."""


def rules_of(object_type: ObjectType) -> Rules:
    """The conflict rules that a type declares."""
    conflicts = {name: prop.conflict for name, prop in object_type.properties.items() if prop.conflict is not None}
    return Rules(object_type.key, conflicts, object_type.updated_at)


def said(history: Iterable[Applied], object_type: str) -> dict[str, Said]:
    """What a history, in order, says in the end of every object of a type that it touches, by key."""
    found: dict[str, Said] = {}
    for applied in history:
        for edit in applied.edits:
            if isinstance(edit, ObjectEdit) and edit.type == object_type:
                found[edit.key] = _heard(found.get(edit.key, Said()), edit, applied.at)
    return found


def replay(
    rows: Iterable[Row], heard: Mapping[str, Said], rules: Rules, *, decoded: Callable[[str, Json], Any] = lambda _, value: value
) -> list[dict[str, Any]]:
    """The rows of a type with edits folded in: those of the source in their order, then created ones by key.

    `decoded` turns the JSON of a property into what a row holds. Times are UTC without an offset. What was only
    modified and is no longer in the source is left out. Folding in twice is folding in once where edits win.
    """
    folded, seen = [], set()
    for row in rows:
        key = key_text(row[rules.key])
        seen.add(key)
        one = _merged(row, heard[key], rules, decoded) if key in heard else dict(row)
        if one is not None:
            folded.append(one)
    for key in sorted(heard.keys() - seen):
        if heard[key].exists:
            folded.append({name: decoded(name, value) for name, (value, _) in heard[key].values.items()})
    return folded


def replay_links(pairs: Iterable[Pair], history: Iterable[Applied], link: str) -> set[Pair]:
    """The pairs of keys of a stored link with edits folded in: people's word holds until it is taken back."""
    base = set(pairs)
    word: dict[Pair, bool] = {}
    for applied in history:
        for edit in applied.edits:
            if isinstance(edit, LinkEdit) and edit.link == link:
                word[edit.source, edit.target] = edit.kind == "link"
                if edit.restores:
                    del word[edit.source, edit.target]
    return (base | {pair for pair, linked in word.items() if linked}) - {pair for pair, linked in word.items() if not linked}


def _heard(before: Said, edit: ObjectEdit, at: datetime) -> Said:
    if edit.kind == "erase" or before.erased:
        return Said(False, at, erased=True)
    values = {name: (value, at) for name, value in edit.values.items() if name not in edit.restores}
    if edit.kind == "modify":
        kept = {name: value for name, value in before.values.items() if name not in edit.restores}
        exists = None if EXISTS in edit.restores else before.exists
        return replace(before, exists=exists, values={**kept, **values})
    return Said(None if EXISTS in edit.restores else edit.kind == "create", at, values)


def _merged(row: Row, one: Said, rules: Rules, decoded: Callable[[str, Json], Any]) -> dict[str, Any] | None:
    changed_at = row.get(rules.updated_at) if rules.updated_at else None
    if one.erased:
        return None
    if one.exists is False:
        conflict = rules.conflicts.get(rules.key, "edit_wins")
        gone = conflict == "edit_wins" or (conflict == "latest_wins" and not _later(changed_at, one.at))
        return None if gone else dict(row)
    values = {
        name: decoded(name, value)
        for name, (value, at) in one.values.items()
        if name != rules.key and _wins(row, name, at, changed_at, rules)
    }
    return {**row, **values}


def _wins(row: Row, name: str, at: datetime, changed_at: Any, rules: Rules) -> bool:
    """Whether an edit of a property stands against the source."""
    conflict = rules.conflicts.get(name, "edit_wins")
    if conflict == "source_wins":
        return row.get(name) is None
    return conflict == "edit_wins" or not _later(changed_at, at)


def _later(changed_at: Any, at: datetime) -> bool:
    return isinstance(changed_at, datetime) and changed_at > at
