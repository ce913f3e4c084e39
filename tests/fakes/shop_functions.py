"""The till of the small shop with actions that call functions: real ones, in worker processes of their own."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient

from palantir_assets.applying.desk import Runs
from palantir_assets.ontology.served import ServedOntology
from palantir_assets.ontology.served_access import ServedAccess
from palantir_assets.stores.database import Database
from tests.fakes.release import FakeRelease
from tests.fakes.shop_actions import ACTIONS, rules, till, with_actions

SOURCE = """
import datetime
import time


def pays(objects, *, customer, most=3):
    orders = objects.linked("customer", customer["customer_id"], "orders")
    unpaid = [order["order_id"] for order in orders if order.get("paid") is False][:most]
    return [{"modify": "order", "key": key, "set": {"paid": True, "ordered_on": datetime.date(2024, 9, 9)}} for key in unpaid]


def marks(objects, *, orders, note):
    return [{"modify": "order", "key": key, "set": {"note": note}} for key in orders]


def counts(objects, *, note):
    marked = objects.count({"object": "order", "where": {"type": "eq", "field": "note", "value": note}})
    return [{"modify": "order", "key": marked + 1, "set": {"note": note, "amount": marked}}]


def hands_over(objects, *, order, customer):
    key = order["order_id"]
    before = objects.linked("order", key, "customer")
    return [
        *({"unlink": "order.customer", "from": key, "to": each["customer_id"]} for each in before),
        {"link": "order.customer", "from": key, "to": customer["customer_id"]},
        {"modify": "order", "key": key, "set": {"customer_id": customer["customer_id"]}},
    ]


def adds(objects, *, order):
    return [{"modify": "order", "key": order["order_id"], "set": {"amount": order.get("amount", 0) + 1}}]


def does(objects, *, what):
    if what == "hidden":
        return [{"modify": "order", "key": 207, "set": {"note": "only for bosses"}}]
    if what == "wanders":
        there = objects.get("order", 3).get("note") == "moved"
        return [{"modify": "order", "key": 213 if there else 3, "set": {"note": "here"}}]
    if what == "late":
        late = objects.get("order", 4).get("note") == "late"
        return [{"modify": "order", "key": 213 if late else 4, "set": {"nothing" if late else "note": "in time"}}]
    if what == "cents":
        return [{"modify": "order", "key": 1, "set": {"cents": 5}}]
    if what == "customer":
        return [{"modify": "customer", "key": "#", "set": {"name": "x"}}]
    if what == "taken":
        return [{"create": "order", "key": 205, "set": ORDER}]
    if what == "there":
        return [{"create": "order", "key": 5, "set": ORDER}]
    if what == "new":
        return [{"create": "order", "key": 905, "set": ORDER}]
    if what == "chance":
        return [{"modify": "order", "key": 1, "set": {"note": str(time.time_ns())}}]
    if what == "no list":
        return 7
    if what == "no edit":
        return [{"change": "order", "key": 1}]
    if what == "no value":
        return [{"modify": "order", "key": 1, "set": {"note": ["a"]}}]
    if what == "many":
        return [{"modify": "order", "key": 1, "set": {"note": str(number)}} for number in range(1001)]
    if what == "endless":
        while True:
            pass
    if what == "hog":
        return [bytearray(4_000_000_000)]
    raise ValueError("the word of 한국 is sesame")


ORDER = {"customer_id": "#", "ordered_on": datetime.date(2024, 1, 2), "ordered_at": datetime.datetime(2024, 1, 2, 3)}
"""
_STRING, _ORDER = {"type": "string"}, {"type": "object", "object": "order"}
_CUSTOMER, _KEYS = {"type": "object", "object": "customer"}, {"type": "array", "of": "integer"}
_DECLARED: dict[str, Any] = {
    "pays": {"customer": _CUSTOMER, "most": {"type": "integer", "optional": True}},
    "marks": {"orders": _KEYS, "note": _STRING},
    "counts": {"note": _STRING},
    "hands_over": {"order": _ORDER, "customer": _CUSTOMER},
    "adds": {"order": _ORDER},
    "does": {"what": _STRING},
}
_CALLS: dict[str, Any] = {
    "pay_off": ("pays", {"customer": _CUSTOMER, "most": {"type": "integer", "default": 3}}, ["order"]),
    "mark": ("marks", {"orders": {"type": "integer", "list": True}, "note": _STRING}, ["order"]),
    "count": ("counts", {"note": _STRING}, ["order"]),
    "hand_over": ("hands_over", {"order": _ORDER, "customer": _CUSTOMER}, ["order", "order.customer"]),
    "add": ("adds", {"order": _ORDER}, ["order"]),
    "do": ("does", {"what": _STRING}, ["order"]),
}


def calling() -> dict[str, Any]:
    """The actions that call a function, with what it is told; some ask others first, tell them afterwards, or take a step before."""
    made = {
        name: {
            "name": name, "label": {"en": name}, "allow": ["clerk", "boss"], "parameters": told,
            "do": [{"verb": "function", "what": function, "given": {word: f"${word}" for word in told}, "edits": edits}],
        }
        for name, (function, told, edits) in _CALLS.items()
    }  # fmt: skip
    made["ask_to_mark"] = {**made["mark"], "name": "ask_to_mark", "approve": ["boss"], "four_eyes": True}
    made["ask_to_do"] = {**made["do"], "name": "ask_to_do", "approve": ["boss", "clerk"], "four_eyes": True}
    effects = [
        {"kind": "mail", "names": ["marked"], "to": "role:boss"}, {"kind": "mail", "names": ["marked"], "to": "role:clerk"},
        {"kind": "webhook", "names": ["till"]},
    ]  # fmt: skip
    made["mark_and_tell"] = {**made["mark"], "name": "mark_and_tell", "then": effects}
    told = {"note": _STRING, "order": _ORDER}
    first = {"verb": "modify", "what": "order", "set": {"note": "$note"}}
    made["mark_and_count"] = {**made["count"], "name": "mark_and_count", "parameters": told, "do": [first, *made["count"]["do"]]}
    return made


def with_functions() -> FakeRelease:
    """The shop with its actions, and those that call functions."""
    made = with_actions()
    told = made.ontology.model_dump()
    functions = {
        name: {
            "name": name, "version": "1.0.0", "entry": name, "source": "shop.py", "parameters": parameters, "output": {"type": "edits"},
            "time_limit_seconds": 1.0,
        }
        for name, parameters in _DECLARED.items()
    }  # fmt: skip
    mails = {**told["mails"], "marked": {"subject": {"en": "Marked"}, "text": {"en": "with {note}"}}}
    more = {"actions": {**ACTIONS, **calling()}, "functions": functions, "mails": mails}
    return dataclasses.replace(made, ontology=ServedOntology.model_validate({**told, **more}))


def callers() -> ServedAccess:
    """Viewers may call every function but `counts`, which bosses may."""
    told = rules().model_dump()
    told["functions"] = {name: {"roles": ["boss" if name == "counts" else "viewer"]} for name in _DECLARED}
    return ServedAccess.model_validate(told)


@contextmanager
def counter(folder: Path, database: Database, *, runs: Runs | None = None) -> Iterator[TestClient]:
    """The service; a request says in `X-As` whose it is. Functions are run by the service itself, unless `runs` does."""
    with till(folder, database, made=with_functions(), access=callers(), functions=SOURCE, runs=runs) as client:
        yield client
