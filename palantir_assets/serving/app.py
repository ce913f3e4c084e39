"""The service put together: one release at a time, one middleware, one policy a route.

`create_app` takes what it needs as arguments, so that a test hands in its own; `serve` opens the real ledger
and listens. Nothing is opened at import.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, ExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from functools import partial

import uvicorn
from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute
from starlette.routing import BaseRoute, WebSocketRoute

from palantir_assets.access.allowances import Allowance
from palantir_assets.applying.desk import Desk
from palantir_assets.effects.opening import Effects, open_effects
from palantir_assets.engine.edited import edited
from palantir_assets.functions.running import Functions
from palantir_assets.observability import finish
from palantir_assets.ontology.served_access import ServedAccess
from palantir_assets.release.holding import ReleaseHolder, Rules
from palantir_assets.release.log import Pointer, ReleaseLog
from palantir_assets.release.reading import Release, open_release, read_access
from palantir_assets.release.sealing import Shelf
from palantir_assets.serving import (
    accounts,
    action_log,
    action_types,
    actions,
    changes,
    docs,
    edits_history,
    erasures,
    errors,
    explaining,
    exposing,
    functions,
    graphs,
    health,
    interface_types,
    interfaces,
    introspection,
    mail_choices,
    metrics,
    oauth,
    object_sets,
    object_types,
    objects,
    ontologies,
    outbox,
    proposals,
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
from palantir_assets.serving.following_edits import EditSource, FollowedEdits
from palantir_assets.serving.gate import Gate, for_callers
from palantir_assets.serving.identity import Identity, open_identity
from palantir_assets.serving.limiting import Limiter
from palantir_assets.serving.listening import listen
from palantir_assets.serving.middleware import Envelope
from palantir_assets.serving.past import EditsSeen
from palantir_assets.serving.policies import unguarded
from palantir_assets.serving.protocol import BoundedHttp
from palantir_assets.serving.recognising import NobodyKnown, Recognises
from palantir_assets.serving.reloading import POLL_SECONDS, following
from palantir_assets.settings import DAGSTER_PREFIX, Settings
from palantir_assets.stores.edits import Reach, no_fault
from palantir_assets.stores.ledger import Ledger
from palantir_assets.stores.log_lines import told_by

ROUTERS = (
    ontologies.router, object_types.router, interface_types.router, value_types.router, functions.router, search.router, graphs.router,
    metrics.router, releases.router, changes.router, health.router, docs.router, action_types.router, actions.router,
    edits_history.router, action_log.router, proposals.router, explaining.withheld, exposing.router,
)  # fmt: skip
IDENTITY_ROUTERS = (
    accounts.router, oauth.router, introspection.router, explaining.router, erasures.router, sign_in.router, sign_in_mail.router,
    sign_in_provider.router,
)  # fmt: skip
EFFECT_ROUTERS = (outbox.router, mail_choices.router)
DOORS = (
    DoorRoute(pages),
    WebSocketRoute(f"{DAGSTER_PREFIX}/{{path:path}}", talk),
)
Lifespan = Callable[[FastAPI], AbstractAsyncContextManager[None]]
DESCRIPTION = (
    "Objects and links of the release that is served. Every answer says of which release it is (Release-Id), "
    "how old its data is (Data-As-Of, Data-Age in seconds), which edit it sees (Edit-No), and which is the last that "
    "measures, vectors and texts to search know (Edits-Folded). Routes under /api/v2 have the shape of the "
    "Foundry Ontologies API v2."
)


def serve(settings: Settings, *, reach: Reach = no_fault) -> None:
    """Serve until a signal ends it. Raises SettingsError when the port cannot be had, LedgerError without a ledger.

    `reach` is called at the points of every action that is written, as `stores.edits` says.
    """
    from palantir_assets.stores.ledger import open_ledger

    do_without("pandas")
    told_by(settings, "api")
    listener = listen(settings.host, settings.port)
    ledger = open_ledger(settings.ledger_url, settings.audit_key)
    try:
        config = uvicorn.Config(
            _app(settings, ledger, reach),
            access_log=False,
            log_config=None,
            server_header=False,
            http=BoundedHttp,
            ws="websockets-sansio",
            ws_max_size=MAX_IN,
            ws_per_message_deflate=False,
            timeout_graceful_shutdown=10,
        )
        _Server(config).run(sockets=[listener])
    finally:
        ledger.close()
        listener.close()


class _Server(uvicorn.Server):
    """Says what it has to say before the signal that ended it is raised again, which ends the process."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        with super().capture_signals():
            try:
                yield
            finally:
                finish()


def _app(settings: Settings, ledger: Ledger, reach: Reach) -> FastAPI:
    """The app as it is served: over an open ledger, for those whom it knows."""
    from palantir_assets.stores.edits import EditLog
    from palantir_assets.stores.read_log import ReadLog

    effects = open_effects(settings, ledger.database, now)
    identity = open_identity(settings, ledger.database, now, mailer=effects.codes)
    return create_app(
        settings,
        ledger,
        identity=identity,
        desk=Desk(EditLog(ledger.database, reach=reach), identity.identities, now),
        effects=effects,
        reads=ReadLog(ledger.database),
        allowance=Allowance(*settings.limits) if settings.limits else None,
    )


