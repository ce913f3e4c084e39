"""Any action can be taken back at any time: what remains is as if it had not been, and nothing is erased."""

from __future__ import annotations

import random
import time
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from palantir_assets.access.policy import Allowed, Refusal
from palantir_assets.actions.edits import Applied, LinkEdit, ObjectEdit
from palantir_assets.actions.replay import Rules, replay, replay_links, said
from palantir_assets.actions.reverting import dependents, revert, standing
from tests.actions.worlds import LINK, START, TYPES, State, after, random_base, random_history, reverted

CASES = 400


def built(source: State, history: list[Applied], kind: str) -> list[dict[str, Any]]:
    rows = [{"k": key, **values} for (of, key), values in source.objects.items() if of == kind]
    return replay(rows, said(history, kind), Rules("k"))


@settings(max_examples=CASES, deadline=None)
@given(seed=st.integers(0, 10**9))
@example(seed=217227)  # a reversal, taken back, had nothing to write of an object that was gone by then
def test_after_a_reversal_everything_is_as_if_what_it_took_back_had_not_been(seed: int) -> None:
    dice = random.Random(seed)
    base = random_base(dice)
    history = random_history(dice, base)
    reversal = revert(history, dice.choice(history).id, with_dependents=True)
    if isinstance(reversal.decision, Refusal):
        assert "was reverted by" in reversal.decision.reason or "would be in force again" in reversal.decision.reason
        return
    history.append(reverted(history, reversal))
    assert after(base, history) == after(base, standing(history))


@settings(max_examples=CASES, deadline=None)
@given(seed=st.integers(0, 10**9))
def test_taking_a_reversal_back_restores_everything(seed: int) -> None:
    dice = random.Random(seed)
    base = random_base(dice)
    history = random_history(dice, base)
    before = after(base, history)
    reversal = revert(history, dice.choice(history).id, with_dependents=True)
    if isinstance(reversal.decision, Refusal):
        return
    history.append(reverted(history, reversal))
    again = revert(history, history[-1].id)
    assert again.decision == Allowed() and again.dependents == ()
    history.append(reverted(history, again))
    assert after(base, history) == before


@settings(max_examples=CASES, deadline=None)
@given(seed=st.integers(0, 10**9))
@example(seed=370)  # an object that was deleted and made again is people's, though it looks as the source's does
@example(seed=437)  # so is a pair that was unlinked and linked again
def test_after_a_reversal_a_build_is_as_if_what_it_took_back_had_not_been_wherever_the_source_went(seed: int) -> None:
    dice = random.Random(seed)
    base, moved = random_base(dice), random_base(dice)
    history = random_history(dice, base)
    reversal = revert(history, dice.choice(history).id, with_dependents=True)
    if isinstance(reversal.decision, Refusal):
        return
    history.append(reverted(history, reversal))
    for source in (base, moved):
        for kind in TYPES:
            assert built(source, history, kind) == built(source, standing(history), kind)
        assert replay_links(source.links, history, LINK) == replay_links(source.links, standing(history), LINK)


@settings(max_examples=CASES, deadline=None)
@given(seed=st.integers(0, 10**9))
def test_a_reversal_that_nobody_depends_on_leaves_every_other_action_standing(seed: int) -> None:
    dice = random.Random(seed)
    base = random_base(dice)
    history = random_history(dice, base)
    chosen = dice.choice([applied for applied in history if not applied.reverts]).id
    reversal = revert(history, chosen)
    if isinstance(reversal.decision, Refusal):
        assert reversal.edits == ()
        return
    others = [applied.id for applied in standing(history) if applied.id != chosen]
    history.append(reverted(history, reversal))
    kept = [applied.id for applied in standing(history)]
    assert [one for one in kept if one in others] == others


@settings(max_examples=CASES, deadline=None)
@given(seed=st.integers(0, 10**9))
def test_when_everything_is_taken_back_a_build_follows_the_source_wherever_it_went(seed: int) -> None:
    dice = random.Random(seed)
    base, moved = random_base(dice), random_base(dice)
    history = random_history(dice, base)
    for applied in list(history):
        if any(one.id == applied.id for one in standing(history)):
            history.append(reverted(history, revert(history, applied.id, with_dependents=True)))
    assert standing(history) == []
    for kind in TYPES:
        assert built(moved, history, kind) == built(moved, [], kind)
    assert replay_links(moved.links, history, LINK) == moved.links


def edit(kind: str, key: str, *, version: int = 0, **values: int) -> ObjectEdit:
    return ObjectEdit(kind, "bike", key, values, dict.fromkeys(values, 0) if kind == "modify" else {}, version)  # type: ignore[arg-type]  # one of the three


def test_a_later_action_on_the_same_property_refuses_a_reversal_and_says_why() -> None:
    history = [
        Applied("first", (edit("modify", "a", p=1),), 1, START),
        Applied("other", (edit("modify", "a", version=1, q=2),), 2, START),
        Applied("second", (edit("modify", "a", version=2, p=3),), 3, START),
    ]
    refused = revert(history, "first")
    assert refused.decision == Refusal(
        "1 later actions depend on first: second changed bike/a/p after first; revert it with its dependents"
    )
    assert revert(history, "first", with_dependents=True).reverts == {"first", "second"}
    (inverse,) = revert(history, "other").edits
    assert (inverse.kind, inverse.values, inverse.previous, inverse.restores) == ("modify", {"q": 0}, {"q": 2}, frozenset({"q"}))  # type: ignore[union-attr]


def test_what_uses_a_created_object_depends_on_who_created_it() -> None:
    history = [
        Applied("create", (edit("create", "n", p=1, q=1),), 1, START),
        Applied("link", (LinkEdit("link", LINK, "n", "x", ("bike", "lock")),), 2, START),
        Applied("elsewhere", (edit("modify", "a", p=1),), 3, START),
    ]
    assert [dependent.id for dependent in dependents(history, "create")] == ["link"]
    kinds = [edit.kind for edit in revert(history, "create", with_dependents=True).edits]
    assert sorted(kinds) == ["delete", "unlink"]


def test_what_was_reverted_is_not_reverted_again() -> None:
    history = [Applied("first", (edit("modify", "a", p=1),), 1, START)]
    history.append(reverted(history, revert(history, "first")))
    assert revert(history, "first").decision == Refusal("first was reverted by A2; revert that to have it back")
    with pytest.raises(KeyError):
        revert(history, "nobody")


def test_what_was_written_after_a_reversal_depends_on_it_even_where_it_had_nothing_to_write() -> None:
    history = [
        Applied("set", (edit("modify", "a", p=1),), 1, START),
        Applied("gone", (ObjectEdit("delete", "bike", "a", {}, {"p": 1}, 1),), 2, START),
    ]
    history.append(reverted(history, revert(history, "set")))  # A3
    history.append(reverted(history, revert(history, "gone")))  # A4
    assert history[2].edits == ()
    (back,) = revert(history, "A3").edits
    assert (back.kind, back.values, back.restores) == ("modify", {"p": 1}, frozenset())  # type: ignore[union-attr]
    history.append(Applied("later", (edit("modify", "a", version=3, p=7),), 5, START))
    assert [dependent.id for dependent in dependents(history, "A3")] == ["later"]


def test_taking_back_an_action_on_thousands_of_objects_is_fast() -> None:
    edits = tuple(edit("modify", str(number), p=1, q=2) for number in range(10_000))
    start = time.process_time()
    assert len(revert([Applied("first", edits, 1, START)], "first").edits) == 10_000
    assert time.process_time() - start <= 30, "every object looked at every other"
