"""The line itself, with a real server on it: what never ends is cut, what is long but whole is served."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator

import pytest
import uvicorn
from starlette.types import Receive, Scope, Send

from palantir_assets.serving.protocol import MAX_HEAD, BoundedHttp


async def counting(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with the length of the body."""
    length, more = 0, True
    while more:
        message = await receive()
        length, more = length + len(message.get("body", b"")), message.get("more_body", False)
    body = b"%d\r\n" % length
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    listener = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(counting, http=BoundedHttp, lifespan="off", log_config=None, access_log=False, ws="none"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    while not server.started:
        time.sleep(0.01)
    yield listener.getsockname()[1]
    server.should_exit = True
    thread.join()
    listener.close()


def lines_of(port: int, *parts: bytes) -> list[bytes]:
    """The first lines and the bodies that came back, until the line was closed."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
        got = b""
        try:
            for part in parts:
                line.sendall(part)
            while part := line.recv(65_536):
                got += part
        except ConnectionError:
            pass
    return [each for each in got.split(b"\r\n") if each.startswith(b"HTTP/") or each.isdigit()]


HEAD = b"POST / HTTP/1.1\r\nHost: a\r\n"


@pytest.mark.parametrize("piece", [b"X-A: " + b"a" * 1_000 + b"\r\n", b"a" * 1_000])
def test_headers_without_an_end_are_cut(port: int, piece: bytes) -> None:
    endless = [HEAD + b"X-B: "] + [piece] * (4 * MAX_HEAD // 1_000)
    assert lines_of(port, *endless) in ([b"HTTP/1.1 431 Request Header Fields Too Large"], [])  # [] where the reset was quicker


def test_a_long_body_in_one_piece_or_in_many_is_read(port: int) -> None:
    close = b"Connection: close\r\n"
    body = b"b" * 300_000
    whole = HEAD + close + b"Content-Length: 300000\r\n\r\n" + body
    assert lines_of(port, whole) == [b"HTTP/1.1 200 OK", b"300000"]
    assert lines_of(port, *(whole[start : start + 7_000] for start in range(0, len(whole), 7_000))) == [b"HTTP/1.1 200 OK", b"300000"]


def test_many_requests_on_one_line_are_answered_however_long_they_are_together(port: int) -> None:
    one = HEAD + b"X-A: " + b"a" * 5_000 + b"\r\nContent-Length: 50000\r\n\r\n" + b"b" * 50_000
    last = HEAD + b"Connection: close\r\nContent-Length: 1\r\n\r\nb"
    assert lines_of(port, *[one] * 10, last) == [b"HTTP/1.1 200 OK", b"50000"] * 10 + [b"HTTP/1.1 200 OK", b"1"]
    assert lines_of(port, one * 10 + last) == [b"HTTP/1.1 200 OK", b"50000"] * 10 + [b"HTTP/1.1 200 OK", b"1"]
