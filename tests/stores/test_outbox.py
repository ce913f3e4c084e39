"""Side effects leave once, or until somebody looks; a worker that dies gives them back."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest

from palantir_assets.stores.database import Database
from palantir_assets.stores.edit_rows import NewEffect
from palantir_assets.stores.edits import EditLog
from palantir_assets.stores.ledger import Ledger
from palantir_assets.stores.outbox import LEASE, Outbox
from tests.stores.ledgers import NOW, batch


@pytest.fixture
def outbox(database: Database) -> Outbox:
    return Outbox(database, most_attempts=3)


def put(database: Database, count: int) -> None:
    EditLog(database).append(batch("a", effects=[NewEffect("mail", f"{number}@example.org", {"n": number}) for number in range(count)]))


def told(database: Database) -> list[str]:
    return [row.action for row in Ledger(database).audit() if row.action.startswith("effect.")]


def test_what_is_due_is_claimed_in_order_and_once(outbox: Outbox, database: Database) -> None:
    assert outbox.take_due(NOW) == []
    put(database, 3)
    assert outbox.take_due(NOW - timedelta(seconds=1)) == []
    first = outbox.take_due(NOW, 2)
    assert [(each.effect_no, each.action_no, each.target, each.payload, each.attempt) for each in first] == [
        (1, 1, "0@example.org", {"n": 0}, 1),
        (2, 1, "1@example.org", {"n": 1}, 1),
    ]
    assert [each.effect_no for each in outbox.take_due(NOW, 2)] == [3]
    assert outbox.take_due(NOW, 2) == []


def test_workers_side_by_side_never_get_the_same_effect(outbox: Outbox, database: Database) -> None:
    put(database, 60)
    with ThreadPoolExecutor(8) as pool:
        taken = [each.effect_no for some in pool.map(lambda _: outbox.take_due(NOW, 5), range(20)) for each in some]
    assert sorted(taken) == list(range(1, 61))


def test_what_is_done_is_done_and_on_record(outbox: Outbox, database: Database) -> None:
    put(database, 1)
    [effect] = outbox.take_due(NOW)
    assert outbox.done(effect, at=NOW, actor="worker")
    assert not outbox.done(effect, at=NOW, actor="worker")
    assert outbox.take_due(NOW + timedelta(days=9)) == []
    assert told(database) == ["effect.done"]


def test_a_dead_workers_effect_is_taken_by_another_and_the_dead_one_has_no_say(outbox: Outbox, database: Database) -> None:
    put(database, 1)
    [late] = outbox.take_due(NOW)
    assert outbox.take_due(NOW + LEASE - timedelta(seconds=1)) == []
    [taken] = outbox.take_due(NOW + LEASE)
    assert (taken.effect_no, taken.attempt) == (late.effect_no, 2)
    assert not outbox.done(late, at=NOW, actor="late")
    assert not outbox.failed(late, "no", at=NOW, actor="late")
    assert outbox.done(taken, at=NOW, actor="worker")


def test_each_failure_waits_twice_as_long_and_the_last_is_for_somebody_to_look_at(outbox: Outbox, database: Database) -> None:
    put(database, 1)
    now, waits = NOW, []
    for _ in range(3):
        [effect] = outbox.take_due(now)
        assert outbox.failed(effect, "the server is away" * 100, at=now, actor="worker")
        [after] = outbox.list()
        waits.append((after.next_try_at - now).total_seconds())
        now = after.next_try_at
    assert waits == [10, 20, 40]
    assert outbox.take_due(now + timedelta(days=9)) == []
    [dead] = outbox.list("dead")
    assert (dead.attempt, len(dead.last_error or "")) == (3, 500)
    assert told(database) == ["effect.failed", "effect.failed", "effect.dead"]


def test_a_dead_effect_can_be_revived_and_only_a_dead_one(outbox: Outbox, database: Database) -> None:
    put(database, 1)
    assert not outbox.revive(1, at=NOW, actor="oncall")
    assert not outbox.revive(9, at=NOW, actor="oncall")
    now = NOW
    for _ in range(3):
        [effect] = outbox.take_due(now)
        outbox.failed(effect, "away", at=now, actor="worker")
        now += timedelta(hours=2)
    assert outbox.revive(1, at=now, actor="oncall")
    [effect] = outbox.take_due(now)
    assert effect.attempt == 1
    assert told(database)[-1] == "effect.revived"
    assert Ledger(database).verify_chain() == []


def test_the_audit_log_holds_no_recipient_and_no_error(outbox: Outbox, database: Database) -> None:
    put(database, 1)
    [effect] = outbox.take_due(NOW)
    outbox.failed(effect, "0@example.org does not exist", at=NOW, actor="worker")
    assert "example.org" not in str(Ledger(database).audit())
