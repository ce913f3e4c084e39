"""What is read from answers of other spellings, and a release with more of the same objects."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.engine.questions import groups_read, linked_read, page_read, same_groups
from benchmarks.engine.tables import row_read, rows_read, table_read
from benchmarks.engine.world import copied
from palantir_assets.ontology.served import ServedOntology

FLIGHT = {"flight_id": "a", "carrier_code": "UA", "flight_number": 7, "origin_code": "EWR", "destination_code": "ANC"}
OURS = {"__primaryKey": "a", **FLIGHT, "distance_miles": 3, "scheduled_month": 1, "is_late": True}
THEIRS = {**FLIGHT, "distance_miles": 3, "scheduled_month": 1, "is_late": 1, "tail_number": None}


def dumped(value: object) -> bytes:
    return json.dumps(value).encode()


def test_a_page_is_its_keys_in_order_and_how_many_there_are() -> None:
    assert page_read(dumped({"data": [{"__primaryKey": "b"}, {"__primaryKey": "a"}], "totalCount": "9"})) == (["b", "a"], 9)


def test_linked_objects_are_compared_whole_and_in_any_order() -> None:
    one, other = {"__primaryKey": "b", "x": 1}, {"x": 2, "__primaryKey": "a"}
    assert linked_read(dumped({"data": [one, other]})) == linked_read(dumped({"data": [dict(reversed(other.items())), one]}))
    assert linked_read(dumped({"data": [one]})) != linked_read(dumped({"data": [{**one, "x": 2}]}))


def test_rows_of_all_spellings_come_out_alike() -> None:
    assert row_read(dumped(OURS)) == row_read(dumped([THEIRS]))
    assert rows_read(dumped({"data": [OURS]})) == rows_read(dumped([THEIRS]))
    assert row_read(dumped(OURS)) != row_read(dumped([{**THEIRS, "distance_miles": 4}]))


def test_groups_of_all_spellings_come_out_alike_but_for_last_digits_and_a_percentile_by_one() -> None:
    metrics = [{"name": "flights", "value": 3.0}, {"name": "mean", "value": 1.1}, {"name": "middle", "value": -2.0}]
    ours = groups_read(dumped({"data": [{"group": {"carrier_code": "UA"}, "metrics": metrics}]}))
    theirs = {"carrier_code": "UA", "flights": 3, "mean": 1.1000000000000001, "middle": -1.5}
    assert same_groups(ours, table_read(dumped([theirs])))
    for wrong in ({"flights": 4}, {"mean": 1.2}, {"middle": 0}):
        assert not same_groups(ours, table_read(dumped([{**theirs, **wrong}])))
    assert not same_groups(ours, {})


def test_each_flight_comes_as_often_as_asked_beside_its_copies_and_in_the_order_of_keys(tmp_path: Path) -> None:
    table = pa.table({"_row": pa.array([0, 1], pa.int32()), "_title": ["x", "y"], "flight_id": ["a", "ab"], "distance_miles": [1, 2]})
    (tmp_path / "objects" / "flight").mkdir(parents=True)
    pq.write_table(table, tmp_path / "objects" / "flight" / "part-00000.parquet")
    prop = {"type": "string"}
    kind = {"name": "flight", "label": {"en": "Flight"}, "key": "flight_id", "title": "{flight_id}", "properties": {"flight_id": prop}}
    ontology = ServedOntology.model_validate({"types": {"flight": kind}})
    assert copied(tmp_path, ontology, 1).equals(table)
    many = copied(tmp_path, ontology, 3).to_pydict()
    assert many["flight_id"] == ["a~000", "a~001", "a~002", "ab~000", "ab~001", "ab~002"]
    assert many["_row"] == [0, 1, 2, 3, 4, 5] and many["distance_miles"] == [1, 1, 1, 2, 2, 2]
