"""R20: logs never hurt users. A shop is served whose lines go to a Loki that refuses, swallows, fails or is slow.

Beside it the same shop is served without Loki. The two are asked in turns, request by request and as fast as they answer,
so that what else the machine does disturbs both alike; what is compared is the 99th of 100 latencies. Then Loki is mended
and the shop ended: what Loki holds and what was counted as dropped are all lines, and the local log has each of them.
"""

from __future__ import annotations

import http.client
import json
import logging
import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, replace
from pathlib import Path
from statistics import quantiles

import pytest
import uvicorn

from palantir_assets.observability import configure, finish, sent_away, tell
from palantir_assets.observability.shipping import Pace
from palantir_assets.serving.app import create_app
from palantir_assets.settings import LokiSettings
from palantir_assets.stores.loki import shipped_to
from tests.fakes.shop_actions import API, ByHeader
from tests.fakes.shop_release import NOW
from tests.observability.loki_server import LokiServer, Mode, listening, loki
from tests.soundness.conftest import Score
from tests.soundness.crashing import start, wait
from tests.soundness.shop_servers import Shop, shop_in

pytestmark = [pytest.mark.soundness, pytest.mark.timeout(1800)]

MODES: tuple[Mode, ...] = ("refused", "black hole", "500", "slow")
REQUESTS, WARMING, MOST = 25_000, 1_000, 1.1
BURST, MOST_MEMORY = 200_000, 32_000_000


@pytest.mark.parametrize("mode", MODES)
def test_r20_whoever_asks_does_not_notice_what_loki_does(mode: Mode, tmp_path: Path, score: Score) -> None:
    shop = shop_in(tmp_path / "shop", f"sqlite:///{tmp_path / 'ledger.db'}", tmp_path / "keys" / "audit.key")
    with ExitStack() as stack:
        server = stack.enter_context(loki(mode))
        with served(shop, tmp_path / "with", LokiSettings(server.url)) as one, served(shop, tmp_path / "without", None) as other:
            ratio, asked = compared(one, other)
            mended(server, mode, stack)
        counts, held = json.loads((tmp_path / "with" / "counts").read_text()), server.lines()
    local = (tmp_path / "with" / "log").read_text().splitlines()
    print(f"\nR20, {mode}: p99 with Loki {ratio:.3f} of that without; {counts}, {len(held)} held")
    score("R20", asked, (ratio > MOST) + unlike(counts, held, local) + (sum('"message":"request"' in line for line in local) != asked))


@pytest.mark.parametrize("mode", MODES)
def test_r20_a_flood_of_lines_takes_little_memory_and_every_loss_is_counted(mode: Mode, tmp_path: Path, score: Score) -> None:
    with ExitStack() as stack:
        server = stack.enter_context(loki(mode))
        (tmp_path / "mended").unlink(missing_ok=True)
        child = start(lambda: flood(LokiSettings(server.url), tmp_path))
        while not (tmp_path / "told").exists():
            time.sleep(0.05)
        mended(server, mode, stack)
        (tmp_path / "mended").touch()
        assert wait(child) == 0
        counts, held = json.loads((tmp_path / "counts").read_text()), server.lines()
    grown, local = int((tmp_path / "told").read_text()), (tmp_path / "log").read_text().splitlines()
    print(f"\nR20, {mode}: {grown / 1e6:.1f} MB more memory; {counts}, {len(held)} held")
    assert counts["dropped"] > 0
    flooded = [json.loads(line)["n"] for line in local if '"message":"flood"' in line]
    score("R20", BURST, (grown > MOST_MEMORY) + unlike(counts, held, local) + (flooded != list(range(BURST))))


def unlike(counts: dict[str, int], held: list[str], local: list[str]) -> int:
    """What is wrong with the counts: what Loki holds was delivered, and stands in the file; the rest was dropped."""
    lost = counts["told"] - len(held)
    return (counts["dropped"] != lost) + (counts["in_doubt"] != 0) + (counts["delivered"] != len(held)) + (not set(held) <= set(local))


def mended(server: LokiServer, mode: Mode, stack: ExitStack) -> None:
    if mode == "refused":
        stack.enter_context(listening(server))
    server.now("ok")
    time.sleep(server.slow + 0.5 if mode == "slow" else 0.5)


def compared(one: int, other: int) -> tuple[float, int]:
    """The ratio of the 99th of 100 latencies of two ports, and how often each was asked."""
    sides = {port: http.client.HTTPConnection("127.0.0.1", port, timeout=60) for port in (one, other)}
    found: dict[int, list[float]] = {one: [], other: []}
    for number in range(REQUESTS):
        for port in (one, other) if number % 2 else (other, one):
            found[port].append(latency(sides[port], number))
    for connection in sides.values():
        connection.close()
    p99 = {port: quantiles(taken[WARMING:], n=100)[98] for port, taken in found.items()}
    return p99[one] / p99[other], REQUESTS


def latency(connection: http.client.HTTPConnection, number: int) -> float:
    """Seconds until one answer was read."""
    began = time.perf_counter()
    connection.request("GET", f"{API}/objects/order/{number % 200}", headers={"X-As": "ann"})
    answer = connection.getresponse()
    answer.read()
    assert answer.status == 200
    return time.perf_counter() - began


@contextmanager
def served(shop: Shop, folder: Path, settings: LokiSettings | None) -> Iterator[int]:
    """A process that serves the shop and logs as `serve` does, to a file; its port. It ends by SIGTERM and leaves its counts."""
    folder.mkdir()
    with socket.create_server(("127.0.0.1", 0), backlog=64) as listener:
        child = start(lambda: serve(shop, listener, folder, settings))
        port: int = listener.getsockname()[1]
    try:
        yield port
    finally:
        os.kill(child, signal.SIGTERM)
        assert wait(child) == 0


def serve(shop: Shop, listener: socket.socket, folder: Path, settings: LokiSettings | None) -> None:
    signal.signal(signal.SIGTERM, lambda *_: None)  # which uvicorn raises again at its end
    app = create_app(shop.settings, shop.pointers, clock=lambda: NOW, recognises=ByHeader())
    config = uvicorn.Config(app, log_config=None, access_log=False, ws="none", timeout_keep_alive=600)
    logged(folder, settings, Pace(), lambda: uvicorn.Server(config).run(sockets=[listener]))


def flood(settings: LokiSettings, folder: Path) -> None:
    def told() -> None:
        log, before = logging.getLogger("flood"), resident()
        for number in range(BURST):
            tell(log, "flood", {"n": number, "path": "/주문/" + "x" * 100})
        (folder / "told").write_text(str(resident() - before))
        while not (folder / "mended").exists():
            time.sleep(0.05)

    logged(folder, settings, replace(Pace(), at_exit=120.0), told)


def logged(folder: Path, settings: LokiSettings | None, pace: Pace, work: Callable[[], None]) -> None:
    """Work whose lines stand in a file of the folder and go to that Loki, and nowhere else."""
    logging.getLogger().handlers[:] = []
    with (folder / "log").open("a", encoding="utf-8") as stream:
        configure("INFO", stream, away=None if settings is None else lambda: shipped_to(settings, "api", pace))
        work()
        finish()
        counts = sent_away()
        (folder / "counts").write_text(json.dumps(counts and asdict(counts)))


def resident() -> int:
    """Bytes of memory that this process holds."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
