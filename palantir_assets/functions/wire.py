"""What passes between the service and a worker: JSON, each message with its length before it.

Nothing is pickled, so neither side can make the other run anything. What the messages mean is told in
`running` and `worker`.
"""

from __future__ import annotations

import socket
import time
from collections.abc import Mapping
from typing import Any, Final

import orjson

MAX_MESSAGE: Final = 32_000_000
_LENGTH: Final = 4


class Gone(Exception):
    """The other side has closed the line."""


class TooLong(Exception):
    """A message of more bytes than may pass."""


def send(line: socket.socket, message: Mapping[str, object], *, until: float | None = None) -> None:
    """Raises Gone, TooLong, or TimeoutError once `until` (of the monotonic clock) is past."""
    body = orjson.dumps(message)
    if len(body) > MAX_MESSAGE:
        raise TooLong(f"{len(body):,} bytes, of at most {MAX_MESSAGE:,}")
    _wait(line, until)
    try:
        line.sendall(len(body).to_bytes(_LENGTH, "big") + body)
    except TimeoutError:
        raise
    except OSError as error:
        raise Gone(str(error)) from error


def receive(line: socket.socket, *, until: float | None = None) -> dict[str, Any]:
    """The next message. Raises Gone, TooLong, or TimeoutError once `until` (of the monotonic clock) is past."""
    length = int.from_bytes(_read(line, _LENGTH, until), "big")
    if length > MAX_MESSAGE:
        raise TooLong(f"{length:,} bytes, of at most {MAX_MESSAGE:,}")
    message = orjson.loads(_read(line, length, until))
    if not isinstance(message, dict):
        raise Gone("the other side does not speak as agreed")
    return message


def _read(line: socket.socket, length: int, until: float | None) -> bytes:
    parts, missing = [], length
    while missing:
        _wait(line, until)
        try:
            part = line.recv(min(missing, 1 << 20))
        except TimeoutError:
            raise
        except OSError as error:
            raise Gone(str(error)) from error
        if not part:
            raise Gone("the line is closed")
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


def _wait(line: socket.socket, until: float | None) -> None:
    if until is None:
        line.settimeout(None)
        return
    left = until - time.monotonic()
    if left <= 0:
        raise TimeoutError
    line.settimeout(left)
