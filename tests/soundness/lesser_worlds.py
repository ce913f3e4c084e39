"""What a policy leaves of a world, by plain loops: rows, properties, links and types taken out before anything is asked.

It shares no code with `access`: what it leaves is what the engine's answers to that caller are held against.
"""

from __future__ import annotations

import copy
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from palantir_assets.access.principal import Principal
from palantir_assets.engine.visibility import seen_by
from palantir_assets.ontology.served_access import ServedAccess
from tests.oracle.world import World

Row = dict[str, Any]
Rule = tuple[str, Callable[[Row, dict[str, Any]], bool]]

ROWS: tuple[Rule, ...] = (
    ("n > caller.level", lambda row, who: row["n"] is not None and row["n"] > who["level"]),
    ("name in caller.names", lambda row, who: row["name"] is not None and row["name"] in who["names"]),
    ("n is not None or caller.id == 'ada'", lambda row, who: row["n"] is not None or who["id"] == "ada"),
    ("'staff' in caller.roles", lambda row, who: "staff" in who["roles"]),
    (
        "not (n < 0) and name != ''",
        lambda row, who: row["n"] is not None and row["n"] >= 0 and row["name"] is not None and row["name"] != "",
    ),
    ("false", lambda row, who: False),
    ("true", lambda row, who: True),
)


@dataclass(frozen=True)
class Case:
    """A caller, the rules, and the world that they leave."""

    principal: Principal
    access: ServedAccess
    left: World
    hidden: dict[str, set[str]]


def make_case(world: World, rng: random.Random) -> Case:
    """A random policy over a world and a random caller."""
    told, kept = _policy(world, rng)
    held = {role for role in ("staff", "chief") if rng.random() < 0.5}
    markings = {"personal"} if rng.random() < 0.4 else set()
    names = tuple(rng.choice([row["name"] for row in world.rows["apple"] if row["name"] is not None] or [""]) for _ in range(2))
    attributes: dict[str, Any] = {"level": rng.randint(-3, 2), "names": names}
    principal = Principal(rng.choice(("ada", "bob")), frozenset({"viewer", *held}), attributes, frozenset(markings))
    access = ServedAccess.model_validate(told)
    roles = {"viewer", *held, *({"staff"} if "chief" in held else ())}
    who = {**attributes, "id": principal.id, "roles": roles, "markings": markings | ({"personal"} if "staff" in roles else set())}
    return _left(world, principal, access, who, kept)


def _policy(world: World, rng: random.Random) -> tuple[Row, dict[str, Rule]]:
    types, kept = dict[str, Any](), dict[str, Rule]()
    every = [f"{kind}.{prop}" for kind in world.types for prop in world.properties(kind)]
    spared = rng.choice(("apple", "bread"))  # one implementer stays, so that the interfaces can be asked
    for kind in world.types:
        rules: Row = {"read": ["viewer"], "properties": {}, "links": {}}
        if kind != spared and rng.random() < 0.12:
            rules["read"] = ["chief"]
        if kind != spared and rng.random() < 0.08:
            rules["needs"] = ["personal"]
        if rng.random() < 0.5:
            text, test = rng.choice(ROWS)
            rules["rows"], kept[kind] = text, (text, test)
        for prop in world.properties(kind):
            if prop != "id" and rng.random() < 0.2:
                rules["properties"][prop] = _property(rng, every, world.types)
        for link in world.ontology["types"][kind]["links"]:
            if rng.random() < 0.15:
                rules["links"][link] = rng.choice(({"roles": ["chief"]}, {"needs": ["personal"]}, {"roles": []}))
        types[kind] = rules
    roles = {"viewer": {}, "staff": {}, "chief": {"includes": ["staff"]}}
    access = {"roles": roles, "markings": {"personal": {"roles": ["staff"]}}, "attributes": {"level": "integer", "names": "strings"}}
    return {**access, "types": types}, kept


