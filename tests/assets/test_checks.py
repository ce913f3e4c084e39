"""What checks say, and what a check that fails does to the release."""

from __future__ import annotations

import pytest

from tests.assets.shop import BUILDS, CUSTOMER, ORDER, ORDERS_CSV, PUBLISHING, Shop

pytestmark = BUILDS


def test_a_failing_blocking_check_stops_everything_after_it_and_says_so_until_it_is_mended(shop: Shop) -> None:
    before = shop.head()
    shop.edit(ORDER, "amount >= 100000", "amount >= 200000")
    shop.edit(ORDER, "expect: {min: 0}", "expect: {min: 10000}")
    refused = shop.build()
    assert (refused.made, refused.outcome.failed) == ({"objects/order"}, ["objects/order (expectations)"])
    assert shop.head() == before
    assert shop.served("order", "o-1002")["is_large"] is True

    again = shop.build()
    assert (again.made, again.checks, again.outcome.failed) == (set(), [], ["objects/order (expectations)"])
    assert again.outcome.skipped == ["candidate/answers", "candidate/candidate", "graph/links", "links/order__customer", "release/release"]
    assert shop.head() == before

    shop.edit(ORDER, "expect: {min: 10000}", "expect: {min: 8000}")
    mended = shop.build()
    assert (mended.outcome.failed, mended.outcome.skipped) == ([], [])
    assert mended.made == {"links/order__customer", "graph/links"} | PUBLISHING
    assert shop.head() == mended.outcome.release_id != before
    assert shop.served("order", "o-1002")["is_large"] is False


def test_a_constraint_that_breaks_and_is_taken_back_leaves_the_release_it_was(shop: Shop) -> None:
    before = shop.head()
    shop.edit(ORDER, "expect: {min: 0}", "expect: {min: 10000}")
    refused = shop.build()
    assert (refused.outcome.failed, refused.failures) == (["objects/order (expectations)"], {})
    broken = "amount: ColumnValuesToBeBetween(min_value=10000.0, max_value=None)"
    assert refused.reasons == [f"expectations failed: {broken} (1): 8900.0 of 'o-1005'"]
    assert [event.blocks for event in refused.events if event.kind == "check" and not event.passed] == [True]
    record = shop.record("objects/order", "expectations")
    assert (record.passed, record.details["broken"]) == (False, {broken: 1})
    assert record.details["examples"] == {broken: ["8900.0 of 'o-1005'"]}
    shop.edit(ORDER, "expect: {min: 10000}", "expect: {min: 0}")
    healed = shop.build()
    assert (healed.made, healed.outcome.failed) == (set(), [])
    assert shop.head() == before


def test_a_failing_check_that_only_warns_does_not_stop_the_release(shop: Shop) -> None:
    shop.edit(ORDER, "expect: {min: 0}", "expect: {min: 10000, severity: warn}")
    warned = shop.build()
    assert warned.checks == ["objects/order expectations passed", "objects/order warnings warned"]
    assert (warned.made, warned.outcome.failed) == ({"release/release"}, [])
    assert shop.head() == warned.outcome.release_id
    assert "objects/order / warnings: failed" in shop.metadata("release/release")["warnings"]


def test_a_row_that_was_refused_is_warned_of_with_line_and_reason_until_it_is_mended(shop: Shop) -> None:
    shop.edit(ORDERS_CSV, "o-1003,c-001,2024-01-20 18:42:00,15500", "o-1003,c-001,2024-01-20 18:42:00,15500x")
    built = shop.build()
    told = "1 row refused: line 4: amount: '15500x' is not a double; mend the file, or see `palantir quarantine list`"
    assert f"refused warned: {told}" in built.reasons
    assert f"raw/shop__orders: {told}" in built.outcome.warnings
    assert built.outcome.failed == []
    record = shop.record("raw/shop__orders", "refused")
    assert (record.passed, record.blocking, record.details["refused_rows"]) == (False, False, 1)
    assert "raw/shop__orders / refused: failed" in shop.metadata("release/release")["warnings"]

    again = shop.build()
    assert again.made == set() and f"raw/shop__orders: {told}" in again.outcome.warnings
    shop.edit(ORDERS_CSV, "15500x", "15500")
    mended = shop.build()
    assert "raw/shop__orders refused passed" in mended.checks
    assert not any(warning.startswith("raw/") for warning in mended.outcome.warnings)


def test_a_suite_below_its_gate_stops_the_release(shop: Shop) -> None:
    before = shop.head()
    shop.edit("ontology_specs/shop/evals.yaml", "where status = 'delivered'", "where status = 'returned'")
    refused = shop.build()
    assert (refused.made, refused.outcome.failed) == ({"evals/facts"}, ["evals/facts (gate)"])
    wrong = "'How many orders were delivered?' gave [[7]], equals_sql says [[1]]"
    assert refused.reasons == [f"gate failed: pass_rate is 0.0000, wanted at least 1.0: {wrong}"]
    assert shop.head() == before


def test_orphans_are_counted_listed_and_warned_of(shop: Shop) -> None:
    record = shop.record("links/order__customer", "orphans")
    assert (record.passed, record.blocking) == (False, False)
    assert record.details == {"orphan_keys": 1, "orphan_objects": 1}
    assert shop.sql("SELECT key, objects FROM links.order__customer__orphans") == [("c-099", 1)]
    assert shop.metadata("links/order__customer")["orphan_keys"] == 1


def test_orphans_that_block_stop_the_release(shop: Shop) -> None:
    before = shop.head()
    shop.edit(ORDER, "orphans: warn", "orphans: block")
    refused = shop.build()
    assert (refused.made, refused.outcome.failed) == (set(), ["links/order__customer (orphans)"])
    assert shop.head() == before


@pytest.mark.parametrize(("severity", "failed"), [("block", ["links/order__customer (cardinality)"]), ("warn", [])])
def test_a_one_to_one_link_with_shared_targets_breaks_its_cardinality(shop: Shop, severity: str, failed: list[str]) -> None:
    before = shop.head()
    shop.edit(ORDER, "reverse: orders,", f"reverse: orders, cardinality: one_to_one, severity: {severity},")
    built = shop.build()
    assert built.outcome.failed == failed
    assert shop.record("links/order__customer", "cardinality").details == {"targets_with_several_sources": 3}
    assert (shop.head() == before) is bool(failed)


def test_a_one_to_one_link_whose_targets_differ_passes(shop: Shop) -> None:
    shop.edit(ORDER, "links:\n", "links:\n  twin: {to: order, by: order_id, reverse: twin_of, cardinality: one_to_one}\n")
    built = shop.build()
    assert built.outcome.failed == []
    assert "links/order__twin cardinality passed" in built.checks


def test_rows_there_must_be_are_counted(shop: Shop) -> None:
    shop.append(CUSTOMER, "rows: {min: 6}\n")
    assert shop.build().outcome.failed == ["objects/customer (expectations)"]
    assert (
        "table: TableRowCountToBeBetween(min_value=6, max_value=None)" in shop.record("objects/customer", "expectations").details["broken"]
    )
