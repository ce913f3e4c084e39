"""Explanations through the API: for administrators alone; and what a caller may know to be withheld."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from palantir_assets.identity.accounts import Grant
from palantir_assets.ontology.served_access import ServedAccess
from palantir_assets.serving.app import create_app
from tests.fakes.identity import world
from tests.fakes.release import open_to_viewers, shop
from tests.fakes.shop_release import NOW, ListLog, release_shop, settings_in


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[tuple[TestClient, dict[str, dict[str, str]]]]:
    with ExitStack() as stack:
        people, settings, log = world(tmp_path), settings_in(tmp_path), ListLog()
        stack.callback(people.close)
        people.identities.add_user("root", grants=[Grant("root", "role", "admin")], actor="test", at=people.clock())
        told = open_to_viewers(shop().ontology, anonymous=()).model_dump()
        told["roles"] |= {"admin": {"includes": ["viewer"]}}
        hidden = {"note": {"roles": ["admin"], "discover": True}, "cents": {"roles": []}}
        told["types"]["order"] |= {"rows": "order_id != 5", "properties": hidden}
        told["types"]["customer"] |= {"read": ["admin"], "discover": True}
        release_shop(settings, log, access=ServedAccess.model_validate(told))
        made = {
            name: people.flows.personal(name, scopes=frozenset(("read",)), label="t", life=timedelta(days=1), actor="test")[1]
            for name in ("kim", "root")
        }
        app = create_app(settings, log, clock=lambda: NOW, identity=people.identity())
        client = stack.enter_context(TestClient(app, raise_server_exceptions=False))
        yield client, {name: {"Authorization": f"Bearer {secret}"} for name, secret in made.items()}


def test_an_administrator_is_told_why_a_user_or_a_role_sees_an_object(asked: tuple[TestClient, dict[str, dict[str, str]]]) -> None:
    client, as_ = asked
    for who in ("kim", "viewer"):
        answer = client.get("/api/platform/v1/explain", params={"as": who, "object": "order/6"}, headers=as_["root"]).json()
        assert answer["visible"] and answer["hidden"]["note"] == ["to read order.note needs the role admin"]
    answer = client.get("/api/platform/v1/explain?as=kim&object=order/5", headers={**as_["root"], "Accept-Language": "ko"}).json()
    assert not answer["visible"] and answer["because"] == ["행 규칙이 이 객체에 대해 참이 아닙니다: order_id != 5"]


def test_nobody_else_is_told(asked: tuple[TestClient, dict[str, dict[str, str]]]) -> None:
    client, as_ = asked
    assert client.get("/api/platform/v1/explain?as=kim&object=order/5", headers=as_["kim"]).status_code == 403
    assert client.get("/api/platform/v1/explain?as=kim&object=order/5").status_code == 401


@pytest.mark.parametrize(("query", "status"), [("as=nobody&object=order/5", 404), ("as=kim&object=order", 400), ("as=kim&object=x/1", 404)])
def test_what_cannot_be_explained_is_said(asked: tuple[TestClient, dict[str, dict[str, str]]], query: str, status: int) -> None:
    client, as_ = asked
    assert client.get(f"/api/platform/v1/explain?{query}", headers=as_["root"]).status_code == status


def test_what_is_withheld_is_named_only_where_the_specs_let_it(asked: tuple[TestClient, dict[str, dict[str, str]]]) -> None:
    client, as_ = asked
    answer = client.get("/api/platform/v1/withheld", headers=as_["kim"]).json()
    assert answer == {"object_types": ["customer"], "properties": {"order": ["note"]}}
    assert client.get("/api/platform/v1/withheld", headers=as_["root"]).json() == {"object_types": [], "properties": {}}
