"""The history that a reversal is computed from, read from the ledger: complete for what is to be taken back.

Closed are the actions to be taken back, those that depend on them, what a reversal among them took back, and the
reversals of any. Of every object and link that these touch all edits are read; of other actions only those edits, so
that nothing is taken for the whole of something that was read in part.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from palantir_assets.actions.edits import EXISTS, Applied, Edit, LinkEdit, ObjectEdit
from palantir_assets.actions.recording import read
from palantir_assets.actions.reverting import dependents
from palantir_assets.stores.edit_rows import EditRecord, ReversalRecord, Subject
from palantir_assets.stores.edits import EditLog

PAGE: Final = 2_000
_LONG_AGO: Final = datetime(1970, 1, 1, tzinfo=UTC)
"""The time of a reversal that wrote nothing: its place is told by the edits around it."""


@dataclass(frozen=True, slots=True)
class History:
    """Actions in the order in which they took effect, and the reversals among and beyond them. Ids are numbers as texts."""

    applied: tuple[Applied, ...]
    reversals: Mapping[int, ReversalRecord]


def history_of(log: EditLog, action_no: int, links_of: Mapping[str, Sequence[str]]) -> History:
    """Everything that taking an action back, with its dependents, depends on. `links_of`: the stored links of each type."""
    closed: set[int] = {action_no}
    while True:
        reversals = log.reversals(closed)
        closed |= {number for reversal in reversals.values() for number in (reversal.action_no, *reversal.reverts)}
        history = _read(log, closed, links_of)
        later = {int(each.id) for number in closed for each in _dependents(history, str(number))}
        more = {number for reversal in log.reversals(closed | later).values() for number in (reversal.action_no, *reversal.reverts)}
        if later | more <= closed:
            return history
        closed |= later | more


def _dependents(history: History, id: str) -> Iterable[Applied]:
    by_id = {applied.id: applied for applied in history.applied}
    return [by_id[each.id] for each in dependents(history.applied, id)]


def _read(log: EditLog, closed: set[int], links_of: Mapping[str, Sequence[str]]) -> History:
    rows: dict[int, EditRecord] = {}
    subjects: dict[Subject, None] = {}
    for number in sorted(closed):
        for row in log.of_action(number):
            subjects[row.object_type, row.object_key] = None
            rows[row.edit_no] = row
    for object_type, key in subjects:
        rows |= {row.edit_no: row for row in _all(log, object_type, key)}
    for row in _linking(log, subjects, [read(row.values) for row in rows.values()], links_of):
        rows[row.edit_no] = row
    reversals = log.reversals({row.action_no for row in rows.values()} | closed)
    return History(_in_order(rows.values(), closed, reversals), reversals)


def _all(log: EditLog, object_type: str, key: str | None = None) -> Iterable[EditRecord]:
    last = 0
    while page := log.of_type(object_type, key, beyond=last, limit=PAGE):
        yield from page
        last = page[-1].edit_no


def _linking(
    log: EditLog, subjects: Iterable[Subject], edits: Iterable[Edit], links_of: Mapping[str, Sequence[str]]
) -> Iterable[EditRecord]:
    """The links that lead to objects whose being there is at stake: whoever linked one depends on it."""
    at_stake = {
        (edit.type, edit.key) for edit in edits if isinstance(edit, ObjectEdit) and (edit.kind != "modify" or EXISTS in edit.restores)
    }
    for link in dict.fromkeys(link for object_type, _ in at_stake for link in links_of.get(object_type, ())):
        for row in _all(log, link):
            edit = read(row.values)
            if isinstance(edit, LinkEdit) and {(edit.between[0], edit.source), (edit.between[1], edit.target)} & at_stake:
                yield row


def _in_order(rows: Iterable[EditRecord], closed: set[int], reversals: Mapping[int, ReversalRecord]) -> tuple[Applied, ...]:
    """Actions by their first edit; a reversal that wrote nothing, after the last edit there was by then."""
    by_action: dict[int, list[EditRecord]] = {}
    for row in sorted(rows, key=lambda row: row.edit_no):
        by_action.setdefault(row.action_no, []).append(row)
    placed: list[tuple[tuple[int, int, int], Applied]] = []
    for number in {*by_action, *reversals, *closed}:
        mine, reversal = by_action.get(number, []), reversals.get(number)
        taken_back = frozenset(map(str, reversal.reverts)) if reversal else frozenset[str]()
        first = mine[0].edit_no if mine else reversal.edit_no if reversal else 0
        at = mine[0].at if mine else _LONG_AGO
        edits = tuple(read(row.values) for row in mine)
        placed.append(((first, int(not mine), number), Applied(str(number), edits, first, at, taken_back)))
    return tuple(applied for _, applied in sorted(placed, key=lambda each: each[0]))