def _property(rng: random.Random, every: list[str], types: list[str]) -> Row:
    match rng.randrange(5):
        case 0:
            return {"roles": ["staff"]}
        case 1:
            return {"needs": ["personal"]}
        case 2:
            return {"reads": {"properties": [rng.choice(every)]}}
        case 3:
            return {"reads": {"rows_of": [rng.choice(types)]}}
        case _:
            return {"roles": []}


def _lets(rule: Any, who: Row) -> bool:
    return (rule.roles is None or any(role in who["roles"] for role in rule.roles)) and all(need in who["markings"] for need in rule.needs)


def _left(world: World, principal: Principal, access: ServedAccess, who: Row, kept: dict[str, Rule]) -> Case:
    rows = {kind: [at for at, row in enumerate(world.rows[kind]) if kind not in kept or kept[kind][1](row, who)] for kind in world.types}
    readable = {
        kind
        for kind in world.types
        if any(role in who["roles"] for role in access.types[kind].read) and set(access.types[kind].needs) <= who["markings"]
    }
    hidden = {
        kind: {prop for prop, rule in access.types[kind].properties.items() if not _lets(rule, who)} for kind in world.types
    }  # fmt: skip
    for _ in range(100):  # as far as it spreads
        for kind in world.types:
            for prop, rule in access.types[kind].properties.items():
                read = [each.split(".") for each in rule.reads.properties]
                if any(of not in readable or name in hidden[of] for of, name in read):
                    hidden[kind].add(prop)
                if any(of not in readable or len(rows[of]) < len(world.rows[of]) for of in rule.reads.rows_of):
                    hidden[kind].add(prop)
    left = _cut(world, principal, access, who, rows, readable, hidden)
    return Case(principal, access, left, {kind: hidden[kind] for kind in readable})


def _cut(
    world: World, principal: Principal, access: ServedAccess, who: Row, rows: dict[str, list[int]], readable: set[str],
    hidden: dict[str, set[str]],
) -> World:  # fmt: skip
    ontology = copy.deepcopy(world.ontology)
    links = {}
    ontology["types"] = {kind: said for kind, said in ontology["types"].items() if kind in readable}
    for kind, said in ontology["types"].items():
        said["properties"] = {name: prop for name, prop in said["properties"].items() if name not in hidden[kind]}
        said["indexes"] = [name for name in said["indexes"] if name not in hidden[kind]]
        said["implements"] = {
            interface: {shown: own for shown, own in mapping.items() if own not in hidden[kind]}
            for interface, mapping in said["implements"].items()
        }
        said["links"] = {
            name: link
            for name, link in said["links"].items()
            if link["to"] in readable and (name not in access.types[kind].links or _lets(access.types[kind].links[name], who))
        }
        for name, link in said["links"].items():
            here, there = ({old: new for new, old in enumerate(rows[of])} for of in (kind, link["to"]))
            stored = world.links[f"{kind}__{name}"]
            links[f"{kind}__{name}"] = [(here[a], there[b], *when) for a, b, *when in stored if a in here and b in there]
    _cut_interfaces(world, ontology)
    data = {
        kind: [{name: value for name, value in world.rows[kind][at].items() if name not in hidden[kind]} for at in rows[kind]]
        for kind in ontology["types"]
    }
    return World(ontology, data, links, world.release, seen_by(principal, world.release.under(access)))  # type: ignore[arg-type]


def _cut_interfaces(world: World, ontology: dict[str, Any]) -> None:
    for name, said in ontology["interfaces"].items():
        before = [kind["implements"][name] for kind in world.ontology["types"].values() if name in kind["implements"]]
        after = [kind["implements"][name] for kind in ontology["types"].values() if name in kind["implements"]]
        said["properties"] = {
            prop: what
            for prop, what in said["properties"].items()
            if any(prop in mapping for mapping in after) or not any(prop in mapping for mapping in before)
        }
