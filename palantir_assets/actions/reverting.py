"""Taking back any action at any time: who depends on it, and the new edits that make it as if it had not been.

Nothing is lost by it. An inverse edit says what remains of other actions and, where nothing remains, that the source's word
holds again (`restores`). A history is in order and complete: every action on the objects and links that it touches,
and every reversal of one of these, also one that had nothing to write. An erasure cannot be taken back, and of an erased
object nothing comes back: what was done to it, and the links that it had, are left out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from palantir_assets.access.policy import Allowed, Decision, Refusal
from palantir_assets.actions.edits import EXISTS, Applied, Edit, Json, LinkEdit, ObjectEdit, erased

Here = tuple[str, str]
"""An object: its type and key."""

Cell = tuple[str, str, str]
"""What one edit writes: (type, key, property), (type, key, EXISTS), or (link, source, target)."""


@dataclass(frozen=True, slots=True)
class Dependent:
    """A later action that stands on one to be reverted, and where."""

    id: str
    on: str
    cell: Cell

    def __str__(self) -> str:
        where = "/".join(part for part in self.cell if part)
        return f"{self.id} changed {where} after {self.on}"


@dataclass(frozen=True, slots=True)
class Reversal:
    """What taking actions back means: whether it may be, on whom it falls, and the edits that do it, in order."""

    decision: Decision
    reverts: frozenset[str]
    dependents: tuple[Dependent, ...]
    edits: tuple[Edit, ...] = ()


def standing(history: Sequence[Applied]) -> list[Applied]:
    """The actions that still have their effect, in order: not what was reverted, and not what only reverted."""
    dead: set[str] = set()
    for applied in reversed(history):
        if applied.id not in dead:
            dead |= applied.reverts
    return [applied for applied in history if applied.id not in dead and not applied.reverts]


def dependents(history: Sequence[Applied], id: str) -> tuple[Dependent, ...]:
    """Every later action, still standing, that wrote what this one or one of its dependents wrote, or used what it created."""
    first = next(index for index, applied in enumerate(history) if applied.id == id)
    alive = {applied.id for applied in standing(history)}
    written: dict[Cell, str] = dict.fromkeys(_reach(history)[id], id)
    found: list[Dependent] = []
    for applied in history[first + 1 :]:
        if applied.id not in alive:
            continue
        cell = next((cell for cell in _uses(applied) if cell in written), None)
        if cell is not None:
            found.append(Dependent(applied.id, written[cell], cell))
            written |= dict.fromkeys((cell for cell in _cells(applied) if cell not in written), applied.id)
    return tuple(found)


def revert(history: Sequence[Applied], id: str, *, with_dependents: bool = False) -> Reversal:
    """What it means to take an action back, alone or with all that depend on it.

    Raises KeyError for an action that is not in the history.
    """
    by_id = {applied.id: applied for applied in history}
    if erased(by_id[id].edits):
        return Reversal(Refusal(f"{id} erased an object, and an erasure cannot be taken back"), frozenset({id}), ())
    history = _without_erased(history)
    target = by_id[id]
    later = dependents(history, id)
    reverts = frozenset({id, *(dependent.id for dependent in later)}) if with_dependents else frozenset({id})
    if by := _reverted_by(history, id):
        return Reversal(Refusal(f"{id} was reverted by {by}; revert that to have it back"), reverts, later)
    if later and not with_dependents:
        reason = f"{len(later)} later actions depend on {id}: {'; '.join(map(str, later[:3]))}; revert it with its dependents"
        return Reversal(Refusal(reason), reverts, later)
    remaining = standing([*history, Applied("", (), 0, target.at, reverts)])
    if lost := _groundless(history, remaining):
        return Reversal(
            Refusal(f"{lost} would be in force again, and what it changes is no longer there; revert that first"), reverts, later
        )
    reach = _reach(history)
    touched = dict.fromkeys(cell for applied in history if applied.id in reverts for cell in reach[applied.id])
    return Reversal(Allowed(), reverts, later, tuple(_inverse(history, remaining, touched)))


def _without_erased(history: Sequence[Applied]) -> Sequence[Applied]:
    """A history as if what was erased had never been: neither the objects nor their links."""
    gone = erased(edit for applied in history for edit in applied.edits)
    if not gone:
        return history

    def remains(edit: Edit) -> bool:
        if isinstance(edit, ObjectEdit):
            return (edit.type, edit.key) not in gone
        return gone.isdisjoint({(edit.between[0], edit.source), (edit.between[1], edit.target)})

    return [replace(applied, edits=tuple(filter(remains, applied.edits))) for applied in history]


def _groundless(history: Sequence[Applied], remaining: Sequence[Applied]) -> str:
    """The first action that would change an object that is not there, or create one that is; or an empty text."""
    there = {cell: held for cell, held in _base(history).items() if cell[2] == EXISTS}
    for applied in remaining:
        for edit in applied.edits:
            if isinstance(edit, ObjectEdit):
                if there[edit.type, edit.key, EXISTS] is (edit.kind == "create"):
                    return applied.id
                there[edit.type, edit.key, EXISTS] = edit.kind != "delete"
    return ""


def _live_reversals(history: Sequence[Applied]) -> set[str]:
    dead: set[str] = set()
    live: set[str] = set()
    for applied in reversed(history):
        if applied.id not in dead and applied.reverts:
            live.add(applied.id)
            dead |= applied.reverts
    return live


def _reverted_by(history: Sequence[Applied], id: str) -> str:
    live = _live_reversals(history)
    return next((applied.id for applied in history if applied.id in live and id in applied.reverts), "")


def _inverse(history: Sequence[Applied], remaining: Sequence[Applied], touched: Iterable[Cell]) -> Iterator[Edit]:
    """The edits from how things are to what remains, of the cells touched; objects in the order of their first cell."""
    now, wanted, base = _written(history), _written(remaining), _base(history)
    versions = {(edit.type, edit.key): edit.version + 1 for edit in _object_edits(history)}
    names: dict[Here, list[str]] = {}
    for owner, key, name in touched:
        if (owner, key) in versions:
            names.setdefault((owner, key), []).append(name)
            continue
        cell = (owner, key, name)
        linked = wanted.get(cell, base[cell])  # said even where it is so already: whose word it is may have changed
        yield LinkEdit("link" if linked else "unlink", owner, key, name, restores=cell not in wanted)
    cells: dict[Here, list[Cell]] = {}
    for cell in base:
        cells.setdefault(cell[:2], []).append(cell)
    for here, touched_names in names.items():
        before = {cell[2]: now.get(cell, base[cell]) for cell in cells[here]}
        after = {cell[2]: wanted.get(cell, base[cell]) for cell in cells[here]}
        restored = frozenset(cell[2] for cell in cells[here] if cell not in wanted)
        yield from _object_inverse(here, touched_names, (before, after), restored, versions[here])


def _object_inverse(
    here: Here, touched: Sequence[str], states: tuple[dict[str, Json], dict[str, Json]], restored: frozenset[str], version: int
) -> Iterator[ObjectEdit]:
    """From what an object holds to what it is to hold, EXISTS included; `restored` is what nobody's word remains of."""
    before, after = states
    there, to_be = before.pop(EXISTS), after.pop(EXISTS)
    delete = ObjectEdit("delete", *here, {}, before, version, restored & {EXISTS})
    create = ObjectEdit("create", *here, after, {}, version, restored)
    if there != to_be:
        yield create if to_be else delete
    elif EXISTS in touched and EXISTS not in restored:  # people's word on it holds again, though nothing is seen of that
        yield delete if there else create
        yield replace(create, version=version + 1) if there else replace(delete, previous=after, version=version + 1)
    elif there:
        names = after if EXISTS in touched else [name for name in after if name in touched]
        values, previous = {name: after[name] for name in names}, {name: before[name] for name in names}
        yield ObjectEdit("modify", *here, values, previous, version, restored & {*names, *touched})
    elif EXISTS in touched:  # it is gone already; that the source may bring it again is all there is to say
        yield ObjectEdit("modify", *here, {}, {}, version, frozenset({EXISTS}))


