"""R09 over HTTP: each key is sent ten times at once to two processes, with another body, by somebody else, and again after
a process was ended between the commit and the reply: there is exactly one effect, and one answer.
"""

from __future__ import annotations

import http.client
import json
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from palantir_assets.stores.database import open_database
from palantir_assets.stores.edits import EditLog
from palantir_assets.stores.ledger import Ledger
from tests.fakes.shop_actions import API, PLATFORM
from tests.soundness.conftest import FULL, Score
from tests.soundness.crashing import KILLED, wait
from tests.soundness.shop_servers import Caller, Shop, ends_after_the_commit, shop_in
from tests.soundness.test_r06_edits import every

PARALLEL = 10
KEYS = 1000 if FULL else 20
CRASH_EACH = 40 if FULL else 10
"""Of so many keys, the first request of one is ended after its commit."""

Answer = tuple[int, bytes]


class Waits:
    """How often somebody was told that the same request is being answered."""

    def __init__(self) -> None:
        self.count = 0


@pytest.mark.timeout(3600)
def test_r09_a_key_has_exactly_one_effect_over_http(ledger_url: str, key_file: Path, tmp_path: Path, score: Score) -> None:
    shop, waits = shop_in(tmp_path / "shop", ledger_url, key_file), Waits()
    names = [f"k{number}" for number in range(KEYS)]
    for key in names[::CRASH_EACH]:
        assert crashed(shop, key) == KILLED
    found: list[str] = []
    with shop.served() as (_, one), shop.served() as (_, other), ThreadPoolExecutor(PARALLEL) as pool:
        callers = [Caller((one, other)[number % 2], "ann" if number < PARALLEL else "ben") for number in range(PARALLEL + 1)]
        for key in names:
            answers = set(pool.map(lambda caller: ask(caller, key, waits), callers[:-1]))  # noqa: B023 - ends in this round
            found += [] if len(answers) == 1 and all(status == 200 for status, _ in answers) else [f"{key} was answered with {answers}"]
            found += misused(callers[:2], callers[-1], key, answers.pop(), waits)
        for caller in callers:
            caller.close()
    with closing(open_database(ledger_url, key_file)) as database:
        effects = sorted((str(each.values["values"]["note"]), each.actor) for each in every(EditLog(database)))  # type: ignore[index]
        if effects != sorted([(f"{key}, first", "ann") for key in names] + [(f"{key}, other", "ben") for key in names]):
            found.append(f"{len(effects)} effects of {2 * KEYS} keys")
        found += [str(problem) for problem in Ledger(database).verify_chain()]
    print(f"\nR09 over HTTP: {KEYS} keys, {waits.count} requests told that they are being answered", *found, sep="\n  ")
    assert waits.count > 0
    score("R09", KEYS, len(found))


def ask(caller: Caller, key: str, waits: Waits, *, body: str = "first") -> Answer:
    """As a client does: a request in flight is waited for, and sent again."""
    while True:
        status, answer = sent(caller, key, body)
        if status != 409:
            return status, answer
        assert json.loads(answer).get("errorName", json.loads(answer).get("title")) == "BeingAnswered", answer
        waits.count += 1
        time.sleep(0.002)


def sent(caller: Caller, key: str, body: str) -> Answer:
    """Every second key in Foundry's shape, the others in ours."""
    number = int(key[1:])
    path = f"{API if number % 2 else PLATFORM}/actions/annotate/apply"
    return caller.post(path, {"parameters": {"order": number % 150, "note": f"{key}, {body}"}}, Idempotency_Key=key)


def crashed(shop: Shop, key: str) -> int:
    """How a process ended that committed the key's first request, and did not answer."""
    with shop.served(reach=ends_after_the_commit) as (child, port):
        caller = Caller(port, "ann")
        with pytest.raises((OSError, http.client.HTTPException)):
            sent(caller, key, "first")
        caller.close()
        return wait(child)


def misused(ann: list[Caller], ben: Caller, key: str, answer: Answer, waits: Waits) -> list[str]:
    """The key with another body is refused, at either process; somebody else's is another key, with an answer of its own."""
    found = []
    for caller in ann:
        status, body = ask(caller, key, waits, body="another")
        if status != 422 or b"KeyReused" not in body:
            found.append(f"{key} with another body was answered with {status}")
        if ask(caller, key, waits) != answer:
            found.append(f"{key} was answered anew after that")
    theirs = ask(ben, key, waits, body="other")
    if theirs[0] != 200 or theirs == answer:
        found.append(f"ben got {theirs} for ann's {key}")
    return found
