"""Rules over what changed, and when they fire: between two releases, or by new edits; each firing with its evidence.

A rule is asked of an exact difference, so it can be asked of the differences of the past too (`backtest`) before it is
let loose. What follows a firing, and where differences come from, is told elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from palantir_assets.actions.edits import Change, Values
from palantir_assets.actions.values import python_value
from palantir_assets.ontology.evaluating import holds
from palantir_assets.ontology.served_parts import ServedType

Event = Literal["added", "removed", "modified", "crossed"]

_KINDS: Mapping[Event, tuple[str, ...]] = {
    "added": ("created",),
    "removed": ("deleted",),
    "modified": ("modified",),
    "crossed": ("created", "modified"),
}


@dataclass(frozen=True, slots=True)
class Crossing:
    """A number that was not beyond a bound and is now: above `above`, or below `below`. What was null was not beyond it."""

    property: str
    above: float | None = None
    below: float | None = None


@dataclass(frozen=True, slots=True)
class Rule:
    """What a rule looks for: an event of one object type, and of which objects. It fires from `at_least` objects on.

    `properties` narrows `modified` to changes of these; `where` is an expression over the object, as it is now, or was
    where it is gone.
    """

    name: str
    type: str
    on: Event
    properties: tuple[str, ...] = ()
    crossing: Crossing | None = None
    where: str | None = None
    at_least: int = 1


@dataclass(frozen=True, slots=True)
class Evidence:
    """One object that met a rule: how it changed, and its values as JSON."""

    change: Change
    values: Values


@dataclass(frozen=True, slots=True)
class Firing:
    """A rule that was met, at a point of time or history, with every object that met it, in the order of the difference."""

    rule: str
    at: str
    evidence: tuple[Evidence, ...]


Objects = Callable[[str, str], Values | None]
"""The values of a changed object by type and key, as it is after the difference."""


def fires(rule: Rule, changes: Iterable[Change], *, at: str, kind: ServedType, objects: Objects) -> Firing | None:
    """Whether a rule is met by a difference, and on what evidence; `at` names the difference, such as a release.

    Raises ExpressionError for a condition outside the language.
    """
    met = tuple(_met(rule, changes, kind, objects))
    return Firing(rule.name, at, met) if len(met) >= rule.at_least else None


def backtest(rule: Rule, history: Iterable[tuple[str, Iterable[Change], Objects]], *, kind: ServedType) -> list[Firing]:
    """When a rule would have fired over past differences, each with its name and its objects, in order."""
    asked = (fires(rule, changes, at=at, kind=kind, objects=objects) for at, changes, objects in history)
    return [firing for firing in asked if firing is not None]


def _met(rule: Rule, changes: Iterable[Change], kind: ServedType, objects: Objects) -> Iterator[Evidence]:
    for change in changes:
        if change.type != rule.type or change.kind not in _KINDS[rule.on]:
            continue
        if rule.on == "modified" and rule.properties and not change.properties.keys() & set(rule.properties):
            continue
        if rule.crossing is not None and not _crossed(rule.crossing, change, kind):
            continue
        values = _values(change, objects)
        named = {name: python_value(prop.type, values.get(name)) for name, prop in kind.properties.items()}
        if rule.where is None or holds(rule.where, named):
            yield Evidence(change, values)


def _values(change: Change, objects: Objects) -> Values:
    if change.kind == "deleted":
        return {name: before for name, (before, _) in change.properties.items()}
    return objects(change.type, change.key) or {name: now for name, (_, now) in change.properties.items()}


def _crossed(crossing: Crossing, change: Change, kind: ServedType) -> bool:
    if crossing.property not in change.properties:
        return False
    type_ = kind.find_property(crossing.property).type
    before, now = (_beyond(crossing, python_value(type_, value)) for value in change.properties[crossing.property])
    return now and not before


def _beyond(crossing: Crossing, value: Any) -> bool:
    if value is None:
        return False
    above = crossing.above is not None and value > crossing.above
    return above or (crossing.below is not None and value < crossing.below)
