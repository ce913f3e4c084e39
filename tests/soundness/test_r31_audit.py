"""R31: tampering with history shows, and the first bad row is named; every change of state has exactly one audit row.

Seven ways to tamper, on each database: edit, delete, insert, reorder, cut the tail, rewrite the whole chain,
set the database back. Then a process is ended at every step of each kind of change: neither the change nor its
audit row is ever there alone.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from palantir_assets.stores.audit_chain import append, chained
from palantir_assets.stores.audit_key import load_or_make_key
from palantir_assets.stores.database import Database, open_database
from palantir_assets.stores.edit_rows import NewEffect
from palantir_assets.stores.edits import EditLog
from palantir_assets.stores.ledger import Ledger
from palantir_assets.stores.migrations.schema import AuditRow, MarkRow
from palantir_assets.stores.outbox import Outbox
from palantir_assets.stores.read_log import ReadLog
from tests import postgres
from tests.soundness.conftest import Score
from tests.soundness.crashing import KILLED, Countdown, start, wait
from tests.stores.ledgers import batch
from tests.stores.test_read_log import entry

NOW = datetime(2024, 5, 1, tzinfo=UTC)
LIVED = 12
"""Audit rows of `live`."""


def live(database: Database) -> None:
    """Releases, edits, reads and effects: a little of everything that is audited."""
    ledger, edits, reads = Ledger(database), EditLog(database), ReadLog(database)
    for number in range(1, 4):
        ledger.commit(f"{number:032x}", content_id="c" * 32, expected_no=number - 1, reason="r31", actor="ada", at=NOW)
        edits.append(batch("a", f"o{number}", effects=[NewEffect("mail", "x@example.org")]))
        reads.record(entry(f"answer {number}", "p1"))
        database.write(lambda session: append(session, at=NOW, actor="ada", action="grant", subject="bob", detail={}))


def change(database: Database, *statements: str) -> None:
    with database.engine.begin() as connection:
        for statement in statements:
            connection.exec_driver_sql(statement)


def rewrite(database: Database, tmp_path: Path) -> None:
    """Somebody without the key puts another name into row 1 and signs every row anew."""
    forger = load_or_make_key(tmp_path / "forger" / "audit.key")
    with Session(database.engine) as session, session.begin():
        previous = None
        for row in session.scalars(sa.select(AuditRow).order_by(AuditRow.seq)):
            row.actor, row.previous_hash = "somebody else", previous
            row.hash = previous = chained(row, forger)


TAMPERING: dict[str, tuple[Callable[[Database, Path], None], int]] = {
    "edit": (lambda database, _: change(database, "UPDATE audit SET actor = 'somebody else' WHERE seq = 5"), 5),
    "delete": (lambda database, _: change(database, "DELETE FROM audit WHERE seq = 6"), 6),
    "insert": (
        lambda database, _: change(
            database,
            f"INSERT INTO audit SELECT {LIVED + 1}, at, actor, action, subject, detail, hash, 'x', key_id FROM audit WHERE seq = {LIVED}",
        ),
        LIVED + 1,
    ),
    "reorder": (
        lambda database, _: change(
            database,
            "UPDATE audit SET seq = -seq WHERE seq IN (7, 8)",
            "UPDATE audit SET seq = 15 + seq WHERE seq IN (-7, -8)",
        ),
        7,
    ),
    "cut tail": (lambda database, _: change(database, "DELETE FROM audit WHERE seq > 9"), 10),
    "rewrite": (rewrite, 1),
    "rewrite as from before the key": (lambda database, _: unsign(database), 1),
}


def unsign(database: Database) -> None:
    with Session(database.engine) as session, session.begin():
        previous = None
        for row in session.scalars(sa.select(AuditRow).order_by(AuditRow.seq)):
            row.key_id, row.previous_hash = None, previous
            row.hash = previous = chained(row)


@pytest.mark.parametrize("how", TAMPERING)
def test_r31_tampering_shows_and_the_first_bad_row_is_named(database: Database, tmp_path: Path, how: str, score: Score) -> None:
    live(database)
    assert Ledger(database).verify_chain() == []
    tamper, first_bad = TAMPERING[how]
    tamper(database, tmp_path)
    told = [str(problem) for problem in Ledger(database).verify_chain()]
    score("R31", 1, not (told and told[0].startswith(f"audit row {first_bad} ")))


def test_r31_a_database_that_was_set_back_shows(
    ledger_url: str, key_file: Path, tmp_path: Path, request: pytest.FixtureRequest, score: Score
) -> None:
    with closing(open_database(ledger_url, key_file)) as database:
        live(database)
    older = copied(ledger_url, tmp_path, request)
    with closing(open_database(ledger_url, key_file)) as database:
        Ledger(database).record(at=NOW, actor="ada", action="grant", subject="bob", detail={})
    with closing(open_database(older, key_file)) as database:
        before = [str(problem) for problem in Ledger(database).verify_chain()]
        Ledger(database).record(at=NOW, actor="ada", action="other", subject="bob", detail={})
        after = [str(problem) for problem in Ledger(database).verify_chain()]
    expected = f"audit row {LIVED + 1} "
    score("R31", 2, sum(not (told and told[0].startswith(expected)) for told in (before, after)))


def copied(url: str, tmp_path: Path, request: pytest.FixtureRequest) -> str:
    """An older copy of a ledger that nobody has open."""
    if url.startswith("sqlite"):
        shutil.copytree(tmp_path / "ledger", tmp_path / "older")
        return f"sqlite:///{tmp_path / 'older' / 'ledger.db'}"
    server: postgres.Server = request.getfixturevalue("postgres_server")
    name = url.partition("@/")[2].partition("?")[0]
    server.run(f"CREATE DATABASE {name}_older TEMPLATE {name}")
    return server.url(f"{name}_older")


def apply(database: Database, countdown: Countdown) -> None:
    EditLog(database, reach=countdown.step).append(batch("a", "b", effects=[NewEffect("mail", "x@example.org")], key="k"))


def release(database: Database, countdown: Countdown) -> None:
    Ledger(database).commit("e" * 32, content_id="c" * 32, expected_no=3, reason="r31", actor="ada", at=NOW)


def effect(database: Database, countdown: Countdown) -> None:
    outbox = Outbox(database)
    outbox.done(outbox.take_due(NOW.replace(year=2030), 1, lease=timedelta())[0], at=NOW, actor="worker")


def read(database: Database, countdown: Countdown) -> None:
    ReadLog(database).record(entry("answer", "p9"))


def grant(database: Database, countdown: Countdown) -> None:
    def write(session: Session) -> None:
        session.add(MarkRow(name="grant", value="carol"))
        append(session, at=NOW, actor="ada", action="grant", subject="carol", detail={})

    database.write(write)


STATE = {
    apply: "SELECT (SELECT count(*) FROM edits) / 2 - 3, (SELECT count(*) FROM action_log) - 3, (SELECT count(*) FROM idempotency),"
    " (SELECT count(*) FROM outbox) - 3, (SELECT count(*) FROM audit WHERE action = 'action.applied') - 3",
    release: "SELECT (SELECT count(*) FROM releases) - 3, (SELECT count(*) FROM audit WHERE action = 'release.commit') - 3",
    effect: "SELECT (SELECT count(*) FROM outbox WHERE state = 'done'), (SELECT count(*) FROM audit WHERE action = 'effect.done')",
    read: "SELECT (SELECT count(*) FROM seen WHERE object_key = 'p9'), (SELECT count(*) FROM audit WHERE action = 'read') - 3",
    grant: "SELECT (SELECT count(*) FROM marks), (SELECT count(*) FROM audit WHERE action = 'grant' AND subject = 'carol')",
}
"""Counts that are all 0 before the change and all 1 after it."""


@pytest.mark.parametrize("what", STATE, ids=lambda what: what.__name__)
def test_r31_a_change_and_its_audit_row_are_never_apart(
    ledger_url: str, key_file: Path, what: Callable[[Database, Countdown], None], score: Score
) -> None:
    database = open_database(ledger_url, key_file)
    live(database)
    orphans, ended, step = 0, False, 0
    while not ended:
        step += 1
        database.close()  # no connection is carried into a child

        def work(step: int = step) -> None:
            mine = open_database(ledger_url, key_file)
            what(mine, Countdown(mine, step))

        code = wait(start(work))
        assert code in (0, KILLED)
        with database.engine.connect() as connection:
            counts = set(connection.exec_driver_sql(STATE[what]).one())
        orphans += len(counts) != 1 or bool(Ledger(database).verify_chain())
        ended = code == 0 or counts == {1}
    database.close()
    assert counts == {1}
    assert step > 3
    score("R31", step, orphans)
