"""From an object set as it is written to nodes: names resolved, filters fitted to each type, rights checked at every leaf and hop.

What derived properties mean is settled in `selecting`; pages, order and counts in `plans`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, assert_never

from palantir_assets.access.views import View
from palantir_assets.errors import QueryError, UnknownName
from palantir_assets.ontology.served import LinkEnd, ServedOntology
from palantir_assets.query.fields import Column, Lens, lens_of
from palantir_assets.query.forms import Where
from palantir_assets.query.moments import micros
from palantir_assets.query.nodes import Around, Base, Filter, Intersect, Nearest, Node, OfTypes, Planned, Scope, Static, Subtract, Union
from palantir_assets.query.parsing import parse_set
from palantir_assets.query.selecting import Methods, define
from palantir_assets.query.sets import (
    OBJECT_RID,
    AsBaseForm,
    AsTypeForm,
    BaseForm,
    FilterForm,
    InterfaceBaseForm,
    InterfaceLinkForm,
    IntersectForm,
    MethodInputForm,
    NearestForm,
    ObjectSet,
    ReferenceForm,
    SavedSets,
    SearchAroundForm,
    StaticForm,
    SubtractForm,
    TextForm,
    UnionForm,
    VectorForm,
    WithPropertiesForm,
)
from palantir_assets.query.values import typed_value
from palantir_assets.query.where import typed

_MAX_REFERENCES: Final = 5
_MOST_REFERENCES: Final = 100
"""In one question, all told: sets that name others many times over would grow without end."""


class UnknownSet(QueryError):
    """A saved set that does not exist, or no longer."""

    def __init__(self, rid: str) -> None:
        self.rid = rid
        super().__init__(f"no object set {rid[:120]!r}", next_step="temporary sets are forgotten after a while: create it again")


@dataclass(frozen=True)
class Planner:
    """What all parts of one question share."""

    view: View
    now: datetime
    saved: SavedSets | None = None
    references: int = 0
    followed: list[str] = field(default_factory=list)

    @property
    def ontology(self) -> ServedOntology:
        """All that the caller may name."""
        return self.view.ontology

    def planned(self, form: ObjectSet) -> Planned:
        """The set and its scope. Raises UnknownName, InvalidValue, UnknownSet, or QueryError."""
        match form:
            case BaseForm():
                return self._base(form.object_type)
            case InterfaceBaseForm():
                return self._interface(form.interface_type, whole=bool(form.include_all_base_object_properties))
            case StaticForm():
                return self._static(form.objects)
            case ReferenceForm():
                return self._reference(form.reference)
            case UnionForm() | IntersectForm() | SubtractForm():
                return self._combined(form)
            case MethodInputForm():
                raise QueryError("methodInput stands for the object at hand in a withProperties set and nowhere else")
            case _:
                return self._of_another(form)

    def filtered(self, source: Planned, where: Where) -> Planned:
        """The part of a set that a filter finds."""
        tests = tuple((name, typed(where, lens, self.now)) for name, lens in source.scope.lenses.items())
        return Planned(Filter(source.node, tests), source.scope)

    def _of_another(
        self, form: FilterForm | SearchAroundForm | InterfaceLinkForm | AsTypeForm | AsBaseForm | WithPropertiesForm | NearestForm
    ) -> Planned:
        source = self.planned(form.object_set)
        match form:
            case FilterForm():
                return self.filtered(source, form.where)
            case SearchAroundForm():
                return self._around(source, form)
            case InterfaceLinkForm():
                return self._interface_around(source, form.interface_link)
            case AsTypeForm():
                return self._as_type(source, form.entity_type)
            case AsBaseForm():
                return Planned(source.node, self._own(source.scope.lenses))
            case WithPropertiesForm():
                return self._with_properties(source, form)
            case NearestForm():
                return self._nearest(source, form)
            case _:
                assert_never(form)

    def _own(self, types: Sequence[str] | Mapping[str, Lens]) -> Scope:
        return Scope({name: lens_of(self.view, name) for name in types})

    def _base(self, name: str) -> Planned:
        self.ontology.find_type(name)
        return Planned(Base(name), self._own([name]))

    def _interface(self, name: str, *, whole: bool) -> Planned:
        self._check_entity(name)
        self.ontology.find_interface(name)
        types = self.ontology.implementers(name)
        scope = self._seen_as(name, types)
        return Planned(Union(tuple(Base(each) for each in types)), replace(scope, cut=not whole))

    def _seen_as(self, interface: str, types: Sequence[str]) -> Scope:
        """Types through an interface; every one of them implements it."""
        properties = self.ontology.interface_properties(interface)
        lenses = {}
        for name in types:
            own = self.ontology.types[name].implements[interface]
            lenses[name] = lens_of(self.view, name, {shown: (own.get(shown), prop) for shown, prop in properties.items()})
        return Scope(lenses, interface, cut=True)

    def _static(self, rids: Sequence[str]) -> Planned:
        members = []
        for rid in dict.fromkeys(rids):
            kind, dot, key = rid.removeprefix(OBJECT_RID).partition(".")
            if not rid.startswith(OBJECT_RID) or not dot:
                raise QueryError(f"{rid[:120]!r} is no id of an object; one is told as `__rid` by every answer")
            members.append((self.ontology.find_type(kind).name, key))
        types = [name for name in self.ontology.types if any(name == kind for kind, _ in members)]
        return Planned(Static(tuple(members)), self._own(types))

    def _reference(self, rid: str) -> Planned:
        raw = self.saved.find(rid) if self.saved is not None else None
        if raw is None:
            raise UnknownSet(rid)
        if self.references >= _MAX_REFERENCES:
            raise QueryError(f"a saved set refers to another more than {_MAX_REFERENCES} times over")
        self.followed.append(rid)
        if len(self.followed) > _MOST_REFERENCES:
            raise QueryError(f"the question refers to saved sets more than {_MOST_REFERENCES} times, those within saved sets included")
        return replace(self, references=self.references + 1).planned(parse_set(raw))

    def _combined(self, form: UnionForm | IntersectForm | SubtractForm) -> Planned:
        parts = [self.planned(part) for part in form.object_sets]
        nodes = tuple(part.node for part in parts)
        match form:
            case UnionForm():
                return Planned(Union(nodes), self._joint(parts))
            case IntersectForm():
                return Planned(Intersect(nodes), parts[0].scope)
            case SubtractForm():
                return Planned(Subtract(nodes[0], nodes[1:]), parts[0].scope)
            case _:
                assert_never(form)

    def _joint(self, parts: Sequence[Planned]) -> Scope:
        """What the sets of a union have in common: their interface if it is one, else the types' own properties."""
        first = parts[0].scope
        if all(part.scope == first for part in parts):
            return first
        types = [name for name in self.ontology.types if any(name in part.scope.lenses for part in parts)]
        if first.interface is not None and all(part.scope.interface == first.interface for part in parts):
            return replace(self._seen_as(first.interface, types), cut=any(part.scope.cut for part in parts))
        return self._own(types)

    def _around(self, source: Planned, form: SearchAroundForm) -> Planned:
        ends = self._ends(source.scope, form.link)
        at = None
        if form.valid_at is not None:
            if not all(end.dated for end in ends):
                raise QueryError(f"validAt: the link {form.link!r} has no dates")
            at = micros(typed_value("validAt", "timestamp", form.valid_at))
        if form.depth is None:
            return self._hop(source, ends, at)
        return self._walk(source, ends, at, form.depth.min, form.depth.max)

    def _hop(self, source: Planned, ends: Sequence[LinkEnd], at: int | None) -> Planned:
        return Planned(Around(source.node, tuple(ends), at), self._own(self._in_order({end.to_type for end in ends})))

    def _walk(self, source: Planned, ends: Sequence[LinkEnd], at: int | None, least: int, most: int) -> Planned:
        if any(end.to_type != end.from_type for end in ends):
            raise QueryError("depth: only a link that leads back to the same object type can be walked more than once")
        if least > most:
            raise QueryError(f"depth: min {least} is more than max {most}")
        return Planned(Around(source.node, tuple(ends), at, (least, most)), self._own(list(source.scope.lenses)))

    def _interface_around(self, source: Planned, link: str) -> Planned:
        interface = source.scope.interface
        if interface is None:
            raise QueryError("interfaceLinkSearchAround starts from objects seen as an interface; searchAround from others")
        declared = self.ontology.interface_links(interface)
        if link not in declared:
            raise UnknownName("link", link, declared)
        around = self._hop(source, self._ends(source.scope, link), None)
        target = declared[link].to
        if target not in self.ontology.interfaces:
            return around
        scope = self._seen_as(target, [name for name in around.scope.lenses if target in self.ontology.types[name].implements])
        return Planned(around.node, scope)

    def _ends(self, scope: Scope, link: str) -> list[LinkEnd]:
        return [self.ontology.find_link(lens.type.name, link) for lens in scope.lenses.values()]

    def _check_entity(self, name: str) -> None:
        """That a name is an interface or an object type. Raises UnknownName."""
        if name not in self.ontology.interfaces and name not in self.ontology.types:
            raise UnknownName("object type", name, [*self.ontology.types, *self.ontology.interfaces])

    def _in_order(self, types: set[str]) -> list[str]:
        return [name for name in self.ontology.types if name in types]

    def _as_type(self, source: Planned, entity: str) -> Planned:
        """An object type or an interface by name; what is of another type is dropped."""
        self._check_entity(entity)
        if entity in self.ontology.types:
            types = [name for name in source.scope.lenses if name == entity]
            return Planned(OfTypes(source.node, tuple(types)), self._own(types))
        types = [name for name in source.scope.lenses if entity in self.ontology.types[name].implements]
        return Planned(OfTypes(source.node, tuple(types)), self._seen_as(entity, types))

    def _with_properties(self, source: Planned, form: WithPropertiesForm) -> Planned:
        lenses = {}
        for name, lens in source.scope.lenses.items():
            derived: dict[str, Column] = dict(lens.derived)
            for new, definition in form.derived_properties.items():
                # In SQL, where these names stand beside `_row`, capital letters make no difference.
                taken = new in lens.names() or new.lower() in map(str.lower, derived)
                if taken or not new.isidentifier() or new.startswith("_"):
                    raise QueryError(f"derived property {new[:80]!r}: the name is taken, or is no name; letters, digits and _ make one")
                derived[new] = define(new, definition, replace(lens, derived=derived), self._methods)
            lenses[name] = replace(lens, derived=derived)
        return Planned(source.node, replace(source.scope, lenses=lenses))

    @property
    def _methods(self) -> Methods:
        return Methods(self.view, self.now, parse_set)

    def _nearest(self, source: Planned, form: NearestForm) -> Planned:
        columns = {name: lens.pick(None, form.property_identifier) for name, lens in source.scope.lenses.items()}
        for column in columns.values():
            if column.type != "vector":
                raise QueryError(f"{column.name!r} is of type {column.type}; nearestNeighbors asks a vector")
            if isinstance(form.query, VectorForm) and len(form.query.value) != column.size:
                raise QueryError(f"{column.name!r} holds vectors of {column.size} numbers, and the query has {len(form.query.value)}")
        query = form.query.value if isinstance(form.query, TextForm) else tuple(map(float, form.query.value))
        threshold = None if form.similarity_threshold is None else float(form.similarity_threshold)
        node: Node = Nearest(source.node, tuple(columns.items()), query, form.num_neighbors, threshold)
        return Planned(node, source.scope)
