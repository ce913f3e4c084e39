"""Random questions about a world: sets, filters, orders, aggregates and derived properties, as JSON a client might send."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.oracle.evaluator import Oracle, Seen
from tests.oracle.world import ORDERED, TEXTS, World, value_of

Form = dict[str, Any]
NUMBERS = ("integer", "long", "double", "decimal")
UNITS = ("MILLISECONDS", "SECONDS", "MINUTES", "HOURS", "DAYS", "WEEKS", "MONTHS", "QUARTERS", "YEARS")
WORDS = (
    "wildcard", "regex", "startsWith", "containsAllTermsInOrderPrefixLastTerm", "containsAllTermsInOrder", "containsAllTerms",
    "containsAnyTerm", "interval",
)  # fmt: skip
RULES = ("match", "prefixOnLastToken", "allOf", "anyOf", "maxGaps")
PLACES = {
    "withinDistanceOf": 0, "withinBoundingBox": 1, "intersectsBoundingBox": 1, "doesNotIntersectBoundingBox": 1, "geoShapeV2": 2,
    "withinPolygon": 3, "intersectsPolygon": 3, "doesNotIntersectPolygon": 3,
}  # fmt: skip
LEAVES = {
    **dict.fromkeys((*WORDS, *RULES, "fuzzy"), ("string",)),
    **dict.fromkeys(PLACES, ("geopoint",)),
    "relativeDateRange": ("timestamp", "date"),
    "structField": ("struct",),
    "contains": ("array",),
    "titleProperty": ("string",),
    **dict.fromkeys(("eq", "lt", "lte", "gt", "gte"), ("decimal",)),
}
"""What a filter must ask to be about something."""
SELECTIONS = ("collectList", "collectSet", "get", "selection")
DERIVED = (*SELECTIONS, "add", "multiply", "least", "greatest", "subtract", "divide", "negate", "absoluteValue", "extract")
REGEXES = ("", ".", ".*", "a.*", "[ab]+", "(a|b)*", "quick.*", "한국.?", "[^a]+", "k\\d+.*", "a{1,2}", ".*\\s.*", "\\w+", "zz( zz)*")


@dataclass
class Asker:
    """Makes questions that can be asked: what exists where is looked up in the oracle's own picture of a set."""

    rng: random.Random
    world: World
    oracle: Oracle
    about: str | None = None

    def prefer(self, options: Sequence[str]) -> str:
        """One of the options; mostly what the questions shall be about, where it is one of them."""
        return self.about if self.about in options and self.chance(0.8) else self.rng.choice(options)

    def chance(self, share: float) -> bool:
        return self.rng.random() < share

    # sets

    def object_set(self, depth: int = 3) -> tuple[Form, Seen]:
        """A set, and what the oracle finds in it."""
        form = self._leaf() if depth == 0 or self.chance(0.25) else self._nested(depth)
        return form, self.oracle.evaluate(form)

    def _leaf(self) -> Form:
        match self.rng.randrange(6):
            case 0:
                return {"type": "interfaceBase", "interfaceType": self.rng.choice(("thing", "named")), **self._whole()}
            case 1:
                return {"type": "static", "objects": [self._rid() for _ in range(self.rng.randint(1, 5))]}
            case _:
                return {"type": "base", "objectType": self.rng.choice(self.world.types)}

    def _whole(self) -> Form:
        return {"includeAllBaseObjectProperties": True} if self.chance(0.3) else {}

    def _rid(self) -> str:
        kind = self.rng.choice(self.world.types)
        rows = self.world.rows[kind]
        key = str(self.rng.choice(rows)["id"]) if rows and self.chance(0.9) else "nowhere"
        return f"ri.ontology.main.object.{kind}.{key}"

    def _nested(self, depth: int) -> Form:
        inner, seen = self.object_set(depth - 1)
        match self.rng.choice(
            ("filter", "filter", "filter", "combine", "combine", "around", "around", "asType", "base", "with", "nearest")
        ):
            case "filter":
                return {"type": "filter", "objectSet": inner, "where": self.where(seen)}
            case "combine":
                others = [self.object_set(self.rng.randrange(depth))[0] for _ in range(self.rng.randint(0, 2))]
                return {"type": self.prefer(("union", "intersect", "subtract")), "objectSets": [inner, *others]}
            case "around":
                return self._around(inner, seen)
            case "asType":
                return {"type": "asType", "entityType": self.rng.choice((*self.world.types, "thing", "named")), "objectSet": inner}
            case "with":
                made = self.definitions(seen)
                return {"type": "withProperties", "objectSet": inner, "derivedProperties": made} if made else inner
            case "nearest":
                return self._nearest(inner, seen)
            case _:
                return {"type": "asBaseObjectTypes", "objectSet": inner}

    def links(self, kind: str) -> list[str]:
        own = list(self.world.ontology["types"][kind]["links"])
        return own + [
            said["reverse"] for each in self.world.ontology["types"].values() for said in each["links"].values() if said["to"] == kind
        ]

    def _around(self, inner: Form, seen: Seen) -> Form:
        common = set.intersection(*(set(self.links(kind)) for kind in seen.types)) if seen.types else set()
        if not common:
            return inner
        link = self.rng.choice(sorted(common))
        form: Form = {"type": "searchAround", "objectSet": inner, "link": link}
        if seen.interface == "thing" and link == "peer" and self.chance(0.7):
            return {"type": "interfaceLinkSearchAround", "objectSet": inner, "interfaceLink": link}
        if seen.types == ("apple",) and link in ("next", "previous") and self.chance(0.6):
            least = self.rng.randint(0, 2)
            form["depth"] = {"min": least, "max": least + self.rng.randint(0, 3)}
        apple = self.world.ontology["types"].get("apple", {"links": {}})
        dated = {"next", "previous"} if apple["links"].get("next", {}).get("dated") else set()
        if (link in dated or (link == "peer" and seen.types == ("apple",)) or link == "apple_peers") and self.chance(0.5):
            form["validAt"] = f"2024-0{self.rng.randint(1, 3)}-{self.rng.randint(10, 28)}T00:00:00Z"
        return form

    def _nearest(self, inner: Form, seen: Seen) -> Form:
        if not seen.types or seen.interface or any("p_vector" not in self.world.properties(kind) for kind in seen.types):
            return inner
        numbers = [float(self.rng.randint(-2, 2)) for _ in range(3)]
        vector = numbers if any(numbers) else [1.0, 0.0, 0.0]
        more = {"similarityThreshold": self.rng.choice((0.0, 0.25, 0.9))} if self.chance(0.5) else {}
        return {
            "type": "nearestNeighbors", "objectSet": inner, "propertyIdentifier": {"type": "property", "apiName": "p_vector"},
            "numNeighbors": self.rng.randint(1, 12), "query": {"type": "vector", "value": vector}, **more,
        }  # fmt: skip

    # names

    def names(self, seen: Seen, kinds: tuple[str, ...] | None = None) -> list[tuple[str, Form]]:
        """What may be named in a set, each with its declaration: in all its object types, of one type."""
        if not seen.types:
            return []
        if seen.interface is not None:
            listed = list(self.oracle.declared(seen.interface))
        else:
            listed = [
                name for name in self.world.properties(seen.types[0]) if all(name in self.world.properties(kind) for kind in seen.types)
            ]
        found = [(name, self.oracle.named(seen, seen.types[0], name)[0]) for name in listed]
        found = [
            (name, prop)
            for name, prop in found
            if all(self.oracle.named(seen, kind, name)[0]["type"] == prop["type"] for kind in seen.types) and name != "id"
        ] + ([("id", self.world.properties(seen.types[0])["id"])] if len(seen.types) == 1 and seen.interface is None else [])
        found += [(name, prop) for name, (prop, _) in seen.derived.items() if prop["type"] != "array"]
        return [(name, prop) for name, prop in found if kinds is None or prop["type"] in kinds]

    def _pointer(self, name: str) -> Form:
        return {"field": name} if self.chance(0.8) else {"propertyIdentifier": {"type": "property", "apiName": name}}

    # filters

    def where(self, seen: Seen, depth: int = 2) -> Form:
        if depth and self.chance(0.4):
            kind = self.rng.choice(("and", "or", "not"))
            parts = [self.where(seen, depth - 1) for _ in range(1 if kind == "not" else self.rng.randint(1, 3))]
            return {"type": kind, "value": parts[0] if kind == "not" else parts}
        named = self.names(seen)
        if self.chance(0.8 if self.about == "titleProperty" else 0.02):
            return {**self._text(), "propertyIdentifier": {"type": "titleProperty"}}
        if not named:
            return {"type": "isNull", "propertyIdentifier": {"type": "titleProperty"}, "value": False}
        kinds = sorted({prop["type"] for _, prop in named})
        kind = "geopoint" if "geopoint" in kinds and self.chance(0.2) else self.rng.choice(kinds)
        kind = next((wanted for wanted in LEAVES.get(self.about or "", ()) if wanted in kinds and self.chance(0.7)), kind)
        name, prop = self.rng.choice([(name, prop) for name, prop in named if prop["type"] == kind])
        if self.chance(0.15 if self.about not in LEAVES else 0.02):
            return {"type": "isNull", "value": self.chance(0.5), **self._pointer(name)}
        return {**self._test(prop, seen, name), **self._pointer(name)} if prop["type"] != "struct" else self._member(name, prop, seen)

    def _member(self, name: str, prop: Form, seen: Seen) -> Form:
        member, of = self.rng.choice(sorted(prop["fields"].items()))
        pointer = {"propertyIdentifier": {"type": "structField", "propertyApiName": name, "structFieldApiName": member}}
        return {**self._test({"type": of}, seen, name), **pointer}

    def _json(self, prop: Form) -> Any:
        value = value_of(self.rng, prop)
        match prop["type"]:
            case "long":
                return str(value) if self.chance(0.5) else value
            case "decimal":
                return self.rng.choice((str(value), str(value) + "5", float(value), "99999.5", "-123456"))
            case "date":
                return value.isoformat()
            case "timestamp":
                return value.isoformat() + self.rng.choice(("Z", "+09:00"))
        return value

    def _existing(self, prop: Form, seen: Seen, name: str) -> Any:
        """A value that some object has, so that equality finds something."""
        if prop["type"] in ("string", "marking") and seen.members and self.chance(0.5):
            each = self.rng.choice(sorted(seen.members))
            held = self.world.rows[each[0]][each[1]].get(name)
            return held if isinstance(held, str) else self._json(prop)
        return self._json(prop)

    def _test(self, prop: Form, seen: Seen, name: str) -> Form:
        kind = prop["type"]
        if kind == "string" and self.chance(0.95 if self.about in WORDS else 0.6):
            return self._text()
        if kind == "array":
            if prop["of"] == "string" and self.chance(0.6):
                return self._text()
            return {"type": "contains", "value": self._json({"type": prop["of"]})}
        if kind == "geopoint":
            return self._place()
        if kind in ("date", "timestamp") and self.chance(0.9 if self.about == "relativeDateRange" else 0.3):
            return self._relative()
        if kind == "vector":
            return {"type": "isNull", "value": self.chance(0.5)}
        if self.chance(0.25):
            return {"type": "in", "value": [self._existing(prop, seen, name) for _ in range(self.rng.randint(0, 3))]}
        only_eq = kind in ("boolean", "marking", "attachment", "timeseries")
        return {"type": "eq" if only_eq else self.rng.choice(("eq", "lt", "lte", "gt", "gte")), "value": self._existing(prop, seen, name)}

    def _words(self) -> str:
        texts = self.rng.choices(TEXTS, k=self.rng.randint(1, 2))
        return " ".join(text[: self.rng.randint(1, 12)] for text in texts)

    def _text(self) -> Form:
        kind = "interval" if self.about in RULES and self.chance(0.8) else self.prefer(WORDS)
        match kind:
            case "wildcard":
                text = self.rng.choice(TEXTS)
                return {
                    "type": kind,
                    "value": "".join(self.rng.choice((char, char, "*", "?", f"\\{char}")) for char in text) + self.rng.choice(("", "*")),
                }
            case "regex":
                return {"type": kind, "value": self.rng.choice(REGEXES)}
            case "containsAllTerms" | "containsAnyTerm":
                return {
                    "type": kind,
                    "value": self._words(),
                    **({"fuzzy": self.chance(0.7)} if self.about == "fuzzy" or self.chance(0.5) else {}),
                }
            case "interval":
                return {"type": kind, "rule": self._rule()}
        return {"type": kind, "value": self._words()}

    def _rule(self, depth: int = 1) -> Form:
        gaps = {"maxGaps": self.rng.randint(0, 2)} if self.about == "maxGaps" or self.chance(0.5) else {}
        match self.prefer(("match", "match", "prefixOnLastToken", "fuzzy", *(("allOf", "anyOf") if depth else ()))):
            case "match":
                return {
                    "type": "match",
                    "query": self.rng.choice(("quick fox", "fox quick", "a c", "e a", "zz zz", "배송", "brown")),
                    "ordered": self.chance(0.5),
                    **gaps,
                }
            case "prefixOnLastToken":
                return {"type": "prefixOnLastToken", "query": self.rng.choice(("quick f", "한국 배", "b", "a d"))}
            case "fuzzy":
                return {
                    "type": "fuzzy",
                    "term": self.rng.choice(("quick", "brown", "ab")),
                    **({"fuzziness": self.rng.randint(0, 2)} if self.chance(0.7) else {}),
                }
            case "anyOf":
                return {"type": "anyOf", "rules": [self._rule(depth - 1) for _ in range(2)]}
        return {"type": "allOf", "rules": [self._rule(depth - 1) for _ in range(2)], "ordered": self.chance(0.5), **gaps}

    def _relative(self) -> Form:
        def bound() -> Form:
            return {
                "type": "relativePoint",
                "value": self.rng.randint(-14, 14),
                "timeUnit": self.rng.choice(("DAY", "WEEK", "MONTH", "YEAR")),
            }

        ends = {name: bound() for name in ("relativeStartTime", "relativeEndTime") if self.chance(0.7)}
        return {"type": "relativeDateRange", "timeZoneId": self.rng.choice(("Etc/UTC", "Asia/Seoul", "America/New_York")), **ends}

    def _point(self) -> Form:
        return {"type": "Point", "coordinates": [self.rng.randint(-14, 14) / 2, self.rng.randint(-14, 14) / 2]}

    def _box(self) -> Form:
        a, b = self._point()["coordinates"], self._point()["coordinates"]
        west, east = self.rng.choice(((min(a[0], b[0]), max(a[0], b[0])), (178.0, min(a[0], b[0]))))
        return {
            "type": "envelope", "topLeft": {"type": "Point", "coordinates": [west, max(a[1], b[1])]},
            "bottomRight": {"type": "Point", "coordinates": [east, min(a[1], b[1])]},
        }  # fmt: skip

    def _place(self) -> Form:
        match PLACES.get(self.about or "", self.rng.randrange(4)):
            case 0:
                unit = self.rng.choice(("METERS", "KILOMETERS", "MILES", "NAUTICAL_MILES", "FEET"))
                size = {"METERS": 1, "KILOMETERS": 1000, "MILES": 1609, "NAUTICAL_MILES": 1852, "FEET": 0.3}[unit]
                distance = {"value": round(self.rng.uniform(10_000, 900_000) / size, 3), "unit": unit}
                return {"type": "withinDistanceOf", "value": {"center": self._point(), "distance": distance}}
            case 1:
                return {
                    "type": self.prefer(("withinBoundingBox", "intersectsBoundingBox", "doesNotIntersectBoundingBox")),
                    "value": self._box(),
                }
            case 2:
                return {
                    "type": "geoShapeV2",
                    "geometry": self._box(),
                    "spatialFilterMode": self.rng.choice(("WITHIN", "INTERSECTS", "DISJOINT")),
                }
        ring = [self._point()["coordinates"] for _ in range(self.rng.randint(3, 6))]
        hole = [self._point()["coordinates"] for _ in range(3)]
        rings = [[*ring, ring[0]], *([[*hole, hole[0]]] if self.chance(0.3) else [])]
        kind = self.prefer(("withinPolygon", "intersectsPolygon", "doesNotIntersectPolygon"))
        return {"type": kind, "value": {"type": "Polygon", "coordinates": rings}}

    # derived properties

    def definitions(self, seen: Seen) -> Form:
        if len(seen.types) != 1 or seen.interface or seen.derived:
            return {}
        return {f"d{at}": self._definition(seen, 2) for at in range(self.rng.randint(1, 2))}

    def _definition(self, seen: Seen, depth: int) -> Form:
        numbers = [name for name, _ in self.names(seen, NUMBERS)]
        if depth and self.chance(0.0 if self.about in SELECTIONS else 0.4):
            kind = self.prefer(("add", "multiply", "least", "greatest", "subtract", "divide", "negate", "absoluteValue"))
            inner = [self._numeric(seen, depth - 1) for _ in range(2)]
            if kind in ("subtract", "divide"):
                return {"type": kind, "left": inner[0], "right": inner[1]}
            return {"type": kind, "property": inner[0]} if kind in ("negate", "absoluteValue") else {"type": kind, "properties": inner}
        dates = [name for name, _ in self.names(seen, ("date", "timestamp"))]
        if dates and self.chance(0.2):
            prop = {"type": "property", "apiName": self.rng.choice(dates)}
            return {"type": "extract", "part": self.rng.choice(("DAYS", "MONTHS", "QUARTERS", "YEARS")), "property": prop}
        return self._numeric(seen, 0) if not numbers else self._selection(seen, collect=True)

    def _numeric(self, seen: Seen, depth: int) -> Form:
        numbers = [name for name, prop in self.names(seen, ("integer", "double", "decimal")) if name not in seen.derived]
        if depth and self.chance(0.3):
            return {"type": "add", "properties": [self._numeric(seen, 0), self._numeric(seen, 0)]}
        return (
            {"type": "property", "apiName": self.rng.choice(numbers)}
            if numbers and self.chance(0.6)
            else self._selection(seen, collect=False)
        )

    def _selection(self, seen: Seen, *, collect: bool) -> Form:
        kind, form = seen.types[0], {"type": "methodInput"}
        single = True
        for _ in range(self.rng.randint(0, 2)):
            if not (links := self.links(kind)):
                break
            link = self.rng.choice(links)
            form = {"type": "searchAround", "objectSet": form, "link": link}
            (kind,) = self.oracle.ends((kind,), link)
            single = single and link == "bread"
            if self.chance(0.2):
                form = {"type": "filter", "objectSet": form, "where": self.where(Seen(frozenset(), types=(kind,)), 1)}
        operations: list[Form] = [{"type": "count"}]
        operations += [
            {"type": name, "selectedPropertyApiName": "n"} for name in ("sum", "avg", "min", "max", "exactDistinct", "approximateDistinct")
        ]
        operations += [
            {
                "type": "approximatePercentile",
                "selectedPropertyApiName": "n",
                "approximatePercentile": self.rng.choice((0, 25, 50, 90, 100)),
            }
        ]
        operations += [{"type": "get", "selectedPropertyApiName": "n"}] if single else []
        if collect:
            operations += [
                {"type": name, "selectedPropertyApiName": "n", "limit": self.rng.randint(1, 4)} for name in ("collectList", "collectSet")
            ]
        if "n" not in self.world.properties(kind):
            operations = operations[:1]
        wanted = [operation for operation in operations if operation["type"] == self.about]
        return {"type": "selection", "objectSet": form, "operation": self.rng.choice(wanted or operations)}

    # orders and aggregates

    def order(self, seen: Seen) -> list[Form]:
        named = self.names(seen, (*ORDERED, "marking"))
        picked = self.rng.sample(named, k=min(len(named), self.rng.choice((0, 1, 1, 2, 3))))
        return [{"field": name, "direction": self.rng.choice(("asc", "desc"))} for name, _ in picked]

    def aggregations(self, seen: Seen) -> list[Form]:
        found: list[Form] = [{"type": "count", "name": "count"}]
        for at, (name, prop) in enumerate(self.rng.sample(self.names(seen, ORDERED), k=min(3, len(self.names(seen, ORDERED))))):
            numeric = ("sum", "avg", "approximatePercentile") if prop["type"] in NUMBERS else ()
            kind = self.rng.choice((*numeric, "min", "max", "exactDistinct", "approximateDistinct"))
            more = {"approximatePercentile": self.rng.choice((0, 10, 50, 100))} if kind == "approximatePercentile" else {}
            found.append({"type": kind, "name": f"m{at}", **self._pointer(name), **more})
        return found

    def groups(self, seen: Seen) -> list[Form]:
        named = self.names(seen, (*ORDERED, "marking"))
        picked = self.rng.sample(named, k=min(len(named), self.rng.choice((0, 1, 1, 2))))
        return [{**self._grouping(prop), **self._pointer(name)} for name, prop in picked]

    def _grouping(self, prop: Form) -> Form:
        kind = prop["type"]
        if kind in NUMBERS and self.chance(0.4):
            return {"type": "fixedWidth", "fixedWidth": self.rng.randint(1, 4)}
        if kind in ("date", "timestamp") and self.chance(0.6):
            unit = self.rng.choice(UNITS if kind == "timestamp" else UNITS[4:])
            return {"type": "duration", "unit": unit, "value": self.rng.randint(1, 3) if UNITS.index(unit) < 5 else 1}
        if kind in (*NUMBERS, "date", "timestamp") and self.chance(0.3):
            bounds = [{name: self._json(prop) for name in names} for names in (("startValue", "endValue"), ("startValue",), ("endValue",))]
            return {"type": "ranges", "ranges": bounds}
        nulls: Form = self.rng.choice(({}, {}, {"includeNullValues": True}, {"defaultValue": "none"}))
        return {"type": "exact", **nulls}
