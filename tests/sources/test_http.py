"""Servers asked over HTTP: every way of paging and signing in, patience with a tired server, and no byte fetched twice."""

from __future__ import annotations

import base64
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import duckdb
import pytest

from palantir_assets.errors import SourceError
from palantir_assets.ontology.spec import Http, Source
from palantir_assets.sources.asking import Asking, Bounds
from palantir_assets.sources.fetching import fetch
from palantir_assets.sources.http import HttpTables, bounds_of
from palantir_assets.sources.loading import load
from palantir_assets.sources.raw_files import RawFiles
from tests.sources.conftest import TABLE
from tests.sources.http_server import Answer, Asked, Server, impatient, serving

ORDERS = [{"id": number, "name": f"order {number}"} for number in range(1, 8)]
SECRET = "s3cr3t-0f-the-server"


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as running:
        yield running


@pytest.fixture
def into(tmp_path: Path) -> RawFiles:
    return RawFiles(tmp_path / "raw_files")


def source(server: Server, table: Mapping[str, Any] | None = None, **http: Any) -> Source:
    declared = {"file": "orders", "format": "json", "columns": {"id": "long", "name": "string"}, **(table or {})}
    return Source.model_validate(
        {"kind": "http", "http": {"url": f"{server.url}/v1", "private": True, **http}, "tables": {"orders": declared}}
    )


def fetched(declared: Source, into: RawFiles, **environment: str) -> list[bytes]:
    tables = HttpTables(declared, environment, impatient)
    return [file.path.read_bytes() for file in tables.fetch(declared.tables["orders"], into)]


def by_page(asked: Asked) -> Answer:
    page = int(asked.params["p"])
    return Answer({"data": ORDERS[(page - 1) * 3 : page * 3]})


def by_offset(asked: Asked) -> Answer:
    start, size = int(asked.params["skip"]), int(asked.params["top"])
    return Answer({"data": ORDERS[start : start + size]})


def by_cursor(asked: Asked) -> Answer:
    start = int(asked.params.get("after", 0))
    return Answer({"data": ORDERS[start : start + 3], "meta": {"next": str(start + 3) if start + 3 < len(ORDERS) else None}})


def by_link(asked: Asked) -> Answer:
    start = int(asked.params.get("start", 0))
    link = {"Link": f'<{asked.path}?start={start + 3}>; rel="next"'} if start + 3 < len(ORDERS) else {}
    return Answer({"data": ORDERS[start : start + 3]}, headers=link)


def by_next(asked: Asked) -> Answer:
    start = int(asked.params.get("start", 0))
    return Answer(
        {"data": ORDERS[start : start + 3], "links": {"next": f"{asked.path}?start={start + 3}" if start + 3 < len(ORDERS) else None}}
    )


@pytest.mark.parametrize(
    ("answer", "paging"),
    [
        (by_page, {"by": "page", "param": "p"}),
        (by_offset, {"by": "offset", "param": "skip", "size_param": "top", "size": 3}),
        (by_cursor, {"by": "cursor", "param": "after", "at": "meta.next"}),
        (by_link, {"by": "link"}),
        (by_next, {"by": "next", "at": "links.next"}),
    ],
    ids=["page", "offset", "cursor", "link", "next"],
)
def test_every_way_of_paging_gives_every_record_once(
    answer: Any, paging: dict[str, object], server: Server, into: RawFiles, con: duckdb.DuckDBPyConnection
) -> None:
    server.answer = answer
    declared = source(server, {"paging": paging, "records": "data", "format": None, "params": {"kind": "new"}})
    got = fetch(declared, declared.tables["orders"], project=into.folder, into=into)
    loaded = load(con, TABLE, declared.tables["orders"], got.files)
    assert (loaded.rows, loaded.refused) == (7, 0)
    assert con.execute(f"SELECT id, name FROM {TABLE.sql} ORDER BY id").fetchall() == [(row["id"], row["name"]) for row in ORDERS]
    assert server.asked[0].path == "/v1/orders" and server.asked[0].params["kind"] == "new"
    assert [file.name for file in got.files][:2] == ["orders-00001.json", "orders-00002.json"]


def test_pages_without_end_are_refused(server: Server, into: RawFiles) -> None:
    server.answer = lambda _: Answer({"data": ORDERS})
    declared = source(server, {"paging": {"by": "page", "most": 4}, "records": "data"})
    with pytest.raises(SourceError, match=r"/v1/orders: there are more than 4 pages"):
        fetched(declared, into)


def test_a_page_that_lacks_its_records_is_not_the_last_one(server: Server, into: RawFiles, con: duckdb.DuckDBPyConnection) -> None:
    server.answer = lambda asked: by_page(asked) if asked.params["p"] == "1" else Answer({"error": "quota"})
    declared = source(server, {"paging": {"by": "page", "param": "p"}, "records": "data"})
    got = fetch(declared, declared.tables["orders"], project=into.folder, into=into)
    with pytest.raises(SourceError, match=r"^orders-00002\.json: there is no list at 'data'"):
        load(con, TABLE, declared.tables["orders"], got.files)


def test_a_file_is_kept_under_its_own_name(server: Server, into: RawFiles, con: duckdb.DuckDBPyConnection) -> None:
    server.answer = lambda _: Answer(b"id,name\n1,a\n")
    declared = source(server, {"file": "exports/2024.csv", "format": None})
    got = fetch(declared, declared.tables["orders"], project=into.folder, into=into)
    assert [file.name for file in got.files] == ["2024.csv"] and server.asked[0].path == "/v1/exports/2024.csv"
    assert load(con, TABLE, declared.tables["orders"], got.files).rows == 1


