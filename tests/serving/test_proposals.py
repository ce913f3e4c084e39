"""What others must agree to, and taking back what was done, over HTTP, on SQLite and PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from palantir_assets.stores.database import Database
from palantir_assets.stores.edits import EditLog
from palantir_assets.stores.ledger import Ledger
from palantir_assets.stores.outbox import Outbox
from tests.fakes.shop_actions import API, PLATFORM, till

REFUND = {"order": 1, "reason": "it broke"}


@pytest.fixture
def client(tmp_path: Path, database: Database) -> Iterator[TestClient]:
    with till(tmp_path, database) as made:
        yield made


def post(client: TestClient, who: str, path: str, body: Any = None, **headers: str) -> Any:
    return client.post(f"{PLATFORM}{path}", json=body or {}, headers={"X-As": who, **headers})


def get(client: TestClient, who: str, path: str) -> Any:
    return client.get(f"{PLATFORM}{path}", headers={"X-As": who})


def apply(client: TestClient, who: str, action: str, **parameters: Any) -> Any:
    answer = post(client, who, f"/actions/{action}/apply", {"parameters": parameters})
    assert answer.status_code == 200, answer.text
    return answer.json()


def values(client: TestClient, database: Database, key: str) -> dict[str, Any]:
    """What edits say of an order, in the end."""
    told: dict[str, Any] = {}
    for row in EditLog(database).history("order", key):
        told |= row.values["values"]  # type: ignore[arg-type]
    return told


def whole(database: Database) -> list[str]:
    return [str(problem) for problem in Ledger(database).verify_chain()]


def test_an_action_that_others_approve_waits_and_is_done_when_they_do(client: TestClient, database: Database) -> None:
    foundry = client.post(
        f"{API}/actions/refund/apply", json={"parameters": REFUND, "options": {"returnEdits": "ALL"}}, headers={"X-As": "ann"}
    )
    assert foundry.json()["operationId"] == "ri.actions.main.action.1" and "edits" not in foundry.json()
    assert (EditLog(database).head(), Outbox(database).list()) == (0, [])
    (mine,), (theirs,) = (get(client, who, "/proposals").json()["data"] for who in ("ann", "max"))
    assert (mine["may_decide"], theirs["may_decide"], theirs["parameters"]) == (False, True, REFUND)
    assert theirs["changes"][0]["properties"]["note"] == {"before": "빠른 배송", "after": "it broke"}
    done = post(client, "max", "/proposals/1/approve").json()
    assert (done["status"], done["edit_no"], done["difference"]["changes"]) == ("approved", 1, theirs["changes"])
    record = EditLog(database).action(1)
    assert record is not None and (record.status, record.actor, record.approver) == ("approved", "ann", "max")
    assert [effect.target for effect in Outbox(database).list()] == ["ann"]
    assert get(client, "max", "/proposals").json()["data"] == []
    assert post(client, "mia", "/proposals/1/approve").status_code == 409
    assert post(client, "mia", "/proposals/1/reject").status_code == 409
    assert whole(database) == []


def test_nobody_approves_what_they_asked_for(client: TestClient, database: Database) -> None:
    apply(client, "max", "refund", **REFUND)
    assert post(client, "max", "/proposals/1/approve").status_code == 403
    assert post(client, "max", "/proposals/1/reject").status_code == 403
    assert post(client, "ann", "/proposals/1/approve").status_code == 404  # a clerk knows only of what clerks asked for themselves
    assert post(client, "eve", "/proposals/1/approve").status_code == 404
    assert EditLog(database).head() == 0
    assert post(client, "mia", "/proposals/1/approve").status_code == 200


def test_a_rejected_proposal_stays_rejected(client: TestClient, database: Database) -> None:
    apply(client, "ann", "refund", **REFUND)
    assert post(client, "max", "/proposals/1/reject").json()["status"] == "rejected"
    assert post(client, "mia", "/proposals/1/approve").status_code == 409
    assert (EditLog(database).head(), whole(database)) == (0, [])


def test_what_would_now_be_another_difference_is_shown_before_it_is_approved(client: TestClient, database: Database) -> None:
    apply(client, "ann", "refund", **REFUND)
    apply(client, "ben", "annotate", order=1, note="changed since")
    refused = post(client, "max", "/proposals/1/approve")
    assert (refused.status_code, refused.json()["title"]) == (409, "DifferenceChanged")
    assert refused.json()["changes"][0]["properties"]["note"] == {"before": "changed since", "after": "it broke"}
    assert post(client, "max", "/proposals/1/approve", {"accept": "another"}).status_code == 409
    assert post(client, "max", "/proposals/1/approve", {"accept": refused.json()["digest"]}).status_code == 200


def test_of_two_who_approve_at_once_one_does(client: TestClient, database: Database) -> None:
    apply(client, "ann", "refund", **REFUND)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda n: post(client, "max" if n % 2 else "mia", "/proposals/1/approve").status_code, range(8)))
    assert sorted(answers) == [200] + [409] * 7
    assert (len(EditLog(database).since(0)), len(Outbox(database).list()), whole(database)) == (1, 1, [])


def test_an_action_is_taken_back_and_that_too(client: TestClient, database: Database) -> None:
    apply(client, "ann", "pay", order=1, note="thanks")
    sent = len(Outbox(database).list())
    preview = post(client, "ben", "/actions/log/1/revert", {"preview": True}).json()
    assert (preview["status"], preview["reverts"], preview["refused"], preview["action_no"]) == ("previewed", [1], None, None)
    done = post(client, "ben", "/actions/log/1/revert").json()
    assert (done["status"], done["action_no"], done["difference"]) == ("reverted", 2, preview["difference"])
    assert values(client, database, "1") == {"paid": False, "note": "빠른 배송"}
    undo = Outbox(database).list()[sent:]
    assert [(effect.kind, effect.target) for effect in undo] == [("mail", "boss@example.org")]
    assert undo[0].payload["subject"] == {"en": "Order 1 is paid", "ko": "주문 1 결제"}
    again = post(client, "ann", "/actions/log/1/revert")
    assert (again.status_code, again.json()["title"]) == (409, "NotRevertible")
    assert post(client, "ann", "/actions/log/2/revert").status_code == 200
    assert values(client, database, "1") == {"paid": True, "note": "thanks"}
    told = get(client, "ann", "/actions/log").json()["data"]
    assert [(each["action_no"], each["status"], each["reverts"]) for each in told] == [
        (3, "applied", [2]),
        (2, "reverted", [1]),
        (1, "applied", []),
    ]
    assert whole(database) == []


def test_what_others_build_on_falls_only_with_its_dependents(client: TestClient, database: Database) -> None:
    apply(client, "ann", "pay", order=1, note="thanks")
    apply(client, "ben", "annotate", order=1, note="later")
    refused = post(client, "ann", "/actions/log/1/revert")
    assert refused.status_code == 409 and "2 changed order/1/note after 1" in refused.json()["detail"]
    preview = post(client, "ann", "/actions/log/1/revert", {"preview": True, "with_dependents": True}).json()
    assert (preview["reverts"], [each["action_no"] for each in preview["dependents"]]) == ([1, 2], [2])
    assert post(client, "ann", "/actions/log/1/revert", {"with_dependents": True}).status_code == 200
    assert [each.status for each in EditLog(database).actions()] == ["reverted", "reverted", "applied"]
    assert values(client, database, "1") == {"paid": False, "note": "빠른 배송"}
    assert whole(database) == []


def test_a_reversal_that_had_nothing_to_write_counts_all_the_same(client: TestClient, database: Database) -> None:
    """The object was gone when its change was taken back: the reversal wrote nothing, and the change stays taken back."""
    apply(client, "ann", "annotate", order=1, note="first")
    apply(client, "ann", "drop", order=1)
    assert post(client, "ann", "/actions/log/1/revert", {"with_dependents": True}).status_code == 200
    assert post(client, "ann", "/actions/log/1/revert").status_code == 409
    assert whole(database) == []


def test_taking_back_is_for_those_who_may_do_it_and_administrators(client: TestClient) -> None:
    apply(client, "ann", "pay", order=1)
    assert post(client, "eve", "/actions/log/1/revert").status_code == 404
    assert post(client, "max", "/actions/log/1/revert").status_code == 404
    assert post(client, "root", "/actions/log/1/revert", {"preview": True}).status_code == 200
    assert post(client, "root", "/actions/log/1/revert").status_code == 200
    assert post(client, "root", "/actions/log/99/revert").status_code == 404


def test_the_log_tells_parameters_to_who_asked_and_pages(client: TestClient) -> None:
    for number in range(5):
        apply(client, "ann", "annotate", order=1, note=f"note {number}")
    first = client.get(f"{PLATFORM}/actions/log?limit=2", headers={"X-As": "ben"}).json()
    assert [(each["action_no"], each["parameters"]) for each in first["data"]] == [(5, None), (4, None)]
    rest = client.get(f"{PLATFORM}/actions/log?limit=9&before={first['next_before']}", headers={"X-As": "ann"}).json()
    assert [(each["action_no"], each["parameters"]["note"]) for each in rest["data"]] == [(3, "note 2"), (2, "note 1"), (1, "note 0")]
    assert rest["next_before"] is None


def test_the_history_of_edits_is_told_page_by_page_without_what_is_hidden(client: TestClient) -> None:
    apply(client, "ann", "annotate", order=1, note="one")
    apply(client, "max", "reprice", order=1, cents="700")
    apply(client, "ann", "annotate", order=5, note="two")
    path = f"{API}/objectTypes/order/editsHistory"

    def told(who: str, body: dict[str, Any]) -> Any:
        return client.post(path, json=body, headers={"X-As": who}).json()

    everything = told("ann", {})["data"]
    assert [(each["objectPrimaryKey"]["order_id"]["value"], each["userId"], each["operationId"][-1]) for each in everything] == [
        (5, "ann", "3"), (1, "max", "2"), (1, "ann", "1"),
    ]  # fmt: skip
    assert everything[1]["edit"] == {"type": "modifyEdit", "includesAllPreviousValues": False, "previousProperties": {}, "properties": {}}
    assert told("max", {})["data"][1]["edit"]["properties"] == {"cents": "700"}
    page = told("ann", {"pageSize": 2, "sortOrder": "oldest_first", "objectPrimaryKey": {"order_id": 1}})
    assert [each["operationId"][-1] for each in page["data"]] == ["1", "2"]
    first = told("ann", {"pageSize": 2})
    rest = told("ann", {"pageSize": 2, "pageToken": first["nextPageToken"]})
    assert (first["data"] + rest["data"], rest.get("nextPageToken")) == (everything, None)
    only = {"filters": {"type": "operationIdsFilter", "operationIds": ["ri.actions.main.action.3"]}}
    assert [each["operationId"][-1] for each in told("ann", only)["data"]] == ["3"]
    assert client.post(path, json={"pageToken": first["nextPageToken"]}, headers={"X-As": "max"}).status_code == 400
