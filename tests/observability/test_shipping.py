"""Lines go away without anybody waiting, whatever becomes of the place that they go to."""

from __future__ import annotations

import io
import json
import logging
import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from palantir_assets.observability import Shipped, bind, configure, finish, sent_away, tell
from palantir_assets.observability.shipping import UNSENT, Answer, Pace
from palantir_assets.observability.streams import ours
from palantir_assets.observability.waiting import Line
from tests.observability.alone import alone

LOG = logging.getLogger("test")
AT_ONCE = Pace(linger=0.0, first_retry=0.01, longest_retry=0.02, at_exit=2.0)
TAKEN, LATER, REFUSED = Answer("taken"), Answer("again", "not now"), Answer("refused", "never")


@dataclass
class Place:
    """A destination that takes lines, unless it is told what to answer first; `held` makes it wait for `go`."""

    answers: list[Answer] = field(default_factory=list)
    wrong: str = ""
    held: bool = False
    go: threading.Event = field(default_factory=threading.Event)
    asked: list[list[str]] = field(default_factory=list)
    taken: list[str] = field(default_factory=list)
    logs: bool = False
    closed: bool = False

    def send(self, lines: Sequence[Line]) -> Answer:
        texts = [json.loads(text)["message"] for _, _, text in lines]
        self.asked.append(texts)
        if self.held:
            self.go.wait(60)
        if self.logs:
            logging.getLogger("some.library").warning("sent")
        answer = self.answers.pop(0) if self.answers else REFUSED if self.wrong and self.wrong in texts else TAKEN
        if answer is TAKEN:
            self.taken += texts
        return answer

    def close(self) -> None:
        self.closed = True


@contextmanager
def only_ours(place: Place, pace: Pace = AT_ONCE, *, level: str = "INFO") -> Iterator[tuple[Shipped, io.StringIO]]:
    """Root has no handlers but ours: a stream, and the place."""
    stream = io.StringIO()
    with alone():
        configure(level, stream, away=lambda: Shipped(lambda: place, pace))
        (shipped,) = [handler for handler in ours() if isinstance(handler, Shipped)]
        try:
            yield shipped, stream
        finally:
            place.go.set()


def until(what: object, *, seconds: float = 30.0) -> None:
    """Wait until it is so."""
    assert callable(what)
    end = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < end, "it never came about"
        time.sleep(0.005)


def messages(stream: io.StringIO) -> list[str]:
    return [json.loads(line)["message"] for line in stream.getvalue().splitlines()]


def test_lines_of_both_ways_arrive_in_their_order_with_what_was_bound() -> None:
    place = Place()
    with only_ours(place) as (shipped, stream), bind(request_id="r1"):
        LOG.info("one")
        tell(LOG, "two", {"status": 200})
        LOG.warning("three")
        until(lambda: shipped.counts().delivered == 3)
        assert place.taken == ["one", "two", "three"] == messages(stream)


def test_nobody_waits_for_a_place_that_does_not_answer() -> None:
    place = Place(held=True)
    with only_ours(place, replace(AT_ONCE, at_exit=0.1)) as (shipped, stream):
        LOG.info("first")
        until(lambda: place.asked)
        for number in range(5_000):  # would wait for ever
            tell(LOG, f"{number}", {})
            if number % 100 == 0:
                LOG.info("told at once")
        assert place.asked == [["first"]] and shipped.counts().waiting == 5_051
    assert len(messages(stream)) >= 5_051


def test_what_is_not_taken_now_is_sent_again_in_the_same_order() -> None:
    place = Place(answers=[LATER, LATER, LATER])
    with only_ours(place, replace(AT_ONCE, linger=0.05)) as (shipped, stream):
        for number in range(10):
            LOG.info("%d", number)
        until(lambda: shipped.counts().delivered == 10)
        assert place.taken == [str(number) for number in range(10)]
        told = messages(stream)
        assert [line for line in told if "sent" in line] == [
            "log lines cannot be sent, and are tried again: not now", "log lines are sent again",
        ]  # fmt: skip
        assert shipped.counts().told == 10  # what is said about sending is not sent


