"""What a feature may not be: something that is known only after the prediction is made.

A property without `known_at` counts as always known, with one exception: what the target is derived from is
taken to be as late as the target, unless the spec says it is known at the time of the prediction. Reads specs
alone, no data, so that a leak is found before anything is built. Whether the paths exist is asked in
`ontology.rules`; a path that leads nowhere gives no leak here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from palantir_assets.ontology.expressions import ExpressionError, names_in
from palantir_assets.ontology.paths import Destination, follow
from palantir_assets.ontology.spec import Model, Ontology, Property


@dataclass(frozen=True, slots=True)
class Leak:
    """A feature that may not be used, and why, in words for the author of the spec."""

    feature: str
    reason: str

    def __str__(self) -> str:
        return f"feature {self.feature!r} leaks: {self.reason}"


def leaks(ontology: Ontology, model: Model) -> tuple[Leak, ...]:
    """Every feature of the model that could not be known at `model.at`, in the order of the spec.

    A feature is known in time when all it is derived from, and every key its links go by, is.
    """
    found = ((feature, follow(ontology, model.object, feature)) for feature in model.features)
    reasons = ((feature, _reason(ontology, model, end)) for feature, end in found if end)
    return tuple(Leak(feature, reason) for feature, reason in reasons if reason)


def _reason(ontology: Ontology, model: Model, end: Destination) -> str:
    """Why one feature leaks, or an empty string."""
    keys = ((step.from_type, ontology.objects[step.from_type].links[step.link].by) for step in end.steps)
    read = [*((from_type, by) for from_type, by in keys if by), (end.object_type, end.property)]
    for object_type, name in read:
        properties = ontology.objects[object_type].properties
        for part in _with_sources(properties, name):
            reason = (
                _too_late(model, properties[part], part) if object_type == model.object else _elsewhere(properties[part], part, object_type)
            )
            reason = reason or (_kin(ontology, model, part) if object_type == model.object else "")
            if reason:
                return reason
    return ""


def _too_late(model: Model, prop: Property, name: str) -> str:
    if prop.known_at in (None, model.at):
        return ""
    return f"{name!r} is known only at {prop.known_at!r}, the prediction is made at {model.at!r}"


def _elsewhere(prop: Property, name: str, object_type: str) -> str:
    if prop.known_at is None:
        return ""
    return f"{name!r} of {object_type} is known only at its {prop.known_at!r}, which need not be before the prediction"


def _kin(ontology: Ontology, model: Model, name: str) -> str:
    """The target itself, or what it is made of unless that is declared to be known in time."""
    if name == model.predict:
        return "it is what is predicted" if name in model.features else f"it is derived from {name!r}, which is what is predicted"
    properties = ontology.objects[model.object].properties
    if model.predict not in properties or properties[name].known_at == model.at:
        return ""
    if name in _with_sources(properties, model.predict):
        return f"the target {model.predict!r} is derived from {name!r}; if that is known in time, say `known_at: {model.at}`"
    return ""


def _with_sources(properties: Mapping[str, Property], name: str) -> tuple[str, ...]:
    """A property and all that it is derived from, nearest first."""
    found, front = [name], [name]
    while front:
        new = [read for read in sorted(_reads(properties[front.pop()])) if read in properties and read not in found]
        found += new
        front += new
    return tuple(found)


def _reads(prop: Property) -> frozenset[str]:
    try:
        return names_in(prop.derived) if prop.derived else frozenset()
    except ExpressionError:
        return frozenset()  # told by `ontology.rules`
