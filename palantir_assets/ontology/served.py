"""The ontology as a release holds it: what a reader needs, and no constraint, source or policy.

`ontology.compiling.served_ontology` makes it from the specs; `release` stores it as `ontology.json`;
`query`, `engine` and `serving` read it. What it is made of is in `ontology.served_parts`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from pydantic import BaseModel

from palantir_assets.errors import QueryError, UnknownName
from palantir_assets.ontology.served_actions import ServedAction, ServedMail
from palantir_assets.ontology.served_parts import (
    InterfaceLink,
    Served,
    ServedFunction,
    ServedGraph,
    ServedInterface,
    ServedLink,
    ServedMetric,
    ServedModel,
    ServedProperty,
    ServedType,
    ServedValueType,
    Status,
)
from palantir_assets.ontology.served_rules import ServedRule
from palantir_assets.ontology.spec import Label


@dataclass(frozen=True, slots=True)
class LinkEnd:
    """A link as seen from one of its two ends; both ends have a name and can be walked.

    `table` names the stored link (`order__customer`), `direction` which of its two arrays to walk, `many`
    whether more than one object can be at the other side, and `by` the property on *this* side that holds
    the other's key, if there is one.
    """

    name: str
    from_type: str
    to_type: str
    table: str
    direction: Literal["forward", "reverse"]
    many: bool
    label: Label | None
    by: str | None = None
    through: str | None = None
    dated: bool = False
    status: Status = "active"


class ServedOntology(BaseModel):
    """Everything a reader may ask about, by name."""

    model_config = Served.model_config

    types: dict[str, ServedType] = {}
    interfaces: dict[str, ServedInterface] = {}
    shared_properties: dict[str, ServedProperty] = {}
    value_types: dict[str, ServedValueType] = {}
    functions: dict[str, ServedFunction] = {}
    metrics: dict[str, ServedMetric] = {}
    graphs: dict[str, ServedGraph] = {}
    models: dict[str, ServedModel] = {}
    actions: dict[str, ServedAction] = {}
    mails: dict[str, ServedMail] = {}
    rules: dict[str, ServedRule] = {}

    def find_type(self, name: str) -> ServedType:
        """The object type of that name; raises UnknownName with the nearest one."""
        if name not in self.types:
            raise UnknownName("object type", name, self.types)
        return self.types[name]

    def find_interface(self, name: str) -> ServedInterface:
        """The interface of that name; raises UnknownName with the nearest one."""
        if name not in self.interfaces:
            raise UnknownName("interface", name, self.interfaces)
        return self.interfaces[name]

    def find_function(self, name: str, version: str | None = None) -> ServedFunction:
        """A function by its name, or by `name:version`; raises UnknownName for one that there is not."""
        plain, _, pinned = name.partition(":")
        found = self.functions.get(plain)
        if found is None:
            raise UnknownName("function", plain, self.functions)
        if (wanted := version or pinned or found.version) != found.version:
            raise UnknownName("function version", f"{plain}:{wanted}", (f"{plain}:{found.version}",))
        return found

    @property
    def queries(self) -> dict[str, ServedFunction]:
        """The functions that can be asked: those that give edits are for actions alone."""
        return {name: function for name, function in self.functions.items() if function.output.type != "edits"}

    def find_query(self, name: str, version: str | None = None) -> ServedFunction:
        """As `find_function`, of those that can be asked; raises QueryError for one that gives edits."""
        found = self.find_function(name, version)
        if found.output.type == "edits":
            raise QueryError(f"the function {found.name} gives edits and is no query", next_step="apply an action that calls it")
        return found

    def find_action(self, name: str) -> ServedAction:
        """The action of that name; raises UnknownName with the nearest one."""
        if name not in self.actions:
            raise UnknownName("action type", name, self.actions)
        return self.actions[name]

    def ancestors(self, interface: str) -> tuple[str, ...]:
        """Every interface that one extends, directly or not, nearest first, each once."""
        found: dict[str, None] = {}
        level = self.find_interface(interface).extends
        while level:
            found |= dict.fromkeys(level)
            level = tuple(name for parent in level for name in self.interfaces[parent].extends if name not in found)
        return tuple(found)

    def interface_properties(self, interface: str) -> dict[str, ServedProperty]:
        """The properties of an interface with those it inherits."""
        lineage = [*reversed(self.ancestors(interface)), interface]
        return {name: prop for one in lineage for name, prop in self.interfaces[one].properties.items()}

    def interface_links(self, interface: str) -> dict[str, InterfaceLink]:
        """The links of an interface with those it inherits."""
        lineage = [*reversed(self.ancestors(interface)), interface]
        return {name: link for one in lineage for name, link in self.interfaces[one].links.items()}

    def implementers(self, interface: str) -> tuple[str, ...]:
        """The object types that implement an interface, in spec order. `implements` lists inherited ones too."""
        return tuple(name for name, kind in self.types.items() if interface in kind.implements)

    def links_of(self, type_name: str) -> dict[str, LinkEnd]:
        """Every link that can be walked from a type: its own, and the reverse of those that point at it."""
        self.find_type(type_name)
        return self._ends.get(type_name, {})

    def find_link(self, type_name: str, name: str) -> LinkEnd:
        """One link of a type; raises UnknownName with the nearest one."""
        ends = self.links_of(type_name)
        if name not in ends:
            raise UnknownName("link", name, ends, of=type_name)
        return ends[name]

    @cached_property
    def _ends(self) -> dict[str, dict[str, LinkEnd]]:
        ends: dict[str, dict[str, LinkEnd]] = {
            source.name: {name: _forward(source.name, name, link) for name, link in source.links.items()} for source in self.types.values()
        }
        for source in self.types.values():
            for name, link in source.links.items():
                ends.setdefault(link.to, {})[link.reverse] = _reverse(source.name, name, link)
        return ends


def _forward(source: str, name: str, link: ServedLink) -> LinkEnd:
    many = link.cardinality == "many_to_many"
    return LinkEnd(
        name, source, link.to, f"{source}__{name}", "forward", many=many, label=link.label,
        by=link.by, through=link.through, dated=link.dated, status=link.status,
    )  # fmt: skip


def _reverse(source: str, name: str, link: ServedLink) -> LinkEnd:
    many = link.cardinality != "one_to_one"
    return LinkEnd(
        link.reverse, link.to, source, f"{source}__{name}", "reverse", many=many, label=link.reverse_label,
        through=link.through, dated=link.dated, status=link.status,
    )  # fmt: skip
