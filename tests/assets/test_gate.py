"""The gate fails closed: only a check that passed on exactly this content opens it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from palantir_assets.quality.gate import Wanted, judge
from palantir_assets.stores.records import CheckRecord, CheckRecords
from tests.assets.shop import BUILDS, Shop

pytestmark = BUILDS

WANTED = Wanted("objects/order", "expectations", True, "asked", "content")
PASSED = CheckRecord("objects/order", "expectations", True, True, "asked", "content")


def test_a_check_that_passed_on_this_content_opens_it() -> None:
    assert judge([WANTED], {PASSED.key: PASSED}).is_open


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ({}, "has no result"),
        ({"fingerprint": "other"}, "was last asked with other expectations than today's"),
        ({"data_version": "other"}, "was last asked of other content than today's"),
        ({"passed": False}, "failed"),
        ({"data_version": ""}, "was last asked of other content than today's"),
    ],
)
@pytest.mark.parametrize("blocking", [True, False])
def test_anything_else_closes_it_or_is_warned_of(said: dict[str, object], reason: str, blocking: bool) -> None:
    record = CheckRecord(**{**{name: getattr(PASSED, name) for name in CheckRecord.__slots__}, **said})  # type: ignore[arg-type]
    verdict = judge([Wanted("objects/order", "expectations", blocking, "asked", "content")], {record.key: record} if said else {})
    assert (verdict.refusals if blocking else verdict.warnings) == (f"objects/order / expectations: {reason}",)
    assert verdict.is_open is not blocking


TEXT = st.sampled_from(["a", "b"])


@given(
    st.lists(st.builds(Wanted, TEXT, TEXT, st.booleans(), TEXT, TEXT)),
    st.lists(st.builds(CheckRecord, TEXT, TEXT, st.booleans(), st.booleans(), TEXT, TEXT)),
)
def test_it_is_open_exactly_when_every_blocking_check_passed_on_today_s_content(wanted: list[Wanted], records: list[CheckRecord]) -> None:
    said = {record.key: record for record in records}
    good = {(r.asset, r.check, r.fingerprint, r.data_version) for r in said.values() if r.passed}
    needed = {(w.asset, w.check, w.fingerprint, w.data_version) for w in wanted if w.blocking}
    assert judge(wanted, said).is_open == (needed <= good)


def test_a_record_that_cannot_be_read_is_as_good_as_none(shop: Shop) -> None:
    records = CheckRecords(shop.settings.artifacts / "checks")
    assert ("objects/order", "expectations") in records.read()
    shop.record_file("objects/order", "expectations").write_text('{"passed": true')
    assert ("objects/order", "expectations") not in records.read()


def missing(shop: Shop) -> None:
    shop.record_file("objects/order", "expectations").unlink()


def of_other_content(shop: Shop) -> None:
    file = shop.record_file("objects/order", "expectations")
    version = shop.record("objects/order", "expectations").data_version
    file.write_text(file.read_text().replace(version, "0123456789abcdef"))


def of_other_expectations(shop: Shop) -> None:
    file = shop.record_file("objects/order", "expectations")
    fingerprint = shop.record("objects/order", "expectations").fingerprint
    file.write_text(file.read_text().replace(fingerprint, "0123456789abcdef"))


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [(missing, "has no result"), (of_other_content, "of other content"), (of_other_expectations, "with other expectations")],
)
def test_without_a_record_of_today_there_is_no_release_until_the_check_has_spoken_again(shop: Shop, spoil: object, reason: str) -> None:
    before = shop.head()
    assert callable(spoil)
    spoil(shop)
    refused = shop.build(select="release/release")
    assert (refused.made, refused.outcome.failed) == (set(), ["release"])
    assert "the release gate is closed" in refused.failures["release"]
    assert "objects/order / expectations: " in refused.failures["release"] and reason in refused.failures["release"]
    assert shop.head() == before
    healed = shop.build()
    assert (healed.made, healed.checks, healed.outcome.failed) == (set(), ["objects/order expectations passed"], [])
    assert shop.head() == before
