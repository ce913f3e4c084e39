"""Whatever a server says, nothing is asked where this source may not go (the part of R27 that is about addresses)."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from palantir_assets.errors import SourceError
from palantir_assets.ontology.spec import Source
from palantir_assets.sources.http import HttpTables
from palantir_assets.sources.raw_files import RawFiles
from tests.scorecard import Score
from tests.sources.http_server import Answer, Server, impatient, serving

ELSEWHERE = [
    "http://127.0.0.1:{trap}/x",
    "http://localhost:{trap}/x",
    "http://2130706433:{trap}/x",
    "http://0x7f000001:{trap}/x",
    "http://0177.0.0.1:{trap}/x",
    "http://127.1:{trap}/x",
    "http://0.0.0.0:{trap}/x",
    "http://[::1]:{trap}/x",
    "http://[::ffff:127.0.0.1]:{trap}/x",
    "//127.0.0.1:{trap}/x",
    "http://127.0.0.1:{api}@127.0.0.1:{trap}/x",
    "http://user:word@127.0.0.1:{trap}/x",
    "http://127.0.0.1:{trap}#@127.0.0.1:{api}/x",
    "http://127.0.0.1:{trap}\\@127.0.0.1:{api}/x",
    "https://127.0.0.1:{trap}/x",
    "file:///etc/hostname",
    "ftp://127.0.0.1:{trap}/x",
    "gopher://127.0.0.1:{trap}/x",
    "http://169.254.169.254/latest/meta-data/",
    "http://127.0.0.1:{trap}%2f@127.0.0.1:{api}/x",
]
"""Where a redirect, a link in a header or a link in a body may point."""
NO_PUBLIC_ADDRESS = [
    "http://127.0.0.1:{trap}",
    "http://localhost:{trap}",
    "http://2130706433:{trap}",
    "http://0x7f.1:{trap}",
    "http://0.0.0.0:{trap}",
    "http://[::1]:{trap}",
    "http://[::ffff:127.0.0.1]:{trap}",
    "http://data.example.org:{trap}",
    "http://mapped.example.org:{trap}",
]
"""What may be declared, by mistake, where no private address is meant."""
PAGING: dict[str, dict[str, Any]] = {
    "link": {"paging": {"by": "link", "most": 3}},
    "next": {"paging": {"by": "next", "at": "next", "most": 3}, "records": "data"},
}
REFUSALS = ("is not declared", "is no public address", "is no URL", "cannot be asked", "more than 3 pages")
"""Not allowed; or no place that can be asked at all; or a link that leads to the same server again."""


@pytest.fixture
def trap() -> Iterator[Server]:
    with serving() as running:
        yield running


def port(server: Server) -> str:
    return server.url.rpartition(":")[2]


def ask(url: str, folder: Path, *, private: bool, **table: Any) -> None:
    declared = {"file": "orders", "format": "json", "columns": {"id": "long"}, **table}
    source = Source.model_validate({"kind": "http", "http": {"url": url, "private": private}, "tables": {"orders": declared}})
    HttpTables(source, {}, impatient).fetch(source.tables["orders"], RawFiles(folder))


@pytest.mark.parametrize("way", ["redirect", "link", "next"])
def test_nothing_is_asked_where_a_server_points_to(way: str, trap: Server, tmp_path: Path, score: Score) -> None:
    hits = 0
    for number, pattern in enumerate(ELSEWHERE):
        with serving() as api:
            target = pattern.format(trap=port(trap), api=port(api))
            api.answer = {
                "redirect": lambda _, to=target: Answer(b"", 302, {"Location": to}),
                "link": lambda _, to=target: Answer([{"id": 1}], headers={"Link": f'<{to}>; rel="next"'}),
                "next": lambda _, to=target: Answer({"data": [{"id": 1}], "next": to}),
            }[way]
            with pytest.raises(SourceError) as caught:
                ask(api.url, tmp_path / str(number), private=True, **PAGING.get(way, {}))
            assert any(word in caught.value.message for word in REFUSALS), target
            hits += len(trap.asked)
    score("R27", len(ELSEWHERE), hits)


def test_nothing_is_said_to_an_address_that_is_not_public(
    trap: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, score: Score
) -> None:
    real, number = socket.getaddrinfo, int(port(trap))

    def resolve(host: Any, *rest: Any, **more: Any) -> Any:
        told = host.decode() if isinstance(host, bytes) else host
        if not str(told).endswith(".example.org"):
            return real(host, *rest, **more)
        if told.startswith("mapped"):
            return [(socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("::ffff:127.0.0.1", number, 0, 0))]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", number))]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    for place, pattern in enumerate(NO_PUBLIC_ADDRESS):
        with pytest.raises(SourceError) as caught:
            ask(pattern.format(trap=port(trap)), tmp_path / str(place), private=False)
        assert any(word in caught.value.message for word in REFUSALS), pattern
    score("R27", len(NO_PUBLIC_ADDRESS), len(trap.asked))


def test_the_trap_is_heard_where_it_may_be_asked(trap: Server, tmp_path: Path) -> None:
    ask(trap.url, tmp_path, private=True)
    assert len(trap.asked) == 1
