"""What can go wrong with a database is told with where and what next, and never with its password."""

from __future__ import annotations

import itertools
import re
import traceback
from pathlib import Path

import pytest

from palantir_assets.errors import SourceError
from palantir_assets.ontology.spec import Source
from palantir_assets.sources.fetching import fetch, fetcher_of
from palantir_assets.sources.raw_files import RawFiles
from palantir_assets.sources.sql import SqlTables
from tests import postgres
from tests.sources.databases import VARIABLE, ShopDatabase, declared

PASSWORD = "hunter2-not-to-be-told"
TABLE = declared(columns={"n": "integer"})


def refusal(tables: SqlTables) -> SourceError:
    """What reading says, which holds no password."""
    with pytest.raises(SourceError) as told:
        tables.version(tables.source.tables["orders"])
    assert PASSWORD not in "".join(traceback.format_exception(told.value))
    return told.value


def at(url: str | None, tmp_path: Path, source: Source | None = None) -> SqlTables:
    source = source or Source.model_validate({"kind": "sql", "sql": {"url_from": VARIABLE}, "tables": {"orders": TABLE}})
    return SqlTables(source, tmp_path, told={VARIABLE: url}.get)


@pytest.fixture(params=["sqlite", "postgresql"])
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> ShopDatabase:
    if request.param == "sqlite":
        return ShopDatabase(f"sqlite:///{tmp_path / 'shop.db'}", tmp_path)
    server: postgres.Server = request.getfixturevalue("postgres_server")
    return ShopDatabase(server.new_database(), tmp_path)


@pytest.mark.parametrize(
    ("url", "said", "advice"),
    [
        (None, "SHOP_DATABASE_URL is not set, and the source is read from there", "set SHOP_DATABASE_URL to the database's URL"),
        (f"shop:{PASSWORD}@host", "SHOP_DATABASE_URL is no URL of a database", "set SHOP_DATABASE_URL to one such as postgresql"),
        (f"postgresql://u:{PASSWORD}@host:port/x", "SHOP_DATABASE_URL is no URL of a database", "set SHOP_DATABASE_URL"),
        (f"postgresql://host:{PASSWORD}/x", "SHOP_DATABASE_URL is no URL of a database", "set SHOP_DATABASE_URL"),
        (f"nobase://u:{PASSWORD}@host/x", "there is no driver for nobase here", "install the driver"),
        (f"postgresql+pg8000://u:{PASSWORD}@host/x", "there is no driver for postgresql+pg8000 here", "install the driver"),
        ("sqlite:///:memory:", "a SQLite source is a file", "sqlite:///data/shop.db"),
        ("sqlite://", "a SQLite source is a file", "sqlite:///data/shop.db"),
    ],
)
def test_a_url_that_cannot_be_used_is_told_without_it(tmp_path: Path, url: str | None, said: str, advice: str) -> None:
    tables = at(url, tmp_path)
    told = refusal(tables)
    assert said in told.message and advice in told.advice
    if url is None:
        tables.look(TABLE)  # who checks a project need not hold its secrets
    else:
        with pytest.raises(SourceError, match=re.escape(told.message)):
            tables.look(TABLE)


def test_a_host_that_is_down_is_told(tmp_path: Path) -> None:
    told = refusal(at(f"postgresql+psycopg://reader:{PASSWORD}@127.0.0.1:1/shop?application_name={PASSWORD}", tmp_path))
    assert told.message.startswith("postgresql+psycopg://reader:***@127.0.0.1:1/shop cannot be read: ")
    assert "refused" in told.message and "see that SHOP_DATABASE_URL is right" in told.advice


def test_a_wrong_password_is_told_without_it(postgres_server: postgres.Server, tmp_path: Path) -> None:
    postgres_server.run("CREATE ROLE guarded LOGIN PASSWORD 'right-and-secret'")
    guards = postgres_server.folder / "data" / "pg_hba.conf"
    before = guards.read_text()
    guards.write_text("local all guarded scram-sha-256\n" + before)
    postgres_server.run("SELECT pg_reload_conf()")
    for password, said in ((PASSWORD, 'password authentication failed for user "guarded"'), ("", "no password supplied")):
        told = refusal(at(f"postgresql+psycopg://guarded:{password}@/postgres?host={postgres_server.folder}", tmp_path))
        assert said in told.message
    right = at(f"postgresql+psycopg://guarded:right-and-secret@/postgres?host={postgres_server.folder}", tmp_path)
    assert "there is no table orders" in refusal(right).message


