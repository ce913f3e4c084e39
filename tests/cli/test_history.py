"""The commands that tell what the ledger remembers."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from palantir_assets.cli import history
from palantir_assets.errors import LedgerError, PalantirError
from palantir_assets.settings import Settings
from palantir_assets.stores.database import open_database
from palantir_assets.stores.read_log import ReadLog
from tests.cli.test_releases import publish_orders
from tests.stores.test_read_log import entry


def damage(settings: Settings, statement: str) -> None:
    with closing(open_database(settings.ledger_url, settings.audit_key)) as database, database.engine.begin() as connection:
        connection.exec_driver_sql(statement)


def test_a_whole_history_is_told_with_what_it_was_held_against(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    for count in (10, 12, 14):
        publish_orders(settings, count)
    assert history.verify(settings, as_json=False) == 0
    assert capsys.readouterr().out == "the history is whole: 3 audit rows, 2 heads in manifests\n"


def test_a_changed_history_is_refused_with_its_first_bad_row(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    publish_orders(settings, 10)
    damage(settings, "UPDATE audit SET actor = 'somebody else'")
    assert history.verify(settings, as_json=False) == 1
    told = capsys.readouterr()
    assert told.out == "audit row 1 was changed after it was written\n"
    assert "next: " in told.err


def test_a_head_of_a_manifest_that_is_gone_shows(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    for count in (10, 12):
        publish_orders(settings, count)
    for file in settings.audit_key.parent.glob("*.head"):
        file.unlink()
    damage(settings, "DELETE FROM audit")
    damage(settings, "DELETE FROM releases")
    assert history.verify(settings, as_json=True) == 1
    assert any("was reached once" in problem for problem in json.loads(capsys.readouterr().out)["problems"])


def test_who_saw_an_object(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    with closing(open_database(settings.ledger_url, settings.audit_key)) as database:
        ReadLog(database).record(entry("a1", "p/1", actor="bob"))
    assert history.who_saw(settings, "patient/p/1", as_json=True) == 0
    [row] = json.loads(capsys.readouterr().out)
    assert (row["who"], row["answer"], row["policy"], row["edit_no"], row["audit_row"]) == ("bob", "a1", "clinic.read", 7, 1)
    assert history.who_saw(settings, "patient/p/1", as_json=False) == 0
    assert "bob" in capsys.readouterr().out
    assert history.who_saw(settings, "patient/p2", as_json=False) == 0
    assert capsys.readouterr().out == "nobody is on record as having seen patient/p2\n"


def test_what_is_no_object_is_told(settings: Settings) -> None:
    with pytest.raises(PalantirError, match="TYPE/KEY"):
        history.who_saw(settings, "patient", as_json=False)


def test_a_ledger_is_rehearsed_moved_and_reopened(settings: Settings, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    publish_orders(settings, 10)
    to = f"sqlite:///{tmp_path / 'moved' / 'ledger.db'}"
    assert history.migrate(settings, to, rehearse=True, as_json=True) == 0
    assert json.loads(capsys.readouterr().out)["rows"]["releases"] == 1
    assert history.migrate(settings, to, rehearse=False, as_json=False) == 0
    assert f"PALANTIR_AUDIT_KEY_FILE to {settings.audit_key}" in capsys.readouterr().out
    there = replace(settings, ledger_url=to, audit_key_file=settings.audit_key)
    assert history.verify(there, as_json=False) == 0
    with pytest.raises(LedgerError, match="has moved to"):
        publish_orders(settings, 12)
    assert history.reopen(settings) == 0
    publish_orders(settings, 12)
