"""Parts of the ontology by name, with the error that names the nearest one where there is none of that name."""

from __future__ import annotations

from palantir_assets.errors import UnknownName
from palantir_assets.ontology.served import ServedOntology
from palantir_assets.ontology.served_parts import InterfaceLink


def implementers(ontology: ServedOntology, interface: str) -> list[str]:
    """The object types that implement an interface. Raises UnknownName."""
    return list(ontology.implementers(ontology.find_interface(interface).name))


def find_interface_link(ontology: ServedOntology, interface: str, name: str) -> InterfaceLink:
    """A link of an interface, its own or an inherited one. Raises UnknownName."""
    links = ontology.interface_links(interface)
    if name not in links:
        raise UnknownName("interface link", name, links)
    return links[name]
