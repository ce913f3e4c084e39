"""Log lines are JSON, carry what was bound, and hold no secret."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from palantir_assets.observability import HIDDEN, bind, bound, configure, redact, tell
from palantir_assets.observability.streams import MOST_WAITING, ours

Lines = Callable[[], list[dict[str, Any]]]


@pytest.fixture
def lines(tmp_path: Path) -> Iterator[Lines]:
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    filters = [list(handler.filters) for handler in before]
    stream = io.StringIO()
    configure("DEBUG", stream)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    for handler in [handler for handler in root.handlers if handler not in before]:
        root.removeHandler(handler)
        handler.close()
    for handler, kept in zip(before, filters, strict=True):
        handler.filters[:] = kept
    root.setLevel(level)


def test_a_line_is_one_json_object_with_its_fields(lines: Lines) -> None:
    logging.getLogger("palantir_assets.test").info("%d rows of 주문\nread", 3, extra={"rows": 3, "tables": ("a", "b")})
    (line,) = lines()
    assert line.pop("ts").endswith("Z")
    assert line == {
        "level": "INFO",
        "logger": "palantir_assets.test",
        "message": "3 rows of 주문\nread",
        "rows": 3,
        "tables": ["a", "b"],
    }


def test_bound_fields_stand_on_every_line_of_the_block_and_on_none_after(lines: Lines) -> None:
    log = logging.getLogger("test")
    with bind(request_id="r1", principal="ada"):
        with bind(asset="objects/order", principal=None):
            log.info("inside")
        log.info("between")
    log.info("after")
    kept = [{name: line[name] for name in ("request_id", "principal", "asset") if name in line} for line in lines()]
    assert kept == [{"request_id": "r1", "asset": "objects/order"}, {"request_id": "r1", "principal": "ada"}, {}]


def test_what_one_thread_binds_another_does_not_see() -> None:
    seen: list[object] = []
    with bind(run_id="mine"):
        thread = threading.Thread(target=lambda: seen.append(dict(bound())))
        thread.start()
        thread.join()
    assert seen == [{}]


def test_an_unknown_field_cannot_be_bound() -> None:
    with pytest.raises(TypeError, match="'color' is not one of"), bind(color="red"):
        pass


SECRET = "hunter2SECRETvalue"
PLANTED = (
    f"postgresql+psycopg://app:{SECRET}@db.example/ledger",
    f"https://user:{SECRET}@host/path?x=1",
    f"redis://:{SECRET}@host:6379/0",
    f"password={SECRET}",
    f"connect(host='x', password='{SECRET}', user='y')",
    f'{{"password": "{SECRET}", "user": "y"}}',
    f'{{"api_key":"{SECRET}"}}',
    f"https://x.example/?token={SECRET}&page=2",
    f"Authorization: Bearer {SECRET}",
    f"{{'authorization': 'Basic {SECRET}=='}}",
    f"curl -H 'Authorization: {SECRET}'",
    f"aws_secret_access_key = {SECRET}",
    f"AWS_ACCESS_KEY_ID={SECRET}",
    f"X-Api-Key: {SECRET}",
    f"got bearer {SECRET}",
    f"Set-Cookie: session={SECRET}; Path=/",
    f"refresh_token: {SECRET}",
    f"client_secret={SECRET},scope=x",
    f"DB_PASSWORD={SECRET}",
    f"passphrase: '{SECRET} with words'",
    f'password="{SECRET}, and a comma"',
    "jwt eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJodW50ZXIyU0VDUkVUdmFsdWUifQ.c2lnbmF0dXJlU0VDUkVU",
)


@pytest.mark.parametrize("text", PLANTED)
def test_a_secret_never_reaches_a_line(lines: Lines, text: str) -> None:
    log = logging.getLogger("test")
    log.info(text)
    log.info("argument %s", text)
    log.info("extra", extra={"fact": text, "nested": {"deep": [text]}})
    try:
        raise ValueError(text)
    except ValueError:
        log.exception("failed")
    told = json.dumps(lines(), ensure_ascii=False)
    assert SECRET not in told
    assert "eyJhbGci" not in told
    assert told.count(HIDDEN) >= 4


def test_an_extra_field_with_a_secret_name_is_hidden_whatever_it_holds(lines: Lines) -> None:
    logging.getLogger("test").info("x", extra={"db_password": SECRET, "headers": {"Authorization": SECRET, "Accept": "json"}})
    (line,) = lines()
    assert line["db_password"] == HIDDEN
    assert line["headers"] == {"Authorization": HIDDEN, "Accept": "json"}


@pytest.mark.parametrize(
    "text", ["12 tokens read", "https://host:8080/path", "the key is order_id", "tokenizer.json: 3 MB", "at 10:15 by a@b.example"]
)
def test_plain_words_stay(text: str) -> None:
    assert redact(text) == text


def test_a_message_that_does_not_fit_its_arguments_is_still_told(lines: Lines) -> None:
    logging.getLogger("test").info("%d rows", "three")
    assert lines()[0]["message"].startswith("%d rows")


def test_a_file_gets_the_lines_too_and_configuring_again_doubles_nothing(lines: Lines, tmp_path: Path) -> None:
    stream = io.StringIO()
    for _ in range(2):
        configure("INFO", stream, file=tmp_path / "logs" / "palantir.log")
    logging.getLogger("test").debug("not told")
    logging.getLogger("test").info("once")
    told = (tmp_path / "logs" / "palantir.log").read_text().splitlines()
    assert [json.loads(line)["message"] for line in told] == ["once"]
    assert stream.getvalue().splitlines() == told


@contextmanager
def nobody_else() -> Iterator[None]:
    """No handlers on the root but ours: pytest has its own, and `tell` makes ordinary records for those."""
    root = logging.getLogger()
    before = list(root.handlers)
    root.handlers[:] = ours()
    try:
        yield
    finally:
        root.handlers[:] = before


def test_a_line_of_a_hot_path_is_the_line_that_info_writes(lines: Lines) -> None:
    log, fields = logging.getLogger("palantir_assets.test"), {"path": "/주문/1", "status": 200, "error_id": None, "took": 0.25}
    log.info("request", extra=fields)
    with nobody_else(), bind(request_id="r1"):
        tell(log, "request", fields)
        assert len(lines()) == 1  # it waits
        log.info("request", extra=fields)
    ordinary, hot, bound_too = lines()
    assert {**hot, "ts": 0} == {**bound_too, "ts": 0} == {**ordinary, "ts": 0, "request_id": "r1"}
    assert ordinary["ts"] <= hot["ts"] <= bound_too["ts"]


def test_lines_that_wait_keep_their_order_and_go_out_with_the_next_that_does_not(lines: Lines) -> None:
    log = logging.getLogger("test")
    with nobody_else():
        for number in range(3):
            tell(log, f"{number}", {})
        log.warning("3")
        tell(log, "4", {})
        log.error("5")
    assert [line["message"] for line in lines()] == ["0", "1", "2", "3", "4", "5"]


def test_a_line_waits_no_longer_than_a_moment(lines: Lines) -> None:
    for round_ in (1, 2):
        with nobody_else():
            tell(logging.getLogger("test"), "soon", {})
        deadline = time.monotonic() + 10
        while len(lines()) < round_ and time.monotonic() < deadline:
            time.sleep(0.01)
        assert len(lines()) == round_


def test_no_more_than_a_bounded_number_of_lines_waits_and_none_is_lost(lines: Lines) -> None:
    log = logging.getLogger("test")
    threads = [threading.Thread(target=lambda: [tell(log, "x", {"n": n}) for n in range(2_000)]) for _ in range(4)]
    with nobody_else():
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert 8_000 - len(lines()) < MOST_WAITING
    log.warning("last")
    told = lines()
    assert len(told) == 8_001
    assert sorted(line["n"] for line in told[:-1]) == sorted(4 * list(range(2_000)))


@pytest.mark.parametrize("text", PLANTED)
def test_a_secret_never_reaches_a_line_of_a_hot_path(lines: Lines, text: str) -> None:
    log = logging.getLogger("test")
    with nobody_else():
        tell(log, text, {"path": text, "nested": {"deep": [text]}})
        tell(log, "named", {"db_password": SECRET})
    log.warning("on")
    told = json.dumps(lines(), ensure_ascii=False)
    assert SECRET not in told
    assert "eyJhbGci" not in told
    assert told.count(HIDDEN) >= 4


def test_what_no_json_can_say_is_told_all_the_same(lines: Lines) -> None:
    log = logging.getLogger("test")
    log.info("odd", extra={"half": "\ud800", "large": 2**70, "nothing": float("nan")})
    with nobody_else():
        tell(log, "odd", {"half": "\ud800", "large": 2**70})
    log.info("on")
    assert [line.get("large") for line in lines()] == [2**70, 2**70, None]


def test_a_hot_line_is_an_ordinary_record_for_handlers_of_others(lines: Lines, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        tell(logging.getLogger("test"), "request", {"status": 200})
    assert [vars(record)["status"] for record in caplog.records] == [200]


def test_a_level_that_is_not_heard_costs_a_line_nothing(lines: Lines) -> None:
    log = logging.getLogger("test.quiet")
    log.setLevel("WARNING")
    tell(log, "request", {})
    log.warning("on")
    assert [line["message"] for line in lines()] == ["on"]


TELLING = """
import logging, sys
from pathlib import Path
from palantir_assets.observability import configure, tell
configure("INFO", file=Path(sys.argv[1]))
for number in range(1000):
    tell(logging.getLogger("x"), "request", {"n": number})
"""


def test_nothing_that_waits_is_lost_when_the_process_ends(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", TELLING, str(tmp_path / "log")], capture_output=True, text=True, check=True)
    told = (tmp_path / "log").read_text().splitlines()
    assert [json.loads(line)["n"] for line in told] == list(range(1000))
    assert done.stderr.splitlines() == told
