"""R32: every sensitive read is on record: what left is in the audit chain, with who, what, policy and release, and no value.

Readers note each answer outside the database when it leaves; they are killed while they answer.
"""

from __future__ import annotations

import random
import threading
import time
from contextlib import closing
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from palantir_assets.stores.database import Database, open_database
from palantir_assets.stores.ledger import Ledger
from palantir_assets.stores.read_log import ReadEntry, ReadLog
from tests.soundness.conftest import FULL, Score
from tests.soundness.crashing import kill, lines, note, start

NOW = datetime(2024, 5, 1, tzinfo=UTC)
READERS, PATIENTS = 8, 50
ROWS = {f"p{number}": {"name": f"canary-{number}"} for number in range(PATIENTS)}
READS = 1000 if FULL else 100


def answer(log: ReadLog, left: Path, reader: str, seed: int) -> None:
    """A reader's requests, until it is killed: look up, record, and only then let the answer leave."""
    chance = random.Random(f"{reader} {seed}")
    for number in count():
        keys = chance.sample(sorted(ROWS), 3)
        rows = [ROWS[key] for key in keys]
        name = f"{reader}-{seed}-{number}"
        log.record(ReadEntry(NOW, reader, name, "patient", keys, "clinic.read", f"release-{seed}"))
        assert len(rows) == len(keys)
        note(left, " ".join([reader, name, f"release-{seed}", *keys]))


def serve(url: str, key_file: Path, left: Path, seed: int) -> None:
    log = ReadLog(open_database(url, key_file))
    for number in range(READERS):
        threading.Thread(target=answer, args=(log, left, f"reader{number}", seed), daemon=True).start()
    time.sleep(60)


def test_r32_what_left_is_on_record(ledger_url: str, key_file: Path, tmp_path: Path, score: Score) -> None:
    left = tmp_path / "left"
    open_database(ledger_url, key_file).close()
    seed = 0
    while len(lines(left)) < READS:
        child = start(lambda seed=seed: serve(ledger_url, key_file, left, seed))  # type: ignore[misc]
        until = time.monotonic() + 20
        while len(lines(left)) < (seed + 1) * READS // 4 and time.monotonic() < until:
            time.sleep(0.01)
        assert kill(child) == -9
        seed += 1
    told = lines(left)
    with closing(open_database(ledger_url, key_file)) as database:
        found = violations(database, told)
    print(f"\nR32: {len(told)} answers left through {seed} kills", *found[:5], sep="\n  ")
    score("R32", len(told), len(found))


def violations(database: Database, told: list[str]) -> list[str]:
    log, ledger = ReadLog(database), Ledger(database)
    found = [str(problem) for problem in ledger.verify_chain()]
    seen = {key: {str(row.detail["answer"]): row for row in log.who_saw("patient", key, limit=100_000)} for key in ROWS}
    for line in told:
        reader, name, release, *keys = line.split()
        for key in keys:
            row = seen[key].get(name)
            if row is None or (row.actor, row.detail["policy"], row.detail["release_id"], row.detail["keys"]) != (
                reader,
                "clinic.read",
                release,
                keys,
            ):
                found.append(f"not on record: {line}")
    texts = str(ledger.audit(limit=100_000))
    return found + [f"a value is in the audit log: {row['name']}" for row in ROWS.values() if row["name"] in texts]
