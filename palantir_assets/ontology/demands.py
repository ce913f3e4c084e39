"""What the rules ask of who reads a property or walks a link, with all that it was computed from.

A rule asks for any of some roles and for all of some markings. Two rules at once ask for a role that meets both: a
caller who meets each by another role is refused, which is the safe side. The form in a release is made of it in
`ontology.serving_access`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

from palantir_assets.ontology.derivation import Origins, Trail, origins_of
from palantir_assets.ontology.spec import Grant, LinkPolicy, Ontology, PropertyPolicy

ColumnMarkings = Mapping[str, Mapping[str, frozenset[str]]]
"""Object type → property, or link via a join table → the markings that its columns bear."""


@dataclass(frozen=True, slots=True)
class Demand:
    """Any of `roles` (None: no matter which) and all of `needs`; and every row of `rows_of` must be visible."""

    roles: frozenset[str] | None = None
    needs: frozenset[str] = frozenset()
    rows_of: frozenset[str] = frozenset()


def demand_of(rule: Grant | PropertyPolicy | LinkPolicy | None) -> Demand:
    """What a rule asks as it is written."""
    if rule is None:
        return Demand()
    return Demand(None if rule.roles is None else frozenset(rule.roles), frozenset(rule.needs))


def inclusions(ontology: Ontology) -> dict[str, frozenset[str]]:
    """Role → itself and all roles it includes, directly or not."""
    found: dict[str, frozenset[str]] = {}
    for name in ontology.roles:
        seen, front = set[str](), {name}
        while front:
            seen |= front
            front = {inner for outer in front if outer in ontology.roles for inner in ontology.roles[outer].includes} - seen
        found[name] = frozenset(seen)
    return found


@dataclass(frozen=True)
class Demands:
    """The demands of everything in an ontology, worked out once each."""

    ontology: Ontology
    column_markings: ColumnMarkings
    _whole: dict[tuple[str, str], Demand] = field(default_factory=dict, init=False, repr=False)

    @cached_property
    def origins(self) -> Origins:
        return origins_of(self.ontology)

    @cached_property
    def included(self) -> Mapping[str, frozenset[str]]:
        return inclusions(self.ontology)

    def both(self, demands: Iterable[Demand]) -> Demand:
        """What meets all of several demands."""
        roles: frozenset[str] | None = None
        needs, rows_of = frozenset[str](), frozenset[str]()
        for one in demands:
            needs, rows_of = needs | one.needs, rows_of | one.rows_of
            if roles is None or one.roles is None or roles == one.roles:
                roles = one.roles if roles is None else roles
            else:
                roles = frozenset(name for name, all_ in self.included.items() if all_ & roles and all_ & one.roles)
        return Demand(roles, needs, rows_of)

    def trail(self, object_type: str, name: str) -> Trail:
        return self.origins.get(object_type, {}).get(name, Trail())

    def own(self, object_type: str, name: str) -> Demand:
        """What a property's own rule asks, and the markings it is declared with."""
        policy, prop = self.ontology.policies.get(object_type), self.ontology.find_property(object_type, name)
        declared = Demand(needs=frozenset(prop.markings) if prop else frozenset())
        return self.both((demand_of(policy.properties.get(name) if policy else None), declared))

    def borne(self, object_type: str, name: str) -> Demand:
        """What a property is asked for by its column and by the links it was computed over."""
        links = (self.link_alone(*link) for link in sorted(self.trail(object_type, name).links))
        return self.both((Demand(needs=self._marked(object_type, name)), *links))

    def whole(self, object_type: str, name: str) -> Demand:
        """What is asked for with all that was read, at any remove; what is declassified on the way is not."""
        if (object_type, name) not in self._whole:
            trail = self.trail(object_type, name)
            read = (self.whole(*_parts(prop)) for prop in sorted(trail.properties))
            travelled = self.both((self.borne(object_type, name), Demand(rows_of=trail.rows_of), *read))
            left = Demand(travelled.roles, travelled.needs - self.removed(object_type, name), travelled.rows_of)
            self._whole[object_type, name] = self.both((self.own(object_type, name), left))
        return self._whole[object_type, name]

    def removed(self, object_type: str, name: str) -> frozenset[str]:
        """The markings that are declassified of a property."""
        said = (entry.removes for entry in self.ontology.declassify.values() if entry.property == f"{object_type}.{name}")
        return frozenset(marking for removes in said for marking in removes)

    def link_alone(self, source: str, link: str) -> Demand:
        """What a link asks by its own rule, and by the columns of its join table."""
        policy = self.ontology.policies.get(source)
        return self.both((demand_of(policy.links.get(link) if policy else None), Demand(needs=self._marked(source, link))))

    def link(self, source: str, link: str) -> Demand:
        """What a link asks with the property that holds its key, or the objects that stand for it."""
        spec = self.ontology.objects[source].links[link]
        asked = [self.link_alone(source, link)]
        if spec.by:
            asked.append(self.whole(source, spec.by))
        if spec.through:
            backing = spec.through.object
            asked += [self.type(backing), self.link(backing, spec.through.source), self.link(backing, spec.through.target)]
        return self.both(asked)

    def type(self, name: str) -> Demand:
        """What reading objects of a type asks: its policy, or else the default, and what its key bears."""
        policy = self.ontology.policies.get(name)
        return self.both((self.granted(policy.read if policy else None), self.whole(name, self.ontology.objects[name].key)))

    def granted(self, said: Grant | None) -> Demand:
        """A grant with what the default says where it is silent; without either, nobody is let in."""
        default = self.ontology.default.read if self.ontology.default else Grant(roles=())
        fallback = Demand(frozenset(default.roles or ()), frozenset(default.needs))
        if said is None or said.roles is None:
            return self.both((fallback, demand_of(said)))
        return demand_of(said)

    def _marked(self, object_type: str, name: str) -> frozenset[str]:
        return self.column_markings.get(object_type, {}).get(name, frozenset())


def _parts(prop: str) -> tuple[str, str]:
    object_type, _, name = prop.partition(".")
    return object_type, name