def test_a_table_that_is_missing_is_told_with_the_nearest_name(shop: ShopDatabase) -> None:
    shop.run("CREATE TABLE order_lines (n integer)", "CREATE VIEW orders_open AS SELECT n FROM order_lines")
    table = declared(table="orders_opened", columns={"n": "integer"})
    told = refusal(shop.tables(table))
    assert told.message == "there is no table orders_opened, or it may not be seen; did you mean 'orders_open'?"


def test_a_query_that_fails_is_told_in_the_words_of_the_database(shop: ShopDatabase) -> None:
    shop.run("CREATE TABLE orders (n integer)")
    told = refusal(shop.tables(declared(query="SELECT n FROM no_such_table", columns={"n": "integer"})))
    assert "cannot be read: " in told.message and "no_such_table" in told.message


def test_nothing_can_be_written_by_a_query(shop: ShopDatabase) -> None:
    shop.run("CREATE TABLE orders (n integer)", "INSERT INTO orders VALUES (1)")
    for query in ("DELETE FROM orders RETURNING n", "SELECT n FROM orders) AS x; DELETE FROM orders; SELECT (1"):
        assert "cannot be read" in refusal(shop.tables(declared(query=query, columns={"n": "integer"}))).message
    if shop.is_postgresql:
        shop.run("CREATE FUNCTION gone() RETURNS integer LANGUAGE sql AS 'DELETE FROM orders RETURNING n'")
        told = refusal(shop.tables(declared(query="SELECT gone() AS n", columns={"n": "integer"})))
        assert "read-only transaction" in told.message
    with shop.writer() as connection:
        assert connection.exec_driver_sql("SELECT count(*) FROM orders").scalar() == 1


def test_a_question_that_takes_too_long_is_stopped(shop: ShopDatabase) -> None:
    shop.run("CREATE TABLE orders (n integer)")
    endless = "WITH RECURSIVE numbers(n) AS (SELECT 1 UNION ALL SELECT 1 FROM numbers) SELECT count(*) AS n FROM numbers"
    told = refusal(shop.tables(declared(query=endless, columns={"n": "integer"}), timeout="1s"))
    assert told.message == "the database took more than 1 s" and "sql: {timeout: 1h}" in told.advice


def test_a_table_that_takes_too_long_in_all_is_stopped_between_batches(shop: ShopDatabase) -> None:
    shop.run("CREATE TABLE orders (n integer)", "INSERT INTO orders VALUES (:n)", rows=[{"n": n} for n in range(100)])
    minutes = itertools.count(0, 60)
    told = refusal(shop.tables(TABLE, timeout="10m", clock=lambda: next(minutes)))
    assert told.message == "the database took more than 600 s"


def test_a_sqlite_file_lies_in_the_project_and_is_never_made(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    ShopDatabase(f"sqlite:///{tmp_path / 'data' / 'shop.db'}", tmp_path).run(
        "CREATE TABLE orders (n integer)", "INSERT INTO orders VALUES (7)"
    )
    source = Source.model_validate({"kind": "sql", "sql": {"url": "sqlite:///data/shop.db"}, "tables": {"orders": TABLE}})
    fetcher_of(source, project=tmp_path).look(TABLE)
    fetched = fetch(source, TABLE, project=tmp_path, into=RawFiles(tmp_path / "raw_files"))
    assert [(file.name, file.sha256) for file in fetched.files] == [("orders.arrow", fetched.version)]
    other = Source.model_validate({"kind": "sql", "sql": {"url": "sqlite:///data/shops.db"}, "tables": {"orders": TABLE}})
    for ask in (fetcher_of(other, project=tmp_path).look, at(None, tmp_path, other).version):
        with pytest.raises(SourceError, match=r"there is no file 'shops\.db' in .*; did you mean 'shop\.db'\?"):
            ask(TABLE)
    assert not (tmp_path / "data" / "shops.db").exists()


def test_a_disk_that_takes_no_more_is_told(shop: ShopDatabase, tmp_path: Path) -> None:
    shop.run("CREATE TABLE orders (n integer)")
    (tmp_path / "raw_files").write_text("in the way")
    with pytest.raises(SourceError, match="the rows cannot be kept in"):
        shop.tables(TABLE).fetch(TABLE, RawFiles(tmp_path / "raw_files"))
