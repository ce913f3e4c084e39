"""Many callers, one commit: who comes while a transaction is on its way shares the next one.

What is written for each is decided by the stores that share a `GroupCommit`. Nobody is answered before the
transaction is durable. No thread waits for work: the first who waits leads, and hands on to the next.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final, Generic, TypeVar

from sqlalchemy.orm import Session

from palantir_assets.stores.database import Database

Item = TypeVar("Item")
Answer = TypeVar("Answer")

MOST: Final = 500
"""Items in one transaction: a caller waits for at most two of them."""


class _Ticket(Generic[Item, Answer]):
    """One item on its way. `wake` is called when it is answered, or when it is its turn to lead."""

    __slots__ = ("answer", "item", "wake")

    def __init__(self, item: Item, wake: Callable[[], None]) -> None:
        self.item = item
        self.wake = wake
        self.answer: Answer | BaseException | None = None


class GroupCommit(Generic[Item, Answer]):
    """`write_all(session, items)` gives one answer, or one error, for each item, and writes nothing for an error.

    Safe to share between threads and event loops. An error that it raises is everybody's, and nothing was written.
    """

    def __init__(
        self,
        database: Database,
        write_all: Callable[[Session, Sequence[Item]], Sequence[Answer | Exception]],
        *,
        most: int = MOST,
        committed: Callable[[], None] = lambda: None,
    ) -> None:
        self._database, self._write_all, self._most, self._committed = database, write_all, most, committed
        self._lock = threading.Lock()
        self._waiting: deque[_Ticket[Item, Answer]] = deque()
        self._led = False
        self._leaders = ThreadPoolExecutor(1, "ledger-commit")  # of event loops alone; its thread starts with the first

    def submit(self, item: Item) -> Answer:
        """The answer, once it is durable. Raises the item's error, or LedgerError."""
        woken = threading.Event()
        ticket = _Ticket[Item, Answer](item, woken.set)
        if not self._leads(ticket):
            woken.wait()
        if ticket.answer is None:
            self._lead()
        return _result(ticket.answer)

    async def submit_async(self, item: Item) -> Answer:
        """As `submit`, without a thread for each who waits. Who stops waiting does not stop what is on its way."""
        loop = asyncio.get_running_loop()
        done: asyncio.Future[None] = loop.create_future()

        def wake() -> None:
            if ticket.answer is None:
                self._leaders.submit(self._lead)
                return
            with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                loop.call_soon_threadsafe(_settle, done)

        ticket = _Ticket[Item, Answer](item, wake)
        if self._leads(ticket):
            self._leaders.submit(self._lead)
        await done
        return _result(ticket.answer)

    def _leads(self, ticket: _Ticket[Item, Answer]) -> bool:
        with self._lock:
            self._waiting.append(ticket)
            leads, self._led = not self._led, True
        return leads

    def _lead(self) -> None:
        """One transaction for those who wait; then all are answered, and the next one leads."""
        with self._lock:
            tickets = [self._waiting.popleft() for _ in range(min(len(self._waiting), self._most))]
        try:
            answers = self._database.write(lambda session: self._write_all(session, [ticket.item for ticket in tickets]))
            self._committed()
            for ticket, answer in zip(tickets, answers, strict=True):
                ticket.answer = answer
        except BaseException as error:
            for ticket in tickets:
                ticket.answer = error
        finally:
            with self._lock:
                following = self._waiting[0] if self._waiting else None
                self._led = following is not None
            for ticket in [*tickets, *([following] if following else [])]:
                ticket.wake()


def _settle(done: asyncio.Future[None]) -> None:
    if not done.done():
        done.set_result(None)


def _result(answer: Answer | BaseException | None) -> Answer:
    if isinstance(answer, BaseException):
        raise answer
    assert answer is not None  # a ticket that was led has an answer
    return answer
