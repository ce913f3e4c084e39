"""The door to Dagster's pages: who signed in gets through, to the server that fits, and no credential does."""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from starlette.testclient import TestClient
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket, WebSocketDisconnect

from palantir_assets.identity.accounts import Grant
from palantir_assets.serving.app import create_app
from palantir_assets.serving.dagster_talk import AT_ONCE
from palantir_assets.settings import Settings
from tests.fakes.identity import World, world
from tests.fakes.shop_release import NOW, ListLog, closed_to_strangers, release_shop, settings_in


@dataclass
class FakeDagster:
    """Two servers under `/dagster`, told apart by their port; each tells what it was asked with."""

    heard: list[tuple[int, Mapping[str, str]]] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        self.heard.append((scope["server"][1], headers))
        if scope["type"] == "websocket":
            talking = WebSocket(scope, receive, send)
            await talking.accept(subprotocol="graphql-ws" if "graphql-ws" in scope["subprotocols"] else None)
            try:
                while True:
                    await talking.send_text(f"heard {await talking.receive_text()}")
            except WebSocketDisconnect:
                return
        body = b""
        while (message := await receive()).get("more_body") or message.get("body"):
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        told = [(b"content-type", b"text/html"), (b"set-cookie", b"theirs=1"), (b"content-security-policy", b"script-src 'nonce-1'")]
        await send({"type": "http.response.start", "status": 200, "headers": told})
        await send({"type": "http.response.body", "body": f"{scope['path']} {body.decode()}".encode()})


def served(app: Any, listener: socket.socket) -> uvicorn.Server:
    server = uvicorn.Server(uvicorn.Config(app, log_config=None, ws="websockets-sansio", lifespan="off"))
    threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listener])), daemon=True).start()
    return server


def two_ports() -> tuple[socket.socket, socket.socket]:
    """Two free ports, the second after the first."""
    while True:
        first = socket.create_server(("127.0.0.1", 0))
        try:
            return first, socket.create_server(("127.0.0.1", first.getsockname()[1] + 1))
        except OSError:
            first.close()


@dataclass
class Met:
    """The door as callers meet it."""

    client: TestClient
    dagster: FakeDagster
    people: World
    settings: Settings

    def token(self, name: str, scope: str = "read write") -> dict[str, str]:
        _, secret = self.people.flows.personal(name, scopes=frozenset(scope.split()), label="t", life=timedelta(days=1), actor="test")
        return {"Authorization": f"Bearer {secret}"}


@pytest.fixture
def met(tmp_path: Path) -> Iterator[Met]:
    with ExitStack() as stack:
        people, dagster, listeners = world(tmp_path), FakeDagster(), two_ports()
        stack.callback(people.close)
        people.identities.add_user("eng", grants=[Grant("eng", "role", "engineer")], actor="test", at=people.clock())
        for listener in listeners:
            server = served(dagster, listener)
            stack.callback(setattr, server, "should_exit", True)
        settings, log = replace(settings_in(tmp_path), dagster_port=listeners[0].getsockname()[1]), ListLog()
        settings.dagster_wanted.parent.mkdir(parents=True, exist_ok=True)
        release_shop(settings, log, access=closed_to_strangers())
        app = create_app(settings, log, clock=lambda: NOW, identity=people.identity())
        client = stack.enter_context(TestClient(app, raise_server_exceptions=False, follow_redirects=False))
        yield Met(client, dagster, people, settings)


def test_an_engineer_reaches_the_full_server_and_a_viewer_the_one_that_only_shows(met: Met) -> None:
    assert met.client.get("/dagster/runs?x=1", headers=met.token("eng")).text == "/dagster/runs "
    assert not met.settings.dagster_wanted.exists()
    assert met.client.get("/dagster/runs", headers=met.token("kim")).status_code == 200
    assert [port for port, _ in met.dagster.heard] == [met.settings.dagster_port, met.settings.dagster_viewer_port]
    assert met.settings.dagster_wanted.exists()


def test_nobody_passes_without_a_credential_and_a_browser_is_shown_where_to_sign_in(met: Met) -> None:
    assert met.client.get("/dagster/graphql").status_code == 401
    assert met.client.post("/dagster/graphql", json={}).status_code == 401
    assert met.client.get("/dagster/", headers={"Authorization": "Bearer wrong"}).status_code == 401
    shown = met.client.get("/dagster/runs", headers={"Accept": "text/html"})
    assert (shown.status_code, shown.headers.get("location")) == (303, "/sign-in?next=/dagster/runs")
    assert met.dagster.heard == []


