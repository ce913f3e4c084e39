"""Actions of the small shop, the people who may apply them, and a service over both: real but for who is recognised."""

from __future__ import annotations

import dataclasses
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from starlette.testclient import TestClient
from starlette.types import Scope

from palantir_assets.access.principal import Principal
from palantir_assets.applying.desk import Desk, Runs
from palantir_assets.ontology.served import ServedOntology
from palantir_assets.ontology.served_access import ServedAccess
from palantir_assets.serving.app import create_app
from palantir_assets.stores.database import Database
from palantir_assets.stores.edits import EditLog
from tests.fakes.release import FakeRelease, open_to_viewers, shop
from tests.fakes.shop_release import NOW, ListLog, release_shop, settings_in

API, PLATFORM = "/api/v2/ontologies/default", "/api/platform/v1"
PEOPLE = {
    "ann": Principal("ann", frozenset({"clerk"})),
    "ben": Principal("ben", frozenset({"clerk"})),
    "eve": Principal("eve", frozenset({"viewer"})),
    "max": Principal("max", frozenset({"boss"})),
    "mia": Principal("mia", frozenset({"boss"})),
    "root": Principal("root", frozenset({"admin", "viewer"})),
}
HIDDEN = 200
"""Orders from this number on are seen by bosses alone, and so are the cents of every order."""

_SAY = {"en": "It is paid already.", "ko": "이미 결제되었습니다."}
ACTIONS: dict[str, Any] = {
    "pay": {
        "name": "pay", "label": {"en": "Pay", "ko": "결제"}, "description": "Marks an order as paid.", "allow": ["clerk"],
        "parameters": {
            "order": {"type": "object", "object": "order"},
            "note": {"type": "string", "optional": True, "length": (2, 20)},
            "how": {"type": "string", "one_of": ["card", "cash"], "default": "card"},
        },
        "require": [{"that": "not (order.paid == true)", "say": _SAY}],
        "do": [{"verb": "modify", "what": "order", "set": {"paid": True, "note": "$note"}}],
        "then": [
            {"kind": "mail", "names": ["paid"], "to": "role:boss"}, {"kind": "mail", "names": ["paid"], "to": "caller"},
            {"kind": "webhook", "names": ["till"]}, {"kind": "materialize", "names": ["objects.order"]},
            {"kind": "job", "names": ["nightly"]},
        ],
        "undo": [{"kind": "mail", "names": ["paid"], "to": "boss@example.org"}],
    },
    "annotate": {
        "name": "annotate", "label": {"en": "Annotate"}, "allow": ["clerk", "boss"],
        "parameters": {"order": {"type": "object", "object": "order"}, "note": {"type": "string"}},
        "do": [{"verb": "modify", "what": "order", "set": {"note": "$note"}}],
    },
    "register": {
        "name": "register", "label": {"en": "Register"}, "allow": ["clerk"],
        "parameters": {"number": {"type": "integer"}, "customer": {"type": "object", "object": "customer"}},
        "do": [
            {
                "verb": "create", "what": "order", "key": "$number",
                "set": {"customer_id": "$customer", "ordered_on": "$today", "ordered_at": "$now"},
            }
        ],
    },
    "drop": {
        "name": "drop", "label": {"en": "Drop"}, "allow": ["clerk"], "parameters": {"order": {"type": "object", "object": "order"}},
        "do": [{"verb": "delete", "what": "order"}],
    },
    "refund": {
        "name": "refund", "label": {"en": "Refund"}, "allow": ["clerk", "boss"], "approve": ["boss"], "four_eyes": True,
        "parameters": {"order": {"type": "object", "object": "order"}, "reason": {"type": "string", "length": (3, 50)}},
        "do": [{"verb": "modify", "what": "order", "set": {"paid": False, "note": "$reason", "ordered_at": "$now"}}],
        "then": [{"kind": "mail", "names": ["paid"], "to": "caller"}],
    },
    "reprice": {
        "name": "reprice", "label": {"en": "Reprice"}, "allow": ["clerk", "boss"],
        "parameters": {"order": {"type": "object", "object": "order"}, "cents": {"type": "long"}},
        "do": [{"verb": "modify", "what": "order", "set": {"cents": "$cents"}}],
        "then": [
            {"kind": "mail", "names": ["repriced"], "to": "role:clerk"}, {"kind": "mail", "names": ["repriced"], "to": "role:boss"},
            {"kind": "mail", "names": ["repriced"], "to": "shop@example.org"}, {"kind": "webhook", "names": ["till"]},
        ],
    },
    "assign": {
        "name": "assign", "label": {"en": "Assign"}, "allow": ["clerk"],
        "parameters": {"order": {"type": "object", "object": "order"}, "customer": {"type": "object", "object": "customer"}},
        "do": [{"verb": "link", "what": "customer", "source": "order", "target": "customer"}],
    },
}  # fmt: skip
MAILS = {
    "paid": {
        "subject": {"en": "Order {order} is paid", "ko": "주문 {order} 결제"},
        "text": {"en": "{order.title}: {note}, {how}, by {caller.id}.", "ko": "{order.title}"},
    },
    "repriced": {"subject": {"en": "Order {order}"}, "text": {"en": "{order.title} {order.note}: from {order.cents} to {cents}"}},
}


def with_actions() -> FakeRelease:
    """The shop with its actions; the cents of an order are not needed to make one."""
    made = shop()
    told = made.ontology.model_dump()
    told["types"]["order"]["properties"]["cents"]["optional"] = True
    return dataclasses.replace(made, ontology=ServedOntology.model_validate({**told, "actions": ACTIONS, "mails": MAILS}))


def rules() -> ServedAccess:
    """Who may what: bosses are clerks' bosses, and everybody who is anybody is a viewer."""
    told = open_to_viewers(shop().ontology, anonymous=()).model_dump()
    told["roles"] |= {"clerk": {"includes": ["viewer"]}, "boss": {"includes": ["viewer"]}, "admin": {}}
    told["types"]["order"] |= {
        "rows": f'order_id < {HIDDEN} or "boss" in caller.roles',
        "properties": {"cents": {"roles": ["boss"]}},
    }
    return ServedAccess.model_validate(told)


class ByHeader:
    """Takes the caller's word for who it is."""

    def recognise(self, scope: Scope) -> Principal | None:
        name = next((value.decode() for header, value in scope["headers"] if header == b"x-as"), None)
        return PEOPLE[name] if name else None


class Staff:
    """Implements `applying.desk.People`."""

    def principal(self, subject: str) -> Principal | None:
        return PEOPLE.get(subject)

    def holders(self, roles: Collection[str]) -> Sequence[str]:
        return sorted(name for name, person in PEOPLE.items() if person.roles & set(roles))


@contextmanager
def till(
    folder: Path,
    database: Database,
    *,
    made: FakeRelease | None = None,
    access: ServedAccess | None = None,
    functions: str = "",
    runs: Runs | None = None,
) -> Iterator[TestClient]:
    """The service; a request says in `X-As` whose it is. `functions` is the source of those that the release declares."""
    settings, pointers, log = settings_in(folder), ListLog(), EditLog(database)
    release_shop(settings, pointers, access=access or rules(), made=made or with_actions(), functions=functions)
    app = create_app(settings, pointers, clock=lambda: NOW, recognises=ByHeader(), desk=Desk(log, Staff(), lambda: NOW, runs))
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client
