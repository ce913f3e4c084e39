"""R08: no update is lost. Eight clients edit twenty objects, each with the version it read; a history checker looks at all of it.

Four clients share a process, and two processes share the ledger. One action in ten sends a version that it knows
to be old, or one that is yet to come.
"""

from __future__ import annotations

import json
import random
import threading
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

from palantir_assets.errors import StaleVersion
from palantir_assets.stores.database import open_database
from palantir_assets.stores.edits import EditLog
from palantir_assets.stores.ledger import Ledger
from tests.soundness.conftest import FULL, Score
from tests.soundness.crashing import lines, note, start, wait
from tests.soundness.test_r06_edits import every
from tests.stores.ledgers import batch, edit

OBJECTS, PROCESSES, THREADS = 20, 2, 4
ACTIONS = 500 if FULL else 50


def client(log: EditLog, history: Path, name: str, actions: int) -> None:
    chance = random.Random(name)
    for number in range(actions):
        key = f"o{chance.randrange(OBJECTS)}"
        read = log.versions([("order", key)])[("order", key)]
        sent = read if chance.random() > 0.1 else chance.choice([read - 1, read + 1000])
        told: dict[str, Any] = {"client": name, "object": key, "read": read, "sent": sent, "id": f"{name}-{number}"}
        try:
            done = log.append(batch(edits=[edit(key, {"id": told["id"]})], expected={key: sent}, actor=name))
        except StaleVersion as stale:
            told["actual"] = stale.actual
        else:
            told["version"] = done.versions[("order", key)]
        note(history, json.dumps(told))


def clients(url: str, key_file: Path, history: Path, process: int, actions: int) -> None:
    with closing(open_database(url, key_file)) as database:
        log = EditLog(database)
        threads = [threading.Thread(target=client, args=(log, history, f"{process}.{number}", actions)) for number in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()


def test_r08_no_update_is_lost(ledger_url: str, key_file: Path, tmp_path: Path, score: Score) -> None:
    history = tmp_path / "history"
    open_database(ledger_url, key_file).close()
    children = [start(lambda process=process: clients(ledger_url, key_file, history, process, ACTIONS)) for process in range(PROCESSES)]  # type: ignore[misc]
    assert [wait(child) for child in children] == [0] * PROCESSES
    told = [json.loads(line) for line in lines(history)]
    assert len(told) == PROCESSES * THREADS * ACTIONS
    with closing(open_database(ledger_url, key_file)) as database:
        kept = {(each.object_key, each.version): each.values["id"] for each in every(EditLog(database))}
        found = violations(told, kept) + [str(problem) for problem in Ledger(database).verify_chain()]
    refused = sum("actual" in each for each in told)
    print(f"\nR08: {len(told)} actions, {refused} refused as stale", *found, sep="\n  ")
    assert refused > len(told) // 20
    score("R08", len(told), len(found))


def violations(told: Iterable[dict[str, Any]], kept: dict[tuple[str, int], object]) -> list[str]:
    """Each version has exactly one author, who sent the one before it; who sent another was refused, with the truth."""
    applied = [each for each in told if "version" in each]
    found = [f"{each} was written over an old version" for each in applied if each["version"] != each["sent"] + 1]
    found += [f"{each} was refused and was not stale" for each in told if "actual" in each and each["actual"] == each["sent"]]
    found += [f"{each} was refused with a version that went back" for each in told if each.get("actual", each["read"]) < each["read"]]
    found += [f"{each} is lost" for each in applied if kept.get((each["object"], each["version"])) != each["id"]]
    authors = Counter((each["object"], each["version"]) for each in applied)
    found += [f"{version} has {number} authors" for version, number in authors.items() if number > 1]
    found += [f"{version} has no author" for version in kept if version not in authors]
    found += [f"{(key, version - 1)} was skipped" for key, version in kept if version > 1 and (key, version - 1) not in kept]
    return found


def test_the_checker_finds_what_it_looks_for() -> None:
    good = {"object": "o", "read": 0, "sent": 0, "id": "x", "version": 1}
    assert violations([good], {("o", 1): "x"}) == []
    assert len(violations([good], {})) == 1
    assert len(violations([good, good], {("o", 1): "x"})) == 1
    assert len(violations([{**good, "version": 2}], {("o", 2): "x"})) == 2
    assert len(violations([], {("o", 1): "x"})) == 1
    assert len(violations([{"object": "o", "read": 1, "sent": 1, "id": "x", "actual": 1}], {})) == 1
