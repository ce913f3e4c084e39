"""What could not be known when a prediction is made is refused from the spec alone; and it would have paid."""

from __future__ import annotations

from collections.abc import Callable

import pyarrow as pa
import pytest

from palantir_assets.learning.training import train
from palantir_assets.ontology.leaks import leaks
from palantir_assets.ontology.spec import Model, ObjectType, Ontology

ORDER = {
    "order_id": {"type": "string"},
    "ordered_at": {"type": "timestamp"},
    "delivered_at": {"type": "timestamp", "optional": True, "known_at": "delivered_at"},
    "shop": {"type": "string"},
    "amount": {"type": "double", "known_at": "ordered_at"},
    "promised_days": {"type": "integer", "known_at": "ordered_at"},
    "actual_days": {"type": "integer", "optional": True},
    "complaints": {"type": "integer", "known_at": "delivered_at"},
    "depot_code": {"type": "string", "known_at": "delivered_at"},
    "customer_id": {"type": "string"},
    "late": {"type": "boolean", "derived": "actual_days > promised_days"},
    "days_over": {"type": "integer", "derived": "actual_days - promised_days"},
    "angry": {"type": "boolean", "derived": "complaints > 2"},
    "annoying": {"type": "boolean", "derived": "late or amount > 100"},
    "dear": {"type": "boolean", "derived": "amount > 100"},
    "said_to_be_early": {"type": "boolean", "derived": "complaints > 3", "known_at": "ordered_at"},
}
CUSTOMER = {
    "customer_id": {"type": "string"},
    "city": {"type": "string"},
    "left_at": {"type": "timestamp"},
    "reason": {"type": "string", "known_at": "left_at"},
}
DEPOT = {"depot_code": {"type": "string"}, "size": {"type": "integer"}}
LINKS = {
    "customer": {"to": "customer", "by": "customer_id", "reverse": "orders"},
    "depot": {"to": "depot", "by": "depot_code", "reverse": "orders"},
}


def _type(name: str, properties: dict[str, object], **more: object) -> ObjectType:
    key = next(iter(properties))
    return ObjectType.model_validate(
        {"object": name, "label": name, "from": f"marts.{name}s", "key": key, "title": f"{{{key}}}", "properties": properties, **more}
    )


SHOP = Ontology(
    objects={"order": _type("order", ORDER, links=LINKS), "customer": _type("customer", CUSTOMER), "depot": _type("depot", DEPOT)}
)


@pytest.mark.parametrize(
    ("feature", "reason"),
    [
        ("late", "it is what is predicted"),
        ("complaints", "'complaints' is known only at 'delivered_at', the prediction is made at 'ordered_at'"),
        ("angry", "'complaints' is known only at 'delivered_at', the prediction is made at 'ordered_at'"),
        ("said_to_be_early", "'complaints' is known only at 'delivered_at', the prediction is made at 'ordered_at'"),
        ("actual_days", "the target 'late' is derived from 'actual_days'; if that is known in time, say `known_at: ordered_at`"),
        ("days_over", "the target 'late' is derived from 'actual_days'; if that is known in time, say `known_at: ordered_at`"),
        ("annoying", "it is derived from 'late', which is what is predicted"),
        ("customer.reason", "'reason' of customer is known only at its 'left_at', which need not be before the prediction"),
        ("depot.size", "'depot_code' is known only at 'delivered_at', the prediction is made at 'ordered_at'"),
    ],
)
def test_a_feature_that_is_known_too_late_is_refused_with_the_reason(spec_of: Callable[..., Model], feature: str, reason: str) -> None:
    model = spec_of(predict="late", features=["shop", feature])
    assert [(leak.feature, leak.reason) for leak in leaks(SHOP, model)] == [(feature, reason)]


@pytest.mark.parametrize("feature", ["shop", "amount", "dear", "customer.city", "promised_days"])
def test_a_feature_that_is_known_in_time_may_be_used(spec_of: Callable[..., Model], feature: str) -> None:
    assert leaks(SHOP, spec_of(predict="late", features=[feature])) == ()


def test_every_leak_is_told_at_once_in_the_order_of_the_spec(spec_of: Callable[..., Model]) -> None:
    found = leaks(SHOP, spec_of(predict="late", features=["angry", "shop", "late", "complaints"]))
    assert [leak.feature for leak in found] == ["angry", "late", "complaints"]
    assert str(found[1]) == "feature 'late' leaks: it is what is predicted"


def test_a_path_that_leads_nowhere_is_left_to_the_rules(spec_of: Callable[..., Model]) -> None:
    assert leaks(SHOP, spec_of(predict="late", features=["customer.nothing", "nothing"])) == ()


def test_leaving_a_leak_in_would_look_far_too_good(spec_of: Callable[..., Model], orders: pa.Table) -> None:
    """Complaints come with the return: the metric jumps, and only the guard knows that it is a lie."""
    trees = {"boosting": {"kind": "gradient_boosting"}}
    honest = train("honest", spec_of(estimators=trees, features=["shop", "amount"]), orders).metrics["boosting"].auroc
    cheating = spec_of(estimators=trees, features=["shop", "amount", "complaints"])
    assert train("cheating", cheating, orders).metrics["boosting"].auroc > honest + 0.1
    guarded = spec_of(predict="late", features=["shop", "amount", "complaints"])
    assert [leak.feature for leak in leaks(SHOP, guarded)] == ["complaints"]