def test_each_try_waits_longer_and_as_long_as_it_was_asked_to() -> None:
    waits: list[float] = []

    class Patient(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            waits.append(timeout or 0.0)
            return super().wait(0)

    place = Place(answers=[LATER, LATER, LATER, replace(LATER, after=7.0)])
    with only_ours(place) as (shipped, _):
        shipped._chance, shipped._pace, shipped._closing = lambda: 0.5, replace(AT_ONCE, first_retry=1.0, longest_retry=3.0), Patient()
        LOG.info("x")
        until(lambda: shipped.counts().delivered == 1)
    assert waits[1:5] == [0.75, 1.5, 2.25, 7.0]


def test_a_refused_line_takes_no_other_along() -> None:
    place = Place(wrong="7")
    with only_ours(place, replace(AT_ONCE, linger=0.05)) as (shipped, stream):
        for number in range(20):
            LOG.info("%d", number)
        until(lambda: shipped.counts().waiting == 0)
        assert sorted(place.taken, key=int) == [str(number) for number in range(20) if number != 7]
        counts = shipped.counts()
    assert (counts.told, counts.delivered, counts.dropped, counts.in_doubt) == (20, 19, 1, 0)
    assert any("refused" in line for line in messages(stream))


def test_a_place_that_raises_is_tried_again_and_its_words_are_not_repeated() -> None:
    class Broken(Place):
        def send(self, lines: Sequence[Line]) -> Answer:
            if not self.asked:
                self.asked.append([])
                raise ValueError("hunter2 is the secret")
            return super().send(lines)

    place = Broken()
    with only_ours(place) as (shipped, stream):
        LOG.info("x")
        until(lambda: shipped.counts().delivered == 1)
    assert "ValueError" in stream.getvalue() and "hunter2" not in stream.getvalue()


def test_what_sending_makes_others_say_is_not_sent() -> None:
    place = Place(logs=True)
    with only_ours(place, level="DEBUG") as (shipped, stream):
        for name in UNSENT:
            logging.getLogger(f"{name}.deeper").error("Starting new HTTP connection")
        LOG.info("x")
        until(lambda: shipped.counts().delivered == 1)
        time.sleep(0.05)
        assert place.asked == [["x"]] and shipped.counts().told == 1
        assert messages(stream).count("Starting new HTTP connection") == len(UNSENT) and "sent" in messages(stream)


def test_a_secret_is_hidden_before_it_waits() -> None:
    sent: list[str] = []

    class Listening(Place):
        def send(self, lines: Sequence[Line]) -> Answer:
            sent.extend(text for _, _, text in lines)
            return TAKEN

    with only_ours(Listening()) as (shipped, _):
        LOG.info("postgresql://app:hunter2@db/ledger", extra={"db_password": "hunter2"})
        tell(LOG, "request", {"path": "password=hunter2"})
        try:
            raise ValueError("token: hunter2")
        except ValueError:
            LOG.exception("failed")
        until(lambda: shipped.counts().delivered == 3)
    assert len(sent) == 3 and "hunter2" not in "".join(sent)


def test_at_the_end_what_waits_is_sent() -> None:
    place = Place()
    with only_ours(place, replace(AT_ONCE, linger=600.0, at_exit=30.0, batch_lines=7)) as (shipped, _):
        for number in range(100):
            tell(LOG, f"{number}", {})
        finish()
        assert len(place.taken) == 100 == shipped.counts().delivered and place.closed


def test_the_end_waits_for_nobody_for_long_and_says_what_did_not_leave() -> None:
    place = Place(held=True)
    with only_ours(place, replace(AT_ONCE, at_exit=0.2)) as (shipped, stream):
        LOG.info("being sent")
        until(lambda: place.asked)
        LOG.info("waiting")
        began = time.monotonic()
        finish()
        assert 0.1 < time.monotonic() - began < 5
        assert sent_away() == shipped.counts() == replace(shipped.counts(), told=2, dropped=1, in_doubt=1, delivered=0, waiting=0)
        LOG.info("too late")
        assert shipped.counts().dropped == 2
    last = next(json.loads(line) for line in stream.getvalue().splitlines() if "did not leave" in line)
    assert (last["dropped"], last["in_doubt"], last["delivered"]) == (1, 1, 0)


def test_at_the_end_a_place_that_did_not_take_lines_is_asked_once_more() -> None:
    place = Place(answers=[LATER])
    with only_ours(place, replace(AT_ONCE, first_retry=600.0, longest_retry=600.0)) as (shipped, _):
        LOG.info("x")
        until(lambda: place.asked)
        LOG.info("y")
        finish()
        assert place.taken == ["x", "y"] and shipped.counts().delivered == 2


def test_what_was_surely_not_taken_is_not_in_doubt_at_the_end() -> None:
    place = Place(answers=[LATER] * 1000)
    with only_ours(place, replace(AT_ONCE, first_retry=600.0, longest_retry=600.0)) as (shipped, _):
        LOG.info("x")
        until(lambda: place.asked)
        time.sleep(0.05)
        finish()
        assert shipped.counts() == replace(shipped.counts(), told=1, dropped=1, in_doubt=0)


def test_how_many_were_dropped_is_said_once_in_a_while() -> None:
    place = Place(held=True)
    with only_ours(place, replace(AT_ONCE, most_bytes=3_000, report=0.0)) as (shipped, stream):
        for number in range(100):
            LOG.info("%d", number)
        place.go.set()
        until(lambda: shipped.counts().waiting == 0)
        counts = shipped.counts()
    assert counts.dropped > 80 and counts.dropped + counts.delivered == 100 == counts.told
    told = [json.loads(line)["dropped"] for line in stream.getvalue().splitlines() if "did not leave" in line]
    assert told[-1] == counts.dropped and len(told) < 5


def test_a_child_of_a_fork_sends_its_own_lines_and_no_other(tmp_path: Path) -> None:
    place = Place(held=True)
    with only_ours(place) as (shipped, _):
        LOG.info("of the parent")
        until(lambda: place.asked)
        LOG.info("waiting in the parent")
        child = os.fork()
        if child == 0:
            place.held, place.taken = False, []
            LOG.info("of the child")
            finish()
            (tmp_path / "taken").write_text(json.dumps([place.taken, shipped.counts().told]))
            os._exit(0)
        os.waitpid(child, 0)
        assert json.loads((tmp_path / "taken").read_text()) == [["of the child"], 1]
        place.held = False
        place.go.set()
        until(lambda: shipped.counts().delivered == 2)
        assert place.taken == ["of the parent", "waiting in the parent"]


def test_where_nothing_goes_away_nothing_is_counted() -> None:
    assert sent_away() is None


@pytest.mark.parametrize("again", [False, True])
def test_configuring_again_ends_what_was_sent_before(again: bool) -> None:
    first, second = Place(), Place()
    with only_ours(first) as (shipped, _):
        LOG.info("one")
        configure("INFO", io.StringIO(), away=(lambda: Shipped(lambda: second, AT_ONCE)) if again else None)
        assert shipped.counts().delivered == 1 and first.taken == ["one"]
        LOG.info("two")
        finish()
        assert second.taken == (["two"] if again else []) and first.taken == ["one"]
