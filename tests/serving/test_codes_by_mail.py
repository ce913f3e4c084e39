"""Codes that come by mail: they reach the address that was verified, work once, and tell nobody who has an account."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from palantir_assets.serving.app import create_app
from tests.fakes.identity import NOON, PASSWORD, World, world
from tests.fakes.shop_release import ListLog, settings_in


class Mails:
    """A mailer that keeps what it was given."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str, str]] = []
        self.broken = False

    def send(self, to: str, subject: str, text: str) -> None:
        if self.broken:
            raise ConnectionRefusedError
        self.sent.append((to, subject, text))

    def code(self) -> str:
        return self.sent[-1][2].splitlines()[2]


@pytest.fixture
def kims(tmp_path: Path) -> Iterator[World]:
    made = world(tmp_path)
    made.identities.verify_email("kim", "kim@example.org", actor="kim", at=NOON)
    yield made
    made.close()


@pytest.fixture
def mails() -> Mails:
    return Mails()


@pytest.fixture
def client(kims: World, mails: Mails, tmp_path: Path) -> Iterator[TestClient]:
    app = create_app(settings_in(tmp_path / "shop"), ListLog(), clock=kims.clock, identity=kims.identity(mailer=mails))
    with TestClient(app, follow_redirects=False) as made:
        yield made


def posted(client: TestClient, path: str, page: str = "", **told: str):  # type: ignore[no-untyped-def]
    form = dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)">', client.get(page or path).text))
    return client.post(path, data={**form, **told})


def test_a_forgotten_password_is_set_anew_with_a_code_that_came_by_mail(client: TestClient, mails: Mails) -> None:
    assert "/sign-in/forgotten" in client.get("/sign-in").text
    assert posted(client, "/sign-in/forgotten", email="Kim@example.org").status_code == 200
    assert mails.sent[0][0] == "kim@example.org" and mails.code() not in mails.sent[0][2].splitlines()[0]
    assert posted(client, "/sign-in/code", code=mails.code(), new_password="another long password").status_code == 303
    client.cookies.clear()
    assert posted(client, "/sign-in", name="kim@example.org", password="another long password").status_code == 303
    client.cookies.clear()
    assert posted(client, "/sign-in", name="kim", password=PASSWORD).status_code == 400


def test_an_address_that_nobody_has_is_answered_the_same(client: TestClient, mails: Mails) -> None:
    known, unknown = (posted(client, "/sign-in/forgotten", email=each) for each in ("kim@example.org", "nobody@example.org"))
    assert known.text == unknown.text and known.status_code == unknown.status_code
    assert len(mails.sent) == 1


def test_a_code_by_mail_ends_after_half_an_hour(client: TestClient, mails: Mails, kims: World) -> None:
    posted(client, "/sign-in/forgotten", email="kim@example.org")
    kims.clock.move(minutes=30)
    assert posted(client, "/sign-in/code", code=mails.code(), new_password="another long password").status_code == 400


def test_nobody_floods_an_address_with_mails(client: TestClient, mails: Mails) -> None:
    statuses = [posted(client, "/sign-in/forgotten", email="kim@example.org").status_code for _ in range(4)]
    assert statuses == [200, 200, 200, 429] and len(mails.sent) == 3


def test_an_address_is_ones_own_once_its_code_came_back(client: TestClient, mails: Mails, kims: World) -> None:
    assert client.get("/sign-in/verify").status_code == 303
    posted(client, "/sign-in", name="kim", password=PASSWORD)
    assert posted(client, "/sign-in/verify", email="kim@new.example.org").status_code == 200
    assert kims.identities.user_by_email("kim@new.example.org") is None
    assert posted(client, "/sign-in/verify", code="wrong").status_code == 400
    assert posted(client, "/sign-in/verify", code=mails.code()).status_code == 200
    assert kims.identities.user_by_email("kim@new.example.org").name == "kim"  # type: ignore[union-attr]
    assert kims.identities.user_by_email("kim@example.org") is None


def test_anothers_code_verifies_nothing(client: TestClient, mails: Mails, kims: World) -> None:
    posted(client, "/sign-in", name="kim", password=PASSWORD)
    posted(client, "/sign-in/verify", email="kim@new.example.org")
    kims.identities.add_user("lee", actor="test", at=NOON)
    client.cookies.clear()
    client.cookies["palantir_session"] = kims.flows.session("lee")
    assert posted(client, "/sign-in/verify", code=mails.code()).status_code == 400
    assert kims.identities.user("lee").email is None  # type: ignore[union-attr]


def test_a_mail_server_that_is_away_is_nobodys_problem_here(client: TestClient, mails: Mails, caplog: pytest.LogCaptureFixture) -> None:
    mails.broken = True
    assert posted(client, "/sign-in/forgotten", email="kim@example.org").status_code == 200
    assert "ConnectionRefusedError" in caplog.text and "kim@example.org" not in caplog.text
