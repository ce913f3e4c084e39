"""R32 over HTTP: every answer that left the API with something sensitive in it is on record, through kill -9 of the process.

The process serves a release of which one type is sensitive; readers ask for objects, pages, links and counts, and note
each answer that arrived whole. Whatever is killed in between, what arrived was durable before it left.
"""

from __future__ import annotations

import http.client
import json
import random
import socket
import threading
import time
from contextlib import closing
from pathlib import Path
from typing import Any

import uvicorn

from palantir_assets.access.principal import Principal
from palantir_assets.ontology.served_access import ServedAccess
from palantir_assets.serving.app import create_app
from palantir_assets.serving.recognising import AsAnyone
from palantir_assets.settings import Settings
from palantir_assets.stores.database import Database, open_database
from palantir_assets.stores.ledger import Ledger
from palantir_assets.stores.read_log import ReadLog
from tests.fakes.release import open_to_viewers, shop
from tests.fakes.shop_release import ListLog, release_shop, settings_in
from tests.soundness.conftest import FULL, Score
from tests.soundness.crashing import kill, lines, note, start

READS = 1000 if FULL else 200
READERS, KILLS = 8, 4
OBJECTS = "/api/v2/ontologies/default/objects"
COUNT = json.dumps({"aggregation": [{"type": "count", "name": "n"}], "groupBy": []}).encode()


def serve(settings: Settings, log: ListLog, url: str, key_file: Path, listener: socket.socket) -> None:
    database = open_database(url, key_file)
    reader = Principal("ada", frozenset({"viewer"}))
    app = create_app(settings, log, recognises=AsAnyone(reader), reads=ReadLog(database))
    uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, ws="none")).run(sockets=[listener])


def read(port: int, left: Path, seed: int, stop: threading.Event) -> None:
    """Ask until told to stop; what arrives whole is noted. What does not arrive is the killed process's."""
    chance, number = random.Random(seed), 0
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    while not stop.is_set():
        number += 1
        name = f"r{seed}-{number}"
        method, path, body = chance.choice(
            [
                ("GET", f"{OBJECTS}/order/{chance.randrange(250)}", None),
                ("GET", f"{OBJECTS}/order?pageSize={chance.randint(1, 5)}", None),
                ("POST", f"{OBJECTS}/order/aggregate", COUNT),
                ("GET", f"{OBJECTS}/customer/%C3%A9/links/orders?pageSize=3", None),
            ]
        )
        try:
            headers = {"X-Request-ID": name} | ({"Content-Type": "application/json"} if body else {})
            connection.request(method, path, body, headers)
            reply = connection.getresponse()
            told = json.loads(reply.read())
        except (OSError, http.client.HTTPException, ValueError):
            connection.close()
            time.sleep(0.02)
            continue
        if reply.status == 200:
            note(left, json.dumps([name, reply.getheader("release-id"), keys_in(told)]))


def keys_in(told: Any) -> list[str]:
    if "__primaryKey" in told:
        return [str(told["__primaryKey"])]
    return [str(each["__primaryKey"]) for each in told["data"] if "__primaryKey" in each]


def test_r32_every_answer_that_left_the_api_is_on_record(ledger_url: str, key_file: Path, tmp_path: Path, score: Score) -> None:
    settings, log, left = settings_in(tmp_path), ListLog(), tmp_path / "left"
    rules = open_to_viewers(shop().ontology).model_dump()
    rules["types"]["order"]["sensitive"] = True
    release_shop(settings, log, access=ServedAccess.model_validate(rules))
    open_database(ledger_url, key_file).close()
    listener = socket.create_server(("127.0.0.1", 0))
    stop, readers = threading.Event(), list[threading.Thread]()
    seed = 0
    try:
        while len(lines(left)) < READS:
            child = start(lambda: serve(settings, log, ledger_url, key_file, listener))
            if not readers:
                port = listener.getsockname()[1]
                readers = [threading.Thread(target=read, args=(port, left, each, stop), daemon=True) for each in range(READERS)]
                for reader in readers:
                    reader.start()
            until = time.monotonic() + 60
            while len(lines(left)) < (seed + 1) * READS // KILLS and time.monotonic() < until:
                time.sleep(0.01)
            assert kill(child) == -9
            seed += 1
            assert seed <= 4 * KILLS, "the service does not answer"
    finally:
        stop.set()
        listener.close()
        for reader in readers:
            reader.join(15)
    told = [json.loads(line) for line in lines(left)]
    with closing(open_database(ledger_url, key_file)) as database:
        found = violations(database, told)
    print(f"\nR32 over HTTP: {len(told)} answers left through {seed} kills", *found[:5], sep="\n  ")
    score("R32", len(told), len(found))


def violations(database: Database, told: list[Any]) -> list[str]:
    ledger = Ledger(database)
    found, rows, after = [str(problem) for problem in ledger.verify_chain()], list[Any](), 0
    while page := ledger.audit(after=after, limit=10_000):
        rows += page
        after = page[-1].seq
    by_answer = {row.detail["answer"]: row for row in rows if row.action == "read"}
    for name, release, keys in told:
        row, wanted = by_answer.get(name), ("ada", "order", release, sorted(keys))
        if row is None or (row.actor, row.subject, row.detail["release_id"], sorted(row.detail["keys"])) != wanted:
            found.append(f"not on record: {name}")
    seen = {row.detail["answer"] for row in ReadLog(database).who_saw("order", "5", limit=100_000)}
    found += [f"who saw order/5 does not name {name}" for name, _, keys in told if "5" in keys and name not in seen]
    return found
