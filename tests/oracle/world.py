"""Random small worlds: an ontology with every property type, objects and links, as plain data and as a real release on disk."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from palantir_assets.access.views import View, whole
from palantir_assets.graph.building import build_csr, save
from palantir_assets.ontology.served import ServedOntology
from palantir_assets.release.manifest import Provenance, Versions, canonical_json
from palantir_assets.release.reading import Release, open_release
from palantir_assets.release.sealing import Shelf, seal_candidate, staging
from palantir_assets.release.writing import object_schema, write_objects
from tests.fakes.release import open_to_viewers
from tests.fakes.shop_release import AS_OF

TEXTS = (
    "", "a", "b", "ab", "A", "Ab cd", "ab-cd", "cd ab", "quick brown fox", "Quick fox", "brown, quick! fox", "quikc", "brwn fox",
    "한국", "한국어 배송", "빠른 배송이", "당일배송", "빠른배송", "KTX열차", "ktx 열차", "é", "e\u0301", "ß", "İi", "a_b", "a1", "1",
    "%", "_",
    "a*b", "a?b", "\\", "x\ny", "漢字 かな", "かなカナ", "🏳️‍🌈", "\uffff", "zz zz zz", "a b c d e",
)  # fmt: skip
KINDS = (
    "string", "boolean", "integer", "long", "double", "decimal", "date", "timestamp", "geopoint", "array", "struct", "vector",
    "marking", "attachment", "timeseries",
)  # fmt: skip
ORDERED = ("string", "boolean", "integer", "long", "double", "decimal", "date", "timestamp")
ALWAYS = (-(2**63), 2**63 - 1)
EPOCH = datetime(1970, 1, 1)
Link = tuple[int, int, int, int]
"""Source row, target row, valid from, valid until."""


@dataclass(repr=False)
class World:
    """`rows` by type in key order, `links` by stored table; `ontology` is the JSON that the release holds."""

    ontology: dict[str, Any]
    rows: dict[str, list[dict[str, Any]]]
    links: dict[str, list[Link]]
    release: Release
    view: View | None = None

    @property
    def seen(self) -> View:
        """As whom the engine is asked: one from whom nothing is hidden, unless the world is what is left for another."""
        return self.view or whole(self.release.ontology)

    def _repr_pretty_(self, printer: Any, cycle: bool) -> None:
        """Hypothesis prints every field where it tells of a failure, and would print megabytes."""
        printer.text(f"World of {len(self.ontology['types'])} types")

    @property
    def types(self) -> list[str]:
        return list(self.ontology["types"])

    def properties(self, kind: str) -> dict[str, dict[str, Any]]:
        found: dict[str, dict[str, Any]] = self.ontology["types"][kind]["properties"]
        return found


def value_of(rng: random.Random, prop: dict[str, Any]) -> Any:
    """A random value of a property, never missing."""
    match prop["type"]:
        case "string":
            return rng.choice(TEXTS)
        case "marking" | "attachment" | "timeseries":
            return rng.choice(("m1", "m2", "m3"))
        case "boolean":
            return rng.random() < 0.5
        case "integer":
            return rng.randint(-4, 4)
        case "long":
            return rng.choice((2**53 + 1, -(2**62), 0, 1, 2, 3))
        case "double":
            return rng.randint(-8, 8) / 4
        case "decimal":
            return (Decimal(rng.randint(-12, 12)) / 4).quantize(Decimal("0.01"))
        case "date":
            return date(2024, 1, 1) + timedelta(days=rng.choice((rng.randint(-400, 400), rng.randint(-400, 400), -25_000)))
        case "timestamp":
            return datetime(2024, 1, 1) + timedelta(
                hours=rng.choice((rng.randint(-9_000, 9_000), rng.randint(-9_000, 9_000), -500_001)),
                microseconds=rng.choice((0, 0, 1, 500_000)),
            )
        case "geopoint":
            return {"latitude": rng.randint(-12, 12) / 2, "longitude": rng.choice((rng.randint(-12, 12) / 2, 180.0, -179.5))}
        case "array":
            return [value_of(rng, {"type": prop["of"]}) if rng.random() < 0.9 else None for _ in range(rng.randint(0, 3))]
        case "struct":
            return {name: value_of(rng, {"type": of}) if rng.random() < 0.8 else None for name, of in prop["fields"].items()}
        case "vector":
            return [float(rng.randint(-2, 2)) for _ in range(prop["size"])]
    raise AssertionError(prop)


def make_world(seed: int, folder: Path) -> World:
    """The world of a seed, released under `folder`."""
    rng = random.Random(seed)
    ontology = _ontology(rng)
    rows = {name: _rows(rng, kind) for name, kind in ontology["types"].items()}
    links = {
        f"{name}__{link}": _links(rng, rows, name, said) for name, kind in ontology["types"].items() for link, said in kind["links"].items()
    }
    return World(ontology, rows, links, _release(ontology, rows, links, folder / str(seed)))


def _property(kind: str) -> dict[str, Any]:
    extra: dict[str, dict[str, Any]] = {
        "decimal": {"digits": [6, 2]},
        "array": {"of": "string"},
        "struct": {"fields": {"width": "double", "text": "string"}},
        "vector": {"size": 3},
    }
    return {"type": kind, "optional": True, **extra.get(kind, {})}


def _ontology(rng: random.Random) -> dict[str, Any]:
    types = {}
    for name in ("apple", "bread", "cup"):
        kinds = [kind for kind in KINDS if rng.random() < 0.8]
        key = rng.choice(("string", "integer", "date", "long"))
        properties = {
            "id": {"type": key},
            "name": _property("string"),
            "n": _property("integer"),
            **{f"p_{kind}": _property(kind) for kind in kinds},
        }
        if rng.random() < 0.7:
            properties["p_numbers"] = {"type": "array", "of": "integer", "optional": True}
        indexes = [each for each, prop in properties.items() if prop["type"] in (*ORDERED, "marking") and rng.random() < 0.5]
        types[name] = {
            "name": name, "label": {"en": name}, "key": "id", "title": "{id}", "properties": properties, "links": {}, "indexes": indexes,
            "implements": {},
        }  # fmt: skip
    _link(types, rng)
    for name in ("apple", "bread"):
        own = {"text": "name", "amount": "n"}
        if "p_date" in types[name]["properties"]:
            own["when"] = "p_date"
        types[name]["implements"] = {"thing": own, "named": {"text": "name"}}
    thing = {
        "name": "thing", "label": {"en": "Thing"}, "extends": ["named"],
        "properties": {"amount": _property("integer"), "when": _property("date")}, "links": {"peer": {"to": "cup"}},
    }  # fmt: skip
    named = {"name": "named", "label": {"en": "Named"}, "properties": {"text": _property("string")}}
    return {"types": types, "interfaces": {"thing": thing, "named": named}}


def _link(types: dict[str, Any], rng: random.Random) -> None:
    types["apple"]["links"] = {
        "bread": {"to": "bread", "reverse": "apples", "cardinality": "many_to_one"},
        "next": {
            "to": "apple",
            "reverse": "previous",
            "cardinality": rng.choice(("many_to_one", "many_to_many")),
            "dated": rng.random() < 0.5,
        },
        "peer": {"to": "cup", "reverse": "apple_peers", "cardinality": "many_to_many", "dated": True},
    }
    types["bread"]["links"] = {"peer": {"to": "cup", "reverse": "bread_peer", "cardinality": "one_to_one"}}


def _key(kind: str, number: int) -> Any:
    match kind:
        case "integer":
            return number * 3 - 20
        case "long":
            return 2**53 + number
        case "date":
            return date(2020, 1, 1) + timedelta(days=number)
        case _:
            return f"k{number:03d} 한/{number}"


def _rows(rng: random.Random, kind: dict[str, Any]) -> list[dict[str, Any]]:
    missing = rng.choice((0.0, 0.2, 0.5))
    properties = {name: prop for name, prop in kind["properties"].items() if name != "id"}
    return [
        {
            "id": _key(kind["properties"]["id"]["type"], number),
            **{name: None if rng.random() < missing else value_of(rng, prop) for name, prop in properties.items()},
        }
        for number in range(rng.choice((0, 1, 7, 25, 40)) if kind["name"] == "cup" else rng.choice((3, 25, 60)))
    ]  # fmt: skip


def _links(rng: random.Random, rows: dict[str, list[dict[str, Any]]], name: str, said: dict[str, Any]) -> list[Link]:
    sources, targets = len(rows[name]), len(rows[said["to"]])
    if not targets:
        return []
    found: list[Link] = []
    free = list(range(targets))
    rng.shuffle(free)
    for source in range(sources):
        match said["cardinality"]:
            case "many_to_one":
                there = [rng.randrange(targets)] if rng.random() < 0.8 else []
            case "one_to_one":
                there = [free.pop()] if free and rng.random() < 0.8 else []
            case _:
                there = [rng.randrange(targets) for _ in range(rng.randint(0, 3))]
        found += [(source, target, *_interval(rng, said)) for target in there]
    return found


def _interval(rng: random.Random, said: dict[str, Any]) -> tuple[int, int]:
    if not said.get("dated"):
        return ALWAYS
    start = micros(datetime(2024, 1, 1) + timedelta(days=rng.randint(-50, 50)))
    return (rng.choice((ALWAYS[0], start)), rng.choice((ALWAYS[1], start + rng.randint(1, 100) * 86_400_000_000)))


def micros(moment: datetime) -> int:
    return round((moment - EPOCH) / timedelta(microseconds=1))


def _release(ontology: dict[str, Any], rows: dict[str, list[dict[str, Any]]], links: dict[str, list[Link]], folder: Path) -> Release:
    served, shelf = ServedOntology.model_validate(ontology), Shelf(folder / "releases")
    with staging(shelf) as staged:
        (staged / "ontology.json").write_bytes(canonical_json(served.model_dump(mode="json")))
        (staged / "access.json").write_text(open_to_viewers(served).model_dump_json(), encoding="utf-8")
        for name, kind in served.types.items():
            listed = [{"_row": at, "_title": str(row["id"]), **row} for at, row in enumerate(rows[name])]
            write_objects(pa.Table.from_pylist(listed, schema=object_schema(kind)), staged / "objects" / name, kind)
            for link, said in kind.links.items():
                _save(links[f"{name}__{link}"], len(rows[name]), len(rows[said.to]), said.dated, staged / "links" / f"{name}__{link}")
        candidate = seal_candidate(
            staged,
            shelf,
            versions=Versions(code_version="1", spec_version="1", lock_version="1"),
            provenance=Provenance(created_at=AS_OF, data_as_of=AS_OF),
            rows={name: len(found) for name, found in rows.items()},
        )
    return open_release(candidate.folder, folder / "indexes")


def _save(links: list[Link], sources: int, targets: int, dated: bool, folder: Path) -> None:
    valid = np.asarray([link[2:] for link in links], dtype=np.int64).reshape(-1, 2) if dated else None
    save(build_csr([link[0] for link in links], [link[1] for link in links], sources, targets, valid=valid), folder)
