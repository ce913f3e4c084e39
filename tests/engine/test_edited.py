"""Edits laid over a release: links by a property, row rules, texts, titles, and what is shared from one edit to the next."""

from __future__ import annotations

import gc
import random
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any
from weakref import ref

import orjson
import pytest

from palantir_assets.access.principal import Principal
from palantir_assets.actions.edits import Edit, LinkEdit, ObjectEdit
from palantir_assets.actions.overlay import Overlay, fold
from palantir_assets.engine.answering import execute
from palantir_assets.engine.edited import Edited, edited
from palantir_assets.engine.objects import get, linked
from palantir_assets.engine.ports import Released
from palantir_assets.engine.searching import find
from palantir_assets.engine.visibility import seen_by
from palantir_assets.errors import NotFound
from palantir_assets.ontology.served import ServedOntology
from palantir_assets.query.plans import parse_query, plan
from tests.fakes.release import FakeRelease, open_to_viewers, shop

VIEWER = Principal("someone", frozenset({"viewer"}))


def with_links_by_property(made: FakeRelease) -> FakeRelease:
    told: dict[str, Any] = made.ontology.model_dump(mode="json")
    told["types"]["order"]["links"]["customer"]["by"] = "customer_id"
    told["types"]["customer"]["title"] = "{name}!"
    made.__dict__["ontology"] = ServedOntology.model_validate(told)
    return made


@pytest.fixture
def release() -> Iterator[FakeRelease]:
    made = with_links_by_property(shop(orders=60))
    made.__dict__["access"] = open_to_viewers(made.ontology)
    yield made
    made.close()


def over(release: Released, *edits: Edit) -> Edited:
    return edited(release, fold(Overlay(), enumerate(edits, 1)))


def keys_of(release: Released, customer: str) -> list[int]:
    answer = linked(release, seen_by(VIEWER, release), "customer", customer, "orders", limit=100)
    return [orjson.loads(row)["order_id"] for row in answer.rows]


def test_an_order_whose_customer_is_edited_moves_from_one_customer_to_the_other(release: FakeRelease) -> None:
    first, second = (str(release.rows["customer"][at]["customer_id"]) for at in (0, 1))
    moved = over(release, ObjectEdit("modify", "order", "0", {"customer_id": second}))
    assert 0 in keys_of(release, first)
    assert (0 in keys_of(moved, first), 0 in keys_of(moved, second)) == (False, True)
    back = moved.with_edits([(2, ObjectEdit("modify", "order", "0", {"customer_id": None}))])
    assert (0 in keys_of(back, first), 0 in keys_of(back, second)) == (False, False)


def test_an_object_that_is_made_is_linked_to_those_that_name_it(release: FakeRelease) -> None:
    named = over(release, ObjectEdit("modify", "order", "3", {"customer_id": "fresh"}))
    with pytest.raises(NotFound):
        keys_of(named, "fresh")
    edits: list[tuple[int, Edit]] = [
        (2, ObjectEdit("create", "customer", "fresh", {"customer_id": "fresh", "name": "새 고객"})),
        (3, ObjectEdit("create", "order", "900", {"order_id": 900, "customer_id": "fresh", "cents": "5"})),
    ]
    made = named.with_edits(edits)
    assert keys_of(made, "fresh") == [3, 900]
    assert orjson.loads(get(made, seen_by(VIEWER, made), "customer", "fresh"))["__title"] == "새 고객!"
    assert keys_of(made.with_edits([(4, ObjectEdit("delete", "order", "3"))]), "fresh") == [900]


def test_a_row_rule_is_asked_of_the_values_as_they_are_now(release: FakeRelease) -> None:
    told = release.access.model_dump(mode="json")
    told["types"]["order"]["rows"] = "paid == true"
    release.__dict__["access"] = type(release.access).model_validate(told)
    paid, unpaid = (next(row["order_id"] for row in release.rows["order"] if row["paid"] is is_paid) for is_paid in (True, False))
    view = seen_by(VIEWER, release)
    assert get(release, view, "order", str(paid))
    changed = over(
        release,
        ObjectEdit("modify", "order", str(paid), {"paid": False}),
        ObjectEdit("modify", "order", str(unpaid), {"paid": True}),
        ObjectEdit("create", "order", "901", {"order_id": 901, "cents": "1", "paid": False}),
    )
    assert seen_by(VIEWER, changed) is view  # it names no row, so an edit does not cost a new one
    with pytest.raises(NotFound):
        get(changed, view, "order", str(paid))
    with pytest.raises(NotFound):
        get(changed, view, "order", "901")
    assert get(changed, view, "order", str(unpaid))
    count = execute(plan(parse_query({"object": "order", "count": True}), view), changed).total
    assert count == sum(row["paid"] is True for row in release.rows["order"])


