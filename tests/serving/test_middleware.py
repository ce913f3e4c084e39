"""What happens to every request and answer on the way: tags, compression, HEAD, limits."""

from __future__ import annotations

import asyncio
import gzip
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from backports import zstd
from starlette.testclient import TestClient

from palantir_assets.serving import conditional
from palantir_assets.serving.admitting import MAX_HEADER_COUNT, MAX_HEADERS, MAX_URL
from palantir_assets.serving.app import create_app
from palantir_assets.serving.encoding import SMALLEST, accepted, compressed, compressible
from tests.fakes.shop_release import NOW, ListLog, release_shop, settings_in

OBJECTS = "/api/v2/ontologies/default/objects"
ORDER = f"{OBJECTS}/order/1"
PAGE = f"{OBJECTS}/order?pageSize=100"
TYPES = "/api/v2/ontologies/default/objectTypes"


@contextmanager
def raw(client: TestClient, path: str, **headers: str) -> Iterator[tuple[Any, bytes]]:
    """An answer with its bytes as they travelled; the client adds no Accept-Encoding of its own."""
    named = {"Accept-Encoding": "identity", **{name.replace("_", "-"): value for name, value in headers.items()}}
    with client.stream("GET", path, headers=named) as answer:
        yield answer, b"".join(answer.iter_raw())


@pytest.mark.parametrize("path", [ORDER, PAGE, f"{ORDER}/links/customer", TYPES, "/openapi.json", "/docs"])
def test_a_caller_who_holds_an_answer_is_told_so_without_its_bytes(client: TestClient, path: str) -> None:
    first = client.get(path)
    tag = first.headers["ETag"]
    assert tag.startswith('W/"')
    for held in (tag, tag.removeprefix("W/"), f'"other", {tag}', "*"):
        again = client.get(path, headers={"If-None-Match": held})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["ETag"] == tag
        assert "Content-Length" not in again.headers
        assert {"Release-Id", "Cache-Control", "Vary", "X-Request-Id"} <= {name.title() for name in again.headers}
    other = client.get(path, headers={"If-None-Match": 'W/"other"'})
    assert (other.status_code, other.content) == (200, first.content)


