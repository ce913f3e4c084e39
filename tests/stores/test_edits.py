"""The edit log writes an action with all it does, or nothing of it, and each change knows its version."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from palantir_assets.errors import BeingAnswered, EditRefused, KeyReused, NotDecidable, StaleVersion
from palantir_assets.stores.database import Database
from palantir_assets.stores.edit_rows import Appended, Idempotency, NewEffect, Reply
from palantir_assets.stores.edits import EditLog
from palantir_assets.stores.ledger import Ledger
from palantir_assets.stores.migrations.schema_edits import ActionRow, EditRow, OutboxRow
from tests.stores.ledgers import NOW, batch, edit


@pytest.fixture
def log(database: Database) -> EditLog:
    return EditLog(database)


def whole(database: Database) -> list[str]:
    return [str(problem) for problem in Ledger(database).verify_chain()]


def test_an_empty_log_has_head_zero(log: EditLog) -> None:
    assert (log.head(), log.since(0), log.history("order", "1"), log.actions()) == (0, [], [], [])
    assert log.versions([("order", "1")]) == {("order", "1"): 0}


def test_edits_are_numbered_without_gaps_and_objects_count_their_versions(log: EditLog, database: Database) -> None:
    first = log.append(batch("a", "b", "a"))
    second = log.append(batch("a"))
    assert (first.action_no, first.first_edit, first.last_edit) == (1, 1, 3)
    assert first.versions == {("order", "a"): 2, ("order", "b"): 1}
    assert (second.action_no, second.first_edit, second.last_edit, second.versions) == (2, 4, 4, {("order", "a"): 3})
    assert [(each.edit_no, each.batch_no, each.object_key, each.version) for each in log.since(0)] == [
        (1, 1, "a", 1),
        (2, 1, "b", 1),
        (3, 1, "a", 2),
        (4, 4, "a", 3),
    ]
    assert log.head() == 4
    assert [each.edit_no for each in log.since(2, limit=1)] == [3]
    assert [each.version for each in log.history("order", "a")] == [1, 2, 3]
    assert [each.edit_no for each in log.of_action(1)] == [1, 2, 3]
    assert log.versions([("order", "a"), ("order", "c")]) == {("order", "a"): 3, ("order", "c"): 0}
    assert whole(database) == []


def test_values_come_back_as_they_were(log: EditLog) -> None:
    values = {"a": None, "b": 1.5, "c": "한국어 🛒 \u0000", "d": [1, {"e": True}]}
    log.append(batch(edits=[edit("1", values)], parameters={"note": "it's"}))
    assert log.history("order", "1")[0].values == values
    action = log.action(1)
    assert action is not None
    assert (action.action, action.parameters, action.actor, action.at, action.status) == ("pay", {"note": "it's"}, "ada", NOW, "applied")
    assert log.action(2) is None


def test_a_stale_version_is_refused_and_nothing_is_written(log: EditLog, database: Database) -> None:
    log.append(batch("a"))
    with pytest.raises(StaleVersion) as told:
        log.append(batch("b", "a", expected={"a": 0}))
    assert (told.value.object_type, told.value.key, told.value.expected, told.value.actual) == ("order", "a", 0, 1)
    assert log.head() == 1
    assert log.append(batch("b", "a", expected={"a": 1, "b": 0})).last_edit == 3
    assert whole(database) == []


def test_an_action_without_edits_is_on_record_too(log: EditLog, database: Database) -> None:
    done = log.append(batch())
    assert (done.action_no, done.first_edit, done.last_edit, done.versions) == (1, None, None, {})
    assert whole(database) == []


def test_each_action_has_exactly_one_audit_row_and_no_value_in_it(log: EditLog, database: Database) -> None:
    log.append(batch(edits=[edit("a", {"name": "s3cret"})], parameters={"name": "s3cret"}))
    rows = Ledger(database).audit()
    assert [(row.action, row.subject, row.actor) for row in rows] == [("action.applied", "pay", "ada")]
    assert "s3cret" not in str(rows)


@pytest.mark.parametrize("key", ["nul \0", "half \ud800", "long " * 500, "길" * 700])
def test_text_that_no_database_holds_is_refused(log: EditLog, key: str) -> None:
    with pytest.raises(EditRefused):
        log.append(batch(key))
    for odd in ({"edits": [edit("a", {"x": float("nan")})]}, {"actor": "a" * 201}, {"action": "a" * 101}, {"parameters": {"x": "\ud800"}}):
        with pytest.raises(EditRefused):
            log.append(batch(**odd))
    assert log.head() == 0


def test_the_same_key_and_body_get_the_same_reply_and_one_effect(log: EditLog, database: Database) -> None:
    first = log.append(batch("a", key="k1"))
    again = log.append(batch("a", key="k1"))
    assert first.reply == Reply(b"action 1, edits 1 to 1", 200)
    assert (again.reply, again.action_no, again.replayed, first.replayed) == (first.reply, 1, True, False)
    assert log.replay("ada", "k1", "body") == first.reply
    assert log.head() == 1
    assert whole(database) == []


def test_the_same_key_with_another_body_is_refused(log: EditLog) -> None:
    log.append(batch("a", key="k1"))
    with pytest.raises(KeyReused):
        log.append(batch("a", key="k1", body="other"))
    with pytest.raises(KeyReused):
        log.replay("ada", "k1", "other")
    assert log.head() == 1


def test_a_key_of_somebody_else_is_another_key(log: EditLog) -> None:
    log.append(batch("a", key="k1"))
    assert log.replay("bob", "k1", "body") is None
    assert not log.append(batch("a", key="k1", actor="bob", body="other")).replayed
    assert log.head() == 2


def test_a_refused_request_may_come_again_with_its_key(log: EditLog) -> None:
    log.append(batch("a"))
    with pytest.raises(StaleVersion):
        log.append(batch("a", expected={"a": 0}, key="k1"))
    assert log.append(batch("a", expected={"a": 1}, key="k1")).last_edit == 2


def test_while_a_key_is_being_answered_it_is_in_flight(database: Database) -> None:
    reached, go_on = threading.Event(), threading.Event()

    def hold(point: str) -> None:
        if point == "action.before_commit":
            reached.set()
            assert go_on.wait(timeout=30)

    log = EditLog(database, reach=hold)
    with ThreadPoolExecutor(1) as pool:
        first = pool.submit(log.append, batch("a", key="k1"))
        assert reached.wait(timeout=30)
        with pytest.raises(BeingAnswered):
            log.append(batch("a", key="k1"))
        go_on.set()
        assert log.append(batch("a", key="k2")).action_no == 2
        assert first.result(timeout=30).action_no == 1


def test_a_reply_that_cannot_be_put_is_its_own_affair(log: EditLog) -> None:
    def broken(done: Appended) -> Reply:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        log.append(batch("a", key="").__class__("pay", "ada", NOW, edits=[edit("a")], idempotency=Idempotency("ada", "k", "b", broken)))
    assert log.head() == 0
    assert log.append(batch("a")).first_edit == 1


def test_a_proposal_is_decided_once(log: EditLog, database: Database) -> None:
    proposed = log.append(batch(status="proposed", parameters={"n": 1}))
    done = log.append(batch("a", status="approved", decides=proposed.action_no, approver="bob"))
    assert done.action_no == proposed.action_no == 1
    action = log.action(1)
    assert action is not None
    assert (action.status, action.actor, action.approver, action.parameters) == ("approved", "ada", "bob", {"n": 1})
    for number in (1, 99):
        with pytest.raises(NotDecidable):
            log.append(batch("a", status="approved", decides=number, approver="bob"))
    assert log.head() == 1
    assert [(row.action, row.actor) for row in Ledger(database).audit()] == [("action.proposed", "ada"), ("action.approved", "bob")]
    assert whole(database) == []


def test_an_action_is_taken_back_once_and_nothing_is_erased(log: EditLog, database: Database) -> None:
    log.append(batch("a"))
    log.append(batch("a", action="revert", reverts_actions=[1]))
    with pytest.raises(NotDecidable):
        log.append(batch("a", action="revert", reverts_actions=[1]))
    assert [each.status for each in log.actions()] == ["reverted", "applied"]
    assert [each.action_no for each in log.actions(status="applied")] == [2]
    assert log.head() == 2
    assert whole(database) == []


def test_a_batch_that_is_refused_for_one_reason_leaves_no_other_trace(log: EditLog, database: Database) -> None:
    log.append(batch(status="proposed"))
    with pytest.raises(NotDecidable):
        log.append(batch("a", status="approved", decides=1, approver="bob", reverts_actions=[1]))
    assert [each.status for each in log.actions()] == ["proposed"]
    assert whole(database) == []


def test_side_effects_wait_in_the_outbox_of_the_same_transaction(log: EditLog, database: Database) -> None:
    log.append(batch("a", effects=[NewEffect("mail", "ops@example.org", {"text": "안녕"})]))
    with pytest.raises(StaleVersion):
        log.append(batch("a", expected={"a": 0}, effects=[NewEffect("mail", "nobody@example.org")]))
    rows = database.select(sa.select(OutboxRow))
    assert [(row.effect_no, row.action_no, row.kind, row.target, row.state) for row in rows] == [
        (1, 1, "mail", "ops@example.org", "waiting")
    ]


def test_many_threads_share_transactions_and_each_gets_its_own_answer(log: EditLog, database: Database) -> None:
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda number: log.append(batch(f"o{number % 7}")), range(200)))
    assert sorted(answer.first_edit or 0 for answer in answers) == list(range(1, 201))
    assert sorted(answer.action_no for answer in answers) == list(range(1, 201))
    for each in log.since(0):
        assert answers_version(answers, each.edit_no) == each.version
    assert whole(database) == []


def answers_version(answers: list[Appended], edit_no: int) -> int:
    return next(version for answer in answers if answer.first_edit == edit_no for version in answer.versions.values())


def test_in_a_shared_transaction_one_refusal_is_nobody_elses(log: EditLog, database: Database) -> None:
    def ask(number: int) -> bool:
        try:
            log.append(batch("same", expected={"same": 0}))
        except StaleVersion:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(ask, range(64))) == 1
    assert log.head() == 1
    assert whole(database) == []


def test_an_event_loop_waits_without_threads(log: EditLog, database: Database) -> None:
    async def all_at_once() -> list[Appended]:
        return await asyncio.gather(*(log.append_async(batch(f"o{number}")) for number in range(300)))

    answers = asyncio.run(all_at_once())
    assert sorted(answer.first_edit or 0 for answer in answers) == list(range(1, 301))
    assert whole(database) == []


def test_an_error_of_the_database_is_everybodys_and_the_log_goes_on(database: Database) -> None:
    broken = True

    def fail(point: str) -> None:
        if broken and point == "action.before_commit":
            raise OSError("the disk is gone")

    log = EditLog(database, reach=fail)
    for _ in range(2):
        with pytest.raises(Exception, match="the disk is gone"):
            log.append(batch("a"))
    broken = False
    assert log.append(batch("a")).first_edit == 1
    assert whole(database) == []


TAMPERING = {
    "edit": ("UPDATE edits SET object_key = 'z' WHERE edit_no = 2", "edits 2 to 3 are not those that audit row 2 tells of"),
    "delete": ("DELETE FROM edits WHERE edit_no = 2", "edits 2 to 3 are not those that audit row 2 tells of"),
    "cut tail": ("DELETE FROM edits WHERE edit_no > 3", "edits 4 to 4 are not those that audit row 3 tells of"),
    "insert": (
        'INSERT INTO edits SELECT 5, batch_no, object_type, object_key, 9, kind, "values", action, action_no, actor, at, reverts'
        " FROM edits WHERE edit_no = 4",
        "edit 5 has no audit row",
    ),
    "status": (
        "UPDATE action_log SET status = 'reverted' WHERE action_no = 2",
        "action 2 is applied in the audit chain and reverted in the log",
    ),
    "action": ("DELETE FROM action_log WHERE action_no = 2", "action 2 is applied in the audit chain and missing in the log"),
}


@pytest.mark.parametrize("how", TAMPERING)
def test_tampering_with_edits_and_actions_shows(log: EditLog, database: Database, how: str) -> None:
    for keys in (("a",), ("b", "c"), ("a",)):
        log.append(batch(*keys))
    assert whole(database) == []
    statement, told = TAMPERING[how]
    with database.engine.begin() as connection:
        connection.exec_driver_sql(statement)
    assert whole(database) == [told]


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(batches=st.lists(st.lists(st.tuples(st.sampled_from("abc"), st.booleans()), min_size=1, max_size=4), min_size=1, max_size=8))
def test_versions_are_what_counting_by_hand_gives(log: EditLog, database: Database, batches: list[list[tuple[str, bool]]]) -> None:
    counted = {key: log.versions([("order", key)])[("order", key)] for key in "abc"}
    for told in batches:
        keys = [key for key, _ in told]
        stale = any(wrong for _, wrong in told)
        expected = {key: counted[key] + wrong for key, wrong in told}
        try:
            done = log.append(batch(*keys, expected=expected))
        except StaleVersion:
            assert stale
            continue
        for key in keys:
            counted[key] += 1
        assert done.versions == {("order", key): counted[key] for key in keys}
    assert log.versions([("order", key) for key in "abc"]) == {("order", key): count for key, count in counted.items()}
    with database.engine.connect() as connection:
        assert connection.scalar(sa.select(sa.func.count()).select_from(EditRow)) == log.head()
        assert connection.scalar(sa.select(sa.func.max(ActionRow.action_no))) == len(log.actions()) or not log.actions()
