"""An erased object is gone for good: from reads, from builds, and from whatever is taken back later."""

from __future__ import annotations

import copy
import random
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from palantir_assets.access.policy import Allowed, Refusal
from palantir_assets.actions.edits import Applied, Edit, LinkEdit, ObjectEdit, as_json, diff, erased, from_json
from palantir_assets.actions.overlay import ERASED, Overlay, fold
from palantir_assets.actions.replay import Rules, replay, said
from palantir_assets.actions.reverting import revert
from palantir_assets.ontology.spec_actions import Conflict
from tests.actions.worlds import BETWEEN, KEYS, LINK, START, TYPES, after, random_action, random_base


def numbered(*edits: Edit) -> list[tuple[int, Edit]]:
    return list(enumerate(edits, start=1))


def erase(kind: str, key: str, version: int = 0) -> ObjectEdit:
    return ObjectEdit("erase", kind, key, version=version)


def test_an_erasure_is_an_edit_without_values_that_json_holds() -> None:
    edit = erase("bike", "a", 3)
    assert from_json(as_json(edit)) == edit
    assert erased([edit, ObjectEdit("delete", "bike", "b")]) == {("bike", "a")}


def test_the_difference_that_an_erasure_makes_names_no_value() -> None:
    (change,) = diff([erase("bike", "a")])
    assert (change.kind, change.properties) == ("deleted", {})


@pytest.mark.parametrize("later", ["create", "modify"])
def test_nothing_that_is_said_later_brings_an_erased_object_back_to_a_read(later: str) -> None:
    again = ObjectEdit(later, "bike", "a", {"p": 1}, {}, 1)  # type: ignore[arg-type]
    overlay = fold(Overlay(), numbered(erase("bike", "a"), again))
    state = overlay.state("bike", "a")
    assert state is not None and (state.kind, state.values, state.erased) == (ERASED, {}, True)


@pytest.mark.parametrize("conflict", ["edit_wins", "latest_wins", "source_wins"])
def test_no_build_keeps_an_erased_object_whatever_the_source_says(conflict: Conflict) -> None:
    rules = Rules("id", {"id": conflict, "p": conflict}, "changed_at")
    row = {"id": "a", "p": 1, "changed_at": START + timedelta(days=900)}
    history = [
        Applied("A1", (erase("bike", "a"),), 1, START),
        Applied("A2", (ObjectEdit("create", "bike", "a", {"p": 2}, {}, 1),), 2, START),
    ]
    assert replay([row, {**row, "id": "b"}], said(history, "bike"), rules) == [{**row, "id": "b"}]
    assert replay([], said(history, "bike"), rules) == []


def test_an_erasure_cannot_be_taken_back() -> None:
    reversal = revert([Applied("A1", (erase("bike", "a"),), 1, START)], "A1", with_dependents=True)
    assert isinstance(reversal.decision, Refusal) and "cannot be taken back" in reversal.decision.reason and reversal.edits == ()


def test_links_of_an_erased_object_stay_as_they_are_when_their_action_is_taken_back() -> None:
    history = [
        Applied("A1", (LinkEdit("link", LINK, "a", "b", BETWEEN), LinkEdit("link", LINK, "c", "b", BETWEEN)), 1, START),
        Applied("A2", (erase("bike", "a"),), 3, START),
    ]
    reversal = revert(history, "A1")
    assert isinstance(reversal.decision, Allowed)
    assert [(edit.source, edit.kind) for edit in reversal.edits if isinstance(edit, LinkEdit)] == [("c", "unlink")]


@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 10**9))
def test_taking_any_action_back_never_touches_what_was_erased(seed: int) -> None:
    dice = random.Random(seed)
    base = random_base(dice)
    history: list[Applied] = []
    for number in range(1, dice.randint(2, 8)):
        history.append(random_action(dice, history, base, number))
    here = (dice.choice(TYPES), dice.choice(KEYS))
    now = after(base, history)
    history.append(Applied("erasure", (erase(*here, version=9),), 99, START + timedelta(days=9)))
    target = dice.choice(history[:-1])
    reversal = revert(history, target.id, with_dependents=True)
    assert isinstance(reversal.decision, Allowed)
    assert all((edit.type, edit.key) != here for edit in reversal.edits if isinstance(edit, ObjectEdit))
    done = copy.deepcopy(now)
    done.objects.pop(here, None)
    for edit in reversal.edits:
        done.apply(edit)  # each of them can be applied where the object is gone
    assert here not in done.objects
