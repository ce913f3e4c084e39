"""R09: retrying is safe. Each key is asked ten times at once through two processes' worth of logs, with another body,
by somebody else, and again after the process was ended between the commit and the reply: there is exactly one effect.
"""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from palantir_assets.errors import BeingAnswered, KeyReused
from palantir_assets.stores.database import open_database
from palantir_assets.stores.edit_rows import Reply
from palantir_assets.stores.edits import AFTER_COMMIT, EditLog
from palantir_assets.stores.ledger import Ledger
from tests.soundness.conftest import FULL, Score
from tests.soundness.crashing import KILLED, start, wait
from tests.soundness.test_r06_edits import every
from tests.stores.ledgers import batch, edit

PARALLEL = 10
CRASH_EACH = 10
"""Of so many keys, the first request of one is ended after its commit."""
KEYS = 1000 if FULL else 100


def ask(log: EditLog, key: str, *, actor: str = "ada", body: str = "body") -> Reply:
    """As a client does: a request in flight is waited for, and asked again."""
    while True:
        try:
            done = log.append(batch(key=key, actor=actor, body=body, edits=[edit(f"o{key}", {"key": key, "actor": actor})]))
        except BeingAnswered:
            time.sleep(0.001)
        else:
            assert done.reply is not None
            return done.reply


def crash(url: str, key_file: Path, keys: list[str]) -> int:
    """A process that commits the first key and ends before it answers."""

    def end(point: str) -> None:
        if point == AFTER_COMMIT:
            import os

            os._exit(KILLED)

    return wait(start(lambda: ask(EditLog(open_database(url, key_file), reach=end), keys[0]) and None))


@pytest.mark.timeout(900)
def test_r09_a_key_has_exactly_one_effect(ledger_url: str, key_file: Path, score: Score) -> None:
    names = [f"k{number}" for number in range(KEYS)]
    open_database(ledger_url, key_file).close()
    for key in names[::CRASH_EACH]:
        assert crash(ledger_url, key_file, [key]) == KILLED
    found: list[str] = []
    with closing(open_database(ledger_url, key_file)) as one, closing(open_database(ledger_url, key_file)) as other:
        logs = [EditLog(one), EditLog(other)]
        with ThreadPoolExecutor(PARALLEL) as pool:
            for key in names:
                replies = set(pool.map(lambda number: ask(logs[number % 2], key), range(PARALLEL)))  # noqa: B023 - ends in this round
                found += [] if len(replies) == 1 else [f"{key} was answered in {len(replies)} ways"]
                found += misused(logs, key, replies.pop())
        edits = every(logs[0])
        effects = sorted((str(each.values["key"]), str(each.values["actor"])) for each in edits)
        if effects != sorted((key, actor) for key in names for actor in ("ada", "bob")):
            found.append(f"{len(effects)} effects of {2 * KEYS} keys")
        found += [str(problem) for problem in Ledger(one).verify_chain()]
    print(f"\nR09: {KEYS} keys", *found, sep="\n  ")
    score("R09", KEYS, len(found))


def misused(logs: list[EditLog], key: str, reply: Reply) -> list[str]:
    """The key with another body is refused; somebody else's is another key, with a reply of its own."""
    found = [] if logs[1].replay("ada", key, "body") == reply else [f"the stored reply of {key} is another one"]
    for log in logs:
        try:
            ask(log, key, body="another body")
            found.append(f"{key} was taken with another body")
        except KeyReused:
            pass
    if ask(logs[0], key, actor="bob", body="another body") == reply:
        found.append(f"bob got ada's reply to {key}")
    return found
