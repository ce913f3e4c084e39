"""Small specs on disk: a shop with customers and orders, to be broken one way at a time."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from palantir_assets.errors import SpecError
from palantir_assets.ontology.loading import load_ontology
from palantir_assets.ontology.reading import Loaded

CUSTOMER = """\
object: customer
label: {en: Customer, ko: 고객}
from: marts.customers
key: customer_id
title: "{name}"
properties:
  customer_id: {type: integer}
  name: {type: string}
  city: {type: string, optional: true}
"""
ORDER = """\
object: order
label: Order
from: marts.orders
key: order_id
title: "Order {order_id}"
properties:
  order_id: {type: integer}
  customer_id: {type: integer}
  amount: {type: double, expect: {min: 0}}
  placed_at: {type: timestamp}
  is_big: {type: boolean, derived: amount > 100}
links:
  customer: {to: customer, by: customer_id, reverse: orders}
search:
  text: "{title} of {customer.name}"
"""

Write = Callable[..., Path]


@pytest.fixture
def specs(tmp_path: Path) -> Write:
    """Writes the shop's specs; keyword arguments replace a file's text, or add a file."""

    def write(**files: str) -> Path:
        folder = tmp_path / "ontology_specs"
        folder.mkdir(exist_ok=True)
        for name, text in {"customer": CUSTOMER, "order": ORDER, **files}.items():
            (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
        return folder

    return write


@pytest.fixture
def shop(specs: Write) -> Loaded:
    return load_ontology(specs())


def problems_of(folder: Path) -> list[str]:
    """Every problem as it is told; an empty list if the specs hold together."""
    try:
        load_ontology(folder)
    except SpecError as error:
        return [str(problem) for problem in error.problems]
    return []
