"""The stream of changes over a real socket: it ends with the right to it, also where nobody reads, and goes on after a restart."""

from __future__ import annotations

import asyncio
import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.types import Scope

from palantir_assets.access.principal import Principal
from palantir_assets.actions.edits import ObjectEdit
from palantir_assets.serving.recognising import Unauthorized
from tests.fakes.changing_shop import PATH, Shop
from tests.fakes.release import ONTOLOGY, open_to_viewers, shop

WITHIN = 5.0
"""Seconds in which a revoked stream ends."""


class Revocable:
    """Takes every request for one caller's, until the token is revoked."""

    def __init__(self, principal: Principal) -> None:
        self.principal, self.revoked = principal, False

    def recognise(self, scope: Scope) -> Principal:
        if self.revoked:
            raise Unauthorized("the token was revoked")
        return self.principal


@pytest.fixture
def world(tmp_path: Path) -> Shop:
    made = Shop(tmp_path, open_to_viewers(ONTOLOGY))
    made.release(shop(orders=200))
    return made


@contextmanager
def serving(app: Any) -> Iterator[int]:
    """The app on a port of its own, until the block ends."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, ws="none", timeout_graceful_shutdown=1))
        thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])), daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join(10)


def begun(port: int, last: str = "", *, room: int | None = None) -> socket.socket:
    """A stream that was asked for; `room` is how much the system keeps for who does not read."""
    made = socket.socket()
    if room:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, room)
    made.settimeout(10)
    made.connect(("127.0.0.1", port))
    headers = ["Host: testserver", "Accept: text/event-stream", *([f"Last-Event-ID: {last}"] if last else [])]
    made.sendall("\r\n".join([f"GET {PATH}?types=order HTTP/1.1", *headers, "", ""]).encode())
    return made


def until(stream: socket.socket, word: bytes) -> bytes:
    """What came, up to the end of the event with a word; or all of it, where the stream ended before."""
    held = b""
    while b"\n\n" not in held.partition(word)[2] and (part := stream.recv(65536)):
        held += part
    return held


def events(told: bytes) -> list[dict[str, Any]]:
    """The whole events of what came."""
    lines = told[: told.rfind(b"\n\n")].replace(b"\r\n", b"\n").split(b"\n")
    return [json.loads(line.removeprefix(b"data: ")) for line in lines if line.startswith(b"data: ")]


def test_a_revoked_stream_is_closed_in_time_and_tells_nothing_more(world: Shop) -> None:
    known = Revocable(world.caller)
    with serving(world.app(recognises=known)) as port, begun(port) as stream:
        until(stream, b'"key":"199"')
        known.revoked = True
        time.sleep(0.4)
        world.edits.edits.append(ObjectEdit("modify", "order", "1", {"note": "secret"}))
        began = time.monotonic()
        rest = until(stream, b"nothing has this")
        assert time.monotonic() - began < WITHIN
        assert b"secret" not in rest


def test_a_stream_that_nobody_reads_ends_and_gives_its_place_back(world: Shop) -> None:
    known = Revocable(world.caller)
    app = world.app(recognises=known)
    with serving(app) as port, begun(port, room=4096) as stream:
        until(stream, b"retry")
        for number in range(200):  # more than the buffers on the way take
            world.edits.edits += [ObjectEdit("modify", "order", str(number), {"note": f"{number} {'x' * 50_000}"})]
        time.sleep(1.5)
        places = app.state.services.streams
        assert places._open["someone"] == 1
        known.revoked = True
        began = time.monotonic()
        while places._open["someone"]:
            assert time.monotonic() - began < WITHIN
            time.sleep(0.02)


def test_who_was_cut_off_by_a_restart_goes_on_after_the_last_event_that_came(world: Shop) -> None:
    with serving(world.app()) as port, begun(port) as stream:
        last = events(until(stream, b'"key":"120"'))[-1]
    world.edits.edits.append(ObjectEdit("modify", "order", "3", {"note": "meanwhile"}))
    with serving(world.app()) as port, begun(port, last["cursor"]) as stream:
        rest = events(until(stream, b"meanwhile"))
    keys = [int(event["key"]) for event in rest if event["kind"] == "added"]
    assert keys == list(range(int(last["key"]) + 1, 200))
