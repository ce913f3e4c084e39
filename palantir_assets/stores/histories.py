"""The edit log as histories: what was applied as one, in order, with every reversal, also one that wrote nothing.

A build reads all of it, up to a moment that it names; taking an action back needs what hangs together with some
objects. What a history means is decided in `actions`; who writes one, in `edits`.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

import sqlalchemy as sa

from palantir_assets.actions.edits import Applied, Edit, LinkEdit
from palantir_assets.actions.overlay import pair
from palantir_assets.actions.recording import read
from palantir_assets.stores.database import Database
from palantir_assets.stores.edit_rows import Subject
from palantir_assets.stores.lots import lots, of_pairs
from palantir_assets.stores.migrations.schema_edits import ActionRow, EditRow, ReversalRow
from palantir_assets.stores.object_keys import keys_to_read
from palantir_assets.stores.personal import edit_subjects, opened_edit

LINKING: Final = ("link", "unlink")


@dataclass(frozen=True, slots=True)
class Moment:
    """How far the ledger had come: its last edit and its last action. What is numbered above does not count."""

    edit_no: int = 0
    action_no: int = 0


def moment(database: Database) -> Moment:
    """The moment that is now."""
    return Moment(*database.rows(_LAST)[0])


def last_words(database: Database, until: Moment) -> dict[str, tuple[int, int]]:
    """What was last said of every object type and stored link: the number of its last edit, and of the last reversal that
    concerns it; 0 for none. Equal words are an equal history."""
    words = {name: (last, 0) for name, last in database.rows(_LAST_EDITS.where(EditRow.edit_no <= until.edit_no))}
    reversals = _reversals(database, until)
    concerned: dict[int, set[str]] = {action_no: set() for action_no in _involved(reversals)}
    for some in lots(sorted(concerned)):
        query = sa.select(EditRow.action_no, EditRow.object_type).where(EditRow.action_no.in_(some)).distinct()
        for action_no, name in database.rows(query):
            concerned[action_no].add(name)
    for action_no in sorted(reversals):
        for reverted in reversals[action_no]:
            concerned[action_no] |= concerned[reverted]
        for name in concerned[action_no]:
            words[name] = (words.get(name, (0, 0))[0], action_no)
    return words


def whole_history(database: Database, until: Moment) -> list[Applied]:
    """Everything that was ever applied, up to a moment, in order."""
    return _applied(database, database.rows(_EDITS.where(EditRow.edit_no <= until.edit_no)), _reversals(database, until))


def history_of(database: Database, subjects: Iterable[Subject], *, actions: Iterable[int] = ()) -> list[Applied]:
    """Every action on these objects (type, key) and links (link, pair), and on all that these hang together with, in order.

    With `actions`, those are in it too, and what hangs together with them.

    What hangs together: what one action changed, who took it back, and the links of an object. That is what
    `actions.reverting` asks of a history.
    """
    until = moment(database)
    reversals = _reversals(database, until)
    links = _ends(database, until)
    seen: set[Subject] = set()
    held = _with_reversals(set(actions), reversals)
    rows = _edits_of(database, held, until)
    front = {*subjects, *((row[4], row[5]) for row in rows)}
    while front:
        front |= {link for subject in front for link in links.get(subject, ())}
        seen |= front
        found = _with_reversals(_actions_on(database, front, until), reversals) - held
        held |= found
        new = _edits_of(database, found, until)
        rows += new
        front = {(row[4], row[5]) for row in new} - seen
    return _applied(database, sorted(rows), {no: told for no, told in reversals.items() if no in held})


def _applied(database: Database, rows: Sequence[tuple[Any, ...]], reversals: Mapping[int, Sequence[int]]) -> list[Applied]:
    """Rows in their order as what was applied as one, with the reversals that have no row, each in its place."""
    found: dict[int, list[Edit]] = {}
    places: list[tuple[int, int, datetime]] = []
    keys = keys_to_read(database, edit_subjects((values, (kind, key)) for _, _, _, values, kind, key in rows))
    for edit_no, action_no, at, values, kind, key in rows:
        if action_no not in found:
            places.append((edit_no, action_no, at))
        found.setdefault(action_no, []).append(read(opened_edit(values, edit_no, (kind, key), keys)[0]))
    places += _wordless(database, reversals.keys() - found.keys())
    return [
        Applied(str(no), tuple(found.get(no, ())), edit_no, _plain(at), frozenset(map(str, reversals.get(no, ()))))
        for edit_no, no, at in sorted(places)
    ]


def _wordless(database: Database, actions: Collection[int]) -> Iterator[tuple[Any, ...]]:
    """(last edit by then, number, time) of reversals that wrote nothing."""
    query = sa.select(ReversalRow.edit_no, ReversalRow.action_no, ActionRow.at).distinct()
    query = query.join(ActionRow, ActionRow.action_no == ReversalRow.action_no)
    for some in lots(sorted(actions)):
        yield from database.rows(query.where(ReversalRow.action_no.in_(some)))


def _reversals(database: Database, until: Moment) -> dict[int, list[int]]:
    """Who took back whom, oldest first. Reversals are few: nobody asks for some of them."""
    found: dict[int, list[int]] = {}
    for action_no, reverted in database.rows(_REVERSALS.where(ReversalRow.action_no <= until.action_no)):
        found.setdefault(action_no, []).append(reverted)
    return found


def _involved(reversals: Mapping[int, Sequence[int]]) -> set[int]:
    return {*reversals, *(reverted for all_of_them in reversals.values() for reverted in all_of_them)}


def _with_reversals(actions: set[int], reversals: Mapping[int, Sequence[int]]) -> set[int]:
    """Some actions, with who took them back and what these took back besides."""
    found = set(actions)
    for _ in reversals:
        touching = [(no, *told) for no, told in reversals.items() if no in found or not found.isdisjoint(told)]
        more = {no for all_of_them in touching for no in all_of_them}
        if more <= found:
            break
        found |= more
    return found


def _actions_on(database: Database, subjects: Iterable[Subject], until: Moment) -> set[int]:
    found: set[int] = set()
    for some in of_pairs(EditRow.object_type, EditRow.object_key, subjects):
        query = sa.select(EditRow.action_no).where(some, EditRow.edit_no <= until.edit_no).distinct()
        found.update(row[0] for row in database.rows(query))
    return found


def _edits_of(database: Database, actions: Iterable[int], until: Moment) -> list[tuple[Any, ...]]:
    found: list[tuple[Any, ...]] = []
    for some in lots(actions):
        found += database.rows(_EDITS.where(EditRow.action_no.in_(some), EditRow.edit_no <= until.edit_no))
    return found


def _ends(database: Database, until: Moment) -> dict[Subject, set[Subject]]:
    """The links that were ever made or taken away at each object."""
    found: dict[Subject, set[Subject]] = {}
    for row in database.rows(_EDITS.where(EditRow.kind.in_(LINKING), EditRow.edit_no <= until.edit_no)):
        edit = read(json.loads(row[3]))
        if isinstance(edit, LinkEdit):
            link = (edit.link, pair(edit.source, edit.target))
            for end in ((edit.between[0], edit.source), (edit.between[1], edit.target)):
                found.setdefault(end, set()).add(link)
    return found


def _plain(at: datetime) -> datetime:
    """UTC without an offset, as rows of a build have it."""
    return at.astimezone(UTC).replace(tzinfo=None)


_LAST: Final = sa.select(
    sa.select(sa.func.coalesce(sa.func.max(EditRow.edit_no), 0)).scalar_subquery(),
    sa.select(sa.func.coalesce(sa.func.max(ActionRow.action_no), 0)).scalar_subquery(),
)
_LAST_EDITS: Final = sa.select(EditRow.object_type, sa.func.max(EditRow.edit_no)).group_by(EditRow.object_type)
_REVERSALS: Final = sa.select(ReversalRow.action_no, ReversalRow.reverts).order_by(ReversalRow.action_no, ReversalRow.reverts)
_EDITS: Final = sa.select(
    EditRow.edit_no, EditRow.action_no, EditRow.at, EditRow.values, EditRow.object_type, EditRow.object_key
).order_by(EditRow.edit_no)  # fmt: skip
