"""The audit chain is signed with a key that lies outside the database, and tampering with history shows."""

from __future__ import annotations

import multiprocessing
import stat
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy.orm import Session

from palantir_assets.errors import LedgerError
from palantir_assets.settings import audit_key_beside
from palantir_assets.stores.audit_chain import chained
from palantir_assets.stores.audit_key import load_key, load_or_make_key, read_head
from palantir_assets.stores.ledger import Ledger, open_ledger
from palantir_assets.stores.migrations.schema import AuditRow

NOW = datetime(2024, 5, 1, 12, 30, 0, 250, tzinfo=UTC)


@pytest.fixture
def ledger(ledger_url: str, key_file: Path) -> Iterator[Ledger]:
    ledger = open_ledger(ledger_url, key_file)
    yield ledger
    ledger.close()


def record(ledger: Ledger, count: int, *, actor: str = "tester") -> None:
    for number in range(count):
        ledger.record(at=NOW, actor=actor, action="test", subject=f"thing {number}", detail={"number": number})


def problems(ledger: Ledger) -> list[str]:
    return [str(problem) for problem in ledger.verify_chain()]


def unsign(ledger: Ledger, last: int) -> None:
    """Make the first rows what a version without a key would have written."""
    with Session(ledger.database.engine) as session, session.begin():
        previous = None
        for row in session.scalars(sa.select(AuditRow).where(AuditRow.seq <= last).order_by(AuditRow.seq)):
            row.key_id, row.previous_hash = None, previous
            row.hash = previous = chained(row)


def test_the_key_is_made_once_and_only_its_owner_may_read_it(ledger: Ledger, key_file: Path) -> None:
    assert stat.S_IMODE(key_file.stat().st_mode) == 0o600
    assert stat.S_IMODE(key_file.parent.stat().st_mode) == 0o700
    made = key_file.read_bytes()
    assert len(bytes.fromhex(made.decode())) == 32
    assert load_or_make_key(key_file).secret == made.strip()


def test_the_key_shows_in_no_text(ledger: Ledger, key_file: Path) -> None:
    secret = key_file.read_text().strip()
    assert secret not in repr(ledger)
    assert ledger.database.key is not None
    assert secret[:8] not in ledger.database.key.key_id


def _make(file: Path, barrier: multiprocessing.synchronize.Barrier, answers: multiprocessing.Queue[bytes]) -> None:
    barrier.wait()
    answers.put(load_or_make_key(file).secret)


def test_processes_that_start_together_make_one_key(key_file: Path) -> None:
    context = multiprocessing.get_context("fork")
    barrier, answers = context.Barrier(6), context.Queue()
    makers = [context.Process(target=_make, args=(key_file, barrier, answers)) for _ in range(6)]
    for maker in makers:
        maker.start()
    assert len({answers.get(timeout=60) for _ in makers}) == 1
    for maker in makers:
        maker.join(timeout=60)


@pytest.mark.parametrize(("text", "mode", "why"), [("a" * 64, 0o644, "everybody"), ("short", 0o600, "shorter than 32 bytes")])
def test_a_key_that_is_no_secret_is_refused(key_file: Path, text: str, mode: int, why: str) -> None:
    key_file.parent.mkdir()
    key_file.write_text(text)
    key_file.chmod(mode)
    with pytest.raises(LedgerError, match=why):
        load_key(key_file)


def test_the_head_beside_the_key_is_the_last_row(ledger: Ledger) -> None:
    assert ledger.database.key is not None
    for count in (1, 2):
        record(ledger, count)
        head = read_head(ledger.database.key)
        assert head is not None
        assert (head.since, head.seq, head.hash) == (1, ledger.audit()[-1].seq, ledger.audit_head())


def test_a_head_that_is_behind_is_no_fault(ledger: Ledger, key_file: Path) -> None:
    record(ledger, 3)
    behind = key_file.with_suffix(".head").read_bytes()
    record(ledger, 3)
    key_file.with_suffix(".head").write_bytes(behind)
    assert problems(ledger) == []


def test_writers_side_by_side_never_take_the_head_back(ledger: Ledger) -> None:
    writers = [threading.Thread(target=record, args=(ledger, 10)) for _ in range(4)]
    for writer in writers:
        writer.start()
    for writer in writers:
        writer.join()
    assert ledger.database.key is not None
    head = read_head(ledger.database.key)
    assert head is not None
    assert head.seq == len(ledger.audit()) == 40
    assert problems(ledger) == []


