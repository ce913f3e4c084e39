"""Who may do what, as a release holds it: roles, markings, and a rule for everything that can be read or called.

`ontology.serving_access` makes it from `access.yaml`; `release` stores it as `access.json`; `access` decides by
it. What is not named here is denied. A rule says who; what follows for one caller is told in `access.views`.
"""

from __future__ import annotations

from typing import Final

from pydantic import Field

from palantir_assets.ontology.served_parts import Served
from palantir_assets.ontology.spec import Label
from palantir_assets.ontology.spec_words import AttributeType

__all__ = [
    "ACCESS_FILE", "AttributeType", "CallRule", "LinkRule", "PropertyRule", "Reads", "ServedAccess", "ServedLimits", "ServedMarking",
    "ServedRole",
    "TypeRules",
]  # fmt: skip

ACCESS_FILE: Final = "access.json"
"""Where a release holds it, beside `ontology.json`."""


class ServedLimits(Served):
    """How much a caller may ask; None: what the service says."""

    requests_per_second: int | None = None
    burst: int | None = None
    milliseconds_per_minute: int | None = None


class ServedRole(Served):
    """A role. Who holds it holds those in `includes` too, and theirs; the list is complete."""

    label: Label | None = None
    description: str = ""
    includes: tuple[str, ...] = ()
    limits: ServedLimits | None = None


class ServedMarking(Served):
    """A marking: who lacks it sees nothing that bears it. `roles` are those that bring it along."""

    label: Label | None = None
    description: str = ""
    roles: tuple[str, ...] = ()
    sensitive: bool = False
    """Whether reads of what bears it go on record."""


class Reads(Served):
    """What a value was computed from: properties, each `type.property`, and the types whose rows it sums up.

    Who may not read one of the properties may not read the value, and neither may who does not see every row of
    one of the `rows_of`: a sum over hidden rows tells of them.
    """

    properties: tuple[str, ...] = ()
    rows_of: tuple[str, ...] = ()


class PropertyRule(Served):
    """Who may read a property: any of `roles` (None: whoever reads the object), who holds all of `needs`."""

    roles: tuple[str, ...] | None = None
    needs: tuple[str, ...] = ()
    reads: Reads = Reads()
    discover: bool = False
    """Whether metadata names it, as withheld, to who may not read it."""
    sensitive: bool = False


class LinkRule(Served):
    """Who may walk a link, from either end: any of `roles` (None: whoever reads both ends), who holds all of `needs`."""

    roles: tuple[str, ...] | None = None
    needs: tuple[str, ...] = ()


class TypeRules(Served):
    """Who may read an object type: any of `read`, who holds all of `needs`; and of its objects those for which `rows` is true.

    `rows` is an expression over the object and `caller`; null denies. `properties` and `links` hold only those
    that say more than the type does; `links` are those declared on this type. `title` and `search` tell what the
    title and the searched text are made of.
    """

    read: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()
    rows: str | None = None
    properties: dict[str, PropertyRule] = Field({})
    links: dict[str, LinkRule] = Field({})
    title: Reads = Reads()
    search: Reads = Reads()
    discover: bool = False
    sensitive: bool = False


class CallRule(Served):
    """Who may call a function or read a model: any of `roles`, who holds all of `needs`."""

    roles: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


class ServedAccess(Served):
    """Every rule of a release. What is in no rule is denied; an empty one denies everything."""

    roles: dict[str, ServedRole] = Field({})
    attributes: dict[str, AttributeType] = Field({})
    markings: dict[str, ServedMarking] = Field({})
    anonymous: tuple[str, ...] = ()
    """The roles of a caller without a token; none: there are no such callers."""
    types: dict[str, TypeRules] = Field({})
    functions: dict[str, CallRule] = Field({})
    models: dict[str, CallRule] = Field({})

    def holding(self, role: str) -> frozenset[str]:
        """The roles of which whoever holds one holds this one too; it is one of them."""
        return frozenset({role, *(name for name, held in self.roles.items() if role in held.includes)})
