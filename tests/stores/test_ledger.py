"""The ledger keeps one head, one audit row for each change, and a chain in which tampering shows."""

from __future__ import annotations

import multiprocessing
import os
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from palantir_assets.errors import LedgerError, ReleaseError
from palantir_assets.stores.audit_chain import chained
from palantir_assets.stores.ledger import Ledger, open_ledger
from palantir_assets.stores.migrations import upgrading
from palantir_assets.stores.migrations.schema import AuditRow, Base, UtcTimestamp

NOW = datetime(2024, 5, 1, 12, 30, 0, 250, tzinfo=UTC)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "ledger.db"


@pytest.fixture
def ledger(path: Path) -> Iterator[Ledger]:
    ledger = open_ledger(f"sqlite:///{path}")
    yield ledger
    ledger.close()


def commit(ledger: Ledger, number: int, *, release: str = "") -> int:
    name = release or f"{number:032x}"
    return ledger.commit(name, content_id="c" * 32, expected_no=number - 1, reason=f"test {number}", actor="tester", at=NOW)


def test_an_empty_ledger_has_no_head(ledger: Ledger) -> None:
    assert (ledger.head(), ledger.audit_head(), list(ledger.list()), list(ledger.verify_chain())) == (None, None, [], [])


def test_the_head_is_the_last_release_committed(ledger: Ledger) -> None:
    assert [commit(ledger, number) for number in (1, 2, 3)] == [1, 2, 3]
    head = ledger.head()
    assert head is not None
    assert (head.release_no, head.release_id, head.committed_at, head.reason, head.actor) == (3, f"{3:032x}", NOW, "test 3", "tester")
    assert [row.release_no for row in ledger.list()] == [1, 2, 3]


def test_each_commit_has_exactly_one_audit_row_chained_to_the_one_before(ledger: Ledger) -> None:
    commit(ledger, 1)
    first = ledger.audit_head()
    commit(ledger, 2)
    rows = ledger.audit()
    assert [(row.seq, row.action, row.subject) for row in rows] == [(1, "release.commit", f"{1:032x}"), (2, "release.commit", f"{2:032x}")]
    assert rows[1].previous_hash == first == rows[0].hash
    assert rows[1].detail["release_no"] == 2
    assert [row.seq for row in ledger.audit(after=1)] == [2]


def test_a_number_that_is_taken_is_refused_and_nothing_is_written(ledger: Ledger) -> None:
    commit(ledger, 1)
    with pytest.raises(ReleaseError, match="another publisher made release number 1 current"):
        commit(ledger, 1, release="f" * 32)
    with pytest.raises(ReleaseError):
        commit(ledger, 5)
    assert len(ledger.list()) == len(ledger.audit()) == 1


def test_a_time_without_a_zone_is_refused_and_others_become_utc(ledger: Ledger) -> None:
    seoul = NOW.astimezone(timezone(timedelta(hours=9)))
    ledger.record(at=seoul, actor="tester", action="test", subject="time", detail={})
    assert ledger.audit()[0].at == NOW
    assert ledger.verify_chain() == []
    with pytest.raises((LedgerError, ValueError)):
        ledger.record(at=datetime(2024, 1, 1), actor="tester", action="test", subject="time", detail={})


def test_a_second_opening_runs_no_migration(path: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(connection: sa.Connection) -> None:
        raise AssertionError("migrated again")

    monkeypatch.setattr(upgrading, "_upgrade", refuse)
    commit(ledger, 1)
    again = open_ledger(f"sqlite:///{path}")
    assert again.head() == ledger.head()
    again.close()


def test_the_migrations_make_the_tables_that_the_code_expects(ledger: Ledger) -> None:
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with ledger.database.engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []


def test_every_revision_is_listed_in_order() -> None:
    files = sorted((Path(upgrading.__file__).parent / "versions").glob("[0-9]*.py"))
    assert tuple(file.name[:4] for file in files) == upgrading.REVISIONS


def test_a_ledger_of_a_newer_version_is_refused(path: Path, ledger: Ledger) -> None:
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(LedgerError, match="'9999', which this version does not know"):
        open_ledger(f"sqlite:///{path}")


def test_the_schema_and_the_statements_are_portable() -> None:
    from sqlalchemy.dialects import postgresql
    from sqlalchemy.schema import CreateTable

    for table in Base.metadata.sorted_tables:
        told = str(CreateTable(table).compile(dialect=postgresql.dialect()))  # type: ignore[no-untyped-call]
        assert any(isinstance(column.type, UtcTimestamp) for column in table.columns) == ("TIMESTAMP WITH TIME ZONE" in told)
        assert "TIMESTAMP WITHOUT" not in told and "DATETIME" not in told


def test_writes_wait_for_the_disk(ledger: Ledger) -> None:
    with ledger.database.engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
        assert connection.exec_driver_sql("PRAGMA synchronous").scalar() == 2


@pytest.mark.parametrize("url", ["nonsense", "oracle9://x/y", "sqlite:////proc/nowhere/ledger.db"])
def test_a_url_that_cannot_be_used_is_told(url: str) -> None:
    with pytest.raises(LedgerError, match="ledger"):
        open_ledger(url)


def test_a_password_in_the_url_is_never_told() -> None:
    with pytest.raises(LedgerError) as told:
        open_ledger("postgresql+psycopg://app:s3cret@127.0.0.1:1/ledger")
    assert "s3cret" not in str(told.value)


def test_a_file_that_is_no_database_is_told(tmp_path: Path) -> None:
    (tmp_path / "ledger.db").write_text("this is not a database, " * 100)
    with pytest.raises(LedgerError, match="not a database"):
        open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}")


