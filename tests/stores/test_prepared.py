"""Statements compiled once say on either database what SQLAlchemy would have said."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import sqlalchemy as sa

from palantir_assets.stores.database import Database
from palantir_assets.stores.migrations.schema import AuditRow, MarkRow
from palantir_assets.stores.prepared import Prepared

AT = datetime(2024, 5, 1, 12, 30, tzinfo=timezone(timedelta(hours=9)))


def audit_row(seq: int) -> dict[str, object]:
    words = {"actor": "ada", "action": "test", "subject": "it's %s 50% :kind", "detail": "{}", "hash": str(seq)}
    return {"seq": seq, "at": AT, "previous_hash": None, "key_id": None, **words}


def test_values_pass_through_the_types_of_their_columns_one_row_or_many(database: Database) -> None:
    insert = Prepared(sa.insert(AuditRow))
    with database.engine.begin() as connection:
        insert.run(connection, [audit_row(1_001)])
        insert.run(connection, [audit_row(number) for number in (1_002, 1_003, 1_004)])
    found = database.select(sa.select(AuditRow).where(AuditRow.seq > 1_000).order_by(AuditRow.seq))
    assert [row.seq for row in found] == [1_001, 1_002, 1_003, 1_004]
    assert {(row.at, row.subject, row.previous_hash) for row in found} == {(AT.astimezone(UTC), "it's %s 50% :kind", None)}


def test_what_a_statement_says_by_itself_stands_beside_what_it_is_given(database: Database) -> None:
    marks = sa.inspect(MarkRow).local_table
    asked = Prepared(sa.select(marks.c.value).where(marks.c.name == sa.bindparam("wanted"), marks.c.value != "hidden").limit(1))
    with database.engine.begin() as connection:
        for name, value in (("a", "hidden"), ("b", "shown")):
            Prepared(sa.insert(MarkRow)).run(connection, [{"name": name, "value": value}])
        assert [asked.run(connection, [{"wanted": name}]).scalar() for name in ("a", "b", "c")] == [None, "shown", None]