def create_app(
    settings: Settings,
    log: ReleaseLog,
    *,
    clock: Clock = now,
    poll_seconds: float = POLL_SECONDS,
    identity: Identity | None = None,
    recognises: Recognises | None = None,
    desk: Desk | None = None,
    edits: EditSource | None = None,
    past: EditsSeen | None = None,
    effects: Effects | None = None,
    rules: Rules | None = None,
    reads: Records | None = None,
    allowance: Allowance | None = None,
) -> FastAPI:
    """The app over a release log, for the callers that `identity`, or else `recognises`, knows; without either all are anonymous.

    Actions are applied at `desk`. The edits of its log, unless others are given, are laid over every release. `rules` read
    the rules that a release is under, where they are not its own; `reads` keeps what is read of sensitive types, which
    nobody reads without. `allowance` is what a caller may ask whose roles say nothing of it; without one nobody is counted.

    Raises RuntimeError if a route has no policy.
    """
    followed = FollowedEdits(edits or (desk.log if desk is not None else None))
    opened = partial(_prepared, settings, followed, desk)
    holder = ReleaseHolder(log, opened, clock=clock, rules=rules or partial(_rules, settings))
    running, door = Functions(settings.indexes), Door(settings)

    app = _bare(_lifespan(holder, followed, running, door, poll_seconds))
    app.router.routes[:] = map(for_callers, _every_route(identified=identity is not None, sending=effects is not None))
    known = identity.recognises if identity is not None else recognises or NobodyKnown()
    desk = desk and replace(desk, runs=desk.runs or running)
    past = past or (None if desk is None else EditsSeen(desk.log, edited))
    services = Services(holder, log, clock, running, recognises=known, desk=desk, edits=followed, past=past, reads=reads)
    app.state.identity, app.state.effects, app.state.door, app.state.services = identity, effects, door, services
    app.state.shelf = Shelf(settings.releases)
    _dressed(app, settings, services, Limiter(allowance) if allowance else None)
    require_policies(app.routes)
    return app


def require_policies(routes: list[BaseRoute]) -> None:
    """Refuse to start with a route that nobody thought about."""
    if open_routes := unguarded(routes):
        raise RuntimeError(f"routes without a policy: {', '.join(open_routes)}; mark each endpoint with @guarded(…)")


def _dressed(app: FastAPI, settings: Settings, services: Services, limiter: Limiter | None) -> None:
    """The layers around every route, the answers to errors, and the document that describes it all."""
    admitted = admits(settings.host, settings.allowed_hosts)
    app.add_middleware(Gate, recognises=services.recognises, admitted=admitted)
    app.add_middleware(Envelope, services=services, admitted=admitted, limiter=limiter)
    errors.install(app)
    setattr(app, "openapi", partial(docs.document, app))  # noqa: B010  # FastAPI's own way to extend the document


def _lifespan(holder: ReleaseHolder, followed: FollowedEdits, running: Functions, door: Door, poll_seconds: float) -> Lifespan:
    """What is followed while the app runs, and what is closed when it ends."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        try:
            async with following(holder, every=poll_seconds), followed.following():
                yield
        finally:
            running.close()
            await door.close()

    return lifespan


def _bare(lifespan: Lifespan) -> FastAPI:
    """The framework without anything of its own to see."""
    return FastAPI(
        title="Palantir assets", version="1", description=DESCRIPTION, lifespan=lifespan,
        openapi_url=None, docs_url=None, redoc_url=None, redirect_slashes=False,
        telemetry={"tracing": False, "metrics": False, "logs": False},
    )  # fmt: skip


def _every_route(*, identified: bool, sending: bool) -> list[BaseRoute]:
    """Routes are flat and the hot ones first: they are tried in order, and `unguarded` sees each of them."""
    hot = (*objects.ROUTES, *object_sets.ROUTES, *interfaces.ROUTES, *series.ROUTES)
    doors = (*DOORS, *objects.LOOSE) if identified else objects.LOOSE
    routers = (*ROUTERS, *(IDENTITY_ROUTERS if identified else ()), *(EFFECT_ROUTERS if sending else ()))
    return [*hot, *_routes(routers), *doors]


def _routes(routers: Iterable[APIRouter]) -> list[BaseRoute]:
    return [route for router in routers for route in router.routes if isinstance(route, APIRoute)]


def _prepared(settings: Settings, followed: FollowedEdits, desk: Desk | None, pointer: Pointer) -> Release:
    """A release with the edits after it, and what it calls personal known to who writes."""
    with ExitStack() as stack:
        release = _open(settings, pointer)
        stack.callback(release.close)
        followed.prepared(release)
        if desk is not None:
            desk.log.learn(release.ontology)
        stack.pop_all()
    return release


def _open(settings: Settings, pointer: Pointer) -> Release:
    return open_release(settings.releases / pointer.release_id, settings.indexes)


def _rules(settings: Settings, pointer: Pointer) -> ServedAccess:
    return read_access(settings.releases / pointer.release_id)
