"""Actions over HTTP, by people with different rights, on SQLite and PostgreSQL."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from starlette.testclient import TestClient

from palantir_assets.serving.following_edits import FollowedEdits
from palantir_assets.stores.database import Database
from palantir_assets.stores.edits import EditLog
from palantir_assets.stores.ledger import Ledger
from palantir_assets.stores.outbox import Outbox
from tests.fakes.shop_actions import API, HIDDEN, PLATFORM, till


@pytest.fixture
def client(tmp_path: Path, database: Database) -> Iterator[TestClient]:
    with till(tmp_path, database) as made:
        yield made


def post(client: TestClient, who: str, path: str, body: Any, **headers: str) -> Any:
    return client.post(path, json=body, headers={"X-As": who, **headers})


def apply(client: TestClient, who: str, action: str, parameters: dict[str, Any], *, options: Any = None, **headers: str) -> Any:
    body = {"parameters": parameters, **({"options": options} if options else {})}
    return post(client, who, f"{API}/actions/{action}/apply", body, **headers)


def whole(database: Database) -> list[str]:
    return [str(problem) for problem in Ledger(database).verify_chain()]


def test_an_action_is_applied_with_its_effects_and_its_audit_row(client: TestClient, database: Database) -> None:
    answer = apply(client, "ann", "pay", {"order": 1, "note": "thanks"}, options={"returnEdits": "ALL"})
    assert answer.status_code == 200
    assert answer.headers["edit-no"] == "1"
    told = answer.json()
    assert (told["operationId"], told["validation"]["result"]) == ("ri.actions.main.action.1", "VALID")
    assert told["edits"]["edits"] == [{"type": "modifyObject", "objectType": "order", "primaryKey": 1}]
    (edit,) = EditLog(database).since(0)
    assert (edit.object_type, edit.object_key, edit.actor, edit.values["values"]) == ("order", "1", "ann", {"paid": True, "note": "thanks"})
    effects = [(effect.kind, effect.target) for effect in Outbox(database).list()]
    assert effects[:3] == [("mail", "max"), ("mail", "mia"), ("mail", "ann")]
    assert effects[3:] == [("webhook", "till"), ("materialize", "objects.order"), ("job", "nightly")]
    mail = Outbox(database).list()[0].payload
    assert mail["subject"] == {"en": "Order 1 is paid", "ko": "주문 1 결제"}
    assert mail["text"] == {"en": "1: thanks, card, by ann.", "ko": "1"}
    assert whole(database) == []


def test_what_is_written_is_answered_as_done_where_this_process_is_late_to_see_it(
    client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(FollowedEdits, "refresh", lambda followed: False)  # the log is not looked at any more
    monkeypatch.setattr(FollowedEdits.caught_up, "__kwdefaults__", {"within": 0.05})
    answer = apply(client, "ann", "pay", {"order": 1, "note": "thanks"})
    assert (answer.status_code, answer.headers["edit-no"]) == (200, "1")
    seen = client.get(f"{API}/objects/order/1", headers={"X-As": "ann", "Min-Edit-No": "1"})
    assert (seen.status_code, seen.headers["retry-after"]) == (503, "1")


def test_what_leaves_tells_nobody_what_policy_hides_from_them(client: TestClient, database: Database) -> None:
    """Clerks see no cents, and no order from 200 on; bosses see both; what has no account sees nothing that a rule keeps from anybody."""
    cents, hidden = str(7 * 10**14), HIDDEN + 7
    assert post(client, "max", f"{PLATFORM}/actions/reprice/apply", {"parameters": {"order": 7, "cents": "4242"}}).status_code == 200
    assert post(client, "max", f"{PLATFORM}/actions/reprice/apply", {"parameters": {"order": hidden, "cents": "4343"}}).status_code == 200
    told = {number: [each for each in Outbox(database).list() if each.action_no == number] for number in (1, 2)}
    words = {each.target: json.dumps(each.payload, ensure_ascii=False) for each in told[1]}
    assert set(words) == {"ann", "ben", "max", "mia", "shop@example.org", "till"}
    for who, text in words.items():
        assert ("4242" in text and cents in text) is (who in ("max", "mia")), (who, text)
        assert "•••" in text or who in ("max", "mia")
        assert "Order 7" in text or who == "till"
    words = {each.target: json.dumps(each.payload, ensure_ascii=False) for each in told[2]}
    for who in ("ann", "ben"):  # an order that they may not know of: not its number either
        assert "4343" not in words[who] and str(hidden) not in words[who]
    assert str(hidden) in words["mia"] and "4343" in words["mia"]


def test_validating_explains_every_criterion_and_writes_nothing(client: TestClient, database: Database) -> None:
    ask = {"mode": "VALIDATE_ONLY"}
    good = apply(client, "ann", "pay", {"order": 1}, options=ask).json()
    assert good["validation"]["result"] == "VALID" and "operationId" not in good
    told = {"order": 2, "note": "x", "how": "shells"}
    bad = apply(client, "ann", "pay", told, options=ask, **{"Accept-Language": "ko"}).json()["validation"]
    assert (bad["result"], bad["parameters"]["note"]["result"], bad["parameters"]["order"]["result"]) == ("INVALID", "INVALID", "VALID")
    assert bad["parameters"]["note"]["message"] == "2~20자여야 합니다"
    assert bad["parameters"]["note"]["evaluatedConstraints"] == [{"type": "stringLength", "gte": 2, "lte": 20}]
    paid = apply(client, "ann", "pay", {"order": 2}, **{"Accept-Language": "ko"}).json()
    assert paid["validation"]["submissionCriteria"] == [{"result": "INVALID", "configuredFailureMessage": "이미 결제되었습니다."}]
    assert "operationId" not in paid
    assert EditLog(database).actions() == []


def test_what_was_applied_is_seen_by_the_next_action(client: TestClient) -> None:
    assert apply(client, "ann", "pay", {"order": 1}).json()["validation"]["result"] == "VALID"
    assert apply(client, "ben", "pay", {"order": 1}).json()["validation"]["result"] == "INVALID"
    assert apply(client, "ben", "drop", {"order": 1}).json()["validation"]["result"] == "VALID"
    assert apply(client, "ann", "annotate", {"order": 1, "note": "x"}).json()["validation"]["parameters"]["order"]["result"] == "INVALID"


def test_who_may_not_apply_an_action_does_not_know_that_it_is_there(client: TestClient, database: Database) -> None:
    for who, action in (("eve", "pay"), ("max", "pay"), ("ann", "reprice"), ("ann", "nothing")):
        for path in (f"{API}/actions/{action}/apply", f"{API}/actions/{action}/applyBatch", f"{PLATFORM}/actions/{action}/preview"):
            batch = path.endswith("Batch")
            body = {"requests": [{"parameters": {"order": 1}}]} if batch else {"parameters": {"order": 1}}
            answer = post(client, who, path, body)
            assert answer.status_code == 404, (who, action, path, answer.text)
            assert f"unknown action type '{action}'" in answer.text
        assert client.get(f"{API}/actionTypes/{action}", headers={"X-As": who}).status_code == 404
    assert [each["apiName"] for each in client.get(f"{API}/actionTypes", headers={"X-As": "max"}).json()["data"]] == [
        "annotate", "refund", "reprice",
    ]  # fmt: skip
    assert client.get(f"{API}/actionTypes", headers={"X-As": "eve"}).json()["data"] == []
    assert (EditLog(database).actions(), Outbox(database).list()) == ([], [])


def test_a_hidden_object_is_one_that_is_not_there(client: TestClient, database: Database) -> None:
    """Whatever is asked of order 210, which is hidden, is answered as it is of order 9999, which there is not."""

    def told(number: int) -> list[tuple[int, str]]:
        answers = [
            apply(client, "ann", "pay", {"order": number, "note": "ok"}),
            apply(client, "ann", "drop", {"order": number}),
            apply(client, "ann", "pay", {"order": number}, **{"If-Match": f'"order/{number}@1"'}),
            apply(client, "ann", "pay", {"order": number}, **{"If-Match": f'"order/{number}@0"'}),
            post(client, "ann", f"{API}/actions/pay/applyBatch", {"requests": [{"parameters": {"order": number}}]}),
            post(client, "ann", f"{PLATFORM}/actions/pay/preview", {"parameters": {"order": number}}),
            post(client, "ann", f"{PLATFORM}/actions/pay/apply", {"parameters": {"order": number}}),
            post(client, "ann", f"{API}/objectTypes/order/editsHistory", {"objectPrimaryKey": {"order_id": number}}),
        ]
        return [(answer.status_code, _anonymised(answer.text, number)) for answer in answers]

    assert apply(client, "max", "annotate", {"order": HIDDEN + 10, "note": "for bosses"}).status_code == 200
    assert told(HIDDEN + 10) == told(9999)
    assert client.get(f"{PLATFORM}/actions/log", headers={"X-As": "ann"}).json()["data"] == []
    assert client.get(f"{PLATFORM}/actions/log/1", headers={"X-As": "ann"}).status_code == 404
    assert post(client, "ann", f"{PLATFORM}/actions/log/1/revert", {}).status_code == 404
    assert len(client.get(f"{PLATFORM}/actions/log", headers={"X-As": "mia"}).json()["data"]) == 1
    assert len(EditLog(database).actions()) == 1


def _anonymised(text: str, number: int) -> str:
    return re.sub(r'"(errorInstanceId|instance)":"[^"]*"', "", text.replace(str(number), "N"))


def test_a_key_that_a_hidden_object_has_is_taken_in_the_same_words(client: TestClient, database: Database) -> None:
    seen = apply(client, "ann", "register", {"number": 5, "customer": "#"}).json()["validation"]["submissionCriteria"]
    hidden = apply(client, "ann", "register", {"number": HIDDEN + 5, "customer": "#"}).json()["validation"]["submissionCriteria"]
    assert str(seen).replace("'5'", "N") == str(hidden).replace(f"'{HIDDEN + 5}'", "N")
    assert EditLog(database).actions() == []


def test_what_is_deleted_is_kept_whole_though_its_deleter_did_not_see_all_of_it(client: TestClient, database: Database) -> None:
    assert apply(client, "ann", "drop", {"order": 5}).status_code == 200
    (edit,) = EditLog(database).since(0)
    assert edit.values["previous"]["cents"] == str(5 * 10**14)
    assert "cents" not in client.get(f"{PLATFORM}/actions/log/1", headers={"X-As": "ann"}).text
    assert "cents" not in post(client, "ann", f"{PLATFORM}/actions/log/1/revert", {"preview": True}).text


def test_nobody_in_particular_applies_nothing(client: TestClient) -> None:
    for path, body in ((f"{API}/actions/pay/apply", {"parameters": {}}), (f"{PLATFORM}/proposals/1/approve", {})):
        assert client.post(path, json=body).status_code == 401


def test_a_batch_is_done_as_a_whole_or_not_at_all(client: TestClient, database: Database) -> None:
    path = f"{API}/actions/pay/applyBatch"
    body = {"requests": [{"parameters": {"order": 1}}, {"parameters": {"order": 5}}], "options": {"returnEdits": "ALL"}}
    twice = {"requests": [{"parameters": {"order": 7}}, {"parameters": {"order": 7}}]}
    refused = post(client, "ann", path, twice)
    assert (refused.status_code, refused.json()["errorName"]) == (400, "ActionValidationFailed")
    assert refused.json()["parameters"]["actionType"] == "pay"
    assert EditLog(database).actions() == []
    done = post(client, "ann", path, body).json()
    assert (done["edits"]["modifiedObjectsCount"], [each["primaryKey"] for each in done["edits"]["edits"]]) == (2, [1, 5])
    assert [each.action_no for each in EditLog(database).since(0)] == [1, 1]
    assert [effect.kind for effect in Outbox(database).list()].count("materialize") == 1
    assert whole(database) == []


def test_a_preview_is_what_is_done_and_an_accepted_digest_nothing_else(client: TestClient) -> None:
    told = {"parameters": {"order": 1, "note": "later"}}
    preview = post(client, "ann", f"{PLATFORM}/actions/pay/preview", told).json()
    properties = {"paid": {"before": False, "after": True}, "note": {"before": "빠른 배송", "after": "later"}}
    assert preview["difference"]["changes"] == [{"kind": "modified", "object_type": "order", "key": "1", "properties": properties}]
    done = post(client, "ann", f"{PLATFORM}/actions/pay/apply", {**told, "accept": preview["difference"]["digest"]})
    assert done.status_code == 200 and done.json()["difference"] == preview["difference"]
    again = post(client, "ann", f"{PLATFORM}/actions/annotate/apply", {"parameters": {"order": 1, "note": "x"}, "accept": "another"})
    assert (again.status_code, again.json()["title"]) == (409, "DifferenceChanged")
    assert again.json()["digest"] != "another"


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    action=st.sampled_from(["pay", "annotate", "drop", "register", "assign"]),
    order=st.integers(0, 12),
    note=st.text("abc한 ", min_size=2, max_size=8),
)
def test_the_executed_difference_is_the_previewed_one(client: TestClient, action: str, order: int, note: str) -> None:
    told = {
        "pay": {"order": order, "note": note}, "annotate": {"order": order, "note": note}, "drop": {"order": order},
        "register": {"number": -1 - order, "customer": "#"}, "assign": {"order": order, "customer": "it's"},
    }[action]  # fmt: skip
    preview = post(client, "ann", f"{PLATFORM}/actions/{action}/preview", {"parameters": told}).json()
    done = post(client, "ann", f"{PLATFORM}/actions/{action}/apply", {"parameters": told})
    assert done.status_code == (200 if preview["valid"] else 400), done.text
    if preview["valid"]:
        assert done.json()["difference"] == preview["difference"]
        entry = client.get(f"{PLATFORM}/actions/log/{done.json()['action_no']}", headers={"X-As": "ann"}).json()
        if action not in ("drop", "register"):  # what is gone, and what only bosses see, is in no entry of hers
            assert entry["changes"] == preview["difference"]["changes"]


def test_a_version_that_the_caller_expected_is_held_to(client: TestClient) -> None:
    told = {"order": 1, "note": "one"}
    assert apply(client, "ann", "annotate", told, **{"If-Match": '"order/1@0"'}).status_code == 200
    stale = apply(client, "ben", "annotate", told, **{"If-Match": '"order/1@0"'})
    assert (stale.status_code, stale.json()["errorName"], stale.json()["parameters"]["actual"]) == (409, "StaleVersion", 1)
    body = {"parameters": told, "expected_versions": [{"object_type": "order", "key": "1", "version": 1}]}
    assert post(client, "ben", f"{PLATFORM}/actions/annotate/apply", body).status_code == 200
    assert post(client, "ben", f"{PLATFORM}/actions/annotate/apply", body).status_code == 409
    assert apply(client, "ben", "annotate", told, **{"If-Match": "order/1@0"}).status_code == 400


def test_concurrent_writers_lose_nothing_and_each_version_has_one_author(client: TestClient, database: Database) -> None:
    def write(number: int) -> tuple[int, str]:
        headers = {"If-Match": f'"order/1@{number % 6}"'} if number % 3 == 0 else {}
        note = f"note {number}"
        return apply(client, f"{'ann' if number % 2 else 'ben'}", "annotate", {"order": 1, "note": note}, **headers).status_code, note

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(write, range(48)))
    log = EditLog(database).history("order", "1")
    assert [row.version for row in log] == list(range(1, len(log) + 1))
    done = sorted(note for status, note in answers if status == 200)
    assert done == sorted(str(row.values["values"]["note"]) for row in log)  # type: ignore[index]
    assert {status for status, _ in answers} <= {200, 409}
    assert whole(database) == []


def test_a_retry_with_a_key_is_the_same_request(client: TestClient, database: Database) -> None:
    key = {"Idempotency-Key": "k-1"}
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: apply(client, "ann", "annotate", {"order": 1, "note": "hello"}, **key), range(16)))
    assert len({answer.content for answer in answers if answer.status_code == 200}) == 1
    assert {answer.status_code for answer in answers} <= {200, 409}
    assert {answer.json()["errorName"] for answer in answers if answer.status_code == 409} <= {"BeingAnswered"}
    assert len(EditLog(database).actions()) == 1
    other = apply(client, "ann", "annotate", {"order": 1, "note": "bye"}, **key)
    assert (other.status_code, other.json()["errorName"]) == (422, "KeyReused")
    assert apply(client, "ben", "annotate", {"order": 1, "note": "hello"}, **key).status_code == 200
    assert len(EditLog(database).actions()) == 2
    assert apply(client, "ann", "annotate", {"order": 1, "note": "x"}, **{"Idempotency-Key": "a b"}).status_code == 400


NASTY = ["", "\0", "a\0b", "\ud800", "x" * 5_000, "한국어 🛒", 10**400, -1, 1e308, None, True, [], {"a": 1}, "'; DROP TABLE edits; --"]


@pytest.mark.parametrize("nasty", NASTY, ids=lambda value: repr(value)[:20])
def test_nothing_that_an_action_is_told_breaks_it(client: TestClient, database: Database, nasty: Any) -> None:
    told = {"order": nasty, "note": nasty, "number": nasty, "customer": nasty}
    for action in ("annotate", "register", "assign", "pay"):
        for path in (f"{API}/actions/{action}/apply", f"{PLATFORM}/actions/{action}/preview", f"{PLATFORM}/actions/{action}/apply"):
            for some in (told, {**told, "order": 1}, {**told, "customer": "#", "number": 7_000}):
                body = json.dumps({"parameters": {name: some[name] for name in NEEDED[action]}})
                answer = client.post(path, content=body, headers={"X-As": "ann", "Idempotency-Key": str(uuid4())})
                assert answer.status_code in (200, 400), (answer.status_code, path, answer.text)
    asked = json.dumps({"objectPrimaryKey": {"customer_id": nasty}})
    assert client.post(f"{API}/objectTypes/customer/editsHistory", content=asked, headers={"X-As": "ann"}).status_code in (200, 400)
    assert whole(database) == []


NEEDED = {"annotate": ("order", "note"), "register": ("number", "customer"), "assign": ("order", "customer"), "pay": ("order", "note")}
