"""The engine's answer to a question, held against the oracle's."""

from __future__ import annotations

import json
import math
import random
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

from palantir_assets.engine.aggregating import aggregate
from palantir_assets.engine.answering import execute
from palantir_assets.query.aggregates import parse_aggregate, plan_aggregate
from palantir_assets.query.plans import parse_query, plan
from tests.oracle.evaluator import Object, Oracle, Seen, metric
from tests.oracle.questions import Asker, Form
from tests.oracle.values import parse
from tests.oracle.world import World

METRICS = (
    "sum",
    "avg",
    "min",
    "max",
    "exactDistinct",
    "approximateDistinct",
    "approximatePercentile",
    "exact",
    "fixedWidth",
    "ranges",
    "duration",
)
NOW = datetime(2024, 3, 13, 20, 30, tzinfo=UTC)


class Mismatch(AssertionError):
    """The engine says one thing and the oracle another."""


@dataclass
class Counts:
    """How often each operator, kind of set, metric and group was asked."""

    asked: int = 0
    wrong: int = 0
    objects: int = 0
    kinds: dict[str, int] = field(default_factory=dict)

    def add(self, form: Any) -> None:
        if isinstance(form, dict):
            if isinstance(form.get("type"), str):
                self.kinds[form["type"]] = self.kinds.get(form["type"], 0) + 1
            for part in form.values():
                self.add(part)
        elif isinstance(form, list):
            for part in form:
                self.add(part)


def check(world: World, rng: random.Random, counts: Counts, *, about: str | None = None) -> None:
    """Ask one random question of engine and oracle, unless it is not `about` a certain kind of form. Raises Mismatch."""
    oracle = Oracle(world, NOW)
    asker = Asker(rng, world, oracle, about)
    form, seen = asker.object_set()
    if rng.random() < (0.35 if about not in METRICS else 0.9):
        query = {"set": form, "aggregations": asker.aggregations(seen), "groupBy": asker.groups(seen)}
        if _is_about(query, about):
            _compare_groups(world, oracle, seen, query)
    else:
        query = {
            "set": form,
            "order_by": asker.order(seen),
            "limit": rng.choice((1, 3, 10, 1000)),
            "naming": rng.choice(("own", "interface")),
        }
        if rng.random() < 0.2:
            query["where"] = asker.where(seen)
        if _is_about(query, about):
            _compare_objects(world, oracle, seen, query)
        counts.objects += len(seen.members)
    counts.asked += 1
    counts.add(query)


def _is_about(query: Form, about: str | None) -> bool:
    return about is None or f'"{about}"' in json.dumps(query)


def _agree(query: Form, found: Any, expected: Any) -> None:
    if found != expected:
        raise Mismatch(f"{json.dumps(query, ensure_ascii=False, default=str)}\n engine {found}\n oracle {expected}")


def _compare_objects(world: World, oracle: Oracle, seen: Seen, query: Form) -> None:
    seen = oracle.filtered(seen, query.get("where"))
    expected = sorted(seen.members, key=oracle.order)
    for ordering in reversed(query["order_by"]):
        expected = _sorted(oracle, seen, expected, ordering)
    whole = [_told(oracle, seen, each, query["naming"]) for each in expected]
    found, token = list[Any](), None
    for _ in range(6):
        answer = execute(plan(parse_query({**query, "page_token": token}), world.seen, now=NOW), world.release)
        _agree(query, answer.total, len(whole))
        page = [json.loads(row) for row in answer.rows]
        _agree(query, list(answer.types), [item["__apiName"] for item in page])
        found += page
        token = answer.next_token
        if token is None:
            break
    if token is None:
        _agree(query, len(found), len(whole))
    _agree(query, [_rounded(item) for item in found], [_rounded(item) for item in whole[: len(found)]])


def _sorted(oracle: Oracle, seen: Seen, members: list[Object], ordering: Form) -> list[Object]:
    """Stable, missing values last in both directions."""
    held = {each: oracle.value(seen, each, ordering)[1] for each in members}
    there = [each for each in members if held[each] is not None]
    there = sorted(there, key=lambda each: held[each], reverse=ordering["direction"] == "desc")
    return [*there, *(each for each in members if held[each] is None)]


def _told(oracle: Oracle, seen: Seen, each: Object, naming: str) -> Form:
    kind, row = each[0], oracle.row(each)
    key = _json(oracle.world.properties(kind)["id"], row["id"])
    told: Form = {"__rid": f"ri.ontology.main.object.{kind}.{row['id']}", "__primaryKey": key, "__apiName": kind, "__title": str(row["id"])}
    shown = {name: name for name in oracle.world.properties(kind)}
    if seen.interface is not None:
        own = {mine: name for name, mine in oracle.world.ontology["types"][kind]["implements"][seen.interface].items()}
        if seen.cut:
            shown = {name: name for name in own}
        if naming == "interface":
            shown = {name: own.get(name, name) for name in shown}
    values = {by: _json(oracle.world.properties(kind)[name], row[name]) for name, by in shown.items()}
    values |= {name: _json({**prop, "of": "integer"}, held[each]) for name, (prop, held) in seen.derived.items()}
    return told | {name: value for name, value in values.items() if value is not None}


