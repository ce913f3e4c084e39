"""The gate fails closed in a real build too; its rule by itself is tested beside `quality.gate`."""

from __future__ import annotations

import pytest

from tests.assets.shop import BUILDS, Shop

pytestmark = BUILDS


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
