"""Lines wait within so many bytes, lose the oldest first, and every line is accounted for."""

from __future__ import annotations

import gc
import threading
import tracemalloc

import orjson
from hypothesis import given
from hypothesis import strategies as st

from palantir_assets.observability.shipping import Pace
from palantir_assets.observability.waiting import HEAD, LONGEST, Waiting


def test_lines_leave_in_their_order_with_the_time_they_were_told() -> None:
    waiting = Waiting(10_000)
    assert [waiting.put(second, "INFO", f"line {second}") for second in (1, 2, 3)] == [True, False, False]
    assert waiting.take(2, 10_000) == [(1_000_000_000, "INFO", "line 1"), (2_000_000_000, "INFO", "line 2")]


def test_no_two_lines_have_one_time() -> None:
    waiting = Waiting(1_000_000)
    for _ in range(1000):
        waiting.put(1_700_000_000.5, "INFO", "the same")
    moments = [moment for moment, _, _ in waiting.take(1000, 1_000_000)]
    assert len(set(moments)) == 1000 and moments == sorted(moments)
    assert max(moments) - min(moments) < 1000


def test_a_clock_that_is_set_back_is_believed() -> None:
    waiting = Waiting(10_000)
    waiting.put(1_000, "INFO", "before")
    waiting.put(500, "INFO", "after")
    assert [moment for moment, _, _ in waiting.take(2, 10_000)] == [1_000 * 10**9, 500 * 10**9]


def test_the_oldest_make_room() -> None:
    waiting = Waiting(2_000)
    for number in range(100):
        waiting.put(number, "INFO", f"line {number}")
    left = [text for _, _, text in waiting.take(100, 10_000)]
    assert left == [f"line {number}" for number in range(100 - len(left), 100)]
    assert 0 < len(left) < 10 and waiting.counts().dropped == 100 - len(left)


def test_a_line_too_long_for_loki_leaves_as_its_beginning() -> None:
    waiting = Waiting(1_000_000)
    waiting.put(1, "INFO", "주" * (LONGEST + 1))
    ((_, _, text),) = waiting.take(1, 1)
    told = orjson.loads(text)
    assert told["characters"] == LONGEST + 1 and told["head"] == "주" * HEAD
    assert len(text.encode()) < 256 << 10


def test_what_is_being_sent_takes_room_until_it_is_settled() -> None:
    waiting = Waiting(1_000)
    for number in range(3):
        waiting.put(number, "INFO", "x")
    full, taken = waiting.counts().waiting_bytes, waiting.take(3, 10_000)
    assert waiting.counts().waiting_bytes == full
    waiting.settle(taken, delivered=True)
    assert waiting.counts().waiting_bytes == 0


steps = st.lists(st.tuples(st.sampled_from(["put", "take", "delivered", "refused"]), st.integers(0, 900)), max_size=60)


@given(steps, st.booleans())
def test_every_line_told_is_delivered_dropped_waiting_or_in_doubt(done: list[tuple[str, int]], in_doubt: bool) -> None:
    waiting, taken = Waiting(2_000), []
    for moment, (step, size) in enumerate(done):
        match step:
            case "put":
                waiting.put(moment, "INFO", "x" * size)
            case "take" if not taken:
                taken = waiting.take(3, 1_500)
            case "delivered" | "refused" if taken:
                waiting.settle(taken[:1], delivered=step == "delivered")
                taken = taken[1:]
        counts = waiting.counts()
        assert counts.told == counts.delivered + counts.dropped + counts.waiting
        assert counts.waiting_bytes <= 2_000 and (counts.waiting > 0) == (counts.waiting_bytes > 0)
    waiting.close(in_doubt=in_doubt)
    waiting.put(0, "INFO", "late")
    waiting.settle(taken, delivered=True)
    counts = waiting.counts()
    assert counts.told == counts.delivered + counts.dropped + counts.in_doubt and counts.waiting == 0
    assert counts.in_doubt == (len(taken) if in_doubt else 0)


def test_a_full_queue_takes_less_memory_than_it_may() -> None:
    gc.collect()
    tracemalloc.start()
    try:
        waiting, pace = Waiting(Pace().most_bytes), Pace()
        for number in range(120_000):
            waiting.put(number, "INFO", f"{'주문' if number % 3 else 'order'} {number:0300}")
        waiting.take(pace.batch_lines, pace.batch_bytes)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    counts = waiting.counts()
    assert counts.dropped > 10_000 and counts.waiting_bytes > 0.95 * pace.most_bytes
    assert 0.8 * counts.waiting_bytes < peak < 32_000_000


def test_many_threads_lose_no_count() -> None:
    waiting = Waiting(20_000)
    threads = [threading.Thread(target=lambda: [waiting.put(1, "INFO", "x") for _ in range(5_000)]) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    counts = waiting.counts()
    assert counts.told == 20_000 == counts.dropped + counts.waiting
