"""Actions that call functions, over HTTP and through a real worker process: previewed, refused, agreed to, taken back."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from palantir_assets.errors import FunctionsBusy
from palantir_assets.stores.database import Database, open_database
from palantir_assets.stores.edits import EditLog
from palantir_assets.stores.ledger import Ledger
from palantir_assets.stores.outbox import Outbox
from tests.fakes.release import NASTY_KEYS
from tests.fakes.shop_actions import API, HIDDEN, PLATFORM
from tests.fakes.shop_functions import counter

UNPAID = sorted(NASTY_KEYS)[1]
"""A customer none of whose orders is paid."""


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Database]:
    folder = tmp_path_factory.mktemp("ledger")
    database = open_database(f"sqlite:///{folder / 'ledger.db'}", folder / "audit.key")
    yield database
    database.close()


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory, ledger: Database) -> Iterator[TestClient]:
    """One service for all: each test changes orders of its own."""
    with counter(tmp_path_factory.mktemp("shop"), ledger) as made:
        yield made


def post(client: TestClient, who: str, path: str, body: Any = None, **headers: str) -> Any:
    return client.post(path, json=body or {}, headers={"X-As": who, **headers})


def preview(client: TestClient, who: str, action: str, **told: Any) -> Any:
    return post(client, who, f"{PLATFORM}/actions/{action}/preview", {"parameters": told})


def apply(client: TestClient, who: str, action: str, *, accept: str | None = None, **told: Any) -> Any:
    body = {"parameters": told, **({"accept": accept} if accept else {})}
    return post(client, who, f"{PLATFORM}/actions/{action}/apply", body)


def validated(client: TestClient, who: str, action: str, told: Mapping[str, Any], **headers: str) -> Any:
    body = {"parameters": told, "options": {"mode": "VALIDATE_ONLY"}}
    answer = post(client, who, f"{API}/actions/{action}/apply", body, **headers)
    assert answer.status_code == 200, answer.text
    return answer.json()["validation"]


def order(client: TestClient, number: int, who: str = "max") -> Any:
    return client.get(f"{API}/objects/order/{number}", headers={"X-As": who}).json()


def why(client: TestClient, who: str, action: str, **told: Any) -> str:
    """Why an action is refused, in the same words to who validates, previews and applies it."""
    (criterion,) = validated(client, who, action, told)["submissionCriteria"]
    refused = apply(client, who, action, **told)
    assert (refused.status_code, refused.json()["title"]) == (400, "ActionValidationFailed")
    findings = [each for each in refused.json()["findings"] if each["outcome"] == "failed"]
    (words,) = {each["message"] for each in (*findings, *preview(client, who, action, **told).json()["steps"]) if "message" in each}
    assert criterion == {"result": "INVALID", "configuredFailureMessage": words}
    return str(words)


def test_what_is_previewed_is_done_seen_at_once_and_taken_back(client: TestClient, ledger: Database) -> None:
    shown = preview(client, "ann", "pay_off", customer=UNPAID, most=4).json()["difference"]
    keys = [int(change["key"]) for change in shown["changes"]]
    assert len(keys) == 4 and max(keys) < HIDDEN
    before = [order(client, key) for key in keys]
    done = apply(client, "ann", "pay_off", accept=shown["digest"], customer=UNPAID, most=4).json()
    assert done["difference"] == shown
    for key, change in zip(keys, shown["changes"], strict=True):
        paid = {
            "paid": {"before": False, "after": True},
            "ordered_on": {"before": change["properties"]["ordered_on"]["before"], "after": "2024-09-09"},
        }
        assert change["properties"] == paid
        assert (order(client, key)["paid"], order(client, key)["ordered_on"]) == (True, "2024-09-09")
    again = preview(client, "ann", "pay_off", customer=UNPAID, most=4).json()["difference"]
    assert not {change["key"] for change in again["changes"]} & {str(key) for key in keys}
    assert post(client, "ben", f"{PLATFORM}/actions/log/{done['action_no']}/revert").status_code == 200
    assert [order(client, key) for key in keys] == before
    assert preview(client, "ann", "pay_off", customer=UNPAID, most=4).json()["difference"] == shown
    assert list(Ledger(ledger).verify_chain()) == []


def test_each_caller_changes_what_that_caller_sees(client: TestClient) -> None:
    every = {int(change["key"]) for change in preview(client, "max", "pay_off", customer=UNPAID, most=99).json()["difference"]["changes"]}
    seen = {int(change["key"]) for change in preview(client, "ann", "pay_off", customer=UNPAID, most=99).json()["difference"]["changes"]}
    assert seen == {key for key in every if key < HIDDEN} and seen < every


def test_an_object_that_is_hidden_is_one_that_is_not_there(client: TestClient, ledger: Database) -> None:
    head = EditLog(ledger).head()
    hidden, none = (why(client, "ann", "mark", orders=[60, key], note="x") for key in (HIDDEN + 7, 9999))
    assert hidden.replace("207", "N") == none.replace("9999", "N") == "edit 2: there is no order 'N'"
    assert EditLog(ledger).head() == head, "all of it, or nothing"
    assert preview(client, "max", "mark", orders=[60, HIDDEN + 7], note="x").json()["valid"]


def test_a_key_that_a_hidden_object_has_is_taken_in_the_same_words(client: TestClient) -> None:
    hidden, seen = (why(client, "ann", "do", what=what) for what in ("taken", "there"))
    assert hidden.replace("205", "N") == seen.replace("'5'", "'N'") == "edit 1: there is a order 'N' already"
    made = preview(client, "ann", "do", what="new").json()["difference"]["changes"]
    assert made[0]["kind"] == "created" and "cents" not in made[0]["properties"]


def test_what_is_not_listed_or_not_seen_is_not_changed(client: TestClient) -> None:
    assert why(client, "max", "do", what="customer") == "edit 1: it may not modify 'customer': the step does not list it under `edits`"
    assert why(client, "ann", "do", what="cents").startswith("edit 1: order has no property 'cents'")
    assert preview(client, "max", "do", what="cents").json()["difference"]["changes"][0]["properties"]["cents"]["after"] == "5"


@pytest.mark.parametrize(
    ("what", "en"),
    [
        ("endless", "it took longer than it may"),
        ("hog", "it asked for more memory than it may"),
        ("no list", "it gave what is no list of edits; the log says what"),
        ("no edit", "it gave what is no list of edits; the log says what"),
        ("no value", "it gave what is no list of edits; the log says what"),
        ("many", "it gives 1,001 edits, and at most 1,000 may be"),
    ],
)
def test_a_function_that_gives_no_edits_refuses_the_action(
    client: TestClient, caplog: pytest.LogCaptureFixture, what: str, en: str
) -> None:
    with caplog.at_level(logging.WARNING):
        told = validated(client, "ann", "do", {"what": what})
    assert told["submissionCriteria"] == [{"result": "INVALID", "configuredFailureMessage": en}]
    assert any("gave an action no edits: the function does" in each.getMessage() for each in caplog.records) is (what != "many")


def test_a_function_that_fails_tells_the_log_why_and_nobody_else(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        korean = validated(client, "ann", "do", {"what": "raise"}, **{"Accept-Language": "ko"})
    assert korean["submissionCriteria"] == [{"result": "INVALID", "configuredFailureMessage": "실행하지 못했습니다. 로그를 확인하세요"}]
    assert why(client, "ann", "do", what="raise") == "it failed; the log says why"
    refused = apply(client, "ann", "do", what="raise")
    assert "sesame" not in json.dumps(korean) + refused.text and "Traceback" not in refused.text
    assert any("sesame" in getattr(record, "traceback", "") for record in caplog.records)


def test_what_depends_on_chance_is_not_what_was_shown(client: TestClient) -> None:
    shown = preview(client, "ann", "do", what="chance").json()["difference"]
    refused = apply(client, "ann", "do", accept=shown["digest"], what="chance")
    assert (refused.status_code, refused.json()["title"]) == (409, "DifferenceChanged")
    number = apply(client, "ann", "ask_to_do", what="chance").json()["action_no"]
    refused = post(client, "max", f"{PLATFORM}/proposals/{number}/approve")
    assert (refused.status_code, refused.json()["title"]) == (409, "DifferenceChanged")
    assert post(client, "max", f"{PLATFORM}/proposals/{number}/reject").status_code == 200


def test_what_others_must_agree_to_is_done_when_they_do(client: TestClient) -> None:
    asked = apply(client, "ann", "ask_to_mark", orders=[61, 62], note="agreed").json()
    assert order(client, 61).get("note") != "agreed"
    assert post(client, "ann", f"{PLATFORM}/proposals/{asked['action_no']}/approve").status_code in (403, 404)
    done = post(client, "max", f"{PLATFORM}/proposals/{asked['action_no']}/approve").json()
    assert done["difference"]["changes"] == asked["difference"]["changes"] and len(done["difference"]["changes"]) == 2
    assert (order(client, 61)["note"], order(client, 62)["note"]) == ("agreed", "agreed")


def test_nobody_agrees_to_what_they_do_not_see(client: TestClient) -> None:
    hidden = apply(client, "max", "ask_to_do", what="hidden").json()["action_no"]
    assert post(client, "ann", f"{PLATFORM}/proposals/{hidden}/approve").status_code == 404
    wanders = apply(client, "max", "ask_to_do", what="wanders").json()["action_no"]
    assert apply(client, "ben", "annotate", order=3, note="moved").status_code == 200
    refused = post(client, "ann", f"{PLATFORM}/proposals/{wanders}/approve")
    assert (refused.status_code, refused.json()["title"]) == (403, "PermissionDenied") and "213" not in refused.text
    shown = post(client, "mia", f"{PLATFORM}/proposals/{wanders}/approve")
    assert shown.status_code == 409 and [each["key"] for each in shown.json()["changes"]] == ["213"]
    blind = post(client, "ann", f"{PLATFORM}/proposals/{wanders}/approve", {"accept": shown.json()["digest"]})
    assert blind.status_code == 403 and order(client, 213).get("note") != "here"


def test_who_agrees_learns_of_a_refusal_only_that_there_is_one(client: TestClient) -> None:
    number = apply(client, "max", "ask_to_do", what="late").json()["action_no"]
    assert apply(client, "ben", "annotate", order=4, note="late").status_code == 200
    refused = post(client, "ann", f"{PLATFORM}/proposals/{number}/approve")
    assert refused.status_code == 400 and "who asked for it sees why" in refused.text
    assert "nothing'" not in refused.text and "213" not in refused.text
    assert why(client, "max", "do", what="late").startswith("edit 1: order has no property 'nothing'")


def test_a_function_sees_the_steps_before_it_and_each_of_a_batch_what_came_before(client: TestClient) -> None:
    shown = preview(client, "max", "mark_and_count", order=70, note="unheard of").json()["difference"]["changes"]
    assert [each["key"] for each in shown] == ["70", "2"], "one was marked when it was called"
    requests = [{"parameters": {"note": "also unheard of"}}] * 3
    done = post(client, "max", f"{API}/actions/count/applyBatch", {"requests": requests, "options": {"returnEdits": "ALL"}})
    assert [each["primaryKey"] for each in done.json()["edits"]["edits"]] == [1, 2, 3]
    assert [order(client, key)["amount"] for key in (1, 2, 3)] == [0.0, 1.0, 2.0]
    assert preview(client, "max", "count", note="unheard of").json()["difference"]["changes"][0]["key"] == "1", "a preview is no edit"


def test_links_via_a_table_are_made_and_undone(client: TestClient) -> None:
    shown = preview(client, "ann", "hand_over", order=80, customer="..").json()["difference"]
    assert [link["kind"] for link in shown["links"]] == ["unlinked", "linked"] and shown["links"][1]["target"] == ".."
    assert apply(client, "ann", "hand_over", order=80, customer="..").json()["difference"] == shown
    linked = client.get(f"{API}/objects/order/80/links/customer", headers={"X-As": "ann"}).json()["data"]
    assert [each["customer_id"] for each in linked] == [".."]


def test_nothing_is_lost_where_many_call_at_once(client: TestClient) -> None:
    before = order(client, 81)["amount"]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda n: apply(client, "ann" if n % 2 else "ben", "add", order=81).status_code, range(12)))
    assert set(answers) <= {200, 409} and 200 in answers
    assert order(client, 81)["amount"] == before + answers.count(200)


def test_what_a_function_is_told_leaves_only_to_who_sees_all_that_it_may_have_been_written_into(
    client: TestClient, ledger: Database
) -> None:
    number = apply(client, "ann", "mark_and_tell", orders=[90], note="a word").json()["action_no"]
    told = {each.target: json.dumps(each.payload) for each in Outbox(ledger).list() if each.action_no == number}
    assert {who for who, text in told.items() if "with a word" in text} == {"max", "mia"}, "clerks do not see the cents of an order"
    assert set(told) == {"max", "mia", "ann", "ben", "till"}
    assert json.loads(told["till"])["parameters"] == {"orders": "\u2022\u2022\u2022", "note": "\u2022\u2022\u2022"}


def test_who_may_not_call_the_function_does_not_know_of_the_action(client: TestClient) -> None:
    for action in ("count", "mark_and_count"):
        assert apply(client, "ann", action, note="x", order=1).status_code == 404
        assert client.get(f"{API}/actionTypes/{action}", headers={"X-As": "ann"}).status_code == 404
        assert client.get(f"{API}/actionTypes/{action}", headers={"X-As": "max"}).status_code == 200


def test_a_function_that_gives_edits_is_no_query(client: TestClient) -> None:
    assert client.get(f"{API}/queryTypes", headers={"X-As": "max"}).json()["data"] == []
    assert client.get(f"{API}/fullMetadata", headers={"X-As": "max"}).json()["queryTypes"] == {}
    for answer in (
        post(client, "max", f"{API}/queries/adds/execute", {"parameters": {"order": 1}}),
        client.get(f"{API}/queryTypes/adds", headers={"X-As": "max"}),
        post(client, "max", f"{API}/metadata", {"queryTypes": ["adds"]}),
    ):
        assert (answer.status_code, answer.json()["errorName"]) == (400, "InvalidQuery")
        assert answer.json()["errorDescription"] == "the function adds gives edits and is no query. Next: apply an action that calls it"
    assert post(client, "ann", f"{API}/queries/counts/execute", {"parameters": {}}).status_code == 404


def test_an_action_type_tells_all_that_its_function_may_change(client: TestClient) -> None:
    told = client.get(f"{API}/actionTypes/hand_over/fullMetadata", headers={"X-As": "ann"}).json()
    objects = [(rule["type"], rule["objectTypeApiName"]) for rule in told["actionType"]["operations"] if "objectTypeApiName" in rule]
    assert objects == [(kind, "order") for kind in ("createObject", "modifyObject", "deleteObject")]
    links = [(rule["type"], rule["linkTypeApiNameAtoB"]) for rule in told["actionType"]["operations"] if "linkTypeApiNameAtoB" in rule]
    assert links == [("createLink", "customer"), ("deleteLink", "customer")]
    (rule,) = told["fullLogicRules"]
    assert (rule["type"], rule["functionVersion"]) == ("function", "1.0.0")
    assert rule["functionInputValues"]["order"] == {"type": "parameterId", "parameterId": "order"}
    where = {"type": "functionRid", "value": rule["functionRid"]}
    found = post(client, "ann", f"{API}/actionTypes/search", {"where": where}).json()["data"]
    assert [each["apiName"] for each in found] == ["hand_over"]


def test_where_every_worker_is_taken_the_answer_is_as_for_a_query(tmp_path: Path, ledger: Database) -> None:
    class Busy:
        def call(self, *asked: object, **more: object) -> object:
            raise FunctionsBusy("does", "was not run: 17 calls run or wait already")

    head = EditLog(ledger).head()
    with counter(tmp_path, ledger, runs=Busy()) as client:
        for answer in (
            apply(client, "ann", "do", what="new"),
            post(client, "ann", f"{API}/actions/do/apply", {"parameters": {"what": "new"}}),
        ):
            assert (answer.status_code, answer.headers["retry-after"]) == (503, "1")
            assert "QueryDeploymentNotAvailable" in answer.text
    assert EditLog(ledger).head() == head


def test_an_action_with_a_function_is_written_whole_on_every_database(tmp_path: Path, database: Database) -> None:
    with counter(tmp_path, database) as client:
        done = apply(client, "ann", "mark", orders=[8, 6], note="both")
        assert done.status_code == 200, done.text
        assert [(row.object_key, row.values["values"]) for row in EditLog(database).since(0)] == [
            ("8", {"note": "both"}),
            ("6", {"note": "both"}),
        ]
        assert why(client, "ann", "mark", orders=[8, 8, 9999], note="x") == "edit 3: there is no order '9999'"
        assert EditLog(database).head() == 2 and list(Ledger(database).verify_chain()) == []
