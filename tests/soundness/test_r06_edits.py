"""R06: an acknowledged edit survives, and none is doubled, while two writers are killed at random.

Each writer notes what it is about to ask and what was acknowledged in a file outside the database; a new writer
asks again, with the same key, what the one before it never heard an answer to. A kill may fall anywhere.
"""

from __future__ import annotations

import random
import time
from collections import Counter
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest

from palantir_assets.stores.database import Database, open_database
from palantir_assets.stores.edit_rows import EditRecord
from palantir_assets.stores.edits import EditLog
from palantir_assets.stores.ledger import Ledger
from tests.soundness.conftest import FULL, Score
from tests.soundness.crashing import kill, lines, note, start
from tests.stores.ledgers import batch, edit

OBJECTS = 20
KILLS, LEAST = (200, 10_000) if FULL else (20, 400)
"""Kills, and acknowledgements that there must be at the least."""


def write(url: str, key_file: Path, notes: Path, name: str, seed: int) -> None:
    """One writer's life: what was left open first, then new edits until it is killed."""
    random_objects = random.Random(seed)
    log = EditLog(open_database(url, key_file))
    told = [line.split() for line in lines(notes)]
    acknowledged = {words[1] for words in told if words[0] == "ack"}
    open_ends = [words[1] for words in told if words[0] == "ask" and words[1] not in acknowledged]
    fresh = (f"{name}-{number}" for number in count(len({words[1] for words in told})))
    while True:
        key = open_ends.pop() if open_ends else next(fresh)
        note(notes, f"ask {key}")
        done = log.append(batch(key=key, edits=[edit(f"o{random_objects.randrange(OBJECTS)}", {"key": key})]))
        note(notes, f"ack {key} {done.action_no}")


@pytest.mark.timeout(900)
def test_r06_an_acknowledged_edit_survives_and_none_is_doubled(ledger_url: str, key_file: Path, tmp_path: Path, score: Score) -> None:
    chance = random.Random(6)
    open_database(ledger_url, key_file).close()
    notes = {name: tmp_path / f"{name}.log" for name in "ab"}

    def begin(name: str, number: int) -> int:
        return start(lambda: write(ledger_url, key_file, notes[name], name, number))

    writers = {name: begin(name, 0) for name in notes}
    for number in range(1, KILLS + 1):
        time.sleep(chance.uniform(0.05, 0.35))
        name = chance.choice("ab")
        assert kill(writers[name]) == -9
        writers[name] = begin(name, number)
    while sum(len(acks(file)) for file in notes.values()) < LEAST:
        time.sleep(0.05)
    for writer in writers.values():
        assert kill(writer) == -9
    with closing(open_database(ledger_url, key_file)) as database:
        told = {key: action for file in notes.values() for key, action in acks(file).items()}
        found = violations(database, told, {line.split()[1] for file in notes.values() for line in lines(file)})
    print(f"\nR06: {KILLS + 2} kills, {len(told)} acknowledgements", *found, sep="\n  ")
    assert len(told) >= LEAST
    score("R06", len(told), len(found))


def acks(file: Path) -> dict[str, int]:
    return {words[1]: int(words[2]) for words in map(str.split, lines(file)) if words[0] == "ack"}


def violations(database: Database, told: dict[str, int], asked: set[str]) -> list[str]:
    """Lost, doubled, gaps, and whatever the chain and the database itself say."""
    edits = every(EditLog(database))
    by_key = Counter(str(each.values["key"]) for each in edits)
    action_of = {str(each.values["key"]): each.action_no for each in edits}
    found = [f"lost: {key}" for key, action in told.items() if action_of.get(key) != action]
    found += [f"doubled: {key}" for key, times in by_key.items() if times > 1]
    found += [f"nobody asked for {key}" for key in by_key if key not in asked]
    found += [f"edit {each.edit_no} has number {number}" for number, each in enumerate(edits, 1) if each.edit_no != number]
    for key in {each.object_key for each in edits}:
        versions = [each.version for each in edits if each.object_key == key]
        found += [] if versions == list(range(1, len(versions) + 1)) else [f"gaps in the versions of {key}"]
    return found + [str(problem) for problem in Ledger(database).verify_chain()] + integrity(database)


def every(log: EditLog) -> list[EditRecord]:
    found: list[EditRecord] = []
    while some := log.since(len(found), 5000):
        found += some
    return found


def integrity(database: Database) -> list[str]:
    """What SQLite says of its own file; PostgreSQL, of its rows when all of them are read."""
    if database.engine.dialect.name != "sqlite":
        return []
    with database.engine.connect() as connection:
        said = connection.exec_driver_sql("PRAGMA integrity_check").scalars().all()
    return [] if said == ["ok"] else list(said)
