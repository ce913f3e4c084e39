"""What a caller may read, decided as a value with a reason.

Everything that answers a question asks here first. Today whoever reaches the service may read every
object type; rules per type, row and property join in this module, and nothing that calls it changes.
"""

from __future__ import annotations

from dataclasses import dataclass

from palantir_assets.access.principal import Principal
from palantir_assets.errors import UnknownName
from palantir_assets.ontology.served import LinkEnd, ServedOntology
from palantir_assets.ontology.served_parts import ServedType


@dataclass(frozen=True, slots=True)
class Allowed:
    """Go ahead."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """No, and why: the same words stand in the reply (where one may be given) and in the audit log."""

    reason: str


Decision = Allowed | Refusal

_ALLOWED = Allowed()


def may_read(principal: Principal, served_type: ServedType) -> Decision:
    """Whether a caller may read objects of a type at all."""
    return _ALLOWED if "viewer" in principal.roles else Refusal(f"reading {served_type.name} needs the role viewer")


def readable_types(principal: Principal, ontology: ServedOntology) -> dict[str, ServedType]:
    """The object types a caller may read, by name."""
    return {name: kind for name, kind in ontology.types.items() if isinstance(may_read(principal, kind), Allowed)}


def readable_type(principal: Principal, ontology: ServedOntology, name: str) -> ServedType:
    """An object type the caller may read.

    Raises UnknownName for one that does not exist and, in the same words, for one that is refused;
    the suggestion names only types that the caller may read.
    """
    found = ontology.types.get(name)
    if found is None or isinstance(may_read(principal, found), Refusal):
        raise UnknownName("object type", name, readable_types(principal, ontology))
    return found


def readable_entity(principal: Principal, ontology: ServedOntology, name: str) -> None:
    """Check that a name is an interface or an object type that the caller may read; raises UnknownName in the same way."""
    if name not in ontology.interfaces and name not in (readable := readable_types(principal, ontology)):
        raise UnknownName("object type", name, [*readable, *ontology.interfaces])


def readable_link(principal: Principal, ontology: ServedOntology, served_type: ServedType, name: str) -> LinkEnd:
    """A link that leads from a readable type to a readable one; raises UnknownName in the same way."""
    ends = ontology.links_of(served_type.name)
    found = ends.get(name)
    if found is None or isinstance(may_read(principal, ontology.types[found.to_type]), Refusal):
        raise UnknownName("link", name, readable_links(principal, ontology, served_type), of=served_type.name)
    return found


def readable_links(principal: Principal, ontology: ServedOntology, served_type: ServedType) -> dict[str, LinkEnd]:
    """The links of a type that lead to types the caller may read, by name."""
    ends = ontology.links_of(served_type.name)
    return {name: end for name, end in ends.items() if isinstance(may_read(principal, ontology.types[end.to_type]), Allowed)}
