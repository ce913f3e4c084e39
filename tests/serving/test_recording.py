"""Sensitive reads through the API: each is on record, with its keys, before its answer leaves, on every surface."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from palantir_assets.access.principal import Principal
from palantir_assets.errors import LedgerError
from palantir_assets.ontology.served_access import ServedAccess
from palantir_assets.serving.app import create_app
from palantir_assets.serving.recognising import AsAnyone
from palantir_assets.stores.read_log import ReadEntry
from tests.fakes.release import open_to_viewers, shop
from tests.fakes.shop_release import NOW, ListLog, release_shop, settings_in

API = "/api/v2/ontologies/default"
ADA = Principal("ada", frozenset({"viewer"}))


@dataclass
class ListedReads:
    """A read log in a list; `broken` makes it unreachable."""

    entries: list[ReadEntry] = field(default_factory=list)
    broken: bool = False

    async def record_async(self, entry: ReadEntry) -> int:
        if self.broken:
            raise LedgerError("the ledger cannot be used: a test")
        self.entries.append(entry)
        return len(self.entries)

    def taken(self) -> list[tuple[str, tuple[str, ...]]]:
        found = [(entry.object_type, tuple(entry.keys)) for entry in self.entries]
        self.entries.clear()
        return found


Entered = Callable[..., tuple[TestClient, ListedReads]]


@pytest.fixture
def entered(tmp_path: Path) -> Iterator[Entered]:
    """The shop as ada meets it, its rules changed."""
    opened = []

    def enter(order: dict[str, Any], *, caller: Principal = ADA, reads: bool = True, **more: Any) -> tuple[TestClient, ListedReads]:
        settings, log, kept = settings_in(tmp_path), ListLog(), ListedReads()
        told = open_to_viewers(shop().ontology).model_dump() | more
        told["types"]["order"] |= order
        release_shop(settings, log, access=ServedAccess.model_validate(told))
        app = create_app(settings, log, clock=lambda: NOW, recognises=AsAnyone(caller), reads=kept if reads else None)
        client = TestClient(app, raise_server_exceptions=False)
        opened.append(client)
        client.__enter__()
        return client, kept

    yield enter
    for client in opened:
        client.__exit__(None, None, None)


SENSITIVE = {"sensitive": True}
ORDERS = {"type": "base", "objectType": "order"}


def test_every_surface_that_tells_of_a_sensitive_type_is_on_record(entered: Entered) -> None:
    client, reads = entered(SENSITIVE)
    count = {"aggregation": [{"type": "count", "name": "n"}], "groupBy": []}
    asked: list[tuple[str, str, Any, list[tuple[str, tuple[str, ...]]]]] = [
        ("GET", f"{API}/objects/order/5", None, [("order", ("5",))]),
        ("GET", f"{API}/objects/order/5?select=note&excludeRid=true", None, [("order", ("5",))]),
        ("GET", f"{API}/objects/order?pageSize=2", None, [("order", ("0", "1"))]),
        ("POST", f"{API}/objects/order/search", {"where": {"type": "eq", "field": "order_id", "value": 7}}, [("order", ("7",))]),
        ("POST", f"{API}/objects/order/search", {"where": {"type": "eq", "field": "order_id", "value": 10**6}}, [("order", ())]),
        ("POST", f"{API}/objects/order/aggregate", count, [("order", ())]),
        ("POST", f"{API}/objects/order/count", None, [("order", ())]),
        ("POST", f"{API}/objectSets/loadObjects", {"objectSet": ORDERS, "select": [], "pageSize": 1}, [("order", ("0",))]),
    ]
    for method, path, body, wanted in asked:
        answer = client.request(method, path, json=body)
        assert answer.status_code == 200, (path, answer.text)
        assert reads.taken() == wanted, path


def test_links_are_on_record_with_what_they_lead_to(entered: Entered) -> None:
    client, reads = entered(SENSITIVE)
    answer = client.get(f"{API}/objects/customer/é/links/orders?pageSize=3")
    assert answer.status_code == 200, answer.text
    (found,) = reads.taken()
    assert found == ("order", tuple(str(each["__primaryKey"]) for each in answer.json()["data"])) and found[1]


def test_what_is_not_sensitive_for_the_caller_is_on_no_record(entered: Entered) -> None:
    client, reads = entered({"properties": {"note": {"roles": ["chief"], "sensitive": True}}}, roles={"chief": {}, "viewer": {}})
    assert client.get(f"{API}/objects/order/5").status_code == 200
    assert client.get(f"{API}/objects/customer?pageSize=1").status_code == 200
    assert reads.taken() == []


def test_a_marking_or_a_property_makes_its_objects_sensitive_and_so_does_what_is_computed_of_it(entered: Entered) -> None:
    marked = {"properties": {"note": {"needs": ["personal"]}}}
    client, reads = entered(marked, markings={"personal": {"roles": ["viewer"], "sensitive": True}})
    client.get(f"{API}/objects/order/5")
    assert reads.taken() == [("order", ("5",))]
    derived = {"properties": {"note": {"sensitive": True, "roles": []}, "cents": {"reads": {"rows_of": ["customer"]}}}}
    told = open_to_viewers(shop().ontology).model_dump()["types"]
    told["customer"]["sensitive"] = True
    told["order"] |= derived
    client, reads = entered(derived, types=told)
    client.get(f"{API}/objects/order/5")
    assert reads.taken() == [("order", ("5",))]


def test_an_entry_says_who_saw_what_in_which_answer_under_which_rights_of_which_release(entered: Entered) -> None:
    client, reads = entered(SENSITIVE)
    answer = client.get(f"{API}/objects/order/5", headers={"X-Request-ID": "mine-1"})
    (entry,) = reads.entries
    assert (entry.actor, entry.answer, entry.at) == ("ada", "mine-1", NOW) and entry.release_id == answer.headers["release-id"]
    assert entry.policy and entry.surface == "GET /api/v2/ontologies/{ontology}/objects/{object_type}/{key}"


@pytest.mark.parametrize("reads", [True, False])
def test_an_answer_that_cannot_be_put_on_record_does_not_leave(entered: Entered, reads: bool, caplog: pytest.LogCaptureFixture) -> None:
    client, kept = entered(SENSITIVE, reads=reads)
    kept.broken = True
    with caplog.at_level(logging.ERROR):
        answer = client.get(f"{API}/objects/order/5")
    assert answer.status_code == 503 and answer.json()["errorName"] == "LedgerError" and "__primaryKey" not in answer.text
    assert "kept back" in caplog.text
    kept.broken = False
    assert client.get(f"{API}/objects/customer?pageSize=1").status_code == 200
