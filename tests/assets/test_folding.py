"""What people changed is in the next release, by the rules of its properties, and nothing else is made again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest

from palantir_assets.actions.edits import Edit, LinkEdit, ObjectEdit
from palantir_assets.actions.overlay import pair
from palantir_assets.actions.recording import written
from palantir_assets.actions.reverting import revert
from palantir_assets.release.manifest import read_manifest
from palantir_assets.stores.database import open_database
from palantir_assets.stores.edit_rows import Batch, NewEdit
from palantir_assets.stores.edits import EditLog
from palantir_assets.stores.histories import history_of, moment, whole_history
from tests.assets.shop import BUILDS, ORDER, ORDERS_CSV, PUBLISHING, Shop

pytestmark = BUILDS

NOW = datetime(2024, 6, 1, 12, tzinfo=UTC)
AFTER_ORDERS = {"links/order__customer", "graph/links"} | PUBLISHING


class People:
    """Those who change the shop: each call is one action."""

    def __init__(self, shop: Shop) -> None:
        self.database = open_database(shop.settings.ledger_url, shop.settings.audit_key)
        self.log = EditLog(self.database)
        self.at = NOW

    def act(self, *edits: Edit, reverts: Sequence[int] = ()) -> int:
        rows = [
            NewEdit(edit.link, pair(edit.source, edit.target), edit.kind, written(edit))
            if isinstance(edit, LinkEdit)
            else NewEdit(edit.type, edit.key, edit.kind, written(edit))
            for edit in edits
        ]
        self.at += timedelta(days=1)
        return self.log.append(Batch("act", "ada", self.at, edits=rows, reverts_actions=reverts)).action_no

    def take_back(self, action_no: int) -> int:
        reversal = revert(whole_history(self.database, moment(self.database)), str(action_no), with_dependents=True)
        return self.act(*reversal.edits, reverts=sorted(map(int, reversal.reverts)))


@pytest.fixture
def people(shop: Shop) -> Iterator[People]:
    found = People(shop)
    yield found
    found.database.close()


def modify(key: str, before: int, after: int, *, version: int = 0) -> ObjectEdit:
    return ObjectEdit("modify", "order", key, {"amount": after}, {"amount": before}, version)


def linked(shop: Shop, order: str) -> list[str]:
    """The customers that an order links to."""
    joined = "links.order__customer l JOIN objects.order o ON o._row = l.source_row JOIN objects.customer c ON c._row = l.target_row"
    return [key for (key,) in shop.sql(f"SELECT c.customer_id FROM {joined} WHERE o.order_id = '{order}'")]


def test_an_edit_is_in_the_next_release_and_makes_only_what_stands_on_its_type(shop: Shop, people: People) -> None:
    before = shop.head()
    people.act(modify("o-1001", shop.served("order", "o-1001")["amount"], 250_000))
    again = shop.build()
    assert again.outcome.failed == []
    assert again.made == {"ledger/order", "ledger/customer", "objects/order"} | AFTER_ORDERS
    assert shop.head() != before
    assert shop.served("order", "o-1001")["amount"] == 250_000
    assert shop.served("order", "o-1001")["is_large"] is True, "what is derived follows"
    assert read_manifest(shop.settings.releases / shop.head()).edit_watermark == 1
    told = shop.metadata("objects/order")
    assert (told["edited_objects"], told["edits_until"]) == (1, 1)
    assert shop.metadata("ledger/order")["edited"] == 1
    assert shop.build().made == set()


def test_an_edit_that_was_taken_back_before_anybody_built_changes_nothing(shop: Shop, people: People) -> None:
    before = shop.head()
    people.take_back(people.act(modify("o-1001", 0, 7)))
    again = shop.build()
    assert again.made == {"ledger/order", "ledger/customer"}
    assert shop.head() == before


def test_created_and_deleted_objects_are_folded_and_a_reversal_hands_back_to_the_source(shop: Shop, people: People) -> None:
    before, source = shop.head(), shop.served("order", "o-1003")
    new = {"order_id": "p-1", "customer_id": "c-001", "ordered_at": "2024-03-01T10:00:00Z", "amount": 1.5, "status": "open"}
    made = people.act(ObjectEdit("create", "order", "p-1", new), ObjectEdit("delete", "order", "o-1003", {}, {"amount": 1}))
    assert shop.build().outcome.failed == []
    assert shop.served("order", "p-1") | new == shop.served("order", "p-1")
    assert shop.served("order", "o-1003") is None
    assert shop.sql(
        "SELECT count(*) FROM links.order__customer l JOIN objects.order o ON o._row = l.source_row WHERE order_id = 'p-1'"
    ) == [(1,)], "a link by a property follows the folded property"
    people.take_back(made)
    assert shop.build().outcome.failed == []
    assert (shop.served("order", "p-1"), shop.served("order", "o-1003")) == (None, source)
    assert shop.sql("SELECT count(*) FROM ledger.order") == [(0,)]
    assert shop.head() != before, "the same content, of another moment of the ledger"


def test_a_link_by_a_property_goes_where_an_edit_says(shop: Shop, people: People) -> None:
    people.act(ObjectEdit("modify", "order", "o-1001", {"customer_id": "c-005"}, {"customer_id": "c-001"}))
    assert shop.build().outcome.failed == []
    assert linked(shop, "o-1001") == ["c-005"]


def test_what_was_erased_is_left_out_whatever_the_source_brings(shop: Shop, people: People) -> None:
    people.act(ObjectEdit("erase", "order", "o-1003", {}, {}))
    shop.build()
    people.act(ObjectEdit("create", "order", "o-1003", {"order_id": "o-1003"}, {}, 1))
    shop.edit(ORDERS_CSV, "o-1003,c-001,2024-01-20 18:42:00,15500,returned", "o-1003,c-001,2024-01-20 18:42:00,15501,returned")
    assert "objects/order" in shop.build().made
    assert shop.served("order", "o-1003") is None


@pytest.mark.parametrize("way", ["delete", "erase"])
def test_links_to_what_somebody_took_away_are_told_and_stop_no_build(shop: Shop, people: People, way: Literal["delete", "erase"]) -> None:
    shop.edit(ORDER, "orphans: warn", "orphans: block")
    shop.edit(ORDERS_CSV, "c-099", "c-001")
    people.act(ObjectEdit(way, "customer", "c-001", {}, {}))
    assert shop.build().outcome.failed == []
    assert linked(shop, "o-1001") == []
    told = shop.record("links/order__customer", "orphans").details
    assert told == {"orphan_keys": 0, "orphan_objects": 0, "keys_taken_away_by_edits": 1}


def test_what_people_said_of_a_type_holds_when_it_is_renamed(shop: Shop, people: People) -> None:
    people.act(modify("o-1001", 0, 5))
    people.act(ObjectEdit("erase", "order", "o-1003", {}, {}))
    shop.edit(ORDER, "object: order\n", "object: purchase\nrenamed_from: order\n")
    shop.edit("ontology_specs/shop/evals.yaml", "object: order,", "object: purchase,")
    assert shop.build().outcome.failed == []
    assert shop.sql("SELECT amount FROM objects.purchase WHERE order_id = 'o-1001'") == [(5,)]
    assert shop.sql("SELECT amount FROM objects.purchase WHERE order_id = 'o-1003'") == []
    people.act(modify("o-1002", 0, 6))  # by somebody who still knew the name before
    assert "ledger/purchase" in shop.build().made
    assert shop.sql("SELECT amount FROM objects.purchase WHERE order_id = 'o-1002'") == [(6,)]


@pytest.mark.parametrize(
    ("rule", "kept"),
    [
        pytest.param("edit_wins", 5.0, marks=pytest.mark.soundness),
        pytest.param("source_wins", 7777.0, marks=pytest.mark.soundness),
        ("latest_wins", 7777.0),
    ],
)
def test_a_reingest_keeps_an_edit_by_the_rule_of_its_property(shop: Shop, people: People, rule: str, kept: float) -> None:
    shop.edit(ORDER, "unit: KRW, optional: true,", f"unit: KRW, optional: true, conflict: {rule},")
    shop.edit(ORDER, "owner: team:shop", "owner: team:shop\nupdated_at: ordered_at")
    people.act(ObjectEdit("modify", "order", "o-1001", {"amount": 5.0}, {"amount": 1.0}))
    shop.build()
    rest = "".join(line for line in (shop.root / ORDERS_CSV).read_text().splitlines(True) if not line.startswith("o-1001"))
    (shop.root / ORDERS_CSV).write_text(rest + "o-1001,c-001,2024-07-10 10:00:00,7777,open\n")
    assert shop.build().outcome.failed == []
    assert shop.served("order", "o-1001")["amount"] == kept


def test_an_edit_that_breaks_an_expectation_is_named_by_its_check_and_nothing_is_released(shop: Shop, people: People) -> None:
    before = shop.head()
    people.act(modify("o-1002", 1, -4))
    again = shop.build()
    assert again.outcome.failed and shop.head() == before
    assert any("-4.0 of 'o-1002' (edit 1)" in reason for reason in again.reasons), again.reasons


def test_a_build_during_which_people_go_on_is_of_one_moment(shop: Shop, people: People, monkeypatch: pytest.MonkeyPatch) -> None:
    from palantir_assets.assets import objects

    people.act(modify("o-1001", 1, 11), ObjectEdit("modify", "customer", "c-001", {"name": "First"}, {}))
    fold = objects.folded

    def interrupted(con, project, object_type):  # type: ignore[no-untyped-def]
        people.act(modify("o-1001", 11, 12), ObjectEdit("modify", "customer", "c-001", {"name": "Second"}, {}))
        return fold(con, project, object_type)

    monkeypatch.setattr(objects, "folded", interrupted)
    built = shop.build()
    assert built.outcome.failed == []
    monkeypatch.undo()
    assert (shop.served("order", "o-1001")["amount"], shop.served("customer", "c-001")["name"]) == (11, "First")
    assert read_manifest(shop.settings.releases / shop.head()).edit_watermark == 2
    assert shop.build().outcome.failed == []
    assert (shop.served("order", "o-1001")["amount"], shop.served("customer", "c-001")["name"]) == (12, "Second")
    assert read_manifest(shop.settings.releases / shop.head()).edit_watermark == people.log.head()


def test_a_candidate_promises_no_edit_that_is_not_in_all_of_its_tables(shop: Shop, people: People) -> None:
    people.act(modify("o-1001", 1, 11))
    shop.build(select="ledger/order")
    refused = shop.build(select="candidate/candidate")
    assert "were made of other edits than were read last: objects/order" in refused.failures["candidate"]
    assert shop.build().outcome.failed == []


def test_what_is_selected_is_made_with_what_was_said_of_it_since(shop: Shop, people: People) -> None:
    people.act(modify("o-1001", 1, 11))
    assert shop.build(select="objects/customer").made == {"objects/customer"}
    assert shop.build(select="objects/order").made == {"ledger/order", "ledger/customer", "objects/order"}
    assert shop.sql("SELECT amount FROM objects.order WHERE order_id = 'o-1001'") == [(11.0,)]


def test_a_build_that_cannot_reach_the_ledger_holds_the_edits_that_were_read_last_and_says_so(shop: Shop, people: People) -> None:
    people.act(modify("o-1001", 1, 11))
    shop.build()
    there = shop.settings.ledger_url
    away = replace(shop.settings, ledger_url="sqlite:////proc/nowhere/ledger.db")
    shop.append(ORDERS_CSV, "o-1011,c-005,2024-03-10 10:00:00,7000,open\n")
    built = Shop(away).build()
    assert list(built.failures) == ["release"]
    sealed = [read_manifest(folder) for folder in (shop.settings.releases / ".staging").iterdir() if (folder / "manifest.json").exists()]
    assert max(sealed, key=lambda manifest: manifest.rows["order"]).edit_watermark == 1
    assert shop.sql("SELECT amount FROM objects.order WHERE order_id = 'o-1001'") == [(11.0,)]
    assert shop.build().outcome.failed == [] and there == shop.settings.ledger_url
    assert shop.served("order", "o-1011")["amount"] == 7000


def test_the_history_that_a_reversal_needs_is_that_of_the_build(shop: Shop, people: People) -> None:
    people.act(modify("o-1001", 1, 11))
    assert history_of(people.database, [("order", "o-1001")]) == whole_history(people.database, moment(people.database))
