"""What a request carries: one open release, an id, and what the service was made of.

The middleware puts an `Exchange` into the scope; routes take what they need from it. Who the caller is,
is asked in `policies`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Annotated, Final, Protocol

from fastapi import Depends, Request
from starlette.types import Scope

from palantir_assets.access.principal import Principal
from palantir_assets.access.views import View
from palantir_assets.applying.desk import Desk
from palantir_assets.errors import NoRelease, PalantirError, UnknownName
from palantir_assets.functions.running import Functions
from palantir_assets.release.editing import Opened
from palantir_assets.release.holding import ReleaseHolder
from palantir_assets.release.log import ReleaseLog
from palantir_assets.serving.following_edits import FollowedEdits
from palantir_assets.serving.past import EditsSeen
from palantir_assets.serving.recognising import NobodyKnown, Recognises
from palantir_assets.serving.saved import TemporarySets
from palantir_assets.serving.streams import Streams
from palantir_assets.serving.traffic import Traffic
from palantir_assets.stores.read_log import ReadEntry

Clock = Callable[[], datetime]
ONTOLOGY: Final = "default"
ONTOLOGY_RID: Final = "ri.ontology.main.ontology.default"
Exchanged: Final = "palantir.exchange"


class Records(Protocol):
    """Keeps sensitive reads on record. Raises LedgerError where it cannot: the answer may not leave then."""

    async def record_async(self, entry: ReadEntry) -> int: ...


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request's headers say of how it is to be answered. `varying` are those that its content may depend on."""

    request_id: bytes = b""
    accept_encoding: bytes = b""
    if_none_match: bytes = b""
    varying: bytes = b""
    size: int = 0
    count: int = 0
    host: bytes = b""
    content_type: bytes = b""


@dataclass(slots=True)
class Exchange:
    """One request and its answer. `error_id` is set when the answer is an error.

    `tag` is what is known beforehand of an answer that the release alone decides. `principal` is None for nobody, and
    `view`, what the caller may see of the release, is None for nobody or before the first release; `refused` says why
    the caller is not known.
    """

    request_id: str
    release: Opened | None
    services: Services
    error_id: str | None = None
    asked: Asked = field(default_factory=Asked)
    tag: bytes = b""
    principal: Principal | None = None
    view: View | None = None
    refused: PalantirError | None = None


@dataclass(frozen=True, slots=True)
class Services:
    """What the app was made of; nothing in it changes while the app runs, but what the holder holds."""

    holder: ReleaseHolder
    log: ReleaseLog
    clock: Clock
    functions: Functions
    sets: TemporarySets = field(default_factory=TemporarySets)
    edits: FollowedEdits = field(default_factory=FollowedEdits)
    recognises: Recognises = field(default_factory=NobodyKnown)
    desk: Desk | None = None
    past: EditsSeen | None = None
    streams: Streams = field(default_factory=Streams)
    reads: Records | None = None
    traffic: Traffic = field(default_factory=Traffic)


def now() -> datetime:
    """The wall clock, in UTC."""
    return datetime.now(UTC)


def exchange_of(scope: Scope) -> Exchange:
    exchange: Exchange = scope[Exchanged]
    return exchange


def release_of(scope: Scope) -> Opened:
    """The release this request reads, from its beginning to its end. Raises NoRelease before the first."""
    release = exchange_of(scope).release
    if release is None:
        raise NoRelease("nothing has been released yet")
    return release


def check_ontology(name: str) -> None:
    """There is one ontology; Foundry's clients name it, by API name or rid. Raises UnknownName."""
    if name not in (ONTOLOGY, ONTOLOGY_RID):
        raise UnknownName("ontology", name, (ONTOLOGY,))


def data_as_of(release: Opened) -> datetime:
    """When the oldest source bytes of a release were read, or when it was made if that is not known."""
    moment = release.provenance.data_as_of or release.provenance.created_at
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def utc(moment: datetime) -> str:
    """ISO 8601 with a Z, to the second."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


async def _exchange(request: Request) -> Exchange:
    return exchange_of(request.scope)


async def _release(request: Request) -> Opened:
    return release_of(request.scope)


CurrentExchange = Annotated[Exchange, Depends(_exchange)]
CurrentRelease = Annotated[Opened, Depends(_release)]
