"""The oracle: object sets, orders, aggregates and derived values by loops over dicts. It shares no code with `query` or `engine`."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any

from tests.oracle.values import combined, leaf, parse
from tests.oracle.world import World, micros

Object = tuple[str, int]
Derived = dict[str, tuple[dict[str, Any], dict[Object, Any]]]


@dataclass(frozen=True)
class Seen:
    """Objects, and as what they are seen: an interface (cut to its properties or not), and derived values by name."""

    members: frozenset[Object]
    interface: str | None = None
    cut: bool = False
    types: tuple[str, ...] = ()
    derived: Derived = field(default_factory=dict)


@dataclass(frozen=True)
class Oracle:
    world: World
    now: datetime

    def row(self, each: Object) -> dict[str, Any]:
        return self.world.rows[each[0]][each[1]]

    def order(self, each: Object) -> tuple[int, int]:
        return self.world.types.index(each[0]), each[1]

    def declared(self, interface: str) -> dict[str, Any]:
        said = self.world.ontology["interfaces"][interface]
        inherited = {name: prop for parent in said.get("extends", []) for name, prop in self.declared(parent).items()}
        return {**inherited, **said["properties"]}

    def named(self, seen: Seen, kind: str, name: str) -> tuple[dict[str, Any], str | None]:
        """What a name is in an object type: its declaration, and the own property, if there is one."""
        if seen.interface is None:
            return self.world.properties(kind)[name], name
        own = self.world.ontology["types"][kind]["implements"][seen.interface].get(name)
        return (self.declared(seen.interface)[name], None) if own is None else (self.world.properties(kind)[own], own)

    def value(self, seen: Seen, each: Object, form: dict[str, Any]) -> tuple[dict[str, Any], Any]:
        """The declaration and the value of what a filter, an order or an aggregate names."""
        pointer = form.get("propertyIdentifier")
        name = form.get("field") or (pointer.get("apiName") or pointer.get("propertyApiName") if pointer else None)
        if pointer and pointer["type"] == "primaryKeyProperty":
            name = "id"
            seen = Seen(seen.members)
        if pointer and pointer["type"] == "titleProperty":
            return {"type": "string"}, str(self.row(each)["id"])
        if name in seen.derived:
            prop, values = seen.derived[str(name)]
            return prop, values[each]
        prop, own = self.named(seen, each[0], str(name))
        held = None if own is None else self.row(each)[own]
        if pointer and pointer["type"] == "structField":
            member = pointer["structFieldApiName"]
            return {"type": prop["fields"][member]}, None if held is None else held[member]
        return prop, held

    def passes(self, seen: Seen, each: Object, form: dict[str, Any]) -> bool | None:
        if form["type"] in ("and", "or"):
            return combined(form["type"], (self.passes(seen, each, part) for part in form["value"]))
        if form["type"] == "not":
            inner = self.passes(seen, each, form["value"])
            return None if inner is None else not inner
        prop, held = self.value(seen, each, form)
        return leaf(form, prop["type"], prop.get("of"), held, self.now)

    def filtered(self, seen: Seen, where: dict[str, Any] | None) -> Seen:
        if where is None:
            return seen
        return replace(seen, members=frozenset(each for each in seen.members if self.passes(seen, each, where) is True))

    def objects(self, kind: str) -> frozenset[Object]:
        return frozenset((kind, row) for row in range(len(self.world.rows[kind])))

    def linked(self, each: Object, link: str, at: int | None = None) -> list[Object]:
        """The other ends of an object's links, parallel ones repeated."""
        found: list[Object] = []
        for kind, said in self.world.ontology["types"].items():
            for name, declared in said["links"].items():
                stored = self.world.links[f"{kind}__{name}"]
                if kind == each[0] and name == link:
                    found += [(declared["to"], there) for here, there, *when in stored if here == each[1] and _valid(when, at)]
                elif declared["to"] == each[0] and declared["reverse"] == link:
                    found += [(kind, here) for here, there, *when in stored if there == each[1] and _valid(when, at)]
        return found

    def evaluate(self, form: dict[str, Any]) -> Seen:
        """An object set."""
        match form["type"]:
            case "base":
                return Seen(self.objects(form["objectType"]), types=(form["objectType"],))
            case "interfaceBase":
                types = tuple(name for name, kind in self.world.ontology["types"].items() if form["interfaceType"] in kind["implements"])
                members = frozenset(each for kind in types for each in self.objects(kind))
                return Seen(members, form["interfaceType"], not form.get("includeAllBaseObjectProperties"), types)
            case "static":
                return self._static(form["objects"])
            case "union" | "intersect" | "subtract":
                return self._combined(form["type"], [self.evaluate(part) for part in form["objectSets"]])
        source = self.evaluate(form["objectSet"])
        match form["type"]:
            case "filter":
                return self.filtered(source, form["where"])
            case "searchAround":
                return self._around(source, form)
            case "interfaceLinkSearchAround":
                there = frozenset(far for each in source.members for far in self.linked(each, form["interfaceLink"]))
                return Seen(there, types=("cup",))
            case "asType":
                return self._as_type(source, form["entityType"])
            case "asBaseObjectTypes":
                return Seen(source.members, types=source.types)
            case "withProperties":
                return self._with(source, form["derivedProperties"])
            case "nearestNeighbors":
                return replace(source, members=frozenset(each for each, _ in self.nearest(source, form)))
        raise AssertionError(form["type"])

    def _static(self, rids: list[str]) -> Seen:
        found = []
        for rid in rids:
            kind, _, key = rid.removeprefix("ri.ontology.main.object.").partition(".")
            found += [(kind, at) for at, row in enumerate(self.world.rows[kind]) if str(row["id"]) == key]
        types = tuple(kind for kind in self.world.types if any(f".object.{kind}." in rid for rid in rids))
        return Seen(frozenset(found), types=types)

    def _combined(self, kind: str, parts: list[Seen]) -> Seen:
        first, *others = parts
        if not others:
            return first
        if kind == "intersect":
            return replace(first, members=first.members.intersection(*(part.members for part in others)))
        if kind == "subtract":
            return replace(first, members=first.members.difference(*(part.members for part in others)))
        members = first.members.union(*(part.members for part in others))
        types = tuple(name for name in self.world.types if any(name in part.types for part in parts))
        if first.interface and all(part.interface == first.interface for part in parts):
            return Seen(members, first.interface, any(part.cut for part in parts), types)
        return Seen(members, types=types)

    def _around(self, source: Seen, form: dict[str, Any]) -> Seen:
        at = micros(parse("timestamp", form["validAt"])) if "validAt" in form else None
        depth = form.get("depth", {"min": 1, "max": 1})
        if "depth" not in form:
            there = frozenset(far for each in source.members for far in self.linked(each, form["link"], at))
            return Seen(there, types=self.ends(source.types, form["link"]))
        distance = dict.fromkeys(source.members, 0)
        front = list(source.members)
        for step in range(1, depth["max"] + 1):
            front = [far for each in front for far in self.linked(each, form["link"], at) if far not in distance]
            distance |= dict.fromkeys(front, step)
            front = list(dict.fromkeys(front))
        return Seen(frozenset(each for each, far in distance.items() if far >= depth.get("min", 1)), types=source.types)

    def ends(self, types: Iterable[str], link: str) -> tuple[str, ...]:
        to = set()
        for here in types:
            for kind, said in self.world.ontology["types"].items():
                for name, declared in said["links"].items():
                    to |= {declared["to"]} if (kind, name) == (here, link) else set()
                    to |= {kind} if (declared["to"], declared["reverse"]) == (here, link) else set()
        return tuple(name for name in self.world.types if name in to)

    def _as_type(self, source: Seen, entity: str) -> Seen:
        kinds = self.world.ontology["types"]
        if entity in kinds:
            return Seen(frozenset(each for each in source.members if each[0] == entity), types=(entity,) if entity in source.types else ())
        types = tuple(kind for kind in source.types if entity in kinds[kind]["implements"])
        return Seen(frozenset(each for each in source.members if each[0] in types), entity, True, types)

    def nearest(self, source: Seen, form: dict[str, Any]) -> list[tuple[Object, float]]:
        query = form["query"]["value"]
        scored = []
        for each in source.members:
            _, held = self.value(source, each, form)
            if held is not None and any(held):
                dot = sum(a * b for a, b in zip(held, query, strict=True))
                scored.append((each, round(dot / math.sqrt(sum(a * a for a in held)) / math.sqrt(sum(b * b for b in query)), 9)))
        scored.sort(key=lambda one: (-one[1], self.order(one[0])))
        floor = form.get("similarityThreshold", -2)
        return [(each, score) for each, score in scored[: form["numNeighbors"]] if score >= floor]

    def _with(self, source: Seen, definitions: dict[str, Any]) -> Seen:
        derived = dict(source.derived)
        for name, definition in definitions.items():
            seen = replace(source, derived=derived)
            found = {each: self.derive(seen, each, definition) for each in source.members}
            derived = {**derived, name: ({"type": self.kind_of(seen, definition)}, found)}
        return replace(source, derived=derived)

    def kind_of(self, seen: Seen, definition: dict[str, Any]) -> str:
        if definition["type"] != "selection":
            return "integer" if definition["type"] == "extract" else "double"
        operation = definition["operation"]["type"]
        return {
            "count": "long",
            "exactDistinct": "long",
            "approximateDistinct": "long",
            "avg": "double",
            "approximatePercentile": "double",
        }.get(operation, "array" if operation.startswith("collect") else "integer" if operation in ("min", "max", "get") else "long")

    def derive(self, seen: Seen, each: Object, definition: dict[str, Any]) -> Any:
        match definition["type"]:
            case "property":
                return self.value(seen, each, {"field": definition["apiName"]})[1]
            case "selection":
                there = self._selected(each, seen, definition["objectSet"])
                values = [
                    self.row(far).get(definition["operation"].get("selectedPropertyApiName", "")) for far in sorted(there, key=self.order)
                ]
                return selected(definition["operation"], values)
            case "extract":
                held = self.derive(seen, each, definition["property"])
                parts: dict[str, Callable[[date], int]] = {
                    "DAYS": lambda d: d.day, "MONTHS": lambda d: d.month, "QUARTERS": lambda d: (d.month + 2) // 3,
                    "YEARS": lambda d: d.year,
                }  # fmt: skip
                return None if held is None else parts[definition["part"]](held)
        names = {"subtract": ("left", "right"), "divide": ("left", "right"), "negate": ("property",), "absoluteValue": ("property",)}
        inner = [definition[name] for name in names[definition["type"]]] if definition["type"] in names else definition["properties"]
        return arithmetic(definition["type"], [self.derive(seen, each, part) for part in inner])

    def _selected(self, each: Object, seen: Seen, form: dict[str, Any]) -> set[Object]:
        if form["type"] == "methodInput":
            return {each}
        inner = self._selected(each, seen, form["objectSet"])
        if form["type"] == "filter":
            return {far for far in inner if self.passes(Seen(frozenset()), far, form["where"]) is True}
        return {far for near in inner for far in self.linked(near, form["link"])}


