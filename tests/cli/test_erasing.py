"""`palantir erase`: nothing is done in a rehearsal, everything once, and what is left is told with what to do."""

from __future__ import annotations

import hashlib
import json
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from palantir_assets.actions.edits import ObjectEdit, as_json
from palantir_assets.cli.erasing import command
from palantir_assets.errors import NotFound, PalantirError, UnknownName
from palantir_assets.settings import Settings
from palantir_assets.stores.database import open_database
from palantir_assets.stores.edit_rows import Batch, NewEdit
from palantir_assets.stores.edits import EditLog
from palantir_assets.stores.ledger import Ledger
from palantir_assets.stores.warehouse import Warehouse
from tests.fakes.release import shop
from tests.fakes.shop_release import release_shop

NOW = datetime(2024, 5, 1, tzinfo=UTC)
SPEC = """\
object: order
label: Order
from: marts.orders
key: order_id
title: "{order_id}"
properties:
  order_id: {type: string}
  note: {type: string, optional: true, personal: true}
"""
KEY = str(shop(orders=3).rows["order"][1]["order_id"])


@pytest.fixture
def project(settings: Settings) -> Settings:
    """Two releases that hold an order, one of them served, an edit of it, and a raw file with its key."""
    folder = settings.specs_dir / "shop"
    folder.mkdir()
    (folder / "order.yaml").write_text(SPEC)
    with closing(open_database(settings.ledger_url, settings.audit_key)) as database:
        for orders in (5, 8):
            release_shop(settings, Ledger(database), orders=orders)
        edit = ObjectEdit("modify", "order", KEY, {"note": "Marie"}, {"note": None})
        EditLog(database, personal=lambda name: frozenset({"note"})).append(
            Batch("praise", "ada", NOW, edits=[NewEdit("order", KEY, "modify", as_json(edit))])
        )
    settings.raw_files.mkdir(exist_ok=True)
    return settings


def erase(settings: Settings, capsys: pytest.CaptureFixture[str], named: str = f"order/{KEY}", **options: Any) -> dict[str, Any]:
    assert command(settings, named, **{"reason": "", "dry_run": False, "expire": False, "as_json": True, **options}) == 0
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    return told


def history(settings: Settings) -> list[Any]:
    with closing(open_database(settings.ledger_url, settings.audit_key)) as database:
        assert Ledger(database).verify_chain() == []
        return list(EditLog(database).since(0))


def test_a_rehearsal_tells_all_and_does_nothing(project: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    told = erase(project, capsys, dry_run=True, expire=True)
    assert told["dry_run"] and told["erasure"]["edits"] == 1 and told["expired"] == []
    assert [each["what"] for each in told["left"]][:2] in (["a release", "the served release"], ["the served release", "a release"])
    assert len(history(project)) == 1 and history(project)[0].erased == ()


def test_an_object_is_erased_once_and_releases_that_are_not_served_expire(project: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    told = erase(project, capsys, reason="request 12")
    assert (told["erasure"]["edit_no"], told["erased_before"]) == (2, False)
    assert [record.erased for record in history(project)] == [("note",), ()]
    again = erase(project, capsys, expire=True)
    # one release, and the two candidates of both
    assert again["erased_before"] and len(again["expired"]) == 3 and len(history(project)) == 2
    left = {each["what"]: each for each in again["left"]}
    assert "a release" not in left and f"palantir erase order/{KEY} --expire" in left["the served release"]["next"]
    assert "backups" in left


def test_the_words_say_what_was_done(project: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    options = {"reason": "", "expire": False, "as_json": False}
    assert command(project, f"order/{KEY}", dry_run=True, **options) == 0  # type: ignore[arg-type]
    assert "nothing was done" in capsys.readouterr().out
    assert command(project, f"order/{KEY}", dry_run=False, **options) == 0  # type: ignore[arg-type]
    assert f"order/{KEY} is erased with edit 2" in capsys.readouterr().out
    assert command(project, f"order/{KEY}", dry_run=False, **options) == 0  # type: ignore[arg-type]
    assert "was erased before" in capsys.readouterr().out


def test_raw_files_that_hold_its_key_are_named(project: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    one, other = (hashlib.sha256(name).hexdigest() for name in (b"1", b"2"))
    for name in (one, other):
        (project.raw_files / name).write_bytes(b"x")
    assert "2 raw files" in [each["what"] for each in erase(project, capsys, dry_run=True)["left"]]
    with Warehouse(project.warehouse).write() as con:
        con.execute(f"CREATE TABLE raw.shop__orders AS SELECT '{KEY}' AS id, '{one}' AS _source_sha256 UNION ALL SELECT 'x', '{other}'")
    files = [each["where"] for each in erase(project, capsys, dry_run=True)["left"] if each["what"] == "a raw file"]
    assert [Path(file).name for file in files] == [one]


def test_what_is_nowhere_is_not_erased(project: Settings) -> None:
    options: dict[str, Any] = {"reason": "", "dry_run": False, "expire": False, "as_json": True}
    with pytest.raises(NotFound):
        command(project, "order/nobody", **options)
    with pytest.raises(UnknownName, match="did you mean 'order'"):
        command(project, "oder/1", **options)
    with pytest.raises(PalantirError, match="is not TYPE/KEY"):
        command(project, "order", **options)
    assert len(history(project)) == 1
