"""What is hidden is cut out of the bytes of ready JSON, whatever the values look like: the same as decoding would give."""

from __future__ import annotations

import string
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from palantir_assets.engine.cutting import cutter
from palantir_assets.ontology.served_parts import ServedProperty, ServedType
from palantir_assets.ontology.spec import Label

PROPERTIES: dict[str, Any] = {
    "id": {"type": "string"}, "note": {"type": "string"}, "crew": {"type": "string"}, "n": {"type": "double"}, "late": {"type": "boolean"},
    "tags": {"type": "array", "of": "string"}, "numbers": {"type": "array", "of": "integer"},
}  # fmt: skip
TRICKY = st.text(alphabet=string.printable + 'é\\"crew,:[]{}한', max_size=20) | st.sampled_from(
    ['","crew":"x', "crew", "\\", '\\"', '",', "]", '{"crew":1}', "\n", '"crew"', ',"crew":']
)
VALUES: dict[str, Any] = {
    "id": TRICKY, "note": TRICKY, "crew": TRICKY, "n": st.floats(allow_nan=False, allow_infinity=False), "late": st.booleans(),
    "tags": st.lists(TRICKY, max_size=4), "numbers": st.lists(st.integers(-9, 9), max_size=4),
}  # fmt: skip
ROWS = st.fixed_dictionaries({"id": VALUES["id"]}, optional={name: values for name, values in VALUES.items() if name != "id"})
HIDDEN = st.frozensets(st.sampled_from(["note", "crew", "n", "late", "tags", "numbers"]))


def kind(properties: dict[str, Any] | None = None) -> ServedType:
    parts = {name: ServedProperty.model_validate(prop) for name, prop in (properties or PROPERTIES).items()}
    return ServedType.model_construct(name="thing", label=Label(en="Thing", ko="물건"), title="{id}", key="id", properties=parts)


def ready(row: dict[str, Any], title: str = "a title") -> bytes:
    told = {"__rid": f"ri.ontology.main.object.thing.{row['id']}", "__primaryKey": row["id"], "__apiName": "thing", "__title": title}
    return orjson.dumps({**told, **row})


@given(row=ROWS, hidden=HIDDEN, untitled=st.booleans(), title=TRICKY)
def test_cutting_bytes_is_decoding_without_what_is_hidden(row: dict[str, Any], hidden: frozenset[str], untitled: bool, title: str) -> None:
    left = orjson.loads(cutter(kind(), hidden, untitled=untitled)(ready(row, title)))
    wanted = {name: value for name, value in orjson.loads(ready(row, title)).items() if name not in hidden}
    assert left == (wanted | {"__title": row["id"]} if untitled else wanted)


@given(row=ROWS, hidden=HIDDEN)
def test_json_that_was_written_in_another_way_hides_as_much(row: dict[str, Any], hidden: frozenset[str]) -> None:
    spaced = orjson.dumps(orjson.loads(ready(row)), option=orjson.OPT_INDENT_2)
    assert not hidden & orjson.loads(cutter(kind(), hidden, untitled=True)(spaced)).keys()


@pytest.mark.parametrize("member", ["crew", "type", "coordinates"])
def test_a_member_of_a_value_is_no_property_of_the_same_name(member: str) -> None:
    inner: dict[str, Any] = (
        {"type": "geopoint"} if member != "crew" else {"type": "struct", "fields": {"first": "string", "crew": "string"}}
    )
    value = {"type": "Point", "coordinates": [1, 2]} if member != "crew" else {"first": "a", "crew": "b"}
    row = {"id": "1", "place": value, member: "secret"}
    cut = cutter(kind({"id": {"type": "string"}, "place": inner, member: {"type": "string"}}), frozenset({member}), untitled=False)
    assert orjson.loads(cut(ready(row)))["place"] == value and member not in orjson.loads(cut(ready(row)))


def test_a_hidden_object_goes_whole() -> None:
    cut = cutter(kind({"id": {"type": "string"}, "place": {"type": "geopoint"}}), frozenset({"place"}), untitled=False)
    told = orjson.loads(cut(ready({"id": "1", "place": {"type": "Point", "coordinates": [1, 2]}})))
    assert told == orjson.loads(ready({"id": "1"}))
