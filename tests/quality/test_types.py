"""Places, vectors, decimals and UUIDs as DuckDB holds them, asked by the real Great Expectations."""

from __future__ import annotations

import duckdb
import pytest

from palantir_assets.ontology.spec import ObjectType, Ontology
from palantir_assets.quality.suites import column_sql, suites_of
from palantir_assets.quality.validating import validate

pytestmark = [pytest.mark.filterwarnings("ignore"), pytest.mark.timeout(120)]

THING = {
    "object": "thing", "label": "Thing", "from": "marts.things", "key": "id", "title": "{id}",
    "properties": {
        "id": {"type": "string"},
        "place": {"type": "geopoint", "from": ["lat", "lon"], "optional": True},
        "taste": {"type": "vector", "size": 2, "optional": True},
        "card": {"type": "card"},
        "price": {"type": "decimal", "digits": [9, 2], "expect": {"min": 0, "max": 10}},
    },
}  # fmt: skip
ONTOLOGY = Ontology.model_validate({"value_types": {"card": {"type": "string", "uuid": True}}, "objects": {"thing": THING}})
UUID = "'7d444840-9dc0-11d1-b245-5ffdce74fad2'"
PLACE = "STRUCT(latitude DOUBLE, longitude DOUBLE)"


def broken(place: str = "NULL", taste: str = "NULL", card: str = UUID, price: str = "1") -> list[str]:
    """The columns whose expectations a row breaks that lies beside a good one."""
    (suite,) = suites_of(ONTOLOGY, ObjectType.model_validate(THING))
    wanted = ", ".join(column_sql(column) for column in suite.columns)
    rows = (
        f"SELECT 'a' AS id, {place}::{PLACE} AS place, {taste}::FLOAT[2] AS taste, {card} AS card, {price}::DECIMAL(9, 2) AS price "
        f"UNION ALL SELECT 'b', {{latitude: 1, longitude: 2}}, [1, 2], {UUID}, 9.99"
    )
    return [
        result.expectation.column
        for result in validate(suite, duckdb.sql(f"SELECT {wanted} FROM ({rows})").to_arrow_table())
        if not result.passed
    ]


def test_what_is_whole_passes_nulls_included() -> None:
    assert broken() == []
    assert broken("{latitude: -90, longitude: 180}", "[0, 0]", price="10.00") == []


@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("{latitude: 90.01, longitude: 0}", ["place.latitude"]),
        ("{latitude: 0, longitude: -180.5}", ["place.longitude"]),
        ("{latitude: 0, longitude: NULL}", ["place.both_halves_are_numbers"]),
        ("{latitude: 'nan'::DOUBLE, longitude: 1}", ["place.both_halves_are_numbers"]),
    ],
)
def test_a_place_that_is_none_stops_the_release(place: str, told: list[str]) -> None:
    assert broken(place) == told


def test_a_vector_with_a_hole_a_price_too_high_and_a_card_that_is_no_uuid_are_found() -> None:
    assert broken(taste="['1', 'nan']", price="10.01", card="'7d444840'") == ["taste.all_are_numbers", "card", "price"]
    assert broken(taste="[NULL, 1]") == ["taste.all_are_numbers"]
