"""Pages go on in the release they began in, for some minutes after another one is served."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from palantir_assets.release.holding import KEPT_FOR
from palantir_assets.serving.app import create_app
from tests.fakes.shop_release import NOW, ListLog, release_shop, settings_in

ORDERS = "/api/v2/ontologies/default/objects/order"


class Shop:
    """A service whose release can be replaced and whose clock can be moved."""

    def __init__(self, folder: Path) -> None:
        self.settings, self.log, self.now = settings_in(folder), ListLog(), NOW
        self.release(orders=250)
        self.app = create_app(self.settings, self.log, clock=self.clock, poll_seconds=3_600)

    def clock(self) -> datetime:
        return self.now

    def release(self, *, orders: int) -> None:
        release_shop(self.settings, self.log, orders=orders)


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    return Shop(tmp_path)


@pytest.fixture
def client(shop: Shop) -> Iterator[TestClient]:
    with TestClient(shop.app, raise_server_exceptions=False) as made:
        yield made


def replace(shop: Shop, client: TestClient) -> None:
    shop.release(orders=240)
    holder = shop.app.user_middleware[0].kwargs["services"].holder
    assert holder.refresh()


@pytest.mark.parametrize("way", ["list", "search"])
def test_the_next_page_is_of_the_release_of_the_first(shop: Shop, client: TestClient, way: str) -> None:
    def page(token: str | None = None) -> tuple[dict[str, object], str]:
        if way == "list":
            answer = client.get(ORDERS, params={"pageSize": "100", **({"pageToken": token} if token else {})})
        else:
            where = {"type": "gte", "field": "order_id", "value": 0}
            answer = client.post(f"{ORDERS}/search", json={"where": where, "pageSize": 100, **({"pageToken": token} if token else {})})
        assert answer.status_code == 200, answer.text
        return answer.json(), answer.headers["release-id"]

    first, began = page()
    replace(shop, client)
    second, there = page(str(first["nextPageToken"]))
    third, still = page(str(second["nextPageToken"]))
    assert began == there == still
    told = [row["__primaryKey"] for part in (first, second, third) for row in part["data"]]  # type: ignore[attr-defined]
    assert (len(told), len(set(told)), third["totalCount"]) == (250, 250, "250")
    fresh, now = page()
    assert (fresh["totalCount"], now == began) == ("240", False)


def test_when_its_time_is_over_the_token_is_refused_with_what_to_do(shop: Shop, client: TestClient) -> None:
    token = client.get(ORDERS, params={"pageSize": "100"}).json()["nextPageToken"]
    replace(shop, client)
    shop.now += KEPT_FOR
    shop.app.user_middleware[0].kwargs["services"].holder.refresh()
    answer = client.get(ORDERS, params={"pageSize": "100", "pageToken": token})
    assert (answer.status_code, answer.json()["errorName"]) == (400, "InvalidPageToken")
    assert "first page" in answer.text


@pytest.mark.parametrize("token", ["nonsense", "%00%ff", "e30"])
def test_what_is_no_token_is_refused_by_the_route(shop: Shop, client: TestClient, token: str) -> None:
    replace(shop, client)
    assert client.get(f"{ORDERS}?pageToken={token}").json()["errorName"] == "InvalidPageToken"
    assert client.post(f"{ORDERS}/search", json={"pageToken": token}).json()["errorName"] == "InvalidPageToken"


def test_a_body_too_long_is_still_refused(shop: Shop, client: TestClient) -> None:
    replace(shop, client)
    assert client.post(f"{ORDERS}/search", content=b" " * 1_100_000).status_code == 413