def test_rows_from_before_the_key_still_verify(ledger: Ledger, ledger_url: str, key_file: Path) -> None:
    record(ledger, 3)
    unsign(ledger, 3)
    for file in key_file.parent.iterdir():
        file.unlink()
    again = open_ledger(ledger_url, key_file)
    record(again, 2)
    assert problems(again) == []
    assert [row.key_id is None for row in again.database.select(sa.select(AuditRow).order_by(AuditRow.seq))] == [True] * 3 + [False] * 2
    again.close()


def test_a_row_without_a_signature_may_not_follow_a_signed_one(ledger: Ledger) -> None:
    record(ledger, 3)
    with Session(ledger.database.engine) as session, session.begin():
        row = session.get_one(AuditRow, 3)
        row.key_id = None
        row.hash = chained(row)
    assert problems(ledger)[0] == "audit row 3 is not signed, and comes after the key"


def test_a_chain_rewritten_without_the_key_shows_in_its_first_row(ledger: Ledger) -> None:
    record(ledger, 4)
    unsign(ledger, 4)
    assert problems(ledger)[0] == "audit row 1 is not signed, and comes after the key"


def test_a_chain_rewritten_with_another_key_shows_in_its_first_row(ledger: Ledger, tmp_path: Path) -> None:
    record(ledger, 4)
    assert ledger.database.key is not None
    forger = load_or_make_key(tmp_path / "forged" / "audit.key")
    for key_id in (forger.key_id, ledger.database.key.key_id):
        with Session(ledger.database.engine) as session, session.begin():
            previous = session.get_one(AuditRow, 1).hash
            for row in session.scalars(sa.select(AuditRow).where(AuditRow.seq > 1).order_by(AuditRow.seq)):
                row.actor, row.key_id, row.previous_hash = "somebody else", key_id, previous
                row.hash = previous = chained(row, forger)
        assert problems(ledger)[0].startswith("audit row 2 ")


def test_without_its_key_a_signed_chain_takes_no_row_and_says_so(ledger: Ledger, ledger_url: str, key_file: Path) -> None:
    record(ledger, 1)
    key_file.unlink()
    keyless = open_ledger(ledger_url, key_file)
    assert not key_file.exists()
    with pytest.raises(LedgerError, match="key that signs the audit chain is missing"):
        record(keyless, 1)
    assert problems(keyless)[0].endswith("which is missing")
    keyless.close()


def test_with_another_key_a_signed_chain_takes_no_row(ledger: Ledger, ledger_url: str, tmp_path: Path) -> None:
    record(ledger, 1)
    load_or_make_key(tmp_path / "other" / "audit.key")
    other = open_ledger(ledger_url, tmp_path / "other" / "audit.key")
    with pytest.raises(LedgerError, match="is signed with the key"):
        record(other, 1)
    other.close()


def test_a_ledger_that_was_set_back_is_told_even_after_it_went_on(ledger: Ledger, ledger_url: str, key_file: Path) -> None:
    record(ledger, 6)
    ledger.close()
    with ledger.database.engine.begin() as connection:
        connection.exec_driver_sql("DELETE FROM audit WHERE seq > 3")
    again = open_ledger(ledger_url, key_file)
    record(again, 9)
    told = problems(again)
    assert told == ["audit row 4 is missing or is another: row 6 was reached before the ledger was set back"]
    again.close()


def test_long_words_and_nul_fit_and_words_that_differ_stay_apart(ledger: Ledger) -> None:
    for actor in ("a" * 500, "a" * 501, "nul \0"):
        ledger.record(at=NOW, actor=actor, action="test", subject="x" * 1000, detail={"actor": actor})
    assert len({row.actor for row in ledger.audit()}) == 3
    assert problems(ledger) == []


def test_the_key_of_a_sqlite_ledger_lies_beside_it(tmp_path: Path) -> None:
    assert audit_key_beside(f"sqlite:///{tmp_path / 'ledger.db'}") == tmp_path / "keys" / "audit.key"
    assert audit_key_beside("postgresql+psycopg://app@localhost/ledger") is None
    assert audit_key_beside("sqlite:///:memory:") is None
    ledger = open_ledger(f"sqlite:///{tmp_path / 'ledger.db'}")
    assert (tmp_path / "keys" / "audit.key").exists()
    ledger.close()
