"""Actions on lists over HTTP: how they are told of, applied to each object, and refused as a whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from foundry_sdk.v2.ontologies.models import ActionTypeV2
from starlette.testclient import TestClient

from palantir_assets.stores.database import Database
from palantir_assets.stores.edits import EditLog
from tests.fakes import shop_actions
from tests.fakes.shop_actions import API, HIDDEN, PLATFORM, till

SETTLE: dict[str, Any] = {
    "name": "settle", "label": {"en": "Settle"}, "allow": ["clerk"],
    "parameters": {
        "orders": {"type": "object", "object": "order", "list": True},
        "notes": {"type": "string", "list": True, "optional": True, "length": (1, 9)},
    },
    "do": [
        {"verb": "modify", "what": "orders", "set": {"paid": True}, "when": "not orders.paid"},
        {"verb": "modify", "what": "orders", "set": {"note": "urgent"}, "when": '"urgent" in notes'},
    ],
}  # fmt: skip


@pytest.fixture
def client(tmp_path: Path, database: Database, monkeypatch: pytest.MonkeyPatch) -> Iterator[TestClient]:
    monkeypatch.setitem(shop_actions.ACTIONS, "settle", SETTLE)
    with till(tmp_path, database) as made:
        made.headers["X-As"] = "ann"
        yield made


def test_a_list_is_told_of_as_the_official_client_reads_it(client: TestClient) -> None:
    told = client.get(f"{API}/actionTypes/settle").json()
    assert told["parameters"]["notes"]["dataType"] == {"type": "array", "subType": {"type": "string"}}
    kind = ActionTypeV2.model_validate(told).parameters["orders"].data_type
    assert kind.type == "array" and kind.sub_type.type == "object"


def test_an_action_does_with_each_of_a_list_what_it_previews(client: TestClient, database: Database) -> None:
    told = {"parameters": {"orders": [1, 2, 5], "notes": ["urgent"]}}
    preview = client.post(f"{PLATFORM}/actions/settle/preview", json=told).json()
    done = client.post(f"{PLATFORM}/actions/settle/apply", json=told).json()
    assert done["difference"] == preview["difference"]
    assert {each["key"]: each["properties"].get("note", {}).get("after") for each in done["difference"]["changes"]} == {
        "1": "urgent", "2": "urgent", "5": "urgent",
    }  # fmt: skip
    paid = [row.object_key for row in EditLog(database).since(0) if "paid" in row.values["values"]]  # type: ignore[operator]
    assert paid == ["1", "5"], "order 2 was paid already"
    back = client.post(f"{PLATFORM}/actions/log/{done['action_no']}/revert", json={})
    assert back.status_code == 200 and client.get(f"{API}/objects/order/1").json()["paid"] is False


def test_one_that_is_hidden_is_refused_as_one_that_is_not_there_and_nothing_is_done(client: TestClient, database: Database) -> None:
    answers = [
        client.post(f"{API}/actions/settle/apply", json={"parameters": {"orders": [1, key]}}).text.replace(str(key), "N")
        for key in (HIDDEN + 1, 9_999)
    ]
    assert answers[0] == answers[1] and "value 2: there is no order" in answers[0]
    long = client.post(f"{API}/actions/settle/apply", json={"parameters": {"orders": [1], "notes": ["fine", "much too long"]}})
    assert "value 2: must have 1 to 9 characters" in long.text
    assert EditLog(database).actions() == []
