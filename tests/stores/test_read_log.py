"""A sensitive read is on record before its answer leaves, and an object's readers can be found."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor

from palantir_assets.stores.database import Database
from palantir_assets.stores.ledger import Ledger
from palantir_assets.stores.read_log import ReadEntry, ReadLog
from tests.stores.ledgers import NOW


def entry(answer: str, *keys: str, actor: str = "ada") -> ReadEntry:
    return ReadEntry(NOW, actor, answer, "patient", keys, "clinic.read", "r" * 32, 7, "GET /objects")


def test_a_read_is_one_audit_row_with_who_what_policy_and_release(database: Database) -> None:
    seq = ReadLog(database).record(entry("a1", "p1", "p2"))
    [row] = Ledger(database).audit()
    assert (row.seq, row.actor, row.action, row.subject) == (seq, "ada", "read", "patient")
    assert row.detail == {
        "answer": "a1",
        "keys": ["p1", "p2"],
        "policy": "clinic.read",
        "release_id": "r" * 32,
        "edit_no": 7,
        "surface": "GET /objects",
    }


def test_who_saw_an_object_and_in_which_answer(database: Database) -> None:
    log = ReadLog(database)
    for answer, actor, keys in (("a1", "ada", ["p1", "p2"]), ("a2", "bob", ["p2", "p2"]), ("a3", "ada", [])):
        log.record(entry(answer, *keys, actor=actor))
    assert [(row.actor, row.detail["answer"]) for row in log.who_saw("patient", "p2")] == [("ada", "a1"), ("bob", "a2")]
    assert [row.detail["answer"] for row in log.who_saw("patient", "p2", after=1)] == ["a2"]
    assert [row.detail["answer"] for row in log.who_saw("patient", "p2", limit=1)] == ["a1"]
    assert log.who_saw("patient", "p3") == log.who_saw("order", "p1") == []


def test_an_odd_key_is_on_record_too_and_no_trouble_to_others(database: Database) -> None:
    log = ReadLog(database)
    for key in ("nul \0", "half \ud800", "길" * 3000, "길" * 3001):
        log.record(entry("odd", key, "p1"))
        assert len(log.who_saw("patient", key)) == 1
    assert len(log.who_saw("patient", "p1")) == 4
    assert Ledger(database).verify_chain() == []


def test_threads_and_event_loops_record_together(database: Database) -> None:
    log = ReadLog(database)

    async def all_at_once() -> list[int]:
        return await asyncio.gather(*(log.record_async(entry(f"a{number}", "p1")) for number in range(200)))

    with ThreadPoolExecutor(8) as pool:
        threads = pool.map(lambda number: log.record(entry(f"t{number}", "p1")), range(100))
        numbers = asyncio.run(all_at_once()) + list(threads)
    assert sorted(numbers) == list(range(1, 301))
    assert len(log.who_saw("patient", "p1")) == 300
    assert Ledger(database).verify_chain() == []
