"""The API process: how soon it answers, how much memory it takes, and what it imports.

Start: from the start of `palantir serve` until /healthz gives 200, with the indexes of the release in place;
the median of several starts, each a new process. Memory: `smaps_rollup` of a process that has answered
queries of every kind, texts among them, so that the query encoder is loaded: Anonymous is what it cannot give
back, resident counts the mapped files too. Imports: `sys.modules` of that process, which a small wrapper
writes down when asked to.
"""

from __future__ import annotations

import json
import os
import sys
import time
import urllib.parse
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.bench import Bench
from benchmarks.catalogue import Measured
from benchmarks.processes import PALANTIR, environment, free_port, memory, serving
from benchmarks.report import BenchmarkError

STARTS = 5
BUILD_SIDE = frozenset(
    [
        *("dagster", "dagster_dbt", "dagster_mlflow", "dbt", "great_expectations", "matplotlib", "mlflow", "networkx", "onnx"),
        *("onnxscript", "pandas", "scipy", "sentence_transformers", "sklearn", "skops", "sqlglot", "torch", "transformers"),
    ]
)
WRAPPER = """
import json, pathlib, sys, threading
def tell():
    sys.stdin.readline()
    pathlib.Path(target).write_text(json.dumps(sorted({name.partition(".")[0] for name, module in list(sys.modules.items()) if module})))
target = sys.argv.pop()
threading.Thread(target=tell, daemon=True).start()
from palantir_assets.cli import main
sys.exit(main())
"""
TEXTS = ("John F Kennedy airport", "JFK 공항", "planes built by Airbus with many seats", "a route from Newark to Anchorage", "항공사")


def measure(bench: Bench) -> Mapping[str, Measured]:
    state = bench.built()
    starts = [_start(bench, state) for _ in range(STARTS)]
    bench.say(f"starts: {', '.join(f'{each:.2f}' for each in starts)} s")
    used, imported = _used(bench, state)
    found = sorted(imported & BUILD_SIDE)
    bench.say(f"anonymous {used['Anonymous']:.0f} MB, resident {used['Rss']:.0f} MB, build side imported: {', '.join(found) or 'nothing'}")
    return {
        "api_start": bench.measured(median(starts), f"median of {STARTS} starts; the slowest took {max(starts):.2f} s"),
        "api_anonymous": bench.measured(used["Anonymous"]),
        "api_resident": bench.measured(used["Rss"]),
        "api_build_modules": bench.measured(len(found), ", ".join(found)),
    }


def ask(port: int, path: str, body: Mapping[str, Any] | None = None) -> Any:
    """The JSON of one answer; a body makes it a POST."""
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data=data)
    with urllib.request.urlopen(request, timeout=60) as reply:
        return json.load(reply)


def _start(bench: Bench, state: Path) -> float:
    port = free_port()
    with serving([*PALANTIR, "serve"], environment(state, port), port, bench.log("api")) as server:
        return server.start


def _used(bench: Bench, state: Path) -> tuple[dict[str, float], set[str]]:
    """Memory after queries, and the top-level modules the process has imported by then."""
    port, told = free_port(), bench.work / f"modules-{os.getpid()}.json"
    command = [sys.executable, "-c", WRAPPER, "serve", str(told)]
    log = bench.log("api")
    with serving(command, environment(state, port), port, log) as server:
        asked = exercise(port)
        used = memory(server.pid)
        server.stdin.write(b"\n")
        server.stdin.flush()
        _wait_for(told)
    bench.say(f"asked {asked} queries")
    return used, set(json.loads(told.read_bytes()))


def exercise(port: int) -> int:
    """Ask of every kind: keys, pages, filters, orders, links, texts in two languages. Returns how many were asked."""
    objects, asked = "/api/v2/ontologies/default/objects", 0
    types = [each["apiName"] for each in ask(port, "/api/v2/ontologies/default/objectTypes")["data"]]
    for name in types:
        page = ask(port, f"{objects}/{name}?pageSize=1000")["data"]
        for each in page[::20]:
            ask(port, f"{objects}/{name}/{urllib.parse.quote(str(each['__primaryKey']), safe='')}")
            asked += 1
    for month in range(1, 13):
        where = {"type": "and", "value": [{"type": "eq", "field": "scheduled_month", "value": month}]}
        order = {"fields": [{"field": "arrival_delay_minutes", "direction": "desc"}]}
        worst = ask(port, f"{objects}/flight/search", {"where": where, "orderBy": order, "pageSize": 1000})["data"]
        ask(port, f"{objects}/flight/{worst[0]['__primaryKey']}/links/origin_day")
    for airport in ("JFK", "LGA", "EWR"):
        ask(port, f"{objects}/airport/{airport}/links/departures?pageSize=1000")
    for text in TEXTS * 4:
        ask(port, f"/api/platform/v1/search?q={urllib.parse.quote(text)}&limit=20")
    return asked + len(types) + 24 + 3 + 4 * len(TEXTS)


def _wait_for(file: Path) -> None:
    deadline = time.monotonic() + 10
    while not (file.exists() and file.stat().st_size):
        if time.monotonic() > deadline:
            raise BenchmarkError("the API did not tell what it had imported")
        time.sleep(0.02)
