"""What changed since a point, as one caller may see it: for programs that follow the objects from afar.

A point is a release and an edit number. From one release to another every object is compared; within a release, what
each edit did is told. Who begins at nothing and applies every event has the caller's view of the objects, wherever it
stopped in between. What a caller sees at a point is a port; `engine` fulfils it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final, Literal, Protocol

from palantir_assets.actions.cursors import NOTHING, Cursor, CursorExpired, CursorInvalid, Point
from palantir_assets.actions.edits import Edit, Json, ObjectEdit, Values

AT_ONCE: Final = 1000
"""Objects that are compared, or edits that are asked for, at once."""


@dataclass(frozen=True, slots=True)
class Event:
    """One object that the caller sees from now on (`values`), sees changed (`changes`: before and after), or sees no longer."""

    kind: Literal["added", "modified", "removed"]
    type: str
    key: str
    cursor: Cursor
    values: Values = field(default_factory=dict)
    changes: Mapping[str, tuple[Json, Json]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Page:
    """Events in their order, and the cursor after the last of them. `is_last` tells that there was nothing more when it was made."""

    events: tuple[Event, ...]
    cursor: Cursor
    is_last: bool


class Sight(Protocol):
    """What one caller sees at one point."""

    @property
    def types(self) -> Collection[str]:
        """The object types that the caller may read."""
        ...

    def keys(self, object_type: str) -> Sequence[str]:
        """The key of every object of a type, seen or not, in an order that stays."""
        ...

    def seen(self, object_type: str, keys: Sequence[str]) -> Mapping[str, Values]:
        """Of these keys, the objects that the caller sees, with the properties that the caller sees."""
        ...


class History(Protocol):
    """Everything that was, for one caller."""

    @property
    def rights(self) -> str:
        """A name for the caller's rights, in hex digits: equal ones see equal things."""
        ...

    @property
    def erased(self) -> Collection[tuple[str, str]]:
        """The type and key of every object that was erased by now."""
        ...

    def now(self) -> Point:
        """The point that a read sees now."""
        ...

    def watermark(self, release_id: str) -> int:
        """The last edit that a release holds."""
        ...

    def at(self, point: Point) -> Sight:
        """What the caller sees at a point; what was erased later is there. Raises CursorExpired for one that is gone."""
        ...

    def edits(self, after: int, most: int) -> Sequence[tuple[int, Edit]]:
        """Up to so many edits with a number above `after`, in their order."""
        ...


def changes(history: History, since: Cursor, *, limit: int, types: Collection[str] | None = None) -> Page:
    """Up to `limit` events after a cursor; `types` are those to tell of, all that the caller may read unless said.

    Raises CursorExpired for a cursor made under other rights, or of a release that is gone.
    """
    if since.rights and since.rights != history.rights:
        raise CursorExpired("what you may see has changed since this cursor was made")
    now, events, cursor = history.now(), list[Event](), replace(since, rights=history.rights)
    while len(events) < limit:
        if cursor.to is None and cursor.point.release_id != now.release_id:
            edit_no = max(cursor.point.edit_no, history.watermark(now.release_id))
            cursor = replace(cursor, to=Point(now.release_id, edit_no), last=None)
        if cursor.to is not None:
            found, cursor = _crossed(history, cursor, cursor.to, types, limit - len(events))
        elif cursor.point.edit_no < now.edit_no:
            found, cursor = _edited(history, cursor, now.edit_no, types, limit - len(events))
        else:
            return Page(tuple(events), cursor, is_last=True)
        events += found
    return Page(tuple(events), cursor, is_last=cursor.to is None and cursor.point == now)


def _crossed(history: History, cursor: Cursor, to: Point, types: Collection[str] | None, room: int) -> tuple[list[Event], Cursor]:
    """What differs between two points, from the cursor's place on: at most `room` events, and where that leads."""
    before: Sight = _Nothing() if cursor.point.release_id == NOTHING else history.at(cursor.point)
    after, events, erased = history.at(to), list[Event](), history.erased
    for object_type, keys in _entries(before, after, cursor.last, types):
        old, new = before.seen(object_type, keys), after.seen(object_type, keys)
        for key in keys:
            kept = replace(cursor, to=to, last=(object_type, key))
            if event := _event(object_type, key, old.get(key), new.get(key), kept, gone=(object_type, key) in erased):
                events.append(event)
                if len(events) == room:
                    return events, kept
    return events, replace(cursor, point=to, to=None, last=None)


