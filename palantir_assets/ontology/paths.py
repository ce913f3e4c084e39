"""Paths and templates: `customer.name` from one object to a linked one, `{customer.name}` in a text.

A path goes along to-one links and ends in a property. What a path means in SQL is in `ontology.compiling`.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from palantir_assets.ontology.spec import Ontology

_FIELD: Final = re.compile(r"\{([a-z][a-z0-9_]*(?:\.[a-z][a-z0-9_]*)*)\}")


@dataclass(frozen=True, slots=True)
class Step:
    """One link on the way: from a type, by its link, to a type."""

    from_type: str
    link: str
    to_type: str


@dataclass(frozen=True, slots=True)
class Destination:
    """Where a path ends: the links on the way and the property at its end."""

    steps: tuple[Step, ...]
    object_type: str
    property: str


def follow(ontology: Ontology, object_type: str, path: str) -> Destination | None:
    """Follow a path from an object type; None if it does not lead to a property.

    >>> follow(ontology, "order", "customer.city").object_type    # doctest: +SKIP
    'customer'
    """
    *links, last = path.split(".")
    steps: list[Step] = []
    here = object_type
    for link in links:
        spec = ontology.objects[here].links.get(link) if here in ontology.objects else None
        if spec is None or spec.cardinality == "many_to_many":
            return None
        steps.append(Step(here, link, spec.to))
        here = spec.to
    if ontology.find_property(here, last) is None:
        return None
    return Destination(tuple(steps), here, last)


def template_fields(template: str) -> tuple[str, ...]:
    """The paths between braces in a template, in order, each once."""
    return tuple(dict.fromkeys(_FIELD.findall(template)))


def split_template(template: str) -> list[tuple[str, str]]:
    """A template as (text, path) pairs; the last path is empty.

    >>> split_template("No. {number}!")
    [('No. ', 'number'), ('!', '')]
    """
    parts = _FIELD.split(template)
    return list(zip(parts[::2], [*parts[1::2], ""], strict=True))
