"""How much a caller may ask: requests and work are counted by caller, and too many are answered 429 with what to wait."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient
from starlette.types import Scope

from palantir_assets.access.allowances import Allowance, allowance_of
from palantir_assets.access.principal import Principal
from palantir_assets.identity.throttling import Meter
from palantir_assets.ontology.served_access import ServedAccess
from palantir_assets.serving.app import create_app
from palantir_assets.settings import load_settings
from tests.fakes.release import open_to_viewers, shop
from tests.fakes.shop_release import NOW, ListLog, release_shop, settings_in

ORDER = "/api/v2/ontologies/default/objects/order/5"
FEW = Allowance(requests_per_second=1, burst=3, milliseconds_per_minute=60_000)


class ByName:
    """Takes the name in a header for the caller's."""

    def recognise(self, scope: Scope) -> Principal | None:
        name = dict(scope["headers"]).get(b"x-name")
        return Principal(name.decode(), frozenset({"viewer", *name.decode().split("-")[1:]})) if name else None


@pytest.fixture
def client(tmp_path: Path) -> Iterator[TestClient]:
    with ExitStack() as stack:
        settings, log = settings_in(tmp_path), ListLog()
        more: dict[str, Any] = {"roles": {"viewer": {}, "robot": {"limits": {"requests_per_second": 5, "burst": 10}}}}
        release_shop(settings, log, access=open_to_viewers(shop().ontology, **more))
        app = create_app(settings, log, clock=lambda: NOW, recognises=ByName(), allowance=FEW)
        yield stack.enter_context(TestClient(app, raise_server_exceptions=False))


def test_who_asks_too_much_is_told_to_wait_and_nobody_else_is(client: TestClient) -> None:
    answers = [client.get(ORDER, headers={"x-name": "ada"}).status_code for _ in range(4)]
    assert answers == [200, 200, 200, 429]
    refused = client.get(ORDER, headers={"x-name": "ada"})
    assert refused.json()["errorName"] == "TooManyRequests" and 1 <= int(refused.headers["retry-after"]) <= 3
    assert refused.headers["ratelimit-policy"] == '"requests";q=3;w=3' and refused.headers["ratelimit"].startswith('"requests";r=0;t=')
    assert client.get(ORDER, headers={"x-name": "bob"}).status_code == 200
    assert client.get("/healthz", headers={"x-name": "ada"}).status_code == 200


def test_strangers_are_counted_by_address_together(client: TestClient) -> None:
    assert [client.get(ORDER).status_code for _ in range(4)] == [200, 200, 200, 429]


def test_a_role_that_says_how_much_replaces_the_default(client: TestClient) -> None:
    assert [client.get(ORDER, headers={"x-name": "etl-robot"}).status_code for _ in range(11)] == [200] * 10 + [429]


def test_work_is_counted_against_a_budget_also_where_it_is_more_than_was_left() -> None:
    meter, allowance = Meter(), Allowance(1000, 1000, 100)
    assert meter.counted(allowance, "ada") is None
    meter.charge(allowance, "ada", 500)
    spent = meter.counted(allowance, "ada")
    assert spent is not None and spent.of == "work" and 1 <= spent.seconds <= 60
    assert meter.counted(allowance, "bob") is None


def test_of_several_roles_the_most_generous_figure_holds() -> None:
    roles = {
        "slow": {"limits": {"requests_per_second": 1}},
        "fast": {"includes": ["slow"], "limits": {"requests_per_second": 9, "burst": 90}},
    }
    access = ServedAccess.model_validate({"roles": roles})
    assert allowance_of(Principal("a", frozenset({"fast"})), access, FEW) == Allowance(9, 90, 60_000)
    assert allowance_of(Principal("a", frozenset({"slow"})), access, FEW) == Allowance(1, 1, 60_000)
    assert allowance_of(Principal("a"), access, FEW) == FEW


def test_limits_are_a_setting(tmp_path: Path) -> None:
    assert load_settings({"PALANTIR_LIMITS": "7,8,9"}, project=tmp_path).limits == (7, 8, 9)
    assert load_settings({"PALANTIR_LIMITS": "off"}, project=tmp_path).limits is None
