"""Random worlds of objects and links, random actions on them, and an oracle that applies edits one by one."""

from __future__ import annotations

import copy
import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from palantir_assets.access.policy import Allowed
from palantir_assets.actions.edits import Applied, Edit, LinkEdit, ObjectEdit
from palantir_assets.actions.reverting import Reversal, revert

TYPES, KEYS, NAMES = ("bike", "lock"), ("a", "b", "c"), ("p", "q")
LINK, BETWEEN = "bike__locks", ("bike", "lock")
START = datetime(2024, 1, 1)


@dataclass
class State:
    """Objects by type and key, and linked pairs."""

    objects: dict[tuple[str, str], dict[str, Any]] = field(default_factory=dict)
    links: set[tuple[str, str]] = field(default_factory=set)

    def apply(self, edit: Edit) -> None:
        if isinstance(edit, LinkEdit):
            (self.links.add if edit.kind == "link" else self.links.discard)((edit.source, edit.target))
        elif edit.kind == "erase":
            self.objects.pop((edit.type, edit.key), None)
        elif edit.kind == "delete":
            del self.objects[edit.type, edit.key]
        elif edit.kind == "create":
            assert (edit.type, edit.key) not in self.objects
            self.objects[edit.type, edit.key] = dict(edit.values)
        elif edit.values:
            self.objects[edit.type, edit.key] |= edit.values


def after(base: State, history: list[Applied]) -> State:
    """The state after every edit of a history, one by one."""
    state = copy.deepcopy(base)
    for applied in history:
        for edit in applied.edits:
            state.apply(edit)
    return state


def random_base(dice: random.Random) -> State:
    objects = {(kind, key): {name: dice.randint(0, 3) for name in NAMES} for kind in TYPES for key in KEYS if dice.random() < 0.6}
    return State(objects, {(a, b) for a in KEYS for b in KEYS if dice.random() < 0.2})


def random_action(dice: random.Random, history: list[Applied], base: State, number: int) -> Applied:
    """One to three valid edits on the state that a history leads to."""
    state, edits = after(base, history), list[Edit]()
    versions = {(e.type, e.key): e.version + 1 for one in history for e in one.edits if isinstance(e, ObjectEdit)}
    for _ in range(dice.randint(1, 3)):
        edit = _random_edit(dice, state, versions)
        state.apply(edit)
        edits.append(edit)
        if isinstance(edit, ObjectEdit):
            versions[edit.type, edit.key] = edit.version + 1
    return Applied(f"A{number}", tuple(edits), number, START + timedelta(hours=number))


def reverted(history: list[Applied], reversal: Reversal) -> Applied:
    number = len(history) + 1
    return Applied(f"A{number}", reversal.edits, number, START + timedelta(hours=number), reversal.reverts)


def random_history(dice: random.Random, base: State) -> list[Applied]:
    """Up to nine actions, among them reversals of earlier ones."""
    history: list[Applied] = []
    for number in range(1, dice.randint(2, 10)):
        if history and dice.random() < 0.3:
            reversal = revert(history, dice.choice(history).id, with_dependents=True)
            if isinstance(reversal.decision, Allowed):
                history.append(reverted(history, reversal))
                continue
        history.append(random_action(dice, history, base, number))
    return history


def _random_edit(dice: random.Random, state: State, versions: dict[tuple[str, str], int]) -> Edit:
    if dice.random() < 0.25:
        pair = (dice.choice(KEYS), dice.choice(KEYS))
        return LinkEdit("unlink" if pair in state.links else "link", LINK, *pair, BETWEEN)
    here = (dice.choice(TYPES), dice.choice(KEYS))
    version, held = versions.get(here, 0), state.objects.get(here)
    if held is None:
        return ObjectEdit("create", *here, {name: dice.randint(4, 9) for name in NAMES}, {}, version)
    if dice.random() < 0.25:
        return ObjectEdit("delete", *here, {}, dict(held), version)
    names = dice.sample(NAMES, dice.randint(1, 2))
    return ObjectEdit("modify", *here, {name: dice.randint(4, 9) for name in names}, {name: held[name] for name in names}, version)
