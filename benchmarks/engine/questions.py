"""What is asked: keys, filters, groups and pairs that exist in a release, drawn with one seed.

Taken from the release's own Parquet files, so that every run over the same content asks the same, and so do the
tenfold release and every peer. The words of the default project stand here and in the peers' queries, nowhere else.
"""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from benchmarks.engine.asking import Ask

SEED: Final = 2013
OBJECTS: Final = "/api/v2/ontologies/default/objects"
PAGE: Final = 50
HOP: Final = (95, 100)
"""Planes with about so many flights: all of them fit one page, so that no side has to sort or cut."""

MEASURED: Final = "arrival_delay_minutes"
AGGREGATION: Final = (
    {"type": "count", "name": "flights"},
    {"type": "avg", "field": MEASURED, "name": "mean"},
    {"type": "min", "field": MEASURED, "name": "least"},
    {"type": "max", "field": MEASURED, "name": "most"},
    {"type": "approximatePercentile", "field": MEASURED, "approximatePercentile": 50, "name": "middle"},
)
AROUND: Final = ("flights", "destination", "arrivals", "operated_by")
"""From a plane: its flights, where they went, whatever went there, and who operated that."""

Pair = tuple[str, str, str, str]
ENDS: Final = ("flight", "plane", "airport", "carrier", "daily_operation", "route")
"""What a shortest path may begin and end at."""


@dataclass(frozen=True)
class Questions:
    """Over the Parquet files of one release; `random` numbers are drawn anew for each kind, so none depends on another."""

    release: Path

    @cached_property
    def keys(self) -> list[str]:
        """300 flights, spread over the year."""
        return [key for (key,) in self._drawn("SELECT flight_id FROM flight ORDER BY _row", 300)]

    @cached_property
    def planes(self) -> list[str]:
        grouped = "SELECT tail_number FROM flight JOIN plane USING (tail_number) GROUP BY 1 HAVING count(*) BETWEEN ? AND ? ORDER BY 1"
        return [key for (key,) in self._drawn(grouped, 60, HOP)]

    @cached_property
    def starts(self) -> list[str]:
        """Planes to begin a longer way from."""
        return [key for (key,) in self._drawn("SELECT tail_number FROM plane ORDER BY 1", 24)]

    @cached_property
    def filters(self) -> list[tuple[str, str]]:
        """Carriers and origins that have more flights between them than fit a page."""
        grouped = "SELECT carrier_code, origin_code FROM flight GROUP BY 1, 2 HAVING count(*) > ? ORDER BY 1, 2"
        return self._drawn(grouped, 30, (PAGE,))

    @cached_property
    def groups(self) -> list[str | None]:
        """Every flight, and those of each origin."""
        return [None, *(code for (code,) in self._rows("SELECT DISTINCT origin_code FROM flight ORDER BY 1"))]

    @cached_property
    def pairs(self) -> list[Pair]:
        """120 pairs of objects, each drawn from all of them."""
        drawn, found = random.Random(SEED), [(kind, key) for kind, keys in self._keys.items() for key in keys]
        return [(*drawn.choice(found), *drawn.choice(found)) for _ in range(120)]

    @cached_property
    def mixed_pairs(self) -> list[Pair]:
        """200 pairs, each object drawn from a type that was drawn before: as many airports as flights."""
        drawn, kinds = random.Random(SEED), list(self._keys)
        ends = ((drawn.choice(kinds), drawn.choice(kinds)) for _ in range(200))
        return [(one, drawn.choice(self._keys[one]), other, drawn.choice(self._keys[other])) for one, other in ends]

    @cached_property
    def _keys(self) -> dict[str, list[str]]:
        from palantir_assets.ontology.served import ServedOntology

        types = ServedOntology.model_validate_json((self.release / "ontology.json").read_bytes()).types
        return {name: [str(key) for (key,) in self._rows(f'SELECT "{types[name].key}" FROM "{name}" ORDER BY _row')] for name in ENDS}

    def _drawn(self, sql: str, count: int, values: Sequence[object] = ()) -> list[Any]:
        found = self._rows(sql, values)
        return random.Random(SEED).sample(found, min(count, len(found)))

    def _rows(self, sql: str, values: Sequence[object] = ()) -> list[Any]:
        import duckdb

        with duckdb.connect() as con:
            for folder in (self.release / "objects").iterdir():
                con.execute(f"CREATE VIEW \"{folder.name}\" AS SELECT * FROM read_parquet('{folder}/*.parquet')")
            return list(con.execute(sql, values).fetchall())


def object_asks(questions: Questions) -> list[Ask]:
    return [Ask(f"{OBJECTS}/flight/{quote(key, safe='')}") for key in questions.keys]


def linked_asks(questions: Questions) -> list[Ask]:
    return [Ask(f"{OBJECTS}/plane/{quote(key, safe='')}/links/flights?pageSize=100") for key in questions.planes]


def filter_asks(questions: Questions) -> list[Ask]:
    return [_search({"carrier_code": carrier, "origin_code": origin}) for carrier, origin in questions.filters]


def group_asks(questions: Questions) -> list[Ask]:
    by = {"aggregation": list(AGGREGATION), "groupBy": [{"type": "exact", "field": "carrier_code"}]}
    wheres = ({} if code is None else {"where": _eq("origin_code", code)} for code in questions.groups)
    return [Ask(f"{OBJECTS}/flight/aggregate", _json({**by, **where})) for where in wheres]


def page_read(body: bytes) -> tuple[list[str], int]:
    """The keys of a page in their order, and how many objects there are."""
    told = json.loads(body)
    return [str(each["__primaryKey"]) for each in told["data"]], int(told["totalCount"])


def linked_read(body: bytes) -> list[str]:
    """The linked objects, whole, in the order of their text: a peer owes no order that nobody asked for."""
    return sorted(json.dumps(each, sort_keys=True) for each in json.loads(body)["data"])


def groups_read(body: bytes) -> dict[str, dict[str, float]]:
    """Group → metric → value."""
    return {each["group"]["carrier_code"]: {one["name"]: one["value"] for one in each["metrics"]} for each in json.loads(body)["data"]}


def same_groups(one: Mapping[str, Mapping[str, float]], other: Mapping[str, Mapping[str, float]]) -> bool:
    """Equal but for the last digits of a mean; a percentile may be off by one, for it is an approximate one."""
    if one.keys() != other.keys():
        return False
    loose = {"mean": 1e-6, "middle": 1.0}
    return all(abs(value - other[group][name]) <= loose.get(name, 0) for group, metrics in one.items() for name, value in metrics.items())


def _search(wanted: Mapping[str, str]) -> Ask:
    where = {"type": "and", "value": [_eq(name, value) for name, value in wanted.items()]}
    order = {"fields": [{"field": "scheduled_departure", "direction": "asc"}]}
    return Ask(f"{OBJECTS}/flight/search", _json({"where": where, "orderBy": order, "pageSize": PAGE}))


def _eq(field: str, value: str) -> dict[str, str]:
    return {"type": "eq", "field": field, "value": value}


def _json(value: object) -> bytes:
    return json.dumps(value).encode()
