"""The action log as one caller may read it: entries of actions that the caller knows, on objects that the caller sees.

An entry is told whole or not at all; hidden properties are cut out of its difference. What an action was told stands
only before who asked for it and who may agree to it: a parameter may say what a property's policy hides. An object
that is gone has nothing to be judged by, and is told of where no row policy cuts its type.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from palantir_assets.actions.edits import Edit, LinkEdit, ObjectEdit
from palantir_assets.actions.recording import read
from palantir_assets.applying.desk import ADMIN, Desk, Json, Standpoint
from palantir_assets.applying.differences import as_seen, difference
from palantir_assets.engine.world import seen_row
from palantir_assets.errors import UnknownName
from palantir_assets.stores.edit_rows import ActionRecord, EditRecord

SCANNED = 500
"""Rows of the log that are looked at for one page."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One action of the log: what was asked, what became of it, what it did, which actions it took back."""

    record: ActionRecord
    shown: Json
    edits: tuple[EditRecord, ...]
    reverts: tuple[int, ...]
    parameters: Json | None


def entry(desk: Desk, at: Standpoint, number: int) -> Entry:
    """One entry. Raises UnknownName for one that the caller may not know of, as for one that there is not."""
    record = desk.log.action(number)
    found = _entry(desk, at, record) if record is not None else None
    if found is None:
        raise UnknownName("action", str(number))
    return found


def entries(desk: Desk, at: Standpoint, *, before: int | None = None, limit: int = 50) -> tuple[list[Entry], int | None]:
    """Up to `limit` entries below a number, newest first, and where the next page begins, if there is one."""
    found: list[Entry] = []
    start = before if before is not None else 2**62
    for scanned, record in enumerate(records := desk.log.actions(before=start, limit=SCANNED), 1):
        if (told := _entry(desk, at, record)) is not None:
            found.append(told)
        if len(found) == limit:
            return found, record.action_no if scanned < len(records) or len(records) == SCANNED else None
    return found, records[-1].action_no if len(records) == SCANNED else None


def sees_all(at: Standpoint, touched: Iterable[tuple[str, str, bool]], *, mine: bool) -> bool:
    """Whether a caller sees every object that was touched; those that are not there only where that is `mine`, or tells nothing.

    `touched` are (type, key, whether it is only to be created).
    """
    asking = at.asking
    for object_type, key, new in touched:
        if object_type not in at.view.ontology.types:
            return False
        if at.release.row_of(object_type, key) is not None:
            if seen_row(asking, object_type, key) is None:
                return False
        elif not (mine or new or object_type not in at.view.rules):
            return False
    return True


def touched(shown: Mapping[str, Any], at: Standpoint) -> list[tuple[str, str, bool]]:
    """The objects that a difference tells of; of a link, both ends."""
    found = {(each["object_type"], each["key"], each["kind"] == "created"): None for each in shown["changes"]}
    made = {(kind, key) for kind, key, new in found if new}
    for link in shown["links"]:
        found |= {(*end, end in made): None for end in _ends_of(at, link["link"], link["source"], link["target"])}
    return list(found)


def without_erased(desk: Desk, at: Standpoint, shown: Mapping[str, Any]) -> Json:
    """A difference without the objects that were erased since, and their links."""
    changes, links = list(shown["changes"]), list(shown["links"])
    ends = {id(link): _ends_of(at, link["link"], link["source"], link["target"]) for link in links}
    named = {(change["object_type"], change["key"]) for change in changes} | {end for both in ends.values() for end in both}
    known = {(name, key) for name, key in named if name in at.release.ontology.types}
    gone = desk.log.erased_among({(name, key) for name, key in known if at.release.row_of(name, key) is None})
    return {
        "changes": [change for change in changes if (change["object_type"], change["key"]) not in gone],
        "links": [link for link in links if gone.isdisjoint(ends[id(link)])],
    }


def touches(edits: Iterable[Edit], at: Standpoint) -> list[tuple[str, str, bool]]:
    """The objects that edits touch; of a link, both ends."""
    found: dict[tuple[str, str, bool], None] = {}
    for edit in edits:
        if isinstance(edit, ObjectEdit):
            found[edit.type, edit.key, False] = None
        else:
            found |= {(kind, key, False): None for kind, key in zip(_ends(edit, at), (edit.source, edit.target), strict=True)}
    return list(found)


def _entry(desk: Desk, at: Standpoint, record: ActionRecord) -> Entry | None:
    mine = at.caller.id in (record.actor, record.approver)
    if record.action not in at.view.ontology.actions and not (mine or ADMIN in at.caller.roles):
        return None
    rows: Sequence[EditRecord] = desk.log.of_action(record.action_no)
    edits = tuple(read(row.values) for row in rows)
    waiting = desk.log.shown(record.action_no) if not edits else None
    told = touched(waiting, at) if waiting is not None else []
    if not sees_all(at, [*touches(edits, at), *told], mine=mine):
        return None
    shown = as_seen(without_erased(desk, at, waiting if waiting is not None else difference(edits)), at.view)
    taken_back = desk.log.reversals([record.action_no]).get(record.action_no)
    action = at.view.ontology.actions.get(record.action)
    agrees = mine or (action is not None and bool(at.caller.roles & set(action.approve)))
    reverts = tuple(sorted(taken_back.reverts)) if taken_back else ()
    return Entry(record, shown, tuple(rows), reverts, dict(record.parameters) if agrees else None)


def _ends_of(at: Standpoint, link: str, source: str, target: str) -> tuple[tuple[str, str], tuple[str, str]]:
    one, other = _ends(LinkEdit("link", link, source, target), at)
    return (one, source), (other, target)


def _ends(edit: LinkEdit, at: Standpoint) -> tuple[str, str]:
    if all(edit.between):
        return edit.between
    source, _, name = edit.link.partition("__")
    links = at.release.ontology.types[source].links if source in at.release.ontology.types else {}
    return source, links[name].to if name in links else ""
