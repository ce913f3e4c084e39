"""A stream lives as long as the right to it: revoked, expired or changed, it ends."""

from __future__ import annotations

import anyio
import pytest
from starlette.types import Scope

from palantir_assets.access.principal import Principal
from palantir_assets.errors import LedgerError
from palantir_assets.serving.recognising import Unauthorized
from palantir_assets.serving.streams import open_stream

ADA = Principal("ada", frozenset({"viewer"}))
SCOPE: Scope = {"type": "http"}


class Recognised:
    """Says who asks, until told otherwise."""

    def __init__(self) -> None:
        self.now: Principal | Exception | None = ADA

    def recognise(self, scope: Scope) -> Principal | None:
        if isinstance(self.now, Exception):
            raise self.now
        return self.now


@pytest.mark.parametrize(
    "then", [Unauthorized("expired"), LedgerError("gone"), None, Principal("ada"), Principal("bob", frozenset({"viewer"}))]
)
def test_a_stream_ends_when_its_caller_is_not_the_same_any_more(then: Principal | Exception | None) -> None:
    known = Recognised()

    async def run() -> bool:
        with anyio.fail_after(5):
            async with open_stream(known, SCOPE, ADA, every=0.01) as stream:
                await anyio.sleep(0.05)
                assert not stream.ended
                known.now = then
                await anyio.sleep_forever()
        return stream.ended

    assert anyio.run(run)


def test_a_stream_that_is_done_ends_by_itself() -> None:
    async def run() -> bool:
        async with open_stream(Recognised(), SCOPE, ADA, every=0.01) as stream:
            await anyio.sleep(0.03)
        return stream.ended

    assert anyio.run(run) is False
