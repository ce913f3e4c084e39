"""The nouns of rules: what is looked for in every difference, and what follows where it is found.

Whether names exist and fit is asked in `ontology.automation_rules`; how a difference is looked at, in `actions.automations`.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from palantir_assets.ontology.spec_actions import Condition, Effect
from palantir_assets.ontology.spec_words import Identifier, Labelled, Names, Spec, Status

Event = Literal["added", "removed", "modified", "crossed"]


class Crossing(Spec):
    """A number that was not beyond a bound and is now."""

    property: Identifier
    above: float | None = None
    below: float | None = None

    @model_validator(mode="after")
    def _one_bound(self) -> Crossing:
        if (self.above is None) == (self.below is None):
            raise ValueError("a crossing says either `above` or `below`")
        return self


class Rule(Spec):
    """Something to be looked for in what changed, and what follows."""

    label: Labelled
    description: str = ""
    status: Status = "active"
    object: Identifier
    on: Event
    properties: Names = ()
    crossing: Crossing | None = None
    where: Condition | None = None
    at_least: int = Field(1, ge=1, le=1_000_000)
    order: int = Field(0, ge=0, le=1000)
    then: tuple[Effect, ...] = Field(min_length=1)
