"""`palantir explain`: what it says of an object is what the API would serve, edits included."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime

import pytest

from palantir_assets.actions.edits import ObjectEdit, as_json
from palantir_assets.cli.explaining import command
from palantir_assets.errors import PalantirError
from palantir_assets.settings import Settings
from palantir_assets.stores.database import open_database
from palantir_assets.stores.edit_rows import Batch, NewEdit
from palantir_assets.stores.edits import EditLog
from palantir_assets.stores.erasing import erase
from palantir_assets.stores.ledger import Ledger
from tests.fakes.release import shop
from tests.fakes.shop_release import release_shop

KEY = str(shop(orders=3).rows["order"][1]["order_id"])


@pytest.fixture
def released(settings: Settings) -> Settings:
    with closing(open_database(settings.ledger_url, settings.audit_key)) as database:
        release_shop(settings, Ledger(database), orders=3)
    return settings


def test_an_object_that_people_deleted_is_not_seen(released: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    assert command(released, f"order/{KEY}", who="viewer", as_json=False) == 0
    assert capsys.readouterr().out.startswith(f"viewer sees order/{KEY}\n")
    with closing(open_database(released.ledger_url, released.audit_key)) as database:
        gone = ObjectEdit("delete", "order", KEY, {}, {})
        batch = Batch("remove", "ada", datetime(2024, 5, 1, tzinfo=UTC), edits=[NewEdit("order", KEY, "delete", as_json(gone))])
        EditLog(database).append(batch)
    assert command(released, f"order/{KEY}", who="viewer", as_json=False) == 1
    assert "there is no order with this key" in capsys.readouterr().out


def test_an_object_that_was_erased_is_said_to_be(released: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(open_database(released.ledger_url, released.audit_key)) as database:
        erase(database, "order", KEY, at=datetime(2024, 5, 1, tzinfo=UTC), actor="cli:root")
    assert command(released, f"order/{KEY}", who="viewer", as_json=False) == 1
    assert "it was erased: nobody sees it, in no release" in capsys.readouterr().out


def test_who_is_nobody_is_told_with_where_to_look(released: Settings) -> None:
    with pytest.raises(PalantirError, match="no user, client or role 'nobody'") as caught:
        command(released, f"order/{KEY}", who="nobody", as_json=False)
    assert "palantir user list" in caught.value.advice