def test_what_the_build_computed_of_an_objects_own_properties_follows_their_edits(release: FakeRelease) -> None:
    told: dict[str, Any] = release.ontology.model_dump(mode="json")
    told["types"]["order"]["properties"]["paid"]["expression"] = "amount > 100"
    told["types"]["order"]["properties"]["note"]["expression"] = "if_else(paid, 'large', 'small')"
    release.__dict__["ontology"] = ServedOntology.model_validate(told)
    stored = {row["order_id"]: row["paid"] for row in release.rows["order"]}
    changed = over(
        release,
        ObjectEdit("modify", "order", "5", {"amount": 5000.0}),
        ObjectEdit("modify", "order", "6", {"amount": 1.0}),
        ObjectEdit("modify", "order", "7", {"amount": None}),
        ObjectEdit("modify", "order", "8", {"cents": "3", "paid": True, "amount": 2.0}),  # whatever said it before it was derived
        ObjectEdit("create", "order", "900", {"order_id": 900, "customer_id": "x", "cents": "1", "amount": 101.0}),
    )
    view = seen_by(VIEWER, changed)
    now = {key: orjson.loads(get(changed, view, "order", str(key))) for key in (5, 6, 7, 8, 900)}
    assert [now[key].get("paid") for key in (5, 6, 7, 8, 900)] == [True, False, None, False, True]
    assert [now[key].get("note") for key in (5, 6, 8, 900)] == ["large", "small", "small", "large"]
    where = {"type": "eq", "field": "paid", "value": True}
    found = execute(plan(parse_query({"object": "order", "where": where, "limit": 200}), view), changed).rows
    expected = {key for key, paid in stored.items() if paid and key not in now} | {5, 900}
    assert {orjson.loads(row)["order_id"] for row in found} == expected


def test_text_finds_nothing_that_is_gone_and_tells_the_title_of_today(release: FakeRelease) -> None:
    keys = [str(row["customer_id"]) for row in release.rows["customer"][:2]]
    changed = over(release, ObjectEdit("delete", "customer", keys[0]), ObjectEdit("modify", "customer", keys[1], {"name": "Renamed"}))
    hits = find(changed, seen_by(VIEWER, changed), "이름", limit=100)
    assert keys[0] not in {hit.key for hit in hits}
    assert [hit.title for hit in hits if hit.key == keys[1]] == ["Renamed!"]


def test_an_edit_of_what_the_release_does_not_have_changes_nothing_but_the_number(release: FakeRelease) -> None:
    strange = over(
        release,
        ObjectEdit("modify", "order", "77777", {"note": "?"}),
        ObjectEdit("create", "spaceship", "1", {"a": 1}),
        LinkEdit("link", "order__customer", "77777", "nobody"),
        LinkEdit("link", "spaceship__crew", "1", "2"),
        ObjectEdit("modify", "order", "5", {"colour": "red"}),
    )
    assert strange.edit_no == 5
    assert execute(plan(parse_query({"object": "order", "count": True}), seen_by(VIEWER, strange)), strange).total == 60
    assert "colour" not in orjson.loads(get(strange, seen_by(VIEWER, strange), "order", "5"))


def test_an_edit_under_the_name_that_a_type_had_before_is_seen(release: FakeRelease) -> None:
    told: dict[str, Any] = release.ontology.model_dump(mode="json")
    told["types"]["order"]["renamed_from"] = "purchase"
    release.__dict__["ontology"] = ServedOntology.model_validate(told)
    changed, gone = ObjectEdit("modify", "purchase", "5", {"note": "new"}), ObjectEdit("erase", "purchase", "6")
    state = over(release).with_edits([(1, changed), (2, gone)])
    assert orjson.loads(get(state, seen_by(VIEWER, state), "order", "5"))["note"] == "new"
    with pytest.raises(NotFound):
        get(state, seen_by(VIEWER, state), "order", "6")


