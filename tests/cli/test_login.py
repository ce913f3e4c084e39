"""Signing in from a command line at the real app, without waiting and without a network."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from palantir_assets.cli import login
from palantir_assets.errors import IdentityError
from palantir_assets.identity.opaque import digest
from palantir_assets.serving.app import create_app
from tests.fakes.identity import World, world
from tests.fakes.shop_release import ListLog, settings_in


@pytest.fixture
def kims(tmp_path: Path) -> Iterator[World]:
    made = world(tmp_path)
    yield made
    made.close()


@pytest.fixture
def post(kims: World, tmp_path: Path) -> Iterator[login.Post]:
    app = create_app(settings_in(tmp_path / "shop"), ListLog(), clock=kims.clock, identity=kims.identity())
    with TestClient(app) as client:
        yield lambda path, form: client.post(path, data=dict(form)).json()


def test_who_types_the_code_is_signed_in_and_stays_so(post: login.Post, kims: World, tmp_path: Path) -> None:
    told: list[str] = []

    def somebody_types(seconds: float) -> None:
        session = kims.credentials.find(digest(kims.flows.session("kim")), "session")
        code = re.search(r"[A-Z2-7]{4}-[A-Z2-7]{4}", told[0])
        assert session and code and kims.flows.approve(code[0], session)

    tokens = login.sign_in(post, scope="read", wait=somebody_types, say=told.append)
    file = tmp_path / "here" / "credentials.json"
    login.keep(file, "http://testserver", tokens)
    assert file.stat().st_mode & 0o077 == 0
    for _ in range(2):
        following = login.turned(post, login.kept(file, "http://testserver"))
        login.keep(file, "http://testserver", following)
        assert kims.tokens.verify(str(following["access_token"])).subject == "kim"
    with pytest.raises(IdentityError, match="has ended"):
        login.turned(post, tokens)
    with pytest.raises(IdentityError, match="nobody has signed in"):
        login.kept(file, "http://elsewhere")


def test_waiting_ends_and_slows_down_when_it_is_told_to(post: login.Post) -> None:
    waited: list[float] = []
    with pytest.raises(IdentityError, match="in time"):
        login.sign_in(post, scope="read", wait=waited.append, say=lambda _: None)
    assert waited[0] == 5 and waited[-1] > 10  # asked at once again and again, it was told to slow down
    assert sum(waited) >= 600


def test_a_refusal_is_told_in_words() -> None:
    def refuse(path: str, form: Mapping[str, str]) -> login.Answer:
        return {"error": "unauthorized_client", "error_description": "this client may not use device codes"}

    with pytest.raises(IdentityError, match="may not use device codes"):
        login.sign_in(refuse, scope="read", wait=lambda _: None, say=lambda _: None)
