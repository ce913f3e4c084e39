"""Webhooks: only where the operator says, signed, under one id; what is refused for good is told apart. Against a real server."""

from __future__ import annotations

import hmac
import json
import threading
from base64 import b64encode
from collections.abc import Iterator
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from palantir_assets.errors import NotSent
from palantir_assets.stores.edit_rows import NewEffect
from palantir_assets.stores.outbox import Outbox
from palantir_assets.stores.webhooks import Webhooks, call
from tests.effects.letters import Letters, hooks, put, worker
from tests.fakes.identity import World, world

PAYLOAD = {"action": "take_in", "parameters": {"note": "새 자전거"}, "changes": []}


class Receiver(HTTPServer):
    """Keeps what it is told; answers with the codes it was given, then with 204."""

    def __init__(self) -> None:
        self.told: list[tuple[str, dict[str, str], bytes]] = []
        self.codes: list[int] = []
        super().__init__(("127.0.0.1", 0), Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/hook"


class Handler(BaseHTTPRequestHandler):
    server: Receiver

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        self.server.told.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
        self.send_response(self.server.codes.pop(0) if self.server.codes else 204)
        self.send_header("location", "/elsewhere")
        self.end_headers()

    def log_message(self, *args: Any) -> None: ...


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    server = Receiver()
    thread = threading.Thread(target=server.serve_forever, args=(0.05,))
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def kims(tmp_path: Path) -> Iterator[World]:
    made = world(tmp_path)
    yield made
    made.close()


def test_a_receiver_is_told_once_and_can_check_who_tells_it(receiver: Receiver, kims: World, tmp_path: Path) -> None:
    file, action_no = hooks(tmp_path, "front_desk", receiver.url), put(kims, NewEffect("webhook", "front_desk", PAYLOAD))
    assert worker(kims, Letters(), calling=call, webhooks=file).send_due() == 1
    [(path, headers, body)] = receiver.told
    assert path == "/hook" and headers["webhook-id"] == "effect-1"
    assert json.loads(body) == {"id": "effect-1", "webhook": "front_desk", "action_no": action_no, **PAYLOAD}
    text = b".".join((b"effect-1", headers["webhook-timestamp"].encode(), body))
    assert headers["webhook-signature"] == "v1," + b64encode(hmac.digest(b"s" * 32, text, "sha256")).decode()
    assert int(headers["webhook-timestamp"]) == int(kims.clock().timestamp())
    assert [each.state for each in Outbox(kims.database).list()] == ["done"]


@pytest.mark.parametrize(
    ("code", "state"),
    [(500, "waiting"), (503, "waiting"), (408, "waiting"), (425, "waiting"), (429, "waiting"), (400, "dead"), (410, "dead"), (302, "dead")],
)
def test_what_may_be_taken_later_waits_and_what_never_will_is_dead_at_once(
    receiver: Receiver, kims: World, tmp_path: Path, code: int, state: str
) -> None:
    receiver.codes = [code]
    put(kims, NewEffect("webhook", "front_desk", PAYLOAD))
    at_work = worker(kims, Letters(), calling=call, webhooks=hooks(tmp_path, "front_desk", receiver.url))
    at_work.send_due()
    [effect] = Outbox(kims.database).list()
    assert (effect.state, effect.last_error) == (state, f"the webhook answered {code}")
    kims.clock.move(seconds=10)
    assert at_work.send_due() == (1 if state == "waiting" else 0)
    assert [path for path, _, _ in receiver.told] == ["/hook"] * (2 if state == "waiting" else 1)
    assert len({headers["webhook-id"] for _, headers, _ in receiver.told}) == 1


def test_the_second_try_says_the_same_body_under_a_new_time(receiver: Receiver, kims: World, tmp_path: Path) -> None:
    receiver.codes = [500]
    put(kims, NewEffect("webhook", "front_desk", PAYLOAD))
    at_work = worker(kims, Letters(), calling=call, webhooks=hooks(tmp_path, "front_desk", receiver.url))
    at_work.send_due()
    kims.clock.at += timedelta(minutes=1)
    at_work.send_due()
    (_, first, one), (_, second, other) = receiver.told
    assert one == other and first["webhook-timestamp"] != second["webhook-timestamp"]


def test_a_receiver_that_is_away_is_tried_again(kims: World, tmp_path: Path) -> None:
    put(kims, NewEffect("webhook", "front_desk", PAYLOAD))
    file = hooks(tmp_path, "front_desk", "http://127.0.0.1:9/hook")
    worker(kims, Letters(), calling=call, webhooks=file).send_due()
    assert [each.state for each in Outbox(kims.database).list()] == ["waiting"]


@pytest.mark.parametrize(
    "url",
    ["http://example.org/", "http://169.254.169.254/latest", "http://2130706433/", "http://[::ffff:127.0.0.1]/", "http://0.0.0.0/",
     "ftp://example.org/", "file:///etc/passwd", "https:///", "http://127.0.0.1.example.org/", "http://localhost@example.org/", "x"],
)  # fmt: skip
def test_a_url_without_https_is_not_called_but_on_this_machine(url: str, tmp_path: Path) -> None:
    hooks(tmp_path, "h", url)
    if url == "https:///":
        with pytest.raises(NotSent):
            call(url, b"{}", {})
        return
    with pytest.raises(NotSent, match=r"not https|is none"):
        Webhooks(tmp_path / "webhooks.toml").find("h")


def test_what_the_file_lacks_is_told_with_what_to_write(kims: World, tmp_path: Path) -> None:
    file = hooks(tmp_path, "front_desk", "https://example.org/")
    assert Webhooks(file).names() == ["front_desk"]
    assert "s" * 32 not in repr(Webhooks(file).find("front_desk"))
    with pytest.raises(NotSent, match="nobody says where the webhook 'other' is") as caught:
        Webhooks(file).find("other")
    assert not caught.value.final and "PALANTIR_WEBHOOKS_FILE" in caught.value.advice
    (tmp_path / "front_desk.secret").write_text("short")
    with pytest.raises(NotSent, match="shorter"):
        Webhooks(file).find("front_desk")
    (tmp_path / "front_desk.secret").unlink()
    with pytest.raises(NotSent, match="cannot be read"):
        Webhooks(file).find("front_desk")
    file.write_text("[front_desk")
    with pytest.raises(NotSent, match="cannot be read"):
        Webhooks(file).names()
    with pytest.raises(NotSent, match="nobody says"):
        Webhooks(None).find("front_desk")
