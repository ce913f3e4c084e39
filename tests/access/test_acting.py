"""An action is known whole, or not at all."""

from __future__ import annotations

from typing import Any

import pytest

from palantir_assets.access.principal import Principal
from palantir_assets.access.views import actor, view_of
from palantir_assets.ontology.served import ServedOntology
from tests.fakes.shop_actions import ACTIONS, MAILS, PEOPLE, rules, with_actions
from tests.fakes.shop_functions import callers, with_functions

CLERK = {"label": {"en": "X"}, "allow": ["clerk"]}
ORDER: dict[str, Any] = {"order": {"type": "object", "object": "order"}}
NOTES = {"object": "order", "property": "note"}
DELETE = [{"verb": "delete", "what": "order"}]


def known(who: Principal, actions: dict[str, Any], **more: Any) -> list[str]:
    told = {**with_actions().ontology.model_dump(), "actions": actions, "mails": {**MAILS, **more}}
    return list(view_of(who, ServedOntology.model_validate(told), rules(), lambda name: True).ontology.actions)


def test_an_action_is_known_to_who_may_apply_or_approve_it() -> None:
    told = {name: known(PEOPLE[name], ACTIONS) for name in ("ann", "max", "eve")}
    assert told["ann"] == ["pay", "annotate", "register", "drop", "refund", "assign"]
    assert (told["max"], told["eve"]) == (["annotate", "refund", "reprice"], [])


@pytest.mark.parametrize(
    "reading",
    [
        {"parameters": ORDER, "do": [{"verb": "modify", "what": "order", "set": {"cents": 1}}]},
        {"parameters": ORDER, "do": [{"verb": "modify", "what": "order", "set": {"note": "$order.cents"}}]},
        {"parameters": ORDER, "do": [{**DELETE[0], "when": "order.cents > 1"}]},
        {"parameters": ORDER, "do": DELETE, "require": [{"that": "order.cents > 1", "say": {"en": "no"}}]},
        {"parameters": {**ORDER, "much": {"type": "long", "default": "$order.cents"}}, "do": DELETE},
        {"parameters": {**ORDER, "much": {"type": "long", "choices": {"object": "order", "property": "cents"}}}, "do": DELETE},
        {"parameters": {**ORDER, "n": {"type": "string", "choices": {**NOTES, "where": "cents > 1"}}}, "do": DELETE},
        {"parameters": ORDER, "do": DELETE, "then": [{"kind": "mail", "names": ["telling"], "to": "caller"}]},
        {"parameters": ORDER, "do": DELETE, "undo": [{"kind": "mail", "names": ["telling"], "to": "caller"}]},
    ],
)  # fmt: skip
def test_one_that_names_what_is_hidden_is_not_known(reading: dict[str, Any]) -> None:
    action = {"x": {"name": "x", **CLERK, **reading}}
    telling = {"subject": {"en": "{order.cents}"}, "text": {"en": "x"}}
    assert known(PEOPLE["ann"], action, telling=telling) == []
    sees = Principal("sue", frozenset({"clerk", "boss"}))
    assert known(sees, action, telling=telling) == ["x"]


@pytest.mark.parametrize(
    ("step", "who", "known_to"),
    [
        ({"what": "marks", "edits": ["order"]}, "ann", True),
        ({"what": "marks", "edits": ["order", "order.customer"]}, "ann", True),
        ({"what": "counts", "edits": ["order"]}, "ann", False),
        ({"what": "counts", "edits": ["order"]}, "sue", True),
        ({"what": "marks", "edits": ["till"]}, "sue", False),
        ({"what": "marks", "edits": ["order.till"]}, "sue", False),
        ({"what": "marks", "edits": ["order"], "given": {"note": "$order.cents"}}, "ann", False),
        ({"what": "marks", "edits": ["order"], "given": {"note": "$order.cents"}}, "sue", True),
    ],
)
def test_one_that_calls_what_may_not_be_called_or_changes_what_is_hidden_is_not_known(step: Any, who: str, *, known_to: bool) -> None:
    action = {"x": {"name": "x", **CLERK, "parameters": ORDER, "do": [{"verb": "function", **step}]}}
    ontology = ServedOntology.model_validate({**with_functions().ontology.model_dump(), "actions": action})
    caller = PEOPLE.get(who) or Principal("sue", frozenset({"clerk", "boss"}))
    assert (list(view_of(caller, ontology, callers(), lambda name: True).ontology.actions) == ["x"]) is known_to


def test_mails_are_told_of_with_the_actions_that_send_them() -> None:
    told = view_of(PEOPLE["max"], with_actions().ontology, rules(), lambda name: True).ontology
    assert set(told.mails) == {"paid", "repriced"}
    assert view_of(PEOPLE["eve"], with_actions().ontology, rules(), lambda name: True).ontology.mails == {}


def test_an_actor_holds_the_roles_that_roles_include() -> None:
    assert actor(view_of(PEOPLE["max"], with_actions().ontology, rules(), lambda name: True)).roles == {"boss", "viewer"}
