"""The role version read beside the event loop: shared by those who wait, and never older than the question."""

from __future__ import annotations

import asyncio
import threading
import time

import pytest

from palantir_assets.errors import LedgerError
from palantir_assets.serving.role_version import SharedVersion


class Remote:
    """A version a network away: it is read when the question arrives there, and the answer takes a while."""

    def __init__(self, seconds: float = 0.03) -> None:
        self.version, self.reads, self.seconds = 1, 0, seconds
        self.broken: Exception | None = None
        self.threads: set[int] = set()

    def read(self) -> int:
        self.reads += 1
        self.threads.add(threading.get_ident())
        found = self.version
        time.sleep(self.seconds)
        if self.broken:
            raise self.broken
        return found


def test_many_who_wait_share_a_read_and_the_event_loop_goes_on() -> None:
    remote = Remote()
    shared = SharedVersion(remote.read)

    async def ask() -> tuple[list[int], int]:
        asked = asyncio.gather(*(shared() for _ in range(200)))
        turns = 0
        while not asked.done():
            turns += 1
            await asyncio.sleep(0)
        return await asked, turns

    found, turns = asyncio.run(ask())
    print(f"\n200 requests, {remote.reads} reads, {turns} turns of the event loop meanwhile")
    assert (found, remote.reads) == ([1] * 200, 2)  # the first one's, and one for those who came while it was under way
    assert turns > 10 and threading.get_ident() not in remote.threads


def test_what_was_revoked_before_a_request_came_holds_for_it_whatever_read_is_under_way() -> None:
    remote = Remote()
    shared = SharedVersion(remote.read)

    async def ask() -> list[tuple[int, int]]:
        told: list[tuple[int, int]] = []
        for _ in range(5):
            early = asyncio.ensure_future(shared())
            while remote.reads == len(told) * 2:
                await asyncio.sleep(0.001)  # that read has begun, and knows of nothing that comes now
            remote.version += 1
            late = await asyncio.gather(shared(), shared())
            assert late[0] == late[1] == remote.version
            told.append((await early, late[0]))
        return told

    assert asyncio.run(ask()) == [(at, at + 1) for at in range(1, 6)]


def test_a_ledger_that_cannot_be_reached_is_told_to_all_who_wait_and_to_nobody_after_it_is_back() -> None:
    remote = Remote(0.01)
    shared = SharedVersion(remote.read)

    async def ask() -> None:
        remote.broken = LedgerError("the network is gone")
        found = await asyncio.gather(*(shared() for _ in range(5)), return_exceptions=True)
        assert [type(each) for each in found] == [LedgerError] * 5
        remote.broken = None
        assert await shared() == 1

    asyncio.run(ask())


def test_who_goes_away_leaves_the_others_their_answer() -> None:
    remote = Remote()
    shared = SharedVersion(remote.read)

    async def ask() -> None:
        waiting = [asyncio.ensure_future(shared()) for _ in range(4)]
        await asyncio.sleep(0.005)
        waiting[0].cancel()
        waiting[1].cancel()
        found = await asyncio.gather(*waiting, return_exceptions=True)
        assert found[2:] == [1, 1]
        with pytest.raises(asyncio.CancelledError):
            await waiting[0]

    asyncio.run(ask())
    asyncio.run(ask())  # another event loop begins anew