def needs(name: str, value: str) -> Any:
    return lambda asked: Answer(ORDERS) if asked.headers.get(name) == value else Answer({}, 401)


@pytest.mark.parametrize(
    ("auth", "answer"),
    [
        ({"bearer_from": "TOKEN"}, needs("Authorization", f"Bearer {SECRET}")),
        (
            {"user_from": "NAME", "password_from": "TOKEN"},
            needs("Authorization", "Basic " + base64.b64encode(f"ada:{SECRET}".encode()).decode()),
        ),
        ({"header": "X-Api-Key", "value_from": "TOKEN"}, needs("X-Api-Key", SECRET)),
        ({"param": "key", "value_from": "TOKEN"}, lambda asked: Answer(ORDERS if asked.params.get("key") == SECRET else {})),
    ],
    ids=["bearer", "basic", "header", "param"],
)
def test_every_way_of_signing_in_is_told_from_the_environment(auth: dict[str, str], answer: Any, server: Server, into: RawFiles) -> None:
    server.answer = answer
    assert len(fetched(source(server, auth=auth), into, TOKEN=SECRET, NAME="ada")[0]) > 50
    with pytest.raises(SourceError, match=r"the environment variable \w+ is not set") as caught:
        fetched(source(server, auth=auth), into)
    assert SECRET not in str(caught.value)


def test_a_token_of_oauth_is_asked_for_and_used(server: Server, into: RawFiles) -> None:
    def answer(asked: Asked) -> Answer:
        if asked.path == "/token":
            right = b"client_id=me" in asked.body and SECRET.encode() in asked.body and b"scope=read" in asked.body
            return Answer({"access_token": "t0ken", "expires_in": 60}) if right else Answer({}, 400)
        return needs("Authorization", "Bearer t0ken")(asked)  # type: ignore[no-any-return]

    server.answer = answer
    auth = {"token_url": f"{server.url}/token", "client_from": "ID", "secret_from": "TOKEN", "scope": "read"}
    assert fetched(source(server, auth=auth), into, ID="me", TOKEN=SECRET)


@pytest.mark.parametrize("code", [401, 403, 404, 410, 500, 503])
def test_an_error_names_the_path_and_the_code_and_no_secret(code: int, server: Server, into: RawFiles) -> None:
    server.answer = lambda _: Answer(SECRET.encode(), code)
    declared = source(server, {"params": {"key": SECRET}}, auth={"param": "token", "value_from": "TOKEN"})
    with pytest.raises(SourceError, match=rf"{server.url}/v1/orders answers {code}") as caught:
        fetched(declared, into, TOKEN=SECRET)
    assert SECRET not in f"{caught.value.message} {caught.value.advice}"
    assert len(server.asked) == (5 if code >= 500 else 1)


def test_a_tired_server_is_asked_again(server: Server, into: RawFiles) -> None:
    codes = iter([503, 429, 200])
    server.answer = lambda _: Answer(ORDERS, next(codes), {"Retry-After": "0"})
    assert fetched(source(server), into)
    assert len(server.asked) == 3


def test_a_server_that_is_down_or_silent_is_told(server: Server, into: RawFiles) -> None:
    declared = source(server, url="http://127.0.0.1:1/v1")
    with pytest.raises(SourceError, match=r"http://127\.0\.0\.1:1/v1/orders cannot be asked"):
        fetched(declared, into)


def test_what_has_not_changed_is_not_sent_again(server: Server, into: RawFiles) -> None:
    current, sent = [b"id,name\n1,a\n"], []

    def answer(asked: Asked) -> Answer:
        tag = f'"{len(current[0])}"'
        if asked.headers.get("If-None-Match") == tag:
            return Answer(b"", 304, {"ETag": tag})
        sent.append(asked)
        return Answer(current[0], headers={"ETag": tag})

    server.answer = answer
    declared = source(server, {"file": "orders.csv", "format": None})
    tables, table = HttpTables(declared, {}, impatient), declared.tables["orders"]
    first = tables.version(table, into)
    assert tables.version(table, into) == first == tables.fetch(table, into)[0].sha256 and len(sent) == 1
    current[0] += b"2,b\n"
    assert tables.version(table, into) != first and len(sent) == 2
    assert tables.fetch(table, into)[0].path.read_bytes() == current[0] and len(sent) == 2
    for kept in into.folder.glob("[0-9a-f]*"):
        kept.unlink()  # bytes that are gone are fetched again, whatever was remembered of them
    assert tables.fetch(table, into)[0].path.read_bytes() == current[0] and len(sent) == 3


def test_an_answer_that_is_too_large_is_cut_off(server: Server, into: RawFiles) -> None:
    server.answer = lambda _: Answer(b"x" * 200_000)
    origins = bounds_of(Http(url=server.url)).origins
    with Asking(Bounds(origins, private=True, largest=100_000)) as session, pytest.raises(SourceError, match="larger than 100,000 bytes"):
        session.get(f"{server.url}/x")


def test_a_server_is_asked_no_more_often_than_it_bears(server: Server) -> None:
    now, slept = [100.0], list[float]()

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        now[0] += seconds

    bounds = bounds_of(Http(url=server.url, private=True, at_most="30/m"))
    with Asking(bounds, clock=lambda: now[0], sleep=sleep) as session:
        for _ in range(3):
            session.get(f"{server.url}/x")
            now[0] += 0.5
    assert slept == [1.5, 1.5]


def test_what_is_declared_is_all_that_may_be_asked() -> None:
    http = Http(url="https://api.example.org/v1", hosts=("cdn.example.org", "files.example.org:8443"))
    assert bounds_of(http).origins == {
        ("https", "api.example.org", 443),
        ("https", "cdn.example.org", 443),
        ("https", "files.example.org", 8443),
    }
