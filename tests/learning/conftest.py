"""A small shop for the learning room: orders whose return depends on shop, amount and, afterwards, on complaints."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pyarrow as pa
import pytest

from palantir_assets.learning.training import Trained, train
from palantir_assets.ontology.spec import Model


def _spec(**changes: object) -> Model:
    base: dict[str, object] = {
        "object": "order",
        "label": {"en": "Returned order", "ko": "반품되는 주문"},
        "description": "Whether an order comes back.",
        "predict": "returned",
        "at": "ordered_at",
        "features": ["shop", "amount", "gift", "customer.city"],
        "split": {"by": "ordered_at", "train_until": "2024-10-01"},
        "estimators": {"boosting": {"kind": "gradient_boosting"}, "network": {"kind": "mlp", "epochs": 6}},
        "serve": "boosting",
        "gate": {"metric": "auroc", "at_least": 0.6, "beats": ["constant"]},
        "writes": {"return_probability": {}},
    }
    return Model.model_validate({**base, **changes})


def _orders(rows: int = 4_000, seed: int = 7) -> pa.Table:
    random = np.random.default_rng(seed)
    shop, amount, gift = random.integers(0, 5, rows), random.normal(50, 20, rows), random.random(rows) < 0.3
    city = random.integers(0, 3, rows)
    chance = 1 / (1 + np.exp(-(0.8 * (shop - 2) + (amount - 50) / 25 - 1.2)))
    returned = random.random(rows) < chance
    unknown = random.random(rows) < 0.02
    minutes = np.arange(rows) * (365 * 24 * 60 // rows)
    return pa.table(
        {
            "_row": pa.array(np.arange(rows, dtype=np.int32)),
            "returned": pa.array(returned, mask=unknown),
            "ordered_at": pa.array(np.datetime64("2024-01-01", "us") + minutes.astype("timedelta64[m]")),
            "shop": pa.array([f"shop {number}" for number in shop]),
            "amount": pa.array(amount, mask=random.random(rows) < 0.05),
            "gift": pa.array(gift),
            "customer.city": pa.array([("Lyon", "Seoul", "Oslo")[number] for number in city]),
            "complaints": pa.array(np.where(returned, random.poisson(2, rows), 0).astype(np.int32)),
        }
    )


@pytest.fixture(scope="session")
def spec_of() -> Callable[..., Model]:
    """A model spec with some keys changed."""
    return _spec


@pytest.fixture(scope="session")
def orders() -> pa.Table:
    return _orders()


@pytest.fixture(scope="session")
def trained(orders: pa.Table) -> Trained:
    return train("order_returned", _spec(), orders)
