"""Rules as a release holds them: what is looked for, and what follows.

`digest` is of all that decides when a rule fires and what follows: a rule is armed under it, and another one is another rule.
"""

from __future__ import annotations

from palantir_assets.names import fingerprint
from palantir_assets.ontology.served_actions import ServedEffect
from palantir_assets.ontology.served_parts import Served, Status
from palantir_assets.ontology.serving_actions import served_effect
from palantir_assets.ontology.spec import Label, Ontology, Rule
from palantir_assets.ontology.spec_rules import Event


class ServedCrossing(Served):
    property: str
    above: float | None = None
    below: float | None = None


class ServedRule(Served):
    name: str
    label: Label
    description: str = ""
    status: Status = "active"
    object: str
    on: Event
    properties: tuple[str, ...] = ()
    crossing: ServedCrossing | None = None
    where: str | None = None
    at_least: int = 1
    order: int = 0
    then: tuple[ServedEffect, ...] = ()

    @property
    def digest(self) -> str:
        """What it was backtested as."""
        return fingerprint(self.model_dump(mode="json", exclude={"label", "description", "status"}))


def served_rules(ontology: Ontology) -> dict[str, ServedRule]:
    """Every rule by name."""
    return {name: _rule(name, rule) for name, rule in ontology.rules.items()}


def _rule(name: str, rule: Rule) -> ServedRule:
    said = rule.model_dump(exclude={"then", "label"})
    return ServedRule.model_validate({"name": name, "label": rule.label, **said, "then": tuple(served_effect(each) for each in rule.then)})
