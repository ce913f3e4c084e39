"""A world with edits: the release with them laid over it, beside the rows and links that are left when they are replayed by hand."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import Any, Literal

from palantir_assets.actions.edits import Edit, LinkEdit, ObjectEdit
from palantir_assets.actions.overlay import Overlay
from palantir_assets.engine.edited import Edited, edited
from tests.oracle.comparing import _json
from tests.oracle.world import ALWAYS, Link, World, _key, value_of


@dataclass
class _Ledger:
    """The edits so far and, in plain Python, what they come to: by type and row number an object or None, by link pairs of row numbers."""

    world: World
    rows: dict[str, list[dict[str, Any] | None]]
    links: dict[str, list[Link]]
    numbers: dict[str, dict[str, int]]
    erased: set[tuple[str, str]]
    edits: list[Edit]

    def living(self, kind: str) -> list[int]:
        return [at for at, row in enumerate(self.rows[kind]) if row is not None]


def edit_world(world: World, rng: random.Random, count: int) -> tuple[World, list[Edit]]:
    """The world after so many random edits, its release with them laid over, and the edits."""
    ledger = _Ledger(
        world,
        {kind: [dict(row) for row in rows] for kind, rows in world.rows.items()},
        {name: list(links) for name, links in world.links.items()},
        {kind: {str(row["id"]): at for at, row in enumerate(rows)} for kind, rows in world.rows.items()},
        set(),
        [],
    )
    for _ in range(count):
        kind = rng.choice(world.types)
        match rng.choice(("modify", "modify", "modify", "create", "delete", "link", "unlink", "again", "erase")):
            case "modify":
                _modify(ledger, rng, kind)
            case "create":
                _create(ledger, rng, kind, str(_key(world.properties(kind)["id"]["type"], 1_000 + len(ledger.numbers[kind]))), None)
            case "again":
                _create_again(ledger, rng, kind)
            case "delete":
                _remove(ledger, rng, kind, "delete")
            case "erase" if rng.random() < 0.3:
                _remove(ledger, rng, kind, "erase")
            case "link" | "unlink" as verb:
                _link(ledger, rng, verb)
    return replace(world, rows=_rows(ledger), links=_links(ledger), release=_laid(ledger, rng)), ledger.edits


def _laid(ledger: _Ledger, rng: random.Random) -> Any:
    """At once, or one after the other: it is the same."""
    release: Edited = edited(ledger.world.release, Overlay())
    numbered = list(enumerate(ledger.edits, 1))
    while numbered:
        size = rng.choice((1, 2, 5, 1_000))
        release, numbered = release.with_edits(numbered[:size]), numbered[size:]
        if rng.random() < 0.3:
            for link in release.links:
                release.links[link]
    return release


def _modify(ledger: _Ledger, rng: random.Random, kind: str) -> None:
    living = ledger.living(kind)
    if not living:
        return
    at = rng.choice(living)
    row = ledger.rows[kind][at] or {}
    properties = {name: prop for name, prop in ledger.world.properties(kind).items() if name != "id" and prop["type"] != "vector"}
    names = rng.sample(sorted(properties), rng.randint(1, min(3, len(properties))))
    values = {name: None if rng.random() < 0.2 else value_of(rng, properties[name]) for name in names}
    row |= values
    said = {name: _json(properties[name], value) for name, value in values.items()}
    ledger.edits.append(ObjectEdit("modify", kind, str(row["id"]), said))


def _create(ledger: _Ledger, rng: random.Random, kind: str, key: str, at: int | None) -> None:
    properties = ledger.world.properties(kind)
    own = properties["id"]["type"]
    candidates = [_key(own, number) for number in range(1_200)]
    value = next(each for each in candidates if str(each) == key)
    row = {
        "id": value,
        **{
            name: None if rng.random() < 0.3 or prop["type"] == "vector" else value_of(rng, prop)
            for name, prop in properties.items()
            if name != "id"
        },
    }
    if at is None:
        ledger.numbers[kind][key] = len(ledger.rows[kind])
        ledger.rows[kind].append(row)
    else:
        ledger.rows[kind][at] = row
    ledger.edits.append(ObjectEdit("create", kind, key, {name: _json(properties[name], held) for name, held in row.items()}))


def _create_again(ledger: _Ledger, rng: random.Random, kind: str) -> None:
    gone = [key for key, at in ledger.numbers[kind].items() if ledger.rows[kind][at] is None]
    if not gone:
        return
    key = rng.choice(gone)
    if (kind, key) in ledger.erased:  # said, and without effect
        ledger.edits.append(ObjectEdit("create", kind, key, {"id": key}))
        return
    _create(ledger, rng, kind, key, ledger.numbers[kind][key])


def _remove(ledger: _Ledger, rng: random.Random, kind: str, how: Literal["delete", "erase"]) -> None:
    living = ledger.living(kind)
    if not living or rng.random() < 0.3:
        return
    at = rng.choice(living)
    key = str((ledger.rows[kind][at] or {})["id"])
    ledger.rows[kind][at] = None
    if how == "erase":
        ledger.erased.add((kind, key))
    ledger.edits.append(ObjectEdit(how, kind, key))


def _link(ledger: _Ledger, rng: random.Random, verb: Literal["link", "unlink"]) -> None:
    name = rng.choice(sorted(ledger.links))
    owner, _, link = name.partition("__")
    to = ledger.world.ontology["types"][owner]["links"][link]["to"]
    sources, targets = ledger.living(owner), ledger.living(to)
    if not sources or not targets:
        return
    source, target = rng.choice(sources), rng.choice(targets)
    held = [pair for pair in ledger.links[name] if ledger.rows[owner][pair[0]] is not None and ledger.rows[to][pair[1]] is not None]
    if verb == "unlink" and held:
        source, target = rng.choice(held)[:2]
    there = any(pair[:2] == (source, target) for pair in ledger.links[name])
    if verb == "unlink":
        ledger.links[name] = [pair for pair in ledger.links[name] if pair[:2] != (source, target)]
    elif not there:
        ledger.links[name].append((source, target, *ALWAYS))
    keys = [str((ledger.rows[kind][at] or {})["id"]) for kind, at in ((owner, source), (to, target))]
    ledger.edits.append(LinkEdit(verb, name, keys[0], keys[1], (owner, to)))


def _rows(ledger: _Ledger) -> dict[str, list[dict[str, Any]]]:
    return {kind: [row for row in rows if row is not None] for kind, rows in ledger.rows.items()}


def _links(ledger: _Ledger) -> dict[str, list[Link]]:
    """By the numbers that the objects have once those that are gone are left out."""
    place = {kind: {row: at for at, row in enumerate(ledger.living(kind))} for kind in ledger.rows}
    found = {}
    for name, links in ledger.links.items():
        owner, _, link = name.partition("__")
        here, there = place[owner], place[ledger.world.ontology["types"][owner]["links"][link]["to"]]
        found[name] = [(here[pair[0]], there[pair[1]], *pair[2:]) for pair in links if pair[0] in here and pair[1] in there]
    return found
