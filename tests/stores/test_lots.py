"""What is asked for many objects at once is found by an index, however large the ledger has grown."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from palantir_assets.actions.edits import ObjectEdit
from palantir_assets.actions.recording import written
from palantir_assets.stores.database import Database, open_database
from palantir_assets.stores.edit_rows import Batch, Idempotency, NewEdit, Reply
from palantir_assets.stores.edits import EditLog
from palantir_assets.stores.histories import history_of
from palantir_assets.stores.lots import AT_ONCE, lots, of_pairs
from palantir_assets.stores.object_keys import keys_to_read
from tests.stores.ledgers import NOW

GROWING = ("edits", "action_log", "idempotency", "object_keys", "outbox", "audit")
SUBJECTS = [(kind, f"{number}") for kind in ("order", "line", "customer") for number in range(90)]


@pytest.fixture
def sqlite(tmp_path: Path) -> Iterator[Database]:
    database = open_database(f"sqlite:///{tmp_path}/ledger.db", tmp_path / "keys" / "audit.key")
    yield database
    database.close()


def actions() -> list[Batch]:
    """One action of each of many people, each on objects of several types, each under a key of theirs."""
    edits = [NewEdit(kind, key, "modify", written(ObjectEdit("modify", kind, key, values={"name": "Ada"}))) for kind, key in SUBJECTS]
    return [
        Batch("pay", f"ada{each}", NOW, edits=edits[each::9], idempotency=Idempotency(f"ada{each}", "k", "b", lambda done: Reply(b"", 200)))
        for each in range(9)
    ]


@contextmanager
def read_whole(database: Database) -> Iterator[list[str]]:
    """What SQLite's plans for the questions asked meanwhile say of reading one of the growing tables from end to end."""
    found: list[str] = []
    planning = False

    def explain(connection: sa.Connection, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        nonlocal planning
        if planning or many or not statement.lstrip().upper().startswith("SELECT"):
            return
        planning = True
        try:
            plan = [row[3] for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)]
        finally:
            planning = False
        found.extend(f"{step}: {statement}" for step in plan if re.match(rf"SCAN ({'|'.join(GROWING)})\b", step))

    sa.event.listen(database.engine, "before_cursor_execute", explain)
    yield found
    sa.event.remove(database.engine, "before_cursor_execute", explain)


def test_what_an_action_needs_to_know_of_many_objects_is_found_by_an_index(sqlite: Database) -> None:
    log = EditLog(sqlite, personal=lambda kind: frozenset({"name"}) if kind == "customer" else frozenset())
    write_all = log._commits._write_all
    with read_whole(sqlite) as found:
        for _ in range(2):
            sqlite.write(lambda session: write_all(session, actions()))
        assert log.versions(SUBJECTS) == dict.fromkeys(SUBJECTS, 1)
        assert log.erased_among(SUBJECTS) == set()
        assert len(history_of(sqlite, SUBJECTS)) == 9
        assert all(keys_to_read(sqlite, SUBJECTS).of([("customer", "1")]) or ())
    ends_at_once = re.compile(
        r".*(\bLIMIT \?|EXISTS \(SELECT object_keys.object_type \nFROM object_keys \nWHERE object_keys.wrapped)", re.DOTALL
    )
    assert [each for each in found if not ends_at_once.match(each)] == []


def test_the_watch_over_plans_sees_a_table_that_is_read_whole(sqlite: Database) -> None:
    with read_whole(sqlite) as found:
        sqlite.rows(sa.text("SELECT * FROM edits WHERE actor = 'ada'"))
    assert len(found) == 1


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("xyz")), max_size=12), st.lists(st.tuples(st.text(), st.text()), max_size=12)
)
def test_a_row_is_one_of_the_pairs_or_it_is_not(pairs: list[tuple[str, str]], others: list[tuple[str, str]]) -> None:
    engine = sa.create_engine("sqlite://")
    table = sa.Table("t", sa.MetaData(), sa.Column("a", sa.Text), sa.Column("b", sa.Text))
    rows = sorted({*[(a, b) for a in "abc" for b in "xyz"], *((a.replace("\0", ""), b.replace("\0", "")) for a, b in others)})
    with engine.begin() as connection:
        table.create(connection)
        connection.execute(table.insert(), [{"a": a, "b": b} for a, b in rows])
        found = [tuple(row) for some in of_pairs(table.c.a, table.c.b, pairs) for row in connection.execute(sa.select(table).where(some))]
    assert sorted(found) == sorted(set(pairs))


def test_more_than_a_question_takes_becomes_several() -> None:
    pairs = [("a", str(number)) for number in range(AT_ONCE + 1)]
    assert [len(some) for some in lots(pairs)] == [AT_ONCE, 1]
    assert len(list(of_pairs(sa.column("a"), sa.column("b"), [*pairs, *pairs]))) == 2
    assert list(of_pairs(sa.column("a"), sa.column("b"), [])) == []
