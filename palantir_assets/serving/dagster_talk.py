"""WebSockets through the door to Dagster: what its pages hear of runs while they go on.

`gate` has looked at who asks and at the origin; a caller may hold so many at once, and each message may be so long. A
socket ends with the right to it (`streams`). To whom requests go is decided in `dagster_door`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import anyio
from starlette.websockets import WebSocket, WebSocketDisconnect

from palantir_assets.errors import NoRelease
from palantir_assets.ontology.served_access import ServedAccess
from palantir_assets.serving.dagster_door import Door, target
from palantir_assets.serving.deps import Services
from palantir_assets.serving.gate import CALLER
from palantir_assets.serving.policies import guarded
from palantir_assets.serving.streams import open_stream

if TYPE_CHECKING:
    from websockets.asyncio.client import ClientConnection

AT_ONCE: Final = 20
"""WebSockets of one caller."""
MAX_IN: Final = 1_000_000
MAX_OUT: Final = 16_000_000
"""Bytes of one message, from the browser and from Dagster."""
A_SECOND: Final = 200
"""Messages a browser may send."""
REFUSED, TOO_MANY, NOT_THERE, DONE = 1008, 1013, 1014, 1000


@guarded("dagster.use")
async def talk(socket: WebSocket) -> None:
    """A WebSocket, passed on both ways."""
    door: Door = socket.app.state.door
    services: Services = socket.app.state.services
    scope, principal = socket.scope, socket.scope[CALLER]
    if door.sockets[principal.id] >= AT_ONCE:
        await socket.close(TOO_MANY)
        return
    door.sockets[principal.id] += 1
    try:
        async with open_stream(services.recognises, scope, principal) as stream:
            await _joined(socket, f"ws://{door.base(principal, _rules(services))}{target(scope)}")
        if stream.ended:
            await socket.close(REFUSED)
    finally:
        door.sockets[principal.id] -= 1
        door.sockets += type(door.sockets)()  # forgets who holds none


async def _joined(socket: WebSocket, url: str) -> None:
    from websockets.asyncio.client import connect
    from websockets.exceptions import WebSocketException
    from websockets.typing import Subprotocol

    wanted = [Subprotocol(each) for each in socket.scope.get("subprotocols", ())]
    try:
        async with connect(url, subprotocols=wanted or None, compression=None, max_size=MAX_OUT, open_timeout=10, proxy=None) as other:
            await socket.accept(subprotocol=other.subprotocol)
            async with anyio.create_task_group() as group:
                group.start_soon(_up, socket, other, group.cancel_scope)
                group.start_soon(_down, socket, other, group.cancel_scope)
    except (OSError, TimeoutError, WebSocketException):
        await socket.close(NOT_THERE)


async def _up(socket: WebSocket, other: ClientConnection, both: anyio.CancelScope) -> None:
    """From the browser; one that sends too much, or too fast, is let go."""
    began, count = anyio.current_time(), 0
    try:
        while True:
            message = await socket.receive()
            if message["type"] == "websocket.disconnect":
                break
            data: str | bytes = message.get("text") or message.get("bytes") or b""
            count += 1
            if len(data) > MAX_IN or count > A_SECOND * (1 + anyio.current_time() - began):
                break
            await other.send(data)
    except WebSocketDisconnect:
        pass
    both.cancel()


async def _down(socket: WebSocket, other: ClientConnection, both: anyio.CancelScope) -> None:
    """From Dagster, until it has no more to say."""
    async for message in other:
        await (socket.send_text(message) if isinstance(message, str) else socket.send_bytes(message))
    await socket.close(DONE)
    both.cancel()


def _rules(services: Services) -> ServedAccess | None:
    try:
        with services.holder.acquire() as release:
            return release.access
    except NoRelease:
        return None
