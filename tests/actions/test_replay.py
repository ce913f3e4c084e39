"""Edits folded into rows: each property by its conflict rule, in order, once."""

from __future__ import annotations

import random
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from palantir_assets.actions.edits import Applied, LinkEdit, ObjectEdit
from palantir_assets.actions.replay import Rules, replay, replay_links, rules_of, said
from palantir_assets.actions.reverting import revert
from palantir_assets.ontology.spec import ObjectType
from palantir_assets.ontology.spec_actions import Conflict
from tests.actions.worlds import LINK, START, TYPES, after, random_action, random_base, random_history

AT = datetime(2024, 6, 1)


def applied(*edits: ObjectEdit | LinkEdit, at: datetime = AT) -> list[Applied]:
    return [Applied("A1", edits, 1, at)]


@settings(max_examples=400, deadline=None)
@given(seed=st.integers(0, 10**9))
def test_where_edits_win_a_build_holds_what_one_edit_after_the_other_made(seed: int) -> None:
    dice = random.Random(seed)
    base = random_base(dice)
    history: list[Applied] = []
    for number in range(1, 8):
        history.append(random_action(dice, history, base, number))
    expected = after(base, history)
    for kind in TYPES:
        rows = [{"k": key, **values} for (of, key), values in base.objects.items() if of == kind]
        folded = replay(rows, _with_keys(history, kind), Rules("k"))
        assert {row["k"]: {name: row[name] for name in "pq"} for row in folded} == {
            key: values for (of, key), values in expected.objects.items() if of == kind
        }
        assert sorted(map(repr, replay(folded, _with_keys(history, kind), Rules("k")))) == sorted(map(repr, folded))
    assert replay_links(base.links, history, LINK) == expected.links


def _with_keys(history: list[Applied], kind: str):  # type: ignore[no-untyped-def]
    found = said(history, kind)
    for key, one in found.items():
        if one.exists:
            found[key] = type(one)(one.exists, one.at, {**one.values, "k": (key, one.at)})
    return found


@pytest.mark.parametrize(
    ("conflict", "held", "changed_at", "expected"),
    [
        ("edit_wins", 1, AT + timedelta(days=1), 5),
        ("latest_wins", 1, AT + timedelta(days=1), 1),
        ("latest_wins", 1, AT - timedelta(days=1), 5),
        ("latest_wins", 1, None, 5),
        ("source_wins", 1, AT - timedelta(days=1), 1),
        ("source_wins", None, AT - timedelta(days=1), 5),
    ],
)
def test_each_conflict_rule_keeps_what_it_says(conflict: Conflict, held: int | None, changed_at: datetime | None, expected: int) -> None:
    rows = [{"k": "a", "p": held, "changed": changed_at}]
    heard = said(applied(ObjectEdit("modify", "bike", "a", {"p": 5}, {"p": 0})), "bike")
    assert replay(rows, heard, Rules("k", {"p": conflict}, "changed")) == [{"k": "a", "p": expected, "changed": changed_at}]


@pytest.mark.parametrize(
    ("conflict", "changed_at", "comes_back"),
    [
        ("edit_wins", AT + timedelta(days=1), False),
        ("source_wins", None, True),
        ("latest_wins", AT + timedelta(days=1), True),
        ("latest_wins", AT, False),
    ],
)
def test_a_deleted_object_comes_back_only_by_the_rule_of_its_key(conflict: Conflict, changed_at: datetime | None, comes_back: bool) -> None:
    rows = [{"k": 7, "changed": changed_at}]
    heard = said(applied(ObjectEdit("delete", "bike", "7", {}, {})), "bike")
    assert replay(rows, heard, Rules("k", {"k": conflict}, "changed")) == (rows if comes_back else [])


def test_an_object_that_the_source_dropped_is_not_brought_back_by_a_change_of_it() -> None:
    heard = said(applied(ObjectEdit("modify", "bike", "a", {"p": 5}, {"p": 0})), "bike")
    assert replay([], heard, Rules("k")) == []


def test_a_created_object_stays_when_the_source_brings_one_of_its_key() -> None:
    heard = said(applied(ObjectEdit("create", "bike", "a", {"k": "a", "p": 5})), "bike")
    assert replay([], heard, Rules("k")) == [{"k": "a", "p": 5}]
    assert replay([{"k": "a", "p": 1}], heard, Rules("k", {"p": "source_wins"})) == [{"k": "a", "p": 1}]


def test_values_are_decoded_as_rows_hold_them() -> None:
    heard = said(applied(ObjectEdit("modify", "bike", "a", {"p": "12"}, {"p": "1"})), "bike")
    assert replay([{"k": "a", "p": 1}], heard, Rules("k"), decoded=lambda name, value: int(value)) == [{"k": "a", "p": 12}]


