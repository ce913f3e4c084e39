"""Taking an applied action back, at any time, by who may apply it or holds the role `admin`, and sees what it touched.

What it means is computed in `actions.reverting` from the history that the ledger tells; here it is written: the new
edits, what was declared to undo the side effects, and what becomes of the entries of the log.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from palantir_assets.access.policy import Decision, Refusal
from palantir_assets.actions.edits import Applied
from palantir_assets.actions.parameters import told
from palantir_assets.actions.planning import filling, may_apply
from palantir_assets.actions.reverting import Dependent, Reversal, revert, standing
from palantir_assets.applying.applying import new_edits, told_of
from palantir_assets.applying.desk import ADMIN, Desk, Json, Standpoint, naive
from palantir_assets.applying.differences import as_seen, difference
from palantir_assets.applying.effects import Occasion, following, once
from palantir_assets.applying.telling import entry, sees_all, touches
from palantir_assets.errors import EditRefused, NotDecidable, NotPermitted, Outrun, UnknownName
from palantir_assets.stores.edit_rows import ActionRecord, Appended, Batch, NewEffect, Status

TRIES: Final = 8
"""How often a reversal is computed anew because somebody wrote meanwhile."""


IN_FORCE: Final = ("applied", "approved", "reverted")
"""What an action is that was done once."""


class NotRevertible(EditRefused):
    """An action that cannot be taken back as asked; the words say why."""

    next_step = "preview the reversal: it names what depends on the action"

    def __init__(self, number: int, reason: str) -> None:
        self.number = number
        super().__init__(f"action {number} cannot be reverted: {reason}")


@dataclass(frozen=True, slots=True)
class Undoing:
    """What taking an action back would do: whether it may be, which actions fall with it, and the exact difference."""

    decision: Decision
    reverts: tuple[int, ...]
    dependents: tuple[Dependent, ...]
    shown: Json


@dataclass(frozen=True, slots=True)
class _Worked:
    reversal: Reversal
    history: Sequence[Applied]
    records: Mapping[int, ActionRecord]


def preview(desk: Desk, at: Standpoint, number: int, *, with_dependents: bool = False) -> Undoing:
    """What a reversal would do; nothing is written. Raises UnknownName, NotPermitted or NotDecidable."""
    return _undoing(at, _worked(desk, at, number, with_dependents=with_dependents))


def take_back(desk: Desk, at: Standpoint, number: int, *, with_dependents: bool = False) -> tuple[Appended, Undoing]:
    """Take an action back. Raises as `preview`, and NotRevertible, or Outrun where somebody wrote at every try."""
    for _ in range(TRIES - 1):
        try:
            return _written(desk, at, number, with_dependents=with_dependents)
        except Outrun:
            continue
    return _written(desk, at, number, with_dependents=with_dependents)


def _written(desk: Desk, at: Standpoint, number: int, *, with_dependents: bool) -> tuple[Appended, Undoing]:
    since = desk.log.head()
    worked = _worked(desk, at, number, with_dependents=with_dependents)
    if isinstance(worked.reversal.decision, Refusal):
        raise NotRevertible(number, worked.reversal.decision.reason)
    reverts = sorted(map(int, worked.reversal.reverts))
    batch = Batch(
        worked.records[number].action, at.caller.id, desk.now(), parameters={"reverts": reverts}, edits=new_edits(worked.reversal.edits),
        effects=once(_effects(desk, at, worked)), reverts_actions=reverts, becomes=_becomes(worked), since=since,
    )  # fmt: skip
    return desk.log.append(batch), _undoing(at, worked)


def _worked(desk: Desk, at: Standpoint, number: int, *, with_dependents: bool) -> _Worked:
    target = entry(desk, at, number).record
    _may(at, target)
    if target.status not in IN_FORCE:
        raise NotDecidable(number, target.status)
    history = desk.log.history_around(number)
    reversal = revert(history, str(number), with_dependents=with_dependents)
    falling = {number, *map(int, reversal.reverts)}
    for other in sorted(falling - {number}):
        _may(at, entry(desk, at, other).record)
    if not sees_all(at, touches(reversal.edits, at), mine=True):
        raise UnknownName("action", str(number))
    taken_back = {int(each) for applied in history if applied.reverts for each in (applied.id, *applied.reverts)}
    records = {each: record for each in falling | taken_back if (record := desk.log.action(each)) is not None}
    return _Worked(reversal, history, records)


def _may(at: Standpoint, record: ActionRecord) -> None:
    """Raises NotPermitted unless the caller may apply the action, or is an administrator."""
    action = at.view.ontology.actions.get(record.action)
    if ADMIN in at.caller.roles or (action is not None and not isinstance(may_apply(action, at.caller), Refusal)):
        return
    raise NotPermitted(f"reverting {record.action} is for those who may apply it")


def _undoing(at: Standpoint, worked: _Worked) -> Undoing:
    reversal = worked.reversal
    return Undoing(
        reversal.decision, tuple(sorted(map(int, reversal.reverts))), reversal.dependents, as_seen(difference(reversal.edits), at.view)
    )


def _becomes(worked: _Worked) -> dict[int, Status]:
    """What else changes in the log: what a reversal had taken back is in force again once that is taken back, and so on."""
    history, reverts = worked.history, worked.reversal.reverts
    dead: set[str] = set(reverts)
    for applied in reversed(history):
        if applied.id not in dead:
            dead |= applied.reverts
    found: dict[int, Status] = {}
    for number, record in worked.records.items():
        now: Status = "reverted" if str(number) in dead else "approved" if record.approver else "applied"
        if str(number) not in reverts and record.status in IN_FORCE and now != record.status:
            found[number] = now
    return found


def _effects(desk: Desk, at: Standpoint, worked: _Worked) -> Iterator[NewEffect]:
    """`undo` of what is no longer in force, `then` of what is again."""
    history = worked.history
    before = {applied.id for applied in standing(history)}
    new = Applied("", (), 0, history[-1].at, worked.reversal.reverts)
    after = {applied.id for applied in standing([*history, new])}
    for applied in history:
        if (applied.id in before) != (applied.id in after) and int(applied.id) in worked.records:
            yield from _effects_of(desk, at, worked, worked.records[int(applied.id)], undone=applied.id in before)


def _effects_of(desk: Desk, at: Standpoint, worked: _Worked, record: ActionRecord, *, undone: bool) -> Iterator[NewEffect]:
    action = at.release.ontology.actions.get(record.action)
    declared = () if action is None else action.undo if undone else action.then
    if action is None or not declared:
        return
    shown = as_seen(difference(worked.reversal.edits), at.view)
    known = at.view.ontology.actions.get(record.action)
    for parameters in told_of(record.parameters):
        names = filling(
            told(known, parameters, ontology=at.view.ontology, world=at.world(desk), caller=at.caller, now=naive(desk.now()))
        ) if known is not None else {}  # fmt: skip
        occasion = Occasion(action, record.actor, parameters, shown, names)
        yield from following(declared, occasion, at, mails=at.release.ontology.mails, people=desk.people)