def test_no_credential_goes_out_and_no_cookie_comes_in(met: Met) -> None:
    sent = {**met.token("eng"), "Cookie": "other=1", "X-CSRF-Token": "t", "X-Forwarded-For": "1.2.3.4", "Accept": "text/html"}
    answer = met.client.post("/dagster/graphql", headers=sent, content=b'{"query": "{ version }"}')
    assert answer.text == '/dagster/graphql {"query": "{ version }"}' and "set-cookie" not in answer.headers
    (_, headers), *_ = met.dagster.heard
    assert not {"cookie", "authorization", "x-csrf-token", "x-forwarded-for", "origin", "referer"} & headers.keys()
    assert headers["host"] == f"127.0.0.1:{met.settings.dagster_port}"


def test_pages_keep_their_own_word_on_scripts_and_ours_on_frames(met: Met) -> None:
    answer = met.client.get("/dagster/", headers=met.token("eng"))
    assert answer.headers.get_list("content-security-policy") == ["script-src 'nonce-1'"]
    assert answer.headers["x-frame-options"] == "DENY" and answer.headers["x-content-type-options"] == "nosniff"


def test_what_does_not_run_yet_is_said_and_asked_for_again(met: Met) -> None:
    nowhere = replace(met.settings, dagster_port=1)
    app = create_app(nowhere, ListLog(), identity=met.people.identity())
    with TestClient(app, raise_server_exceptions=False) as client:
        answer = client.get("/dagster/", headers=met.token("kim"))
    assert answer.status_code == 503 and answer.headers["retry-after"] == "3"


def test_a_websocket_passes_both_ways_without_a_credential(met: Met) -> None:
    with met.client.websocket_connect("/dagster/graphql", headers=met.token("eng"), subprotocols=["graphql-ws"]) as talking:
        assert talking.accepted_subprotocol == "graphql-ws"
        talking.send_text("hello")
        assert talking.receive_text() == "heard hello"
    ((port, headers),) = met.dagster.heard
    assert port == met.settings.dagster_port and not {"cookie", "authorization"} & headers.keys()


def test_a_websocket_of_another_origin_or_without_a_credential_is_refused(met: Met) -> None:
    cookie = {"Cookie": f"palantir_session={met.people.flows.session('kim')}"}
    for headers in ({}, {**cookie, "Origin": "https://evil.example"}, cookie, {"Authorization": "Bearer wrong"}):
        with pytest.raises(WebSocketDisconnect), met.client.websocket_connect("/dagster/graphql", headers=headers):
            pass
    with met.client.websocket_connect("/dagster/graphql", headers={**cookie, "Origin": "http://testserver"}) as talking:
        talking.send_text("hi")
        assert talking.receive_text() == "heard hi"


def test_a_form_of_another_origin_changes_nothing_through_the_door(met: Met) -> None:
    cookie = {"Cookie": f"palantir_session={met.people.flows.session('eng')}"}
    assert met.client.post("/dagster/graphql", headers={**cookie, "Origin": "https://evil.example"}, json={}).status_code == 403
    assert met.client.post("/dagster/graphql", headers=cookie, json={}).status_code == 403
    assert met.dagster.heard == []
    assert met.client.post("/dagster/graphql", headers={**cookie, "Origin": "http://testserver"}, json={}).status_code == 200
    path = "/api/platform/v1/me/tokens"
    assert met.client.post(path, headers={**cookie, "Origin": "http://testserver"}, json={}).status_code == 403


def test_a_websocket_ends_when_what_its_caller_may_is_changed(met: Met) -> None:
    with met.client.websocket_connect("/dagster/graphql", headers=met.token("eng")) as talking:
        talking.send_text("one")
        talking.receive_text()
        met.people.identities.revoke(Grant("eng", "role", "engineer"), actor="test", at=met.people.clock())
        with pytest.raises(WebSocketDisconnect) as ended:
            talking.receive_text()
    assert ended.value.code == 1008


def test_one_caller_holds_so_many_websockets_and_no_more(met: Met) -> None:
    token = met.token("kim")
    with ExitStack() as stack:
        for _ in range(AT_ONCE):
            stack.enter_context(met.client.websocket_connect("/dagster/graphql", headers=token))
        with pytest.raises(WebSocketDisconnect), met.client.websocket_connect("/dagster/graphql", headers=token):
            pass
