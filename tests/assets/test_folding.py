"""What people changed is in the next release, by the rules of its properties, and nothing else is made again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from palantir_assets.actions.edits import Edit, LinkEdit, ObjectEdit
from palantir_assets.actions.overlay import pair
from palantir_assets.actions.recording import written
from palantir_assets.actions.reverting import revert
from palantir_assets.release.manifest import read_manifest
from palantir_assets.stores.database import open_database
from palantir_assets.stores.edit_rows import Batch, NewEdit
from palantir_assets.stores.edits import EditLog
from palantir_assets.stores.histories import moment, whole_history
from tests.assets.shop import BUILDS, PUBLISHING, Shop

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
