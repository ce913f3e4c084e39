"""Why a caller sees an object and its properties, or does not: the first rule that is in the way, in two languages."""

from __future__ import annotations

import pytest

from palantir_assets.access.principal import Principal
from palantir_assets.engine.explaining import explained
from palantir_assets.errors import UnknownName
from tests.engine.test_visibility import VIEWERS, ruled

ADA = Principal("ada", VIEWERS)


def test_what_nothing_hides_is_said_to_be_open() -> None:
    found = explained(ruled(), ADA, "order", "5")
    assert found.visible and not found.hidden and "note" in found.shown
    assert found.because[0].en == "the type may be read, and no rule of rows hides any"


def test_a_type_that_needs_a_role_says_which() -> None:
    found = explained(ruled({"read": ["staff", "chief"]}), ADA, "order", "5")
    assert (found.visible, [each.en for each in found.because]) == (False, ["to read order needs the role chief or staff"])
    assert "역할" in found.because[0].ko


def test_a_row_rule_says_whether_it_is_true_of_the_object() -> None:
    release = ruled({"rows": "order_id != 5"})
    assert explained(release, ADA, "order", "5").because[0].en == "the rule of rows is not true of it: order_id != 5"
    assert explained(release, ADA, "order", "6").because[0].en == "the rule of rows is true of it: order_id != 5"


def test_a_property_says_its_own_rule_and_what_it_was_computed_of() -> None:
    rules = {"note": {"needs": ["personal"]}, "amount": {"roles": ["staff"]}, "cents": {"reads": {"properties": ["order.amount"]}}}
    found = explained(ruled({"properties": rules}), ADA, "order", "5")
    assert found.visible and {name: [each.en for each in why] for name, why in found.hidden.items()} == {
        "amount": ["to read order.amount needs the role staff"],
        "cents": ["order.cents was computed of order.amount, which is hidden"],
        "note": ["to read order.note needs the marking personal"],
    }
    assert not {"note", "amount", "cents"} & set(found.shown)


def test_what_is_not_there_is_said_to_be_absent() -> None:
    assert explained(ruled(), ADA, "order", "no-such").because[0].en == "there is no order with this key"
    with pytest.raises(UnknownName):
        explained(ruled(), ADA, "nothing", "5")