def _entries(
    before: Sight, after: Sight, last: tuple[str, str] | None, types: Collection[str] | None
) -> Iterator[tuple[str, Sequence[str]]]:
    """Every key of both after `last`, each once and always in the same order, some at a time. Raises CursorInvalid."""
    for object_type in sorted({*before.types, *after.types}):
        if (last is not None and object_type < last[0]) or (types is not None and object_type not in types):
            continue
        here = after.keys(object_type) if object_type in after.types else ()
        known = set(here)
        gone = (key for key in (before.keys(object_type) if object_type in before.types else ()) if key not in known)
        keys = [*here, *gone]
        if last is not None and object_type == last[0]:
            if last[1] not in keys:
                raise CursorInvalid
            keys = keys[keys.index(last[1]) + 1 :]
        yield from ((object_type, keys[start : start + AT_ONCE]) for start in range(0, len(keys), AT_ONCE))


def _edited(history: History, cursor: Cursor, last: int, types: Collection[str] | None, room: int) -> tuple[list[Event], Cursor]:
    """What the next edits did. No object is edited twice among them, so that each event stands for one edit."""
    run = _run([pair for pair in history.edits(cursor.point.edit_no, min(room, AT_ONCE)) if pair[0] <= last])
    if not run:
        return [], replace(cursor, point=replace(cursor.point, edit_no=last))
    end = replace(cursor.point, edit_no=run[-1][0])
    before, after = history.at(cursor.point), history.at(end)
    wanted: dict[str, list[str]] = {}
    for _, edit in run:
        if isinstance(edit, ObjectEdit) and (types is None or edit.type in types):
            wanted.setdefault(edit.type, []).append(edit.key)
    old = {name: before.seen(name, keys) for name, keys in wanted.items() if name in before.types}
    new = {name: after.seen(name, keys) for name, keys in wanted.items() if name in after.types}
    events, erased = [], history.erased
    for number, edit in run:
        if isinstance(edit, ObjectEdit) and edit.type in wanted:
            was, is_now = old.get(edit.type, {}).get(edit.key), new.get(edit.type, {}).get(edit.key)
            here = replace(cursor, point=replace(cursor.point, edit_no=number))
            if event := _event(edit.type, edit.key, was, is_now, here, gone=(edit.type, edit.key) in erased):
                events.append(event)
    return events, replace(cursor, point=end)


def _run(edits: Sequence[tuple[int, Edit]]) -> list[tuple[int, Edit]]:
    """The first edits, up to before the first that edits an object again."""
    touched: set[tuple[str, str]] = set()
    for index, (_, edit) in enumerate(edits):
        if isinstance(edit, ObjectEdit):
            if (edit.type, edit.key) in touched:
                return list(edits[:index])
            touched.add((edit.type, edit.key))
    return list(edits)


def _event(object_type: str, key: str, before: Values | None, now: Values | None, cursor: Cursor, *, gone: bool) -> Event | None:
    """What the caller is told of one object; of an erased one only that it is there no longer."""
    if now is None:
        return None if before is None else Event("removed", object_type, key, cursor)
    if gone:
        return None
    if before is None:
        return Event("added", object_type, key, cursor, values=now)
    names = dict.fromkeys((*before, *now))
    changed = {name: (before.get(name), now.get(name)) for name in names if before.get(name) != now.get(name)}
    return Event("modified", object_type, key, cursor, changes=changed) if changed else None


class _Nothing:
    """What anybody sees before everything."""

    types: Collection[str] = ()

    def keys(self, object_type: str) -> Sequence[str]:
        return ()

    def seen(self, object_type: str, keys: Sequence[str]) -> Mapping[str, Values]:
        return {}