def _json(prop: Form, value: Any) -> Any:
    if value is None:
        return None
    match prop["type"]:
        case "long":
            return str(value)
        case "decimal":
            return f"{value:.2f}"
        case "date":
            return value.isoformat()
        case "timestamp":
            text = value.isoformat()
            return (text.rstrip("0") if value.microsecond else text) + "Z"
        case "geopoint":
            return {"type": "Point", "coordinates": [value["longitude"], value["latitude"]]}
        case "struct":
            return {name: held for name, held in value.items() if held is not None}
    return value


def _rounded(item: Any) -> Any:
    """Nine digits, and none beyond the twelfth decimal: what is left of a sum that comes to nothing is nothing."""
    if isinstance(item, float):
        return float(f"{round(item, 12):.9g}")
    if isinstance(item, dict):
        return {name: _rounded(value) for name, value in item.items()}
    return [_rounded(value) for value in item] if isinstance(item, list) else item


# aggregates


def _compare_groups(world: World, oracle: Oracle, seen: Seen, query: Form) -> None:
    found = aggregate(plan_aggregate(parse_aggregate(query), world.seen, now=NOW), world.release)
    groups: dict[str, tuple[Form, list[Object]]] = {}
    nowhere = 0
    for each in sorted(seen.members, key=oracle.order):
        those = _groups(oracle, seen, each, query["groupBy"])
        nowhere += not those
        for group in those:
            groups.setdefault(json.dumps(group, sort_keys=True), (group, []))[1].append(each)
    if not query["groupBy"] and not groups:
        groups["{}"] = ({}, [])
    expected = {key: [_metric(oracle, seen, form, members) for form in query["aggregations"]] for key, (_, members) in groups.items()}
    answered = {json.dumps(_rounded(group), sort_keys=True): [_rounded(value) for _, value in metrics] for group, metrics in found.items}
    expected = {
        json.dumps(_rounded(json.loads(key)), sort_keys=True): [_rounded(value) for value in values] for key, values in expected.items()
    }
    _agree(query, answered, expected)
    _agree(query, len(found.items), len(expected))
    _agree(query, (found.excluded, found.accurate), (nowhere, True))


def _metric(oracle: Oracle, seen: Seen, form: Form, members: list[Object]) -> Any:
    if form["type"] == "count":
        return len(members)
    held = [oracle.value(seen, each, form) for each in members]
    prop = held[0][0] if held else {"type": "integer"}
    value = metric(form["type"], [value for _, value in held if value is not None], form.get("approximatePercentile"))
    return _json({"type": "integer" if prop["type"] == "long" else prop["type"]}, value) if isinstance(value, date | Decimal) else value


def _groups(oracle: Oracle, seen: Seen, each: Object, forms: list[Form]) -> list[Form]:
    """Every combination of groups that an object is in."""
    found: list[Form] = [{}]
    for form in forms:
        prop, held = oracle.value(seen, each, form)
        name = form.get("field") or form["propertyIdentifier"]["apiName"]
        found = [{**group, name: _unsigned(value)} for group in found for value in _values(form, prop, held)]
    return found


def _unsigned(value: Any) -> Any:
    """Both zeros are one group."""
    return 0.0 if isinstance(value, float) and value == 0 else value


def _values(form: Form, prop: Form, held: Any) -> list[Any]:
    if form["type"] == "exact":
        if held is None:
            return [None] if form.get("includeNullValues") else [form["defaultValue"]] if "defaultValue" in form else []
        return [_json(prop, held)]
    if held is None:
        return []
    match form["type"]:
        case "fixedWidth":
            return [math.floor(Fraction(held) / form["fixedWidth"]) * form["fixedWidth"]]
        case "duration":
            return [_period(form, held)]
    kind, inside = prop["type"], []
    for part in form["ranges"]:
        start, end = (None if name not in part else parse(kind, part[name]) for name in ("startValue", "endValue"))
        if (start is None or held >= start) and (end is None or held < end):
            inside.append({name: _json_bound(kind, parse(kind, raw)) for name, raw in part.items()})
    return inside


def _json_bound(kind: str, value: Any) -> Any:
    return str(value) if kind == "decimal" else _json({"type": kind}, value)


def _period(form: Form, held: Any) -> Any:
    unit, value = form["unit"], form["value"]
    day = held.date() if isinstance(held, datetime) else held
    starts = {
        "WEEKS": day - timedelta(day.weekday()), "MONTHS": day.replace(day=1), "YEARS": day.replace(month=1, day=1),
        "QUARTERS": day.replace(month=(day.month - 1) // 3 * 3 + 1, day=1),
    }  # fmt: skip
    if unit in starts:
        start = starts[unit]
    elif not isinstance(held, datetime):
        epoch = date(1970, 1, 1)
        start = epoch + timedelta((held - epoch).days // value * value)
    else:
        width = timedelta(**{unit.lower(): value})
        begun = datetime(1970, 1, 1) + (held - datetime(1970, 1, 1)) // width * width
        return _json({"type": "timestamp"}, begun)
    return start.isoformat() + ("T00:00:00Z" if isinstance(held, datetime) else "")
