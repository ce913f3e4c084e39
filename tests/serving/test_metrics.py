"""Metrics of the specs over HTTP: the number is the one that the aggregate behind it gives."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from tests.fakes.release import NOBODY, shop
from tests.serving.conftest import Among

METRICS = "/api/platform/v1/metrics"
ORDERS = shop().rows["order"]


def test_every_metric_is_told_with_its_label_and_unit(client: TestClient) -> None:
    told = client.get(METRICS, headers={"Accept-Language": "ko"}).json()
    assert told["release_id"] == client.get("/healthz").json()["release_id"]
    first, second = told["data"]
    assert (first["name"], first["label"], first["unit"]) == ("average_amount", "평균 금액", "EUR")
    assert (first["description"], first["query"]["object"]) == ("Of orders with an amount.", "order")
    assert (second["name"], second["label"], second["unit"]) == ("orders_by_payment", "orders_by_payment", None)


def test_the_number_of_a_metric_is_that_of_its_aggregate(client: TestClient) -> None:
    told = client.get(f"{METRICS}/average_amount").json()
    amounts = [row["amount"] for row in ORDERS if row["amount"] is not None]
    assert told["value"] == pytest.approx(sum(amounts) / len(amounts))
    aggregate = {"aggregation": [{"type": "avg", "field": "amount"}]}
    asked = client.post("/api/v2/ontologies/default/objects/order/aggregate", json=aggregate).json()
    assert {name: told[name] for name in asked} == asked
    assert (told["name"], told["unit"], told["release_id"]) == ("average_amount", "EUR", client.get("/healthz").json()["release_id"])


def test_a_metric_in_groups_has_no_one_value(client: TestClient) -> None:
    told = client.get(f"{METRICS}/orders_by_payment").json()
    assert told["value"] is None
    counts = {item["group"]["paid"]: item["metrics"][0]["value"] for item in told["data"]}
    assert counts == {paid: sum(row["paid"] is paid for row in ORDERS) for paid in (True, False, None)}


def test_a_metric_that_is_not_there_or_may_not_be_asked_is_not_found(client: TestClient, among: Among) -> None:
    answer = client.get(f"{METRICS}/average_amont")
    assert (answer.status_code, answer.json()["title"]) == (404, "MetricNotFound")
    assert "did you mean 'average_amount'" in answer.json()["detail"]
    nobody = among(NOBODY)
    assert nobody.get(METRICS).json()["data"] == []
    assert nobody.get(f"{METRICS}/average_amount").json()["detail"] == "unknown metric 'average_amount'"
