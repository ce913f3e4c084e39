"""What no table took is shown to on-call, and tried again once it was mended."""

from __future__ import annotations

import json
from typing import Any

from typer.testing import CliRunner

from palantir_assets.cli.app import app
from tests.assets.shop import BUILDS, ORDERS_CSV, Shop

pytestmark = BUILDS

BAD = "o-9999,c-001,2024-05-01 10:00:00,dear,delivered\n"


def say(shop: Shop, *words: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, ["quarantine", *words], env={"PALANTIR_PROJECT": str(shop.root)})
    assert result.exit_code == code, result.output + repr(result.exception)
    return result.output


def told(shop: Shop, *words: str) -> Any:
    return json.loads(say(shop, *words, "--json"))


def test_a_row_is_held_aside_shown_and_taken_once_it_was_mended(shop: Shop) -> None:
    head = shop.head()
    assert told(shop, "list") == told(shop, "retry") == []
    assert "no row is held aside" in say(shop, "list")

    line = (shop.root / ORDERS_CSV).read_text().count("\n") + 1
    shop.append(ORDERS_CSV, BAD)
    assert told(shop, "retry", "shop.orders") == [{"asset": "raw/shop__orders", "before": 0, "now": 1, "failed": False}]
    (held,) = told(shop, "list")
    (row,) = held["first"]
    assert (held["asset"], held["rows"], row["line"], row["raw"]) == ("raw/shop__orders", 1, line, BAD.strip())
    assert row["reason"] == "amount: 'dear' is not a double" and row["column_name"] == "amount"
    assert "raw/shop__orders: 1 row held aside" in say(shop, "list", "shop.orders")
    assert shop.head() == head, "nothing else was made"

    text = (shop.root / ORDERS_CSV).read_text()
    (shop.root / ORDERS_CSV).write_text(text.replace(BAD, BAD.replace("dear", "12")))
    assert told(shop, "retry") == [{"asset": "raw/shop__orders", "before": 1, "now": 0, "failed": False}]
    assert told(shop, "list") == []
    assert shop.build().outcome.failed == [] and shop.head() != head


def test_the_text_of_a_marked_table_is_shown_to_nobody(shop: Shop) -> None:
    shop.append(ORDERS_CSV, BAD)
    assert "dear" in json.dumps(told(shop, "retry", "shop.orders") + told(shop, "list"))
    shop.edit("ontology_specs/shop/sources.yaml", "file: data/orders.csv", "file: data/orders.csv\n        markings: [personal]")
    (shop.root / "ontology_specs/shop/markings.yaml").write_text("markings: {personal: {label: {en: Personal, ko: 개인정보}}}\n")
    (row,) = told(shop, "list")[0]["first"]
    assert row["raw"] == "•••" and "dear" not in row["reason"]
    assert "dear" not in say(shop, "list")


def test_a_table_that_nobody_declared_is_told(shop: Shop) -> None:
    result = CliRunner().invoke(app, ["quarantine", "list", "shop.order"], env={"PALANTIR_PROJECT": str(shop.root)})
    assert result.exit_code != 0 and "no source declares a table 'shop.order'" in str(result.exception)
