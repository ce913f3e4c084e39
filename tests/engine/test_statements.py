from __future__ import annotations

import time

import pyarrow as pa
import pytest

from palantir_assets.engine import statements
from palantir_assets.engine.statements import Sql, fetched, row_numbers
from palantir_assets.errors import QueryError, QueryTooLong
from tests.fakes.release import shop

SHOP = shop(orders=10)
ENDLESS = Sql("SELECT count(*) FROM range(1000000000) a, range(1000000000) b WHERE a.range + b.range = 7")


def test_a_statement_that_takes_too_long_is_stopped_and_the_next_one_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(statements, "TIME_LIMIT_SECONDS", 0.2)
    began = time.monotonic()
    with pytest.raises(QueryTooLong, match=r"longer than 0\.2 s"):
        fetched(SHOP, ENDLESS)
    assert time.monotonic() - began < 60
    assert fetched(SHOP, Sql("SELECT 1")) == [(1,)]
    assert not statements.WATCHDOG.running


def test_what_sql_refuses_of_a_question_is_told_in_words() -> None:
    with pytest.raises(QueryError, match=r"cannot be computed.*missing \)"):
        fetched(SHOP, Sql("SELECT regexp_matches('a', ?)", ("(",)))


def test_rows_reach_a_statement_as_a_table_that_only_it_sees() -> None:
    picked = pa.table({"_row": pa.array([3, 5], pa.int32())})
    assert row_numbers(SHOP, Sql('SELECT _row FROM "order" SEMI JOIN picked USING (_row)'), {"picked": picked}).tolist() == [3, 5]
    with pytest.raises(Exception, match="picked"):
        fetched(SHOP, Sql("SELECT * FROM picked"))