def test_links_that_no_edit_touches_stay_the_same_arrays(release: FakeRelease) -> None:
    changed = over(release, ObjectEdit("modify", "customer", str(release.rows["customer"][0]["customer_id"]), {"name": "A"}))
    assert changed.links["order__customer"] is release.links["order__customer"]


def test_one_edit_more_leaves_large_segments_as_they_are() -> None:
    with closing(with_links_by_property(shop(orders=500))) as release:
        many: list[tuple[int, Edit]] = [(at + 1, ObjectEdit("modify", "order", str(at), {"note": "x"})) for at in range(400)]
        changed = edited(release, Overlay()).with_edits(many)
        large = changed.patches["order"].segments[0][0]
        more = changed.with_edits([(401, ObjectEdit("modify", "order", "450", {"note": "y"}))])
        assert more.patches["order"].segments[1][0] is large
        rng, state = random.Random(1), more
        for number in range(402, 560):
            state = state.with_edits([(number, ObjectEdit("modify", "order", str(rng.randrange(500)), {"note": str(number)}))])
        assert len(state.patches["order"].segments) <= 3


def test_what_is_read_of_a_row_that_is_gone_is_an_error_and_not_the_old_object(release: FakeRelease) -> None:
    gone = over(release, ObjectEdit("erase", "order", "5"))
    assert gone.row_of("order", 5) is None
    with pytest.raises(IndexError):
        gone.json_rows("order", [5])


def test_a_release_on_disk_and_its_edits_answer_alike_whether_laid_at_once_or_one_by_one(tmp_path: Path) -> None:
    from tests.oracle.editing import edit_world
    from tests.oracle.world import make_world

    world = make_world(3, tmp_path)
    try:
        laid, edits = edit_world(world, random.Random(5), 80)
        at_once = edited(world.release, fold(Overlay(), enumerate(edits, 1)))
        for kind in world.types:
            asked = plan(parse_query({"object": kind, "limit": 1_000}), laid.seen)
            both = [sorted(execute(asked, each).rows) for each in (laid.release, at_once)]
            assert both[0] == both[1]
    finally:
        world.release.close()


def test_a_state_that_nobody_reads_any_more_is_gone_at_once(release: FakeRelease) -> None:
    state = over(release, ObjectEdit("modify", "order", "0", {"customer_id": None}))
    assert keys_of(state, str(release.rows["customer"][1]["customer_id"]))
    seen = ref(state)
    gc.disable()
    try:
        state = state.with_edits([(2, ObjectEdit("modify", "order", "1", {"note": "y"}))])
        assert seen() is None
    finally:
        gc.enable()


def test_what_is_only_planned_is_seen_by_nobody_else(release: FakeRelease) -> None:
    """Not its objects, not its links: neither those that were resolved before, nor those that are resolved in it first."""
    first = str(release.rows["customer"][0]["customer_id"])
    held = over(release, ObjectEdit("modify", "order", "3", {"customer_id": first}))
    new = {"order_id": 900, "customer_id": first, "cents": "1", "ordered_on": "2024-01-02", "ordered_at": "2024-01-02T03:04:05Z"}
    without = held.with_planned([ObjectEdit("delete", "order", "3")])
    planned = held.with_planned([ObjectEdit("delete", "order", "3"), ObjectEdit("create", "order", "900", new)])
    expected = [number for number in range(60) if number % len(release.rows["customer"]) == 0]
    assert keys_of(without, first) == expected
    assert keys_of(planned, first) == [*expected, 900]
    assert keys_of(held, first) == sorted([3, *expected])
    assert (held.row_of("order", "900"), held.row_of("order", "3"), held.count("order")) == (None, 3, 60)
    other = held.with_planned([ObjectEdit("create", "order", "901", {**new, "order_id": 901})])
    assert keys_of(other, first) == [*sorted([3, *expected]), 901] and other.row_of("order", "901") == planned.row_of("order", "900")
    later = held.with_edits([(2, ObjectEdit("create", "order", "902", {**new, "order_id": 902}))])
    assert keys_of(later, first) == [*sorted([3, *expected]), 902] and later.count("order") == 61
