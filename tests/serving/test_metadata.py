from __future__ import annotations

from typing import Any

import pytest
from starlette.testclient import TestClient

from palantir_assets.ontology.served_parts import ServedParameter, ServedProperty, ServedValueType
from palantir_assets.serving.datatypes import constraints, parameter_type, property_type, unit_format
from palantir_assets.serving.languages import preferred
from palantir_assets.serving.rids import named, rid

ONTOLOGY = "/api/v2/ontologies/default"


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("ko", "ko"),
        ("ko-KR,ko;q=0.9,en-US;q=0.8", "ko"),
        ("en-US,en;q=0.9,ko;q=0.8", "en"),
        ("fr, ko;q=0.1", "ko"),
        ("ko;q=0, en;q=0.1", "en"),
        ("ko;q=0", "en"),
        ("korean", "en"),
        ("KO", "ko"),
        ("ko;q=x", "en"),
        ("*", "en"),
    ],
)
def test_the_language_is_the_one_preferred_among_those_there_are(header: str, language: str) -> None:
    assert preferred(header) == language


def test_an_identifier_is_made_of_names_and_read_back() -> None:
    assert named("object-type", rid("object-type", "order")) == "order"
    assert named("function", rid("function", "late_orders")) == "late_orders"
    assert named("interface", rid("object-type", "order")) is None
    assert named("object-type", "nonsense") is None


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ({"type": "string"}, {"type": "string"}),
        ({"type": "geopoint"}, {"type": "geopoint"}),
        ({"type": "decimal", "digits": (12, 2)}, {"type": "decimal", "precision": 12, "scale": 2}),
        ({"type": "decimal"}, {"type": "decimal"}),
        ({"type": "array", "of": "long"}, {"type": "array", "subType": {"type": "long"}, "reducers": []}),
        ({"type": "vector", "size": 3}, {"type": "vector", "dimension": 3, "supportsSearchWith": [{"value": "COSINE_SIMILARITY"}]}),
        ({"type": "timeseries", "of": "string"}, {"type": "timeseries", "itemType": {"type": "string"}}),
        ({"type": "timeseries", "of": "double"}, {"type": "timeseries", "itemType": {"type": "double"}}),
    ],
)
def test_a_property_s_type_is_told_in_foundry_s_words(what: dict[str, Any], told: dict[str, Any]) -> None:
    assert property_type(ServedProperty.model_validate(what), "order", "amount") == told


def test_a_struct_tells_its_fields_with_identifiers_of_their_own() -> None:
    told = property_type(ServedProperty(type="struct", fields={"width": "double"}), "order", "box")
    field = {"apiName": "width", "rid": "ri.ontology.main.property.order.box.width", "dataType": {"type": "double"}}
    assert told == {"type": "struct", "structFieldTypes": [field]}


@pytest.mark.parametrize(
    ("what", "told"),
    [
        ({"type": "integer"}, {"type": "integer"}),
        ({"type": "decimal"}, {"type": "unsupported", "unsupportedType": "decimal", "params": {}}),
        ({"type": "object", "object": "order"}, {"type": "object", "objectApiName": "order", "objectTypeApiName": "order"}),
        ({"type": "object_set", "object": "order"}, {"type": "objectSet", "objectApiName": "order", "objectTypeApiName": "order"}),
        ({"type": "array", "of": "string"}, {"type": "array", "subType": {"type": "string"}}),
        ({"type": "struct", "fields": {"n": "long"}}, {"type": "struct", "fields": [{"name": "n", "fieldType": {"type": "long"}}]}),
    ],
)
def test_a_parameter_s_type_is_told_in_foundry_s_words(what: dict[str, Any], told: dict[str, Any]) -> None:
    assert parameter_type(ServedParameter.model_validate(what)) == told


def test_what_a_value_type_demands_is_told_as_constraints() -> None:
    every = ServedValueType(type="string", matches="^a", one_of=("a", "b"), min=1, length=(1, 2), uuid=True)
    assert constraints(every) == [
        {"type": "regex", "pattern": "^a", "partialMatch": False},
        {"type": "enum", "options": ["a", "b"]},
        {"type": "range", "minimumValue": 1.0},
        {"type": "length", "minimumLength": 1, "maximumLength": 2},
        {"type": "uuid"},
    ]
    assert constraints(ServedValueType(type="string")) == []
    assert unit_format("EUR")["numberType"] == {"type": "customUnit", "baseFormatOptions": {}, "unit": {"type": "constant", "value": "EUR"}}


def test_a_list_of_types_is_paged_and_its_token_is_its_own(client: TestClient) -> None:
    first = client.get(f"{ONTOLOGY}/objectTypes", params={"pageSize": 1}).json()
    token = first["nextPageToken"]
    second = client.get(f"{ONTOLOGY}/objectTypes", params={"pageSize": 1, "pageToken": token}).json()
    assert [found["apiName"] for found in (*first["data"], *second["data"])] == ["customer", "order"]
    assert "nextPageToken" not in second
    other = client.get(f"{ONTOLOGY}/interfaceTypes", params={"pageToken": token})
    assert (other.status_code, other.json()["errorName"]) == (400, "InvalidPageToken")
    assert client.get(f"{ONTOLOGY}/objectTypes", params={"pageSize": 0}).json()["parameters"] == {"pageSize": 0}
    assert client.get(f"{ONTOLOGY}/objectTypes", params={"pageSize": "many"}).json()["errorName"] == "InvalidQuery"


@pytest.mark.parametrize("size", [0, 101])
def test_a_batch_has_one_to_a_hundred_parts(client: TestClient, size: int) -> None:
    body = {"requests": [{"objectTypeRid": rid("object-type", "order")}] * size}
    told = client.post(f"{ONTOLOGY}/objectTypes/getByRidBatch", json=body).json()
    assert (told["errorName"], told["parameters"]) == (
        "BatchRequestSizeExceededLimit",
        {"maximumBatchSize": 100, "providedBatchSize": size},
    )


def test_where_there_are_no_actions_none_are_told(client: TestClient) -> None:
    assert client.get(f"{ONTOLOGY}/actionTypes").json() == {"data": []}
    assert client.get(f"{ONTOLOGY}/fullMetadata").json()["actionTypes"] == {}


def test_what_is_absent_is_left_out_of_metadata(client: TestClient) -> None:
    text = client.get(f"{ONTOLOGY}/fullMetadata").text
    assert ":null" not in text
