"""A stand-in of Loki's push API, as its documentation and its default limits have it, that can be made to fail.

It takes `POST /loki/api/v1/push` in JSON. What is wrong with one entry refuses that entry and keeps the others, as Loki
does; what is wrong with the request refuses all. Two entries of a stream with one time and one text are one.
"""

from __future__ import annotations

import gzip
import json
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal

Mode = Literal["ok", "refused", "black hole", "500", "429", "slow"]

PUSH = "/loki/api/v1/push"
MOST_BYTES = 4 << 20
MOST_OF_A_LINE = 256 << 10
MOST_LABELS, LONGEST_NAME, LONGEST_VALUE = 15, 1024, 2048
OLDEST, NEWEST, BEHIND = 168 * 3600, 600, 3600
"""Seconds: how old and how new an entry may be, and how far behind the newest of its stream."""

Labels = frozenset[tuple[str, str]]


class Wrong(Exception):
    """What the whole request is refused for."""


@dataclass
class LokiServer:
    """What it holds and how it fares. `slow` is how long an answer takes while it is slow, in seconds."""

    port: int
    mode: Mode = "ok"
    slow: float = 5.0
    held: dict[Labels, dict[tuple[int, str], None]] = field(default_factory=dict)
    requests: int = 0
    refusals: list[str] = field(default_factory=list)
    authorizations: list[str] = field(default_factory=list)
    lock: threading.RLock = field(default_factory=threading.RLock)
    opened: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def lines(self) -> list[str]:
        """Every line that it holds, in the order of time."""
        with self.lock:
            return [text for _, text in sorted(entry for stream in self.held.values() for entry in stream)]

    def streams(self) -> list[dict[str, str]]:
        with self.lock:
            return [dict(labels) for labels in self.held]

    def now(self, mode: Mode) -> None:
        """From here on it does as `mode` says; whoever is held up in a black hole is let go without an answer."""
        with self.lock:
            self.mode = mode
            self.opened.set()
            self.opened = threading.Event()

    def take(self, body: bytes) -> tuple[int, str]:
        """Status and words for a request's body."""
        if len(body) > MOST_BYTES:
            return 413, f"request body too large, limit: {MOST_BYTES}"
        try:
            streams = _streams(json.loads(body))
        except (Wrong, ValueError) as error:
            return 400, str(error)
        with self.lock:
            wrong = [said for labels, entries in streams for said in self._kept(labels, entries)]
        return (400, "\n".join(wrong)) if wrong else (204, "")

    def _kept(self, labels: Labels, entries: list[tuple[int, str]]) -> list[str]:
        """Keeps what can be kept of a stream; what is wrong with the rest."""
        wrong, stream, now = [], self.held.setdefault(labels, {}), time.time()
        newest = max((moment for moment, _ in stream), default=0)
        for moment, text in entries:
            newest = max(newest, moment)
            if len(text.encode()) > MOST_OF_A_LINE:
                wrong.append(f"Max entry size '{MOST_OF_A_LINE}' bytes exceeded for stream")
            elif moment / 1e9 < now - OLDEST:
                wrong.append("entry for stream has timestamp too old")
            elif moment / 1e9 > now + NEWEST:
                wrong.append("entry for stream has timestamp too new")
            elif moment < newest - BEHIND * 10**9:
                wrong.append("entry too far behind")
            else:
                stream[moment, text] = None
        return wrong


def _streams(told: Any) -> list[tuple[Labels, list[tuple[int, str]]]]:
    """The streams of a request. Raises Wrong."""
    if not isinstance(told, dict) or set(told) != {"streams"} or not isinstance(told["streams"], list):
        raise Wrong("loghttp.PushRequest: an object with `streams` is needed")
    return [(_labels(stream), [_entry(value) for value in stream["values"]]) for stream in told["streams"]]


def _labels(stream: Any) -> Labels:
    if not isinstance(stream, dict) or set(stream) != {"stream", "values"} or not isinstance(stream["values"], list):
        raise Wrong("a stream has `stream` and `values`")
    labels = stream["stream"]
    if not isinstance(labels, dict) or not labels:
        raise Wrong("error at least one label pair is required per stream")
    if len(labels) > MOST_LABELS:
        raise Wrong(f"entry for stream has {len(labels)} label names; limit {MOST_LABELS}")
    for name, value in labels.items():
        if not re.fullmatch(r"[a-zA-Z_][a-zA-Z0-9_]*", name) or len(name) > LONGEST_NAME:
            raise Wrong(f"error parsing labels: {name!r}")
        if not isinstance(value, str) or len(value) > LONGEST_VALUE:
            raise Wrong(f"Value is not a string: {value!r}")
    return frozenset(labels.items())


def _entry(value: Any) -> tuple[int, str]:
    if not isinstance(value, list) or len(value) not in (2, 3):
        raise Wrong("an entry is [time, line], or has metadata as its third")
    if not isinstance(value[0], str) or not re.fullmatch(r"\d{19}", value[0]):
        raise Wrong(f"the time is not text in nanoseconds: {value[0]!r}")
    if not isinstance(value[1], str) or not value[1]:
        raise Wrong("the line is no text")
    if len(value) == 3 and not (isinstance(value[2], dict) and all(isinstance(each, str) for each in value[2].values())):
        raise Wrong("structured metadata is names and texts")
    return int(value[0]), value[1]


def _answering(loki: LokiServer) -> type[BaseHTTPRequestHandler]:
    class Answering(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            mode, opened = loki.mode, loki.opened
            if mode == "black hole":
                opened.wait(60)
                self.close_connection = True
                return
            body = self.rfile.read(int(self.headers["Content-Length"]))
            with loki.lock:
                loki.requests += 1
                loki.authorizations.append(self.headers.get("Authorization", ""))
            if mode == "slow":
                time.sleep(loki.slow)
            status, words = self._status(mode, body)
            self.send_response(status)
            if status == 429:
                self.send_header("Retry-After", "0")
            if status != 204:
                loki.refusals.append(f"{status} {words}")
                self.send_header("Content-Type", "text/plain; charset=utf-8")
                self.send_header("Content-Length", str(len(words.encode())))
            self.end_headers()
            self.wfile.write(words.encode())

        def _status(self, mode: Mode, body: bytes) -> tuple[int, str]:
            if self.path != PUSH:
                return 404, "404 page not found"
            if self.headers.get("Content-Type", "").partition(";")[0] != "application/json":
                return 415, "Content-Type is not application/json"
            if mode == "500":
                return 500, "empty ring"
            if mode == "429":
                return 429, "ingestion rate limit exceeded for user fake (limit: 4194304 bytes/sec)"
            return loki.take(gzip.decompress(body) if self.headers.get("Content-Encoding") == "gzip" else body)

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

        def handle(self) -> None:
            try:
                super().handle()
            except OSError:
                return

    return Answering


class _Listening(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 64


@contextmanager
def loki(mode: Mode = "ok") -> Iterator[LokiServer]:
    """One that listens; in mode `refused` not before `listening` lets it."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        server = LokiServer(taken.getsockname()[1], mode)
    if mode == "refused":
        yield server
    else:
        with listening(server):
            yield server


@contextmanager
def listening(server: LokiServer) -> Iterator[None]:
    """It can be reached while this lasts; before and after, connections are refused."""
    if server.mode == "refused":
        server.mode = "ok"
    http = _Listening(("127.0.0.1", server.port), _answering(server))
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield
    finally:
        server.now(server.mode)
        http.shutdown()
        http.server_close()
        thread.join()