def _race(url: str, barrier: multiprocessing.synchronize.Barrier, answers: multiprocessing.Queue[str], name: str) -> None:
    ledger = open_ledger(url)
    barrier.wait()
    for number in range(1, 11):
        try:
            commit(ledger, number, release=name * 32)
            answers.put(f"{number} {name}")
        except ReleaseError:
            answers.put(f"{number} refused")
        barrier.wait()
    ledger.close()


def test_of_two_processes_exactly_one_wins_each_number(path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    barrier, answers = context.Barrier(2), context.Queue()
    racers = [context.Process(target=_race, args=(f"sqlite:///{path}", barrier, answers, name)) for name in "ab"]
    for racer in racers:
        racer.start()
    told = sorted(answers.get(timeout=60) for _ in range(20))
    for racer in racers:
        racer.join(timeout=60)
    assert [racer.exitcode for racer in racers] == [0, 0]
    for number in range(1, 11):
        assert sum(answer == f"{number} refused" for answer in told) == 1
    ledger = open_ledger(f"sqlite:///{path}")
    assert [row.release_no for row in ledger.list()] == list(range(1, 11))
    assert ledger.verify_chain() == []
    ledger.close()


def test_a_kill_inside_the_transaction_leaves_both_rows_or_none(path: Path, ledger: Ledger) -> None:
    commit(ledger, 1)
    ledger.close()
    for statement in range(1, 8):
        child = os.fork()
        if child == 0:
            mine = open_ledger(f"sqlite:///{path}")
            seen = 0

            def count(*_: object) -> None:
                nonlocal seen
                seen += 1
                if seen == statement:  # noqa: B023 - the child ends in this round
                    os._exit(9)

            sa.event.listen(mine.database.engine, "after_cursor_execute", count)
            commit(mine, 2)
            os._exit(0)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        assert len(ledger.list()) == len(ledger.audit())
        assert ledger.verify_chain() == []
        if code == 0:
            assert len(ledger.list()) == 2
            break
        assert len(ledger.list()) == 1
    else:
        pytest.fail("the transaction never ended")
    assert statement > 3


TAMPERING = {
    "edit": ("UPDATE audit SET actor = 'somebody else' WHERE seq = 3", "audit row 3 was changed"),
    "delete": ("DELETE FROM audit WHERE seq = 3", "audit row 3 is missing"),
    "insert": (
        "INSERT INTO audit SELECT 7, at, actor, action, subject, detail, hash, 'x' FROM audit WHERE seq = 6",
        "audit row 7 was changed",
    ),
    "reorder": ("UPDATE audit SET seq = CASE seq WHEN 2 THEN -3 WHEN 3 THEN -2 END WHERE seq IN (2, 3)", "audit row 2"),
    "cut tail": ("DELETE FROM audit WHERE seq > 4", "is in the chain no longer"),
    "hidden commit": (
        "INSERT INTO releases SELECT 9, release_id, content_id, committed_at, reason, actor FROM releases",
        "release number 9",
    ),
}


@pytest.mark.parametrize("how", TAMPERING)
def test_tampering_with_history_shows(path: Path, ledger: Ledger, how: str) -> None:
    commit(ledger, 1)
    for number in range(5):
        ledger.record(at=NOW, actor="tester", action="test", subject=f"thing {number}", detail={"number": number})
    head = ledger.audit_head() or ""
    assert ledger.verify_chain([head]) == []
    statement, told = TAMPERING[how]
    with sqlite3.connect(path) as raw:
        raw.execute(statement)
        raw.execute("UPDATE audit SET seq = -seq WHERE seq < 0")
    problems = [str(problem) for problem in ledger.verify_chain([head])]
    assert problems
    assert told in problems[0]


def test_a_row_forged_with_its_hash_and_linked_again_shows_in_the_next_row(path: Path, ledger: Ledger) -> None:
    for number in range(3):
        ledger.record(at=NOW, actor="tester", action="test", subject=f"thing {number}", detail={})
    with Session(ledger.database.engine) as session, session.begin():
        forged, following = session.get_one(AuditRow, 2), session.get_one(AuditRow, 3)
        forged.actor = "somebody else"
        forged.hash = chained(forged)
        following.previous_hash = forged.hash
    assert [str(problem) for problem in ledger.verify_chain()] == ["audit row 3 was changed after it was written"]


def test_a_chain_rewritten_as_a_whole_shows_against_a_head_kept_elsewhere(tmp_path: Path) -> None:
    heads = []
    for name in ("true", "forged"):
        ledger = open_ledger(f"sqlite:///{tmp_path / name}.db")
        ledger.record(at=NOW, actor=name, action="test", subject="x", detail={})
        heads.append(ledger.audit_head() or "")
        if name == "forged":
            assert ledger.verify_chain() == []
            assert len(ledger.verify_chain(heads[:1])) == 1
        ledger.close()