def test_links_that_people_made_or_removed_hold_until_that_is_taken_back() -> None:
    history = [*applied(LinkEdit("link", LINK, "a", "x"), LinkEdit("unlink", LINK, "b", "y"))]
    assert replay_links([("b", "y"), ("c", "z")], history, LINK) == {("a", "x"), ("c", "z")}
    history.append(Applied("A2", revert(history, "A1").edits, 3, AT, frozenset({"A1"})))
    assert replay_links([("b", "y"), ("c", "z")], history, LINK) == {("b", "y"), ("c", "z")}


def test_what_is_in_force_again_has_the_time_at_which_it_was_set() -> None:
    day = timedelta(days=1)
    history = [
        Applied("A1", (ObjectEdit("modify", "bike", "a", {"p": 5}, {"p": 0}),), 1, AT + day),
        Applied("A2", (ObjectEdit("modify", "bike", "a", {"p": 9}, {"p": 5}, 1),), 2, AT + 3 * day),
    ]
    history.append(Applied("A3", revert(history, "A2").edits, 3, AT + 4 * day, frozenset({"A2"})))
    rows = [{"k": "a", "p": 7, "changed": AT + 2 * day}]
    assert replay(rows, said(history, "bike"), Rules("k", {"p": "latest_wins"}, "changed")) == rows


def test_what_was_erased_is_left_out_whatever_the_source_and_people_say_later() -> None:
    history = [
        *applied(ObjectEdit("erase", "bike", "a", {}, {})),
        Applied("A2", (ObjectEdit("create", "bike", "a", {"k": "a"}, {}, 1),), 2, AT),
        Applied("A3", (), 3, AT, frozenset({"A1"})),
    ]
    heard = said(history, "bike")
    assert replay([{"k": "a"}, {"k": "b"}], heard, Rules("k", {"k": "source_wins"})) == [{"k": "b"}]
    assert replay([], heard, Rules("k")) == []


@settings(max_examples=400, deadline=None)
@given(seed=st.integers(0, 10**9))
def test_a_build_after_reversals_is_the_build_of_what_was_never_taken_back(seed: int) -> None:
    dice = random.Random(seed)
    base = random_base(dice)
    history = random_history(dice, base)
    days = sorted(dice.sample(range(1, 100), len(history)))
    history = [replace(one, at=AT + timedelta(days=day)) for one, day in zip(history, days, strict=True)]
    words: list[Conflict | None] = [None, "edit_wins", "latest_wins", "source_wins"]
    conflicts = {name: word for name in ("k", "p", "q") if (word := dice.choice(words))}
    kept = [one for one in history if not one.reverts and in_force(one, history)]
    for kind in TYPES:
        source = {
            key: {"k": key, **{name: dice.choice([None, 1, 2]) for name in "pq"}, "changed": AT + timedelta(days=dice.randint(0, 100))}
            for key in "abc"
            if dice.random() < 0.7
        }
        expected = [row for key in sorted("abc") if (row := folded(source.get(key), kind, key, kept, conflicts)) is not None]
        rules = Rules("k", conflicts, "changed")
        assert sorted(map(repr, replay(source.values(), said(history, kind), rules))) == sorted(map(repr, expected))


def in_force(one: Applied, history: list[Applied]) -> bool:
    """Whether nobody who is in force took it back."""
    return not any(one.id in other.reverts and in_force(other, history) for other in history)


def folded(row: dict[str, Any] | None, kind: str, key: str, kept: list[Applied], conflicts: dict[str, Conflict]) -> dict[str, Any] | None:
    """One object by the words of the documents, property by property."""
    edits = [(one.at, edit) for one in kept for edit in one.edits if isinstance(edit, ObjectEdit) and (edit.type, edit.key) == (kind, key)]
    last = [(at, edit) for at, edit in edits if edit.kind != "modify"][-1:]
    at, whole = last[0] if last else (AT, None)
    if whole is not None and whole.kind == "delete":
        rule = conflicts.get("k", "edit_wins")
        back = row is not None and (rule == "source_wins" or (rule == "latest_wins" and row["changed"] > at))
        return row if back else None
    since = edits[[edit for _, edit in edits].index(whole) :] if whole is not None else edits
    if row is None:
        return {name: value for _, edit in since for name, value in edit.values.items()} if whole is not None else None
    told = {name: (value, when) for when, edit in since for name, value in edit.values.items()}
    for name, (value, when) in told.items():
        rule = conflicts.get(name, "edit_wins")
        if rule == "edit_wins" or (rule == "latest_wins" and row["changed"] <= when) or (rule == "source_wins" and row[name] is None):
            row = {**row, name: value}
    return row


def test_a_types_rules_are_those_it_declares() -> None:
    properties = {"k": {"type": "string"}, "p": {"type": "long", "conflict": "source_wins"}, "at": {"type": "timestamp"}}
    declared = {"object": "bike", "label": "Bike", "from": "marts.bikes", "key": "k", "title": "{k}", "updated_at": "at"}
    assert rules_of(ObjectType.model_validate({**declared, "properties": properties})) == Rules("k", {"p": "source_wins"}, "at")
    assert START < AT
