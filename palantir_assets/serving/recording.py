"""Sensitive reads are on record before their answer leaves: what the engine noted becomes entries, and is durable first.

What is sensitive is decided in `access.noting`; how entries are kept, in `stores.read_log`. An answer that cannot be put
on record does not leave.
"""

from __future__ import annotations

import asyncio
from typing import Final

from starlette.types import Scope

from palantir_assets.errors import LedgerError
from palantir_assets.serving.deps import Exchange
from palantir_assets.stores.read_log import ReadEntry

MAX_SURFACE: Final = 200


async def put_on_record(scope: Scope, exchange: Exchange) -> None:
    """Make durable what was noted of this answer since the last time. Raises LedgerError: the answer may not leave then."""
    view, release = exchange.view, exchange.release
    if view is None or view.noted is None or not view.noted or release is None:
        return
    found, records = view.noted.taken(), exchange.services.reads
    if records is None:
        raise LedgerError(f"reads of {', '.join(sorted(found))} go on record, and no ledger is open for them")
    at, edit_no = exchange.services.clock(), int(getattr(release, "edit_no", 0))
    surface = f"{scope['method']} {getattr(scope.get('route'), 'path', scope['path'])}"[:MAX_SURFACE]
    entries = [
        ReadEntry(
            at, view.principal.id, exchange.request_id, object_type, keys, view.signature, release.id, edit_no=edit_no, surface=surface
        )
        for object_type, keys in sorted(found.items())
    ]
    await asyncio.gather(*(records.record_async(entry) for entry in entries))
