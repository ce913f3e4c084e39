"""Introspection of tokens: told to clients that prove themselves, and of a token that is not good nothing but that."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from palantir_assets.identity import opaque
from palantir_assets.identity.accounts import Client, Grant
from palantir_assets.serving.app import create_app
from tests.fakes.identity import World, world
from tests.fakes.shop_release import ListLog, settings_in

SECRET = "a-secret-of-the-service"


@dataclass
class Asked:
    client: TestClient
    people: World

    def about(self, token: str, *, secret: str = SECRET) -> tuple[int, dict[str, object]]:
        answer = self.client.post("/oauth/introspect", data={"client_id": "etl", "client_secret": secret, "token": token})
        return answer.status_code, answer.json()


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Asked]:
    with ExitStack() as stack:
        people = world(tmp_path)
        stack.callback(people.close)
        etl = Client("etl", "ETL", people.clock(), (), opaque.digest(SECRET))
        people.identities.add_client(etl, grants=[Grant("client:etl", "role", "viewer")], actor="test", at=people.clock())
        app = create_app(settings_in(tmp_path), ListLog(), identity=people.identity())
        yield Asked(stack.enter_context(TestClient(app, raise_server_exceptions=False)), people)


def test_a_good_token_tells_whose_it_is_and_what_for(asked: Asked) -> None:
    issued = asked.people.flows.service("etl", SECRET, frozenset(("read",)))
    status, told = asked.about(issued.access_token)
    assert status == 200 and (told["active"], told["sub"], told["scope"]) == (True, "client:etl", "read")
    assert told["exp"] == int((asked.people.clock() + timedelta(minutes=10)).timestamp())


def test_a_personal_token_is_told_too(asked: Asked) -> None:
    _, secret = asked.people.flows.personal("kim", scopes=frozenset(("read",)), label="t", life=timedelta(days=1), actor="kim")
    assert asked.about(secret)[1]["sub"] == "kim"


def test_of_what_is_not_good_nothing_is_told(asked: Asked) -> None:
    issued = asked.people.flows.service("etl", SECRET, frozenset(("read",)))
    asked.client.post("/oauth/revoke", data={"token": issued.access_token})
    _, personal = asked.people.flows.personal("kim", scopes=frozenset(("read",)), label="t", life=timedelta(days=1), actor="kim")
    session = asked.people.flows.session("kim")
    asked.people.identities.disable("kim", actor="test", at=asked.people.clock())
    for token in (issued.access_token, personal, session, "pat_nothing", "", "a.b.c", "x" * 4000):
        assert asked.about(token) == (200, {"active": False}), token


def test_an_expired_token_is_not_active(asked: Asked) -> None:
    issued = asked.people.flows.service("etl", SECRET, frozenset(("read",)))
    asked.people.clock.move(minutes=15)
    assert asked.about(issued.access_token)[1] == {"active": False}


def test_who_does_not_prove_itself_is_told_nothing(asked: Asked) -> None:
    issued = asked.people.flows.service("etl", SECRET, frozenset(("read",)))
    assert asked.about(issued.access_token, secret="wrong")[0] == 401
    answer = asked.client.post("/oauth/introspect", data={"client_id": "palantir-cli", "token": issued.access_token})
    assert answer.status_code == 401 and answer.headers["cache-control"].startswith("no-store")
