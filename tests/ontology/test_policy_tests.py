"""A policy test is a caller, an object, and what of it is to be seen."""

from __future__ import annotations

import pytest

from palantir_assets.ontology.loading import load_ontology
from palantir_assets.ontology.policy_tests import CALLER_ID, PolicyCase, policy_cases
from tests.ontology.conftest import Write

ACCESS = """\
roles: [viewer]
attributes: {cities: strings, level: integer}
markings: {personal: {}}
policy_tests:
  - {as: {id: ada, roles: viewer, markings: personal, cities: Seoul, level: 3}, read: customer/1, expect: visible, withheld: city}
  - {as: {roles: []}, read: order/7, expect: hidden}
"""


@pytest.fixture
def cases(specs: Write) -> tuple[PolicyCase, ...]:
    return policy_cases(load_ontology(specs(access=ACCESS)).ontology)


def test_a_test_is_read_with_everything_its_caller_has(cases: tuple[PolicyCase, ...]) -> None:
    assert cases == (
        PolicyCase(
            "ontology_specs/access.yaml#0", "ada", frozenset({"viewer"}), frozenset({"personal"}), {"cities": ("Seoul",), "level": 3},
            "customer", "1", visible=True, withheld=("city",),
        ),
        PolicyCase("ontology_specs/access.yaml#1", CALLER_ID, frozenset(), frozenset(), {}, "order", "7", visible=False, withheld=()),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("index", "seen", "withheld", "told"),
    [
        (0, True, {"city"}, None),
        (0, True, {"city", "name"}, None),
        (0, True, {"name"}, "city of customer/1 can be read, expected to be withheld"),
        (0, False, set(), "customer/1 is hidden, expected visible"),
        (1, False, set(), None),
        (1, True, set(), "order/7 is visible, expected hidden"),
    ],
)
def test_what_is_not_as_expected_is_told_in_words(
    cases: tuple[PolicyCase, ...], index: int, seen: bool, withheld: set[str], told: str | None
) -> None:
    assert cases[index].complaint(seen, frozenset(withheld)) == told
