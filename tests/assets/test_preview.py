"""One edited model or object type, shown as it would be: nothing is stored and nothing is published."""

from __future__ import annotations

import pytest

from palantir_assets.assets.preview import preview
from palantir_assets.errors import BuildError, SpecError, UnknownName
from tests.assets.shop import BUILDS, ORDER, ORDERS_SQL, Shop

pytestmark = BUILDS


def test_an_edited_object_type_is_shown_from_what_was_last_built(shop: Shop) -> None:
    before = shop.head()
    shop.edit(ORDER, "amount >= 100000", "amount >= 200000")
    shown = preview(shop.settings, "object order", 2)
    assert shown.columns == ["_row", "_title", "order_id", "customer_id", "ordered_at", "amount", "status", "is_large"]
    assert [(row[0], row[1], row[5], row[7]) for row in shown.rows] == [
        (0, "Order o-1001", 42000, False),
        (1, "Order o-1002", 129000, False),
    ]
    assert shop.sql("SELECT is_large FROM objects.order WHERE order_id = 'o-1002'") == [(True,)]
    assert shop.head() == before


def test_an_edited_model_is_shown_through_dbt(shop: Shop) -> None:
    shop.edit(ORDERS_SQL, "amount, status", "amount * 2 as amount, status")
    shown = preview(shop.settings, "marts.orders", 3)
    assert shown.columns == ["order_id", "customer_id", "ordered_at", "amount", "status"]
    assert [row[3] for row in shown.rows] == [84000, 258000, 31000]
    assert shop.sql("SELECT amount FROM marts.orders WHERE order_id = 'o-1001'") == [(42000,)]


@pytest.mark.parametrize(
    ("target", "error", "words"),
    [
        ("ordr", UnknownName, "unknown object type 'ordr'; did you mean 'order'?"),
        ("raw.orders", BuildError, "'raw.orders' is not a model"),
        ("marts.Orders; drop", BuildError, "is not a model"),
    ],
)
def test_what_cannot_be_shown_is_told(shop: Shop, target: str, error: type[Exception], words: str) -> None:
    with pytest.raises(error, match=words.replace("?", r"\?")):
        preview(shop.settings, target, 3)


def test_a_property_without_a_column_is_told_with_its_place(shop: Shop) -> None:
    shop.edit(ORDER, "links:\n", "  stauts: {type: string}\nlinks:\n")
    with pytest.raises(SpecError, match=r"order.yaml:16: property 'stauts' has no column in marts.orders; did you mean 'status'"):
        preview(shop.settings, "order", 3)
