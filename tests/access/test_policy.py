from __future__ import annotations

import pytest

from palantir_assets.access.policy import Allowed, Refusal, decide, rights_of
from palantir_assets.access.principal import Principal
from palantir_assets.ontology.served_access import ServedAccess

RULES = ServedAccess.model_validate(
    {
        "roles": {"viewer": {}, "analyst": {"includes": ["viewer"]}, "chief": {"includes": ["analyst"]}, "safety": {}},
        "markings": {"personal": {"roles": ["safety"]}, "secret": {}},
    }
)


@pytest.mark.parametrize(
    ("held", "roles", "markings"),
    [
        ({"chief"}, {"chief", "analyst", "viewer"}, set()),
        ({"safety"}, {"safety"}, {"personal"}),
        ({"boss"}, set(), set()),
        (set(), set(), set()),
    ],
)
def test_a_role_brings_what_it_includes_and_an_unknown_one_brings_nothing(held: set[str], roles: set[str], markings: set[str]) -> None:
    rights = rights_of(Principal("ada", frozenset(held)), RULES)
    assert (rights.roles, rights.markings) == (roles, markings)


def test_a_marking_can_be_held_in_person() -> None:
    assert rights_of(Principal("ada", markings=frozenset({"secret"})), RULES).markings == {"secret"}


def test_a_refusal_says_why() -> None:
    rights = rights_of(Principal("ada", frozenset({"analyst"})), RULES)
    assert decide(rights, ("viewer",), ()) == Allowed()
    assert decide(rights, None, ()) == Allowed()
    assert decide(rights, ("safety", "chief"), ()) == Refusal("needs the role chief or safety")
    assert decide(rights, (), ()) == Refusal("no role is named that may")
    assert decide(rights, ("viewer",), ("secret", "personal")) == Refusal("needs the marking personal, secret")
