"""Changes as server-sent events: as they come, for as long as the caller may see them, and on from the last one that arrived."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from fastapi import FastAPI
from starlette.types import Message, Scope

from palantir_assets.access.principal import Principal
from palantir_assets.actions.edits import ObjectEdit
from palantir_assets.serving import changes
from palantir_assets.serving.recognising import Unauthorized
from palantir_assets.serving.streams import Streams
from tests.fakes.changing_shop import PATH, Shop
from tests.fakes.release import ONTOLOGY, open_to_viewers, shop


@pytest.fixture
def world(tmp_path: Path) -> Shop:
    made = Shop(tmp_path, open_to_viewers(ONTOLOGY))
    made.release(shop(orders=5))
    return made


@dataclass
class Revocable:
    """Takes every request for one caller's, until the token is revoked."""

    principal: Principal
    revoked: bool = False

    def recognise(self, scope: Scope) -> Principal:
        if self.revoked:
            raise Unauthorized("the token was revoked")
        return self.principal


class Stream:
    """A stream as a server sends it, read message by message: the test client only knows answers that end."""

    def __init__(self, app: FastAPI, query: str = "", last: str = "") -> None:
        headers = [(b"host", b"testserver"), (b"accept", b"text/event-stream"), *([(b"last-event-id", last.encode())] if last else [])]
        self.scope: Scope = {
            "type": "http", "method": "GET", "path": PATH, "raw_path": PATH.encode(), "query_string": query.encode(),
            "headers": headers, "http_version": "1.1", "scheme": "http", "server": ("testserver", 80), "client": ("127.0.0.1", 1),
            "root_path": "",
        }  # fmt: skip
        self.app, self.messages, self.gone = app, asyncio.Queue[Message](), asyncio.Event()
        self.task = asyncio.create_task(app(self.scope, self._receive, self.messages.put))

    async def _receive(self) -> Message:
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def part(self) -> bytes:
        message = await asyncio.wait_for(self.messages.get(), 10)
        return message.get("body", b"") if message["type"] == "http.response.body" else str(message["status"]).encode()

    async def events(self, count: int) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        while len(found) < count:
            part = await self.part()
            if b"data: " in part:
                found.append(json.loads(part.partition(b"data: ")[2]))
        return found

    async def leave(self) -> None:
        self.gone.set()
        await asyncio.wait_for(self.task, 10)


@contextmanager
def quick() -> Iterator[None]:
    before = changes.LOOK_EVERY_SECONDS, changes.BEAT_EVERY_SECONDS
    changes.LOOK_EVERY_SECONDS, changes.BEAT_EVERY_SECONDS = 0.01, 0.05  # type: ignore[misc]
    try:
        yield
    finally:
        changes.LOOK_EVERY_SECONDS, changes.BEAT_EVERY_SECONDS = before  # type: ignore[misc]


def streamed(world: Shop, do: Any, **more: Any) -> None:
    """Run a coroutine function over the app, with its lifespan."""

    async def run() -> None:
        app = world.app(**more)
        async with app.router.lifespan_context(app):
            await do(app)

    with quick():
        asyncio.run(run())


def test_a_stream_tells_edits_as_they_come_and_goes_on_from_the_last_event(world: Shop) -> None:
    async def do(app: FastAPI) -> None:
        stream = Stream(app, "types=order")
        assert await stream.part() == b"200" and await stream.part() == b"retry: 1000\n\n"
        assert [event["key"] for event in await stream.events(5)] == ["0", "1", "2", "3", "4"]
        world.edits.edits.append(ObjectEdit("modify", "order", "1", {"note": "new"}))
        (event,) = await stream.events(1)
        await stream.leave()
        world.edits.edits.append(ObjectEdit("delete", "order", "2"))
        again = Stream(app, "types=order", last=event["cursor"])
        assert [(event["kind"], event["key"]) for event in await again.events(1)] == [("removed", "2")]
        await again.leave()

    streamed(world, do)


def test_a_silent_stream_beats(world: Shop) -> None:
    async def do(app: FastAPI) -> None:
        stream = Stream(app, "types=order")
        await stream.events(5)
        assert await stream.part() == b": still here\n\n"
        await stream.leave()

    streamed(world, do)


def test_a_stream_ends_when_the_token_is_revoked_and_tells_nothing_more(world: Shop) -> None:
    known = Revocable(world.caller)

    async def do(app: FastAPI) -> None:
        stream = Stream(app, "types=order")
        await stream.events(5)
        known.revoked = True
        await asyncio.sleep(0.1)
        world.edits.edits.append(ObjectEdit("modify", "order", "1", {"note": "secret"}))
        await asyncio.wait_for(stream.task, 5)
        rest = b"".join([message.get("body", b"") for message in drained(stream)])
        assert b"secret" not in rest

    streamed(world, do, recognises=known)


def test_a_stream_ends_when_the_caller_has_other_roles(world: Shop) -> None:
    known = Revocable(world.caller)

    async def do(app: FastAPI) -> None:
        stream = Stream(app)
        await stream.events(1)
        known.principal = Principal("someone")
        await asyncio.wait_for(stream.task, 5)

    streamed(world, do, recognises=known)


def test_a_stream_ends_with_its_release_and_the_client_comes_back_for_what_differs(world: Shop) -> None:
    async def do(app: FastAPI) -> None:
        stream = Stream(app, "types=order")
        last = (await stream.events(5))[-1]
        world.release(shop(orders=6))
        await asyncio.wait_for(stream.task, 5)
        for _ in range(100):
            again = Stream(app, "types=order", last=last["cursor"])
            found = await asyncio.wait_for(again.events(1), 5)
            await again.leave()
            assert [(event["kind"], event["key"]) for event in found] == [("added", "5")]
            return

    streamed(world, do)


def test_nobody_has_more_streams_than_one_may(world: Shop) -> None:
    async def do(app: FastAPI) -> None:
        open_ones = [Stream(app) for _ in range(5)]
        assert [await stream.part() for stream in open_ones] == [b"200"] * 5
        refused = Stream(app)
        assert await refused.part() == b"429"
        await refused.task
        await open_ones.pop().leave()
        more = Stream(app)
        assert await more.part() == b"200"
        for stream in (*open_ones, more):
            await stream.leave()

    streamed(world, do)


def test_a_place_is_given_back_once() -> None:
    streams = Streams(most=2)
    first, _ = streams.take("a"), streams.take("a")
    assert first is not None and streams.take("a") is None and streams.take("b") is not None
    first()
    first()
    assert streams.take("a") is not None and streams.take("a") is None


def drained(stream: Stream) -> list[Message]:
    found = []
    while not stream.messages.empty():
        found.append(stream.messages.get_nowait())
    return found
