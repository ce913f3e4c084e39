"""Log lines are JSON, carry what was bound, and hold no secret."""

from __future__ import annotations

import io
import json
import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from palantir_assets.observability import HIDDEN, bind, bound, configure, redact

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
