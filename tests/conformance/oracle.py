"""What the rows say, in plain Python: an object as JSON, links, filters, orders and aggregates. Knows no code of the engine."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from tests.conformance.world import INTERFACES, TYPES, Row, world

Keep = Callable[[Row], bool]
ROWS = world().rows


def told(kind: str, row: Row, *, select: Sequence[str] = (), rid: bool = True) -> Row:
    """An object as an answer tells it: what is missing is left out."""
    spec = TYPES[kind]
    key = spec["key"]
    head = {"__rid": f"ri.ontology.main.object.{kind}.{row[key]}"} if rid else {}
    head |= {"__primaryKey": value(spec["properties"][key], row[key]), "__apiName": kind, "__title": str(row[spec["title"].strip("{}")])}
    names = [name for name in spec["properties"] if (name in select if select else True)]
    return head | {name: value(spec["properties"][name], row[name]) for name in names if row[name] is not None}


def told_by(interface: str, kind: str, row: Row) -> Row:
    """An object of an interface by its own names: only what stands for the interface's properties."""
    return told(kind, row, select=list(TYPES[kind]["implements"][interface].values()))


def told_as(interface: str, kind: str, row: Row) -> Row:
    """An object as an interface shows it."""
    whole = told(kind, row)
    mapping = TYPES[kind]["implements"][interface]
    properties = shown_by(interface)
    shown = {name: whole[mapping[name]] for name in properties if mapping.get(name) in whole}
    return {name: part for name, part in whole.items() if name.startswith("__")} | shown


def shown_by(interface: str) -> Row:
    """The properties of an interface, inherited ones first."""
    found: Row = {}
    for parent in INTERFACES[interface].get("extends", ()):
        found |= shown_by(parent)
    return found | INTERFACES[interface]["properties"]


def value(prop: Row, raw: Any) -> Any:
    """One value as JSON."""
    match prop["type"], raw:
        case "long", _:
            return str(raw)
        case "decimal", _:
            return f"{raw:.{prop['digits'][1]}f}"
        case "geopoint", _:
            return {"type": "Point", "coordinates": [raw["longitude"], raw["latitude"]]}
        case _, datetime():
            fraction = f".{raw.microsecond:06d}".rstrip("0") if raw.microsecond else ""
            return f"{raw:%Y-%m-%dT%H:%M:%S}{fraction}Z"
        case _, date():
            return raw.isoformat()
        case _:
            return raw


def of(kind: str, keep: Keep = lambda row: True) -> list[Row]:
    """The rows of a type that a test keeps, in the order of their keys."""
    return [row for row in ROWS[kind] if keep(row)]


def keys(kind: str, rows: Iterable[Row]) -> list[Any]:
    """Their keys as an answer tells them."""
    key = TYPES[kind]["key"]
    return [value(TYPES[kind]["properties"][key], row[key]) for row in rows]


def sorted_by(rows: Sequence[Row], field: str, *, descending: bool = False) -> list[Row]:
    """By one property, missing values last either way, and otherwise in the order of the keys."""
    groups: dict[Any, list[Row]] = {}
    for row in rows:
        groups.setdefault(row[field], []).append(row)
    missing = groups.pop(None, [])
    return [row for each in sorted(groups, reverse=descending) for row in groups[each]] + missing


def linked(kind: str, link: str, row: Row) -> list[Row]:
    """The rows that a link leads to from one, in the order of their keys, each once."""
    pairs, target = _pairs(kind, link)
    here = ROWS[kind].index(row)
    return [ROWS[target][there] for there in sorted({there for left, there in pairs if left == here})]


def around(kind: str, link: str, rows: Iterable[Row]) -> list[Row]:
    """Everything that a link leads to from any of them, each once."""
    pairs, target = _pairs(kind, link)
    here = {ROWS[kind].index(row) for row in rows}
    return [ROWS[target][there] for there in sorted({there for left, there in pairs if left in here})]


def _pairs(kind: str, link: str) -> tuple[list[tuple[int, int]], str]:
    if link in TYPES[kind].get("links", {}):
        return world().pairs[f"{kind}__{link}"], TYPES[kind]["links"][link]["to"]
    for source, spec in TYPES.items():
        for name, one in spec.get("links", {}).items():
            if one["to"] == kind and one["reverse"] == link:
                return [(right, left) for left, right in world().pairs[f"{source}__{name}"]], source
    raise KeyError(link)


def mean(values: Sequence[Any]) -> float:
    return float(sum(map(Decimal, map(str, values))) / len(values))
