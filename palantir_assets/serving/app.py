"""The service put together: one release at a time, one middleware, one policy a route.

`create_app` takes what it needs as arguments, so that a test hands in its own; `serve` opens the real ledger
and listens. Nothing is opened at import.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial

import uvicorn
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, WebSocketRoute

from palantir_assets.access.allowances import Allowance
from palantir_assets.functions.running import Functions
from palantir_assets.observability import configure
from palantir_assets.ontology.served_access import ServedAccess
from palantir_assets.release.holding import ReleaseHolder, Rules
from palantir_assets.release.log import Pointer, ReleaseLog
from palantir_assets.release.reading import Release, open_release, read_access
from palantir_assets.serving import (
    accounts,
    docs,
    errors,
    explaining,
    functions,
    graphs,
    health,
    interface_types,
    interfaces,
    introspection,
    metrics,
    oauth,
    object_sets,
    object_types,
    objects,
    ontologies,
    releases,
    search,
    series,
    sign_in,
    sign_in_mail,
    sign_in_provider,
    value_types,
)
from palantir_assets.serving.absence import do_without
from palantir_assets.serving.admitting import admits
from palantir_assets.serving.dagster_door import Door, DoorRoute, pages
from palantir_assets.serving.dagster_talk import MAX_IN, talk
from palantir_assets.serving.deps import Clock, Records, Services, now
from palantir_assets.serving.gate import Gate, for_callers
from palantir_assets.serving.identity import Identity, open_identity
from palantir_assets.serving.limiting import Limiter
from palantir_assets.serving.listening import listen
from palantir_assets.serving.middleware import Envelope
from palantir_assets.serving.policies import unguarded
from palantir_assets.serving.protocol import BoundedHttp
from palantir_assets.serving.recognising import NobodyKnown, Recognises
from palantir_assets.serving.reloading import POLL_SECONDS, following
from palantir_assets.settings import DAGSTER_PREFIX, Settings
from palantir_assets.stores.ledger import Ledger

ROUTERS = (
    ontologies.router, object_types.router, interface_types.router, value_types.router, functions.router, search.router, graphs.router,
    metrics.router, releases.router, health.router, docs.router, explaining.withheld,
)  # fmt: skip
IDENTITY_ROUTERS = (
    accounts.router, oauth.router, introspection.router, explaining.router, sign_in.router, sign_in_mail.router, sign_in_provider.router,
)  # fmt: skip
DOORS = (
    DoorRoute(pages),
    WebSocketRoute(f"{DAGSTER_PREFIX}/{{path:path}}", talk),
)
DESCRIPTION = (
    "Objects and links of the release that is served. Every answer says of which release it is (Release-Id) "
    "and how old its data is (Data-As-Of, Data-Age in seconds). Routes under /api/v2 have the shape of the "
    "Foundry Ontologies API v2."
)


def serve(settings: Settings) -> None:
    """Serve until a signal ends it. Raises SettingsError when the port cannot be had, LedgerError without a ledger."""
    from palantir_assets.stores.ledger import open_ledger

    do_without("pandas")
    configure(settings.log_level)
    listener = listen(settings.host, settings.port)
    ledger = open_ledger(settings.ledger_url, settings.audit_key)
    try:
        config = uvicorn.Config(
            _app(settings, ledger),
            access_log=False,
            log_config=None,
            server_header=False,
            http=BoundedHttp,
            ws="websockets-sansio",
            ws_max_size=MAX_IN,
            ws_per_message_deflate=False,
            timeout_graceful_shutdown=10,
        )
        uvicorn.Server(config).run(sockets=[listener])
    finally:
        ledger.close()
        listener.close()


def _app(settings: Settings, ledger: Ledger) -> FastAPI:
    """The app as it is served: over an open ledger, for those whom it knows."""
    from palantir_assets.stores.read_log import ReadLog

    identity, allowance = open_identity(settings, ledger.database, now), Allowance(*settings.limits) if settings.limits else None
    return create_app(settings, ledger, identity=identity, reads=ReadLog(ledger.database), allowance=allowance)


def create_app(
    settings: Settings,
    log: ReleaseLog,
    *,
    clock: Clock = now,
    poll_seconds: float = POLL_SECONDS,
    identity: Identity | None = None,
    recognises: Recognises | None = None,
    rules: Rules | None = None,
    reads: Records | None = None,
    allowance: Allowance | None = None,
) -> FastAPI:
    """The app over a release log, for the callers that `identity`, or else `recognises`, knows; without either all are anonymous.

    `rules` read the rules that a release is under, where they are not its own; `reads` keeps what is read of sensitive types,
    which nobody reads without. `allowance` is what a caller may ask whose roles say nothing of it; without one nobody is
    counted.

    Raises RuntimeError if a route has no policy.
    """
    holder = ReleaseHolder(log, partial(_open, settings), clock=clock, rules=rules or partial(_rules, settings))
    running, door = Functions(settings.indexes), Door(settings)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        try:
            async with following(holder, every=poll_seconds):
                yield
        finally:
            running.close()
            await door.close()

    app = _bare(lifespan)
    app.router.routes[:] = [for_callers(route) for route in _every_route(identified=identity is not None)]
    known = identity.recognises if identity is not None else recognises or NobodyKnown()
    app.state.identity, app.state.door = identity, door
    admitted = admits(settings.host, settings.allowed_hosts)
    app.add_middleware(Gate, recognises=known, admitted=admitted)
    app.state.services = services = Services(holder, log, clock, running, recognises=known, reads=reads)
    app.add_middleware(Envelope, services=services, admitted=admitted, limiter=Limiter(allowance) if allowance else None)
    errors.install(app)
    setattr(app, "openapi", partial(docs.document, app))  # noqa: B010  # FastAPI's own way to extend the document
    require_policies(app.routes)
    return app


def require_policies(routes: list[BaseRoute]) -> None:
    """Refuse to start with a route that nobody thought about."""
    if open_routes := unguarded(routes):
        raise RuntimeError(f"routes without a policy: {', '.join(open_routes)}; mark each endpoint with @guarded(…)")


def _bare(lifespan: Callable[[FastAPI], AbstractAsyncContextManager[None]]) -> FastAPI:
    """The framework without anything of its own to see."""
    return FastAPI(
        title="Palantir assets", version="1", description=DESCRIPTION, lifespan=lifespan,
        openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )  # fmt: skip


def _every_route(*, identified: bool) -> list[BaseRoute]:
    """Routes are flat and the hot ones first: they are tried in order, and `unguarded` sees each of them."""
    hot = (*objects.ROUTES, *object_sets.ROUTES, *interfaces.ROUTES, *series.ROUTES)
    doors = (*DOORS, *objects.LOOSE) if identified else objects.LOOSE
    return [*hot, *_routes((*ROUTERS, *IDENTITY_ROUTERS) if identified else ROUTERS), *doors]


def _routes(routers: Iterable[APIRouter]) -> list[BaseRoute]:
    return [route for router in routers for route in router.routes if isinstance(route, APIRoute)]


def _open(settings: Settings, pointer: Pointer) -> Release:
    return open_release(settings.releases / pointer.release_id, settings.indexes)


def _rules(settings: Settings, pointer: Pointer) -> ServedAccess:
    return read_access(settings.releases / pointer.release_id)