def _written(history: Iterable[Applied]) -> dict[Cell, Json]:
    """The last word on every cell. What a deleted object held is not said again."""
    return {cell: value for applied in history for edit in applied.edits for cell, value in _writes(edit)}


def _base(history: Iterable[Applied]) -> dict[Cell, Json]:
    """What every cell held before the history: whether an object or link was there, and a property's value."""
    base: dict[Cell, Json] = {}
    for edit in (edit for applied in history for edit in applied.edits):
        if isinstance(edit, LinkEdit):
            base.setdefault((edit.link, edit.source, edit.target), edit.kind == "unlink")
            continue
        base.setdefault((edit.type, edit.key, EXISTS), edit.kind != "create")
        for name, value in (*edit.previous.items(), *((name, None) for name in edit.values)):
            base.setdefault((edit.type, edit.key, name), value)
    return base


def _object_edits(history: Iterable[Applied]) -> Iterator[ObjectEdit]:
    return (edit for applied in history for edit in applied.edits if isinstance(edit, ObjectEdit))


def _writes(edit: Edit) -> Iterator[tuple[Cell, Json]]:
    if isinstance(edit, LinkEdit):
        yield (edit.link, edit.source, edit.target), edit.kind == "link"
        return
    if edit.kind != "modify":
        yield (edit.type, edit.key, EXISTS), edit.kind == "create"
    yield from (((edit.type, edit.key, name), value) for name, value in edit.values.items())


def _cells(applied: Applied) -> list[Cell]:
    return [cell for edit in applied.edits for cell, _ in _writes(edit)]


def _reach(history: Iterable[Applied]) -> dict[str, dict[Cell, None]]:
    """The cells that each action decides, in order: what it wrote and, for a reversal, all that it took back decided.

    The edits of a reversal are not enough: of an object that was gone by then it had nothing to write.
    """
    reach: dict[str, dict[Cell, None]] = {}
    for applied in history:
        taken_back = [reach[id] for id in reach if id in applied.reverts] if applied.reverts else []
        reach[applied.id] = dict.fromkeys((*_cells(applied), *(cell for cells in taken_back for cell in cells)))
    return reach


def _uses(applied: Applied) -> list[Cell]:
    """What an action stands on: what it writes itself, and that the objects which it modifies or links are there."""
    found = _cells(applied)
    for edit in applied.edits:
        if isinstance(edit, ObjectEdit):
            found.append((edit.type, edit.key, EXISTS))
        else:
            found += [(edit.between[0], edit.source, EXISTS), (edit.between[1], edit.target, EXISTS)]
    return found
