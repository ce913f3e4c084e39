"""A ledger moves to another database row by row, is verified, can be rehearsed, and goes on where it was killed."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from palantir_assets.errors import LedgerError
from palantir_assets.stores import moving
from palantir_assets.stores.database import Database, open_database
from palantir_assets.stores.edit_rows import NewEffect
from palantir_assets.stores.edits import EditLog
from palantir_assets.stores.ledger import Ledger
from palantir_assets.stores.migrations.schema import Base
from palantir_assets.stores.moving import move, reopen
from palantir_assets.stores.outbox import Outbox
from palantir_assets.stores.read_log import ReadLog
from tests import postgres
from tests.soundness.crashing import KILLED, start, wait
from tests.stores.ledgers import NOW, batch
from tests.stores.test_read_log import entry


@pytest.fixture
def new_url(postgres_server: postgres.Server) -> str:
    return postgres_server.new_database()


@pytest.fixture
def old(tmp_path: Path, key_file: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Database]:
    """A SQLite ledger with something in every table, copied in small pages."""
    monkeypatch.setattr(moving, "PAGE", 4)
    database = open_database(f"sqlite:///{tmp_path / 'old.db'}", key_file)
    live(database)
    yield database
    database.close()


def live(database: Database) -> None:
    Ledger(database).commit("a" * 32, content_id="c" * 32, expected_no=0, reason="한국어", actor="ada", at=NOW)
    log = EditLog(database)
    for number in range(6):
        log.append(batch("a", f"o{number}", key=f"k{number}", effects=[NewEffect("mail", "x@example.org", {"n": 1.5})]))
    ReadLog(database).record(entry("a1", "p1"))


def rows(database: Database) -> dict[str, list[tuple[object, ...]]]:
    return {table.name: sorted(database.rows(sa.select(table)), key=str) for table in Base.metadata.sorted_tables if table.name != "marks"}


def test_every_row_arrives_and_the_new_ledger_goes_on(old: Database, new_url: str, key_file: Path) -> None:
    moved = move(old, new_url, at=NOW, actor="ada")
    assert (moved.rehearsed, moved.rows["edits"], moved.rows["audit"], moved.rows["marks"]) == (False, 12, 9, 0)
    with closing(open_database(new_url, key_file)) as new:
        assert rows(new) == rows(old)
        assert EditLog(new).append(batch("a")).first_edit == 13
        assert EditLog(new).append(batch("a", "o0", key="k0")).replayed
        assert Ledger(new).verify_chain() == []
    assert not list(key_file.parent.glob("*.lost-*"))


def test_the_old_ledger_takes_nothing_more_and_can_be_read(old: Database, new_url: str) -> None:
    move(old, new_url, at=NOW, actor="ada")
    for write in (
        lambda: EditLog(old).append(batch("a")),
        lambda: ReadLog(old).record(entry("a2", "p1")),
        lambda: Outbox(old).take_due(NOW),
    ):
        with pytest.raises(LedgerError, match="has moved to postgresql"):
            write()
    assert EditLog(old).head() == 12
    assert Ledger(old).verify_chain() == []


def test_a_rehearsal_leaves_the_old_ledger_in_charge_and_the_move_goes_on_from_it(old: Database, new_url: str, key_file: Path) -> None:
    assert move(old, new_url, at=NOW, actor="ada", rehearse=True).rows["edits"] == 12
    with pytest.raises(LedgerError, match="not all of it has arrived"):
        open_database(new_url, key_file)
    EditLog(old).append(batch("a", "later"))
    assert move(old, new_url, at=NOW, actor="ada").rows["edits"] == 14
    with closing(open_database(new_url, key_file)) as new:
        assert rows(new) == rows(old)
        assert Ledger(new).verify_chain() == []


def test_a_database_that_holds_something_else_is_refused(old: Database, new_url: str, tmp_path: Path) -> None:
    with closing(open_database(new_url, tmp_path / "other" / "audit.key")) as other:
        EditLog(other).append(batch("a"))
    with pytest.raises(LedgerError, match="is not empty"):
        move(old, new_url, at=NOW, actor="ada")
    EditLog(old).append(batch("a"))


def test_a_row_that_came_out_differently_is_told_and_the_old_ledger_stays(old: Database, new_url: str) -> None:
    move(old, new_url, at=NOW, actor="ada", rehearse=True)
    engine = sa.create_engine(new_url)
    with engine.begin() as connection:
        connection.exec_driver_sql("UPDATE edits SET actor = 'eve' WHERE edit_no = 3")
    engine.dispose()
    with pytest.raises(LedgerError, match="the rows of edits came out differently"):
        move(old, new_url, at=NOW, actor="ada")
    assert EditLog(old).append(batch("a")).first_edit == 13


def test_it_goes_on_wherever_it_was_killed(old: Database, new_url: str, key_file: Path) -> None:
    old_url, ended = str(old.engine.url), 0
    old.close()
    for step in range(1, 30):

        def work(step: int = step) -> None:
            left = step

            def reach(point: str) -> None:
                nonlocal left
                left -= 1
                if left == 0:
                    os._exit(KILLED)

            move(open_database(old_url, key_file), new_url, at=NOW, actor="ada", reach=reach)

        code = wait(start(work))
        if code == 0:
            break
        ended += 1
        if ended > 12:
            pytest.fail("it never came to its end")
    with closing(open_database(new_url, key_file)) as new:
        assert rows(new) == rows(old)
        assert Ledger(new).verify_chain() == []
    assert ended >= 4


def test_a_move_that_was_cut_short_goes_on_to_the_same_place_only(old: Database, new_url: str, postgres_server: postgres.Server) -> None:
    def cut(point: str) -> None:
        if point == "move.old.committed":
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        move(old, new_url, at=NOW, actor="ada", reach=cut)
    with pytest.raises(LedgerError, match="and not to"):
        move(old, postgres_server.new_database(), at=NOW, actor="ada")
    assert move(old, new_url, at=NOW, actor="ada").rows["edits"] == 12


def test_the_way_back_is_a_command(old: Database, new_url: str) -> None:
    with pytest.raises(LedgerError, match="was not moved"):
        reopen(old, at=NOW, actor="ada")
    move(old, new_url, at=NOW, actor="ada")
    reopen(old, at=NOW, actor="ada")
    assert EditLog(old).append(batch("a")).first_edit == 13
    assert [row.action for row in Ledger(old).audit(after=8)] == ["ledger.moved", "ledger.reopened", "action.applied"]
    assert Ledger(old).verify_chain() == []


def test_a_ledger_moves_from_postgresql_too(new_url: str, tmp_path: Path, key_file: Path) -> None:
    back = f"sqlite:///{tmp_path / 'back' / 'ledger.db'}"
    with closing(open_database(new_url, key_file)) as source:
        live(source)
        move(source, back, at=NOW, actor="ada")
        with closing(open_database(back, key_file)) as new:
            assert rows(new) == rows(source)
            assert Ledger(new).verify_chain() == []


def test_every_table_of_the_schema_is_known_to_who_moves_it() -> None:
    """Asked in a process of its own: here other tests have imported every table already."""
    code = (
        "import palantir_assets.stores.moving as moving; from pathlib import Path; import importlib;"
        "before = set(moving.Base.metadata.tables); folder = Path(moving.schema_edits.__file__).parent;"
        "[importlib.import_module(f'palantir_assets.stores.migrations.{file.stem}') for file in folder.glob('schema*.py')];"
        "assert before == set(moving.Base.metadata.tables), set(moving.Base.metadata.tables) - before"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
