"""Groups and metrics as JSON. What they are is checked by the oracle; here, that every number can be told."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal

import pytest

from palantir_assets.engine.aggregating import Groups
from palantir_assets.engine.shaping import json_value, plain
from palantir_assets.query.fields import Column
from palantir_assets.serving.aggregates import told


def test_a_number_of_more_than_64_bits_is_told_with_all_its_digits() -> None:
    """A sum of longs, and a group of a double's size, may be as large."""
    body = told(Groups([({"size": int(1e300)}, [("sum", 2**65), ("least", -(2**63) - 1), ("count", 2**64 - 1)])], 0, accurate=True))
    (item,) = json.loads(body)["data"]
    assert item["group"] == {"size": int(1e300)}
    assert [metric["value"] for metric in item["metrics"]] == [2**65, -(2**63) - 1, 2**64 - 1]


@pytest.mark.parametrize(("value", "text"), [("0E-9", "0.000000000"), ("1.00E-7", "0.000000100"), ("-1.50", "-1.50")])
def test_a_decimal_is_told_as_in_an_object_without_an_exponent(value: str, text: str) -> None:
    assert plain("decimal", Decimal(value)) == text


def test_a_struct_that_was_derived_is_told_as_in_an_object() -> None:
    column = Column("place", None, "struct", fields=(("floor", "long"), ("since", "timestamp"), ("rent", "decimal"), ("note", "string")))
    held = {"floor": 2**60, "since": datetime(2024, 1, 1), "rent": Decimal("12.30"), "note": None}
    assert json_value(column, held) == {"floor": str(2**60), "since": "2024-01-01T00:00:00Z", "rent": "12.30"}
