"""What is expected, from the spec: which expectations, at which severity."""

from __future__ import annotations

from palantir_assets.ontology.spec import ObjectType, Ontology
from palantir_assets.quality.suites import suites_of

ORDER = {
    "object": "order",
    "label": "Order",
    "from": "marts.orders",
    "key": "order_id",
    "title": "{order_id}",
    "properties": {
        "order_id": {"type": "string"},
        "code": {"type": "sku", "optional": True},
        "amount": {"type": "double", "expect": {"between": [0, 10], "severity": "warn", "null_share": 0.25}},
        "state": {"type": "string", "optional": True, "expect": {"one_of": ["new", "paid"], "unique": True, "length": [1, 9]}},
    },
}
ONTOLOGY = Ontology.model_validate(
    {"value_types": {"sku": {"type": "string", "matches": "^[A-Z]+$", "severity": "warn"}}, "objects": {"order": ORDER}}
)


def told(severity: str) -> list[str]:
    suites = suites_of(ONTOLOGY, ONTOLOGY.objects["order"])
    return [str(expectation) for suite in suites if suite.severity == severity for expectation in suite.expectations]


def test_what_is_not_optional_must_be_there_and_the_key_is_unique() -> None:
    assert told("block") == [
        "table: TableRowCountToBeBetween(min_value=1, max_value=None)",
        "order_id: ColumnValuesToBeUnique()",
        "order_id: ColumnValuesToNotBeNull()",
        "amount: ColumnValuesToNotBeNull()",
        "state: ColumnValuesToBeInSet(value_set=['new', 'paid'])",
        "state: ColumnValueLengthsToBeBetween(min_value=1, max_value=9)",
        "state: ColumnValuesToBeUnique()",
    ]


def test_what_only_warns_stands_in_a_suite_of_its_own_value_types_included() -> None:
    assert told("warn") == [
        "code: ColumnValuesToMatchRegex(regex=^[A-Z]+$)",
        "amount: ColumnValuesToBeBetween(min_value=0.0, max_value=10.0)",
        "amount: ColumnValuesToNotBeNull(mostly=0.75)",
    ]


def test_a_suite_with_nothing_in_it_is_left_out() -> None:
    plain = ObjectType.model_validate({**ORDER, "properties": {"order_id": {"type": "string"}}})
    assert [suite.name for suite in suites_of(Ontology(), plain)] == ["expectations"]


def test_a_type_brings_its_own_expectations_and_what_is_computed_over_links_has_none() -> None:
    thing = {
        "object": "thing", "label": "Thing", "from": "marts.things", "key": "id", "title": "{id}",
        "properties": {
            "id": {"type": "string"},
            "place": {"type": "geopoint", "from": ["lat", "lon"], "optional": True},
            "taste": {"type": "vector", "size": 2},
            "card": {"type": "card"},
            "orders": {"type": "integer", "derived": "count(orders_of)"},
            "is_big": {"type": "boolean", "derived": "orders > 3"},
            "is_new": {"type": "boolean", "derived": "id == 'x'", "materialised": False},
        },
    }  # fmt: skip
    ontology = Ontology.model_validate({"value_types": {"card": {"type": "string", "uuid": True}}, "objects": {"thing": thing}})
    (suite,) = suites_of(ontology, ObjectType.model_validate(thing))
    assert [str(expectation).partition("(")[0] for expectation in suite.expectations] == [
        "table: TableRowCountToBeBetween", "id: ColumnValuesToBeUnique", "id: ColumnValuesToNotBeNull",
        "place.latitude: ColumnValuesToBeBetween", "place.longitude: ColumnValuesToBeBetween",
        "place.both_halves_are_numbers: ColumnValuesToBeInSet",
        "taste: ColumnValuesToNotBeNull", "taste.all_are_numbers: ColumnValuesToBeInSet",
        "card: ColumnValuesToNotBeNull", "card: ColumnValuesToMatchRegex",
    ]  # fmt: skip
