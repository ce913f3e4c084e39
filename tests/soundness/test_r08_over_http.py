"""R08 over HTTP: eight clients of two processes edit twenty objects, each under the version that it last heard of.

Half of them say it in `If-Match` and in Foundry's shape, half in `expected_versions`. What they know of an object gets
old while others write: that, and one request in ten that is wrong on purpose, must be refused.
"""

from __future__ import annotations

import json
import random
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from palantir_assets.stores.database import open_database
from palantir_assets.stores.edits import EditLog
from palantir_assets.stores.ledger import Ledger
from tests.fakes.shop_actions import API, PLATFORM
from tests.soundness.conftest import FULL, Score
from tests.soundness.shop_servers import Caller, shop_in
from tests.soundness.test_r06_edits import every
from tests.soundness.test_r08_versions import violations

OBJECTS, CLIENTS = 20, 8
ACTIONS = 500 if FULL else 25
PEOPLE = ("ann", "ben", "max", "mia")


@pytest.mark.timeout(1800)
def test_r08_no_update_is_lost_over_http(ledger_url: str, key_file: Path, tmp_path: Path, score: Score) -> None:
    shop = shop_in(tmp_path / "shop", ledger_url, key_file)
    with shop.served() as (_, one), shop.served() as (_, other), ThreadPoolExecutor(CLIENTS) as pool:
        told = [each for history in pool.map(lambda number: client((one, other)[number % 2], number), range(CLIENTS)) for each in history]
        with closing(open_database(ledger_url, key_file)) as database:
            kept = {(each.object_key, each.version): each.values["values"]["note"] for each in every(EditLog(database))}  # type: ignore[index]
            found = violations(told, kept) + [str(problem) for problem in Ledger(database).verify_chain()]
        found += [problem for port in (one, other) for problem in unlike(port, kept)]
    refused = sum("actual" in each for each in told)
    print(f"\nR08 over HTTP: {len(told)} actions, {refused} refused as stale", *found, sep="\n  ")
    assert len(told) == CLIENTS * ACTIONS and len(told) // 20 < refused < len(told)
    score("R08", len(told), len(found))


def client(port: int, number: int) -> list[dict[str, Any]]:
    """What one client did: of each action the version it knew and sent, and the version that it made or was told of."""
    chance, caller = random.Random(number), Caller(port, PEOPLE[number % len(PEOPLE)])
    known: dict[str, int] = {}
    history: list[dict[str, Any]] = []
    for count in range(ACTIONS):
        key = str(chance.randrange(OBJECTS))
        read = known.get(key, 0)
        sent = read if chance.random() > 0.1 else read + 1000
        told: dict[str, Any] = {"object": key, "read": read, "sent": sent, "id": f"client {number}, action {count}"}
        status, body = annotated(caller, key, sent, told["id"], by_header=number < CLIENTS // 2)
        if status == 409:
            told["actual"] = known[key] = actual(body)
        else:
            assert status == 200, body
            told["version"] = known[key] = sent + 1
        history.append(told)
    caller.close()
    return history


def annotated(caller: Caller, key: str, version: int, note: str, *, by_header: bool) -> tuple[int, Any]:
    parameters = {"order": int(key), "note": note}
    if by_header:
        status, body = caller.post(f"{API}/actions/annotate/apply", {"parameters": parameters}, If_Match=f'"order/{key}@{version}"')
        assert status != 200 or json.loads(body)["validation"]["result"] == "VALID"
    else:
        expected = [{"object_type": "order", "key": key, "version": version}]
        status, body = caller.post(f"{PLATFORM}/actions/annotate/apply", {"parameters": parameters, "expected_versions": expected})
    return status, json.loads(body)


def actual(body: Any) -> int:
    """The version that a refusal names, in either shape."""
    told = body.get("parameters", body)
    assert (body.get("errorName") or body["title"]) == "StaleVersion", body
    return int(told["actual"])


def unlike(port: int, kept: dict[tuple[str, int], object]) -> list[str]:
    """The objects that are not read there as their last version says."""
    with closing(Caller(port, "ann")) as caller:
        last = {key: kept[key, max(version for other, version in kept if other == key)] for key, _ in kept}
        read = {key: caller.get(f"{API}/objects/order/{key}")["note"] for key in last}
    return [f"order {key} is read as {read[key]!r}, and is {last[key]!r}" for key in last if read[key] != last[key]]