def _valid(when: list[int], at: int | None) -> bool:
    return at is None or when[0] <= at < when[1]


def arithmetic(kind: str, parts: list[Any]) -> float | None:
    there = [float(part) for part in parts if part is not None]
    if kind in ("least", "greatest"):
        return (min if kind == "least" else max)(there, default=None)
    if len(there) < len(parts):
        return None
    match kind:
        case "add":
            return sum(there)
        case "multiply":
            return math.prod(there)
        case "subtract":
            return there[0] - there[1]
        case "divide":
            return there[0] / there[1] if there[1] else None
        case "negate":
            return -there[0]
    return abs(there[0])


def selected(operation: dict[str, Any], values: list[Any]) -> Any:
    """An operation of a derived property over the values of the selected objects, in row order."""
    there = [value for value in values if value is not None]
    match operation["type"]:
        case "count":
            return len(values)
        case "get":
            return values[0] if values else None
        case "collectList":
            return there[: operation["limit"]]
        case "collectSet":
            return sorted(set(there))[: operation["limit"]]
    return metric(operation["type"], there, operation.get("approximatePercentile"))


def metric(kind: str, there: list[Any], percentile: float | None = None) -> Any:
    """A metric over the values that are there."""
    if kind in ("exactDistinct", "approximateDistinct"):
        return len(set(there))
    if not there:
        return None
    match kind:
        case "sum":
            return sum(there[1:], there[0])
        case "avg":
            return float(sum(map(float, there)) / len(there))
        case "min":
            return min(there)
        case "max":
            return max(there)
    at = (percentile or 0) / 100 * (len(there) - 1)
    values = sorted(map(float, there))
    low, high = values[math.floor(at)], values[math.ceil(at)]
    return low + (high - low) * (at - math.floor(at))
