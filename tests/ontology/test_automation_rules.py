"""What rules look for exists and can change in that way; every mistake is told with its place and the nearest name."""

from __future__ import annotations

import pytest

from palantir_assets.ontology.compiling import served_ontology
from tests.ontology.conftest import Write
from tests.ontology.test_action_rules import ACTIONS, EDITED, problems_of

RULES = """
rules:
  moved:
    label: Somebody moved
    object: customer
    on: modified
    properties: [city]
    where: vip
    then: [{mail: {to: "role:clerk", template: moving}}]
  big:
    label: A big order
    object: order
    on: crossed
    crossing: {property: amount, above: 1000}
    then: [{webhook: till}]
mails:
  moving: {subject: "{rule}", text: "{count} at {at}: {keys}"}
"""


def problems(specs: Write, old: str = "", new: str = "") -> list[str]:
    assert old in RULES
    return problems_of(specs(customer=EDITED, actions=ACTIONS, rules=RULES.replace(old, new, 1)))


def test_rules_that_hold_together_have_no_problem(specs: Write) -> None:
    assert problems(specs) == []


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("object: customer", "object: custmer", "rules.yaml:5: rule 'moved': unknown object type 'custmer'; did you mean 'customer'?"),
        ("[city]", "[cty]", "rules.yaml:7: rule 'moved': unknown property 'cty' of customer; did you mean 'city'?"),
        ("on: modified", "on: added", "`properties` says nothing of what is added; leave it out"),
        ("on: modified", "on: changed", "rules.moved.on: Input should be 'added', 'removed', 'modified' or 'crossed'"),
        ("where: vip", "where: vp", "'vp': reads unknown name 'vp'; did you mean 'vip'?"),
        ("where: vip", "where: city", "'city': gives a string where a boolean is needed"),
        ("property: amount", "property: amont", "unknown property 'amont' of order; did you mean 'amount'?"),
        ("property: amount", "property: placed_at", "is a timestamp and crosses no bound"),
        ("above: 1000", "above: 1000, below: 3", "a crossing says either `above` or `below`"),
        ("on: crossed", "on: added", "`on: crossed` and `crossing` belong together"),
        ("template: moving", "template: mving", "rule 'moved': unknown mail 'mving'; did you mean 'moving'?"),
        ("role:clerk", "role:clark", "rule 'moved': unknown role 'clark'; did you mean 'clerk'?"),
        ('"role:clerk"', "caller", "it writes to `caller`, and nobody calls it"),
        ("webhook: till", "webhook: tll", "rule 'big': unknown webhook 'tll'; did you mean 'till'?"),
        ("webhook: till", "materialize: [objects.ordr]", "there is no asset 'objects.ordr'; did you mean 'objects.order'?"),
        ("{keys}", "{kys}", "mail 'moving' reads 'kys', which rule 'moved' does not have; did you mean 'keys'?"),
        ("then: [{webhook: till}]", "then: []", "rules.big.then"),
    ],
)
def test_a_mistake_is_told_with_its_place_and_what_was_meant(specs: Write, old: str, new: str, told: str) -> None:
    found = problems(specs, old, new)
    assert len(found) == 1, found
    assert told in found[0]


def test_a_rule_is_another_one_when_anything_changes_that_decides(specs: Write) -> None:
    from palantir_assets.ontology.loading import load_ontology

    def digest(old: str = "", new: str = "") -> str:
        served = served_ontology(load_ontology(specs(customer=EDITED, actions=ACTIONS, rules=RULES.replace(old, new, 1))).ontology)
        return served.rules["moved"].digest

    assert digest() == digest("Somebody moved", "Somebody has moved")
    assert len({digest(), digest("where: vip", "where: not vip"), digest("role:clerk", "a@b.example")}) == 3
