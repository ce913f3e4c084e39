"""What one request costs the server: CPU time of its process for an object by key, beside a bare hello.

One connection asks, one request after the other, for objects whose keys are spread over the year; the CPU
time is that of /proc/PID/stat, so the client's own share is not in it. The hello is asked before and after:
where the two differ much, the machine was busy and the run says so. Logging is on, as it is by default.
"""

from __future__ import annotations

import http.client
import sys
import urllib.parse
from collections.abc import Mapping, Sequence
from pathlib import Path

from benchmarks.api import ask
from benchmarks.bench import Bench
from benchmarks.catalogue import Measured
from benchmarks.processes import PALANTIR, cpu_seconds, environment, free_port, serving

REQUESTS, WARM_UP, SETTLED = 10_000, 1_000, 0.15


def measure(bench: Bench) -> Mapping[str, Measured]:
    before = _hello(bench)
    wanted = _object(bench, bench.built())
    after = _hello(bench)
    control, drift = (before + after) / 2, abs(before - after) / max(before, after)
    note = f"hello {before:.0f} µs before and {after:.0f} µs after"
    bench.say(f"object by key {wanted:.0f} µs, {note}" + ("; the machine was busy, measure again" if drift > SETTLED else ""))
    return {
        "object_microseconds": bench.measured(wanted, f"{wanted / control:.2f} times the hello; {REQUESTS:,} requests"),
        "hello_microseconds": bench.measured(control, note),
    }


def _hello(bench: Bench) -> float:
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.hello", str(port)]
    with serving(command, environment(bench.work), port, bench.log("hello")) as server:
        return _microseconds(server.pid, port, ["/hello"])


def _object(bench: Bench, state: Path) -> float:
    port = free_port()
    with serving([*PALANTIR, "serve"], environment(state, port), port, bench.log("request")) as server:
        return _microseconds(server.pid, port, _paths(port))


def _paths(port: int) -> list[str]:
    """Paths of flights, a hundred from each month."""
    objects = "/api/v2/ontologies/default/objects/flight"
    keys = []
    for month in range(1, 13):
        where = {"type": "eq", "field": "scheduled_month", "value": month}
        keys += [each["__primaryKey"] for each in ask(port, f"{objects}/search", {"where": where, "pageSize": 100})["data"]]
    spread = [key for number in range(100) for key in keys[number::100]]
    return [f"{objects}/{urllib.parse.quote(key, safe='')}" for key in spread]


def _microseconds(pid: int, port: int, paths: Sequence[str]) -> float:
    """Server CPU µs a request, over REQUESTS of them after a warm-up, on one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        _ask_all(connection, paths, WARM_UP)
        before = cpu_seconds(pid)
        _ask_all(connection, paths, REQUESTS)
        return (cpu_seconds(pid) - before) / REQUESTS * 1e6
    finally:
        connection.close()


def _ask_all(connection: http.client.HTTPConnection, paths: Sequence[str], count: int) -> None:
    for number in range(count):
        connection.request("GET", paths[number % len(paths)])
        reply = connection.getresponse()
        reply.read()
        if reply.status != 200:
            raise http.client.HTTPException(f"{paths[number % len(paths)]} gave {reply.status}")
