"""Loki, by a stand-in that holds what it is sent to the rules: nothing is lost that is not counted, however it fares."""

from __future__ import annotations

import io
import json
import logging
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from palantir_assets.observability import Shipped, bind, configure, finish, tell
from palantir_assets.observability.shipping import Pace
from palantir_assets.observability.streams import ours
from palantir_assets.settings import LokiSettings, load_settings
from palantir_assets.stores.log_lines import told_by
from palantir_assets.stores.loki import Loki
from tests.observability.alone import alone
from tests.observability.loki_server import MOST_OF_A_LINE, LokiServer, Mode, listening, loki

LOG = logging.getLogger("test.loki")
PACE = Pace(linger=0.02, first_retry=0.02, longest_retry=0.1)
MODES: tuple[Mode, ...] = ("refused", "black hole", "500", "429", "slow")


@contextmanager
def sending(server: LokiServer, file: Path, pace: Pace = PACE, *, settings: LokiSettings | None = None) -> Iterator[Shipped]:
    """Lines go to a file, and to that Loki; nowhere else."""
    chosen = settings or LokiSettings(server.url)
    with alone():
        configure("DEBUG", io.StringIO(), file=file, away=lambda: Shipped(lambda: Loki(chosen, "api", timeout=(0.3, 0.4)), pace))
        yield next(handler for handler in ours() if isinstance(handler, Shipped))


def until(what: Callable[[], object]) -> None:
    end = time.monotonic() + 60
    while not what():
        assert time.monotonic() < end, "it never came about"
        time.sleep(0.01)


def test_lines_stand_in_streams_of_three_labels(tmp_path: Path) -> None:
    with loki() as server, sending(server, tmp_path / "log") as shipped, bind(request_id="r1", principal="ada"):
        for _ in range(3):
            LOG.info("the same", extra={"tags": {"order": "1"}})
        LOG.warning("주문")
        tell(LOG, "request", {"status": 200})
        until(lambda: shipped.counts().delivered == 5)
    assert sorted(server.streams(), key=lambda stream: stream["level"]) == [
        {"environment": "local", "level": level, "service": "api"} for level in ("info", "warning")
    ]  # fmt: skip
    held = [json.loads(line) for line in server.lines()]
    assert [line["message"] for line in held] == ["the same", "the same", "the same", "주문", "request"]
    assert all((line["request_id"], line["principal"]) == ("r1", "ada") for line in held)
    assert server.refusals == []


def test_the_time_of_a_line_is_when_it_was_told(tmp_path: Path) -> None:
    with loki() as server, sending(server, tmp_path / "log", replace(PACE, linger=0.3)) as shipped:
        before = time.time()
        LOG.info("x")
        after = time.time()
        until(lambda: shipped.counts().delivered)
    (((moment, _),),) = server.held.values()
    assert before - 0.001 <= moment / 1e9 <= after + 0.001


@pytest.mark.parametrize("mode", MODES)
def test_whatever_loki_does_nobody_waits_every_line_is_in_the_file_and_every_loss_is_counted(mode: Mode, tmp_path: Path) -> None:
    """Thousands of lines while it fails, more than the queue holds; then it is mended, and what it holds is what was not dropped."""
    pace, count = replace(PACE, most_bytes=400_000), 5_000
    with ExitStack() as stack:
        server = stack.enter_context(loki(mode))
        server.slow = 1.0
        shipped = stack.enter_context(sending(server, tmp_path / "log", pace))
        most, began = 0, time.monotonic()
        for number in range(count):
            (LOG.info(f"{number}") if number % 2 else tell(LOG, f"{number}", {"status": 200}))
            most = max(most, shipped.counts().waiting_bytes)
        assert time.monotonic() - began < 60  # whoever waited for Loki, line by line, would be at it for half an hour
        assert shipped.counts().delivered == 0 and shipped.counts().dropped > 0
        assert 0.9 * pace.most_bytes < most <= pace.most_bytes
        time.sleep(0.6)  # at least one try fails
        if mode == "refused":
            stack.enter_context(listening(server))
        server.now("ok")
        until(lambda: shipped.counts().waiting == 0)
        counts, held = shipped.counts(), server.lines()
        local = [json.loads(line) for line in (tmp_path / "log").read_text().splitlines()]
    assert counts.told == count and counts.dropped == count - len(held) and counts.in_doubt == 0
    assert counts.delivered == len(held) == len(set(held))
    told = [line["message"] for line in local if line["logger"] == "test.loki"]
    assert told == [str(number) for number in range(count)]
    assert set(held) <= {json.dumps(line, separators=(",", ":"), ensure_ascii=False) for line in local}


def test_lines_too_old_for_loki_take_no_other_along(tmp_path: Path) -> None:
    with loki() as server, sending(server, tmp_path / "log", replace(PACE, linger=0.3)) as shipped:
        for number in range(20):
            old = logging.LogRecord("test.loki", logging.INFO, "", 0, f"{number}", None, None)
            old.created = time.time() - (200 * 3600 if number in (3, 11) else 0)
            LOG.handle(old)
        until(lambda: shipped.counts().waiting == 0)
        counts = shipped.counts()
    assert (counts.delivered, counts.dropped) == (18, 2)
    assert {json.loads(line)["message"] for line in server.lines()} == {str(number) for number in range(20) if number not in (3, 11)}


def test_a_line_of_any_length_is_taken(tmp_path: Path) -> None:
    with loki() as server, sending(server, tmp_path / "log") as shipped:
        for size in (10, 59_000, 70_000, MOST_OF_A_LINE, 3_000_000):
            LOG.info("주" * size)
        until(lambda: shipped.counts().delivered == 5)
    assert server.refusals == []
    assert max(len(line) for line in (tmp_path / "log").read_text().splitlines()) > 3_000_000


@pytest.mark.parametrize(("user", "sent"), [("ada", "Basic YWRhOmh1bnRlcjI="), (None, "Bearer hunter2")])
def test_the_secret_is_read_from_its_file_and_said_nowhere(user: str | None, sent: str, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    with loki() as server:
        settings = LokiSettings(server.url, user, file)
        with sending(server, tmp_path / "log", settings=settings) as shipped:
            LOG.info("before there is one")
            time.sleep(0.1)
            assert shipped.counts().delivered == 0
            file.write_text("hunter2\n")
            until(lambda: shipped.counts().delivered == 1)
            server.now("500")
            LOG.info("x")
            time.sleep(0.1)
            server.now("ok")
            until(lambda: shipped.counts().delivered == 2)
    assert set(server.authorizations) == {sent}
    assert "hunter2" not in (tmp_path / "log").read_text() + repr(settings)


def test_an_answer_that_leads_elsewhere_is_not_followed(tmp_path: Path) -> None:
    with loki() as server:
        settings = LokiSettings(f"{server.url}/elsewhere")
        with sending(server, tmp_path / "log", settings=settings) as shipped:
            LOG.info("x")
            until(lambda: server.requests > 1)
            assert shipped.counts().delivered == 0 and server.lines() == []
    assert "Loki answered 404" in (tmp_path / "log").read_text()


def test_a_process_tells_loki_where_its_settings_say_so(tmp_path: Path) -> None:
    with loki() as server, alone():
        told_by(load_settings({"PALANTIR_LOKI_URL": server.url, "PALANTIR_LOKI_ENVIRONMENT": "test"}, project=tmp_path), "outbox")
        LOG.info("x")
        finish()
        told_by(load_settings({}, project=tmp_path), "outbox")
        assert not [handler for handler in ours() if isinstance(handler, Shipped)]
    assert server.streams() == [{"service": "outbox", "environment": "test", "level": "info"}]