def test_what_the_release_decides_is_not_made_again_for_a_caller_who_holds_it(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    tag = client.get(ORDER).headers["ETag"]

    def broken(*_: object, **__: object) -> None:
        raise AssertionError("asked")

    monkeypatch.setattr("palantir_assets.serving.objects.get", broken)
    assert client.get(ORDER, headers={"If-None-Match": tag}).status_code == 304
    assert client.get(ORDER).status_code == 500
    assert client.get(ORDER, headers={"If-None-Match": "*"}).status_code == 500


def test_a_tag_changes_with_the_release_the_language_and_the_program(
    tmp_path_factory: pytest.TempPathFactory, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings, log = settings_in(tmp_path_factory.mktemp("tags")), ListLog()
    release_shop(settings, log, orders=3)
    tags = {client.get(ORDER).headers["ETag"], client.get(ORDER, headers={"Accept-Language": "ko"}).headers["ETag"]}
    with TestClient(create_app(settings, log, clock=lambda: NOW)) as other:
        tags.add(other.get(ORDER).headers["ETag"])
        monkeypatch.setattr(conditional, "program", lambda: "01234567")
        tags.add(other.get(ORDER).headers["ETag"])
    assert len(tags) == 4


def test_what_is_no_plain_answer_has_no_tag(client: TestClient) -> None:
    for answer in (client.get(f"{OBJECTS}/order/999"), client.get("/nope"), client.post(f"{OBJECTS}/order/count"), client.delete(ORDER)):
        assert "ETag" not in answer.headers
    missing = client.get(f"{OBJECTS}/order/999", headers={"If-None-Match": "*"})
    assert missing.status_code == 404


def test_the_program_is_fingerprinted_by_its_sources() -> None:
    assert conditional.program() == conditional.program()
    assert len(conditional.program()) == 8


@pytest.mark.parametrize(
    ("asked", "used"), [("gzip", "gzip"), ("zstd", "zstd"), ("gzip, zstd", "zstd"), ("zstd;q=0.1, gzip;q=0.2", "gzip")]
)
def test_a_long_answer_travels_as_the_caller_prefers(client: TestClient, asked: str, used: str) -> None:
    with raw(client, PAGE) as (plain, whole):
        assert "Content-Encoding" not in plain.headers
    with raw(client, PAGE, Accept_Encoding=asked) as (answer, body):
        assert answer.headers["Content-Encoding"] == used
        assert (gzip.decompress(body) if used == "gzip" else zstd.decompress(body)) == whole
        assert int(answer.headers["Content-Length"]) == len(body) < len(whole) / 4
        assert answer.headers["ETag"] == plain.headers["ETag"]
        assert "Accept-Encoding" in answer.headers["Vary"]


def test_a_very_long_answer_is_compressed_in_a_thread(client: TestClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("palantir_assets.serving.outgoing.ELSEWHERE", 10_000)
    with raw(client, PAGE) as (_, whole), raw(client, PAGE, Accept_Encoding="zstd") as (_, body):
        assert zstd.decompress(body) == whole


def test_a_short_answer_travels_as_it_is(client: TestClient) -> None:
    with raw(client, ORDER, Accept_Encoding="gzip, zstd") as (answer, body):
        assert "Content-Encoding" not in answer.headers
        assert len(body) < SMALLEST


@pytest.mark.parametrize(
    ("header", "chosen"),
    [
        (b"", None),
        (b"gzip", "gzip"),
        (b"GZIP;Q=1.0", "gzip"),
        (b"br, deflate", None),
        (b"*", "zstd"),
        (b"*;q=0", None),
        (b"zstd;q=0, *", "gzip"),
        (b"gzip;q=0.5, identity;q=0.8", None),
        (b"gzip;q=nonsense", None),
        (b"gzip;q=7", None),
        (b"gzip;q=nan", None),
        (b";;,,gzip", "gzip"),
        (b"\xff\xfe, gzip", "gzip"),
    ],
)
def test_an_encoding_is_chosen_by_its_weight(header: bytes, chosen: str | None) -> None:
    assert accepted(header) == chosen


def test_what_does_not_become_smaller_is_left_alone() -> None:
    noise = bytes(range(256)) * 16
    assert compressed(conditional.hashlib.shake_256(noise).digest(4_096), "zstd") is None
    assert compressed(b"a" * 4_096, "gzip") is not None
    assert [compressible(kind) for kind in (b"application/json", b"Text/HTML; charset=utf-8", b"image/png", b"")] == [
        True,
        True,
        False,
        False,
    ]


@pytest.mark.parametrize("path", [ORDER, PAGE, TYPES, "/healthz", "/docs", "/openapi.json", "/api/platform/v1/releases"])
def test_head_is_answered_wherever_get_is(client: TestClient, path: str) -> None:
    whole, head = client.get(path), client.head(path)
    assert (head.status_code, head.content) == (200, b"")
    varying = {"x-request-id", "date"}
    assert {name: value for name, value in head.headers.items() if name not in varying} == {
        name: value for name, value in whole.headers.items() if name not in varying
    }


def test_head_tells_a_caller_who_holds_the_answer_so(client: TestClient) -> None:
    for path in (ORDER, TYPES):
        tag = client.get(path).headers["ETag"]
        assert client.head(path, headers={"If-None-Match": tag}).status_code == 304


def test_head_of_what_is_not_there_is_a_404_and_stands_in_the_log_as_head(client: TestClient, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, logger="palantir_assets.access_log"):
        answer = client.head(f"{OBJECTS}/order/999")
    assert (answer.status_code, answer.content) == (404, b"")
    (line,) = [vars(record) for record in caplog.records if record.name == "palantir_assets.access_log"]
    assert (line["method"], line["status"]) == ("HEAD", 404)
    assert client.head(f"{OBJECTS}/order/count").status_code in (404, 405)


def test_a_url_that_is_too_long_is_refused_in_words(client: TestClient) -> None:
    answer = client.get(f"{ORDER}?select={'x' * MAX_URL}")
    assert (answer.status_code, answer.json()["errorName"]) == (414, "RequestUriTooLong")
    assert "may have 16,384" in answer.json()["errorDescription"]
    assert client.get(f"{ORDER}?select={'x' * 10_000}").status_code == 404


def test_headers_that_are_too_many_or_too_long_are_refused_in_words(client: TestClient) -> None:
    for headers in ({f"X-{number}": "a" for number in range(MAX_HEADER_COUNT)}, {"X-Long": "a" * MAX_HEADERS}):
        answer = client.get("/healthz", headers=headers)
        assert (answer.status_code, answer.headers["Content-Type"]) == (431, "application/problem+json")
        assert answer.json()["title"] == "RequestHeadersTooLarge"


def test_every_request_has_an_id_of_its_own(client: TestClient) -> None:
    ids = {client.get("/healthz").headers["X-Request-Id"] for _ in range(50)}
    assert len(ids) == 50
    assert all(len(each) == 32 for each in ids)


def test_an_answer_that_streams_passes_untouched_and_one_that_breaks_off_is_cut(client: TestClient) -> None:
    from palantir_assets.serving.deps import Asked, Exchange
    from palantir_assets.serving.outgoing import Outgoing

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    async def stream() -> None:
        services: Any = None  # an answer on its way asks none of them
        exchange = Exchange("id", None, services, None, Asked(accept_encoding=b"zstd", if_none_match=b"*"))
        out = Outgoing({"method": "GET"}, exchange, send, ((b"vary", b"x"),), "GET")
        await out.send({"type": "http.response.start", "status": 200, "headers": [(b"content-type", b"application/json")]})
        assert (sent, out.begun) == ([], False)
        for number in range(3):
            await out.send({"type": "http.response.body", "body": b"a" * 5_000, "more_body": number < 2})
        assert out.begun

    asyncio.run(stream())
    assert [message["type"] for message in sent] == ["http.response.start", *["http.response.body"] * 3]
    assert dict(sent[0]["headers"]) == {b"content-type": b"application/json", b"x-request-id": b"id", b"vary": b"x"}
    assert b"".join(message["body"] for message in sent[1:]) == b"a" * 15_000
