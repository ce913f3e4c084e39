"""The hot routes without the middleware: `python -m benchmarks.engine.bare PORT RELEASE INDEXES`.

The platform's own routes in a plain Starlette app, over one release that stays open. What the middleware would find out
about a request (its id, which release is served) is put into its scope once and for all.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any, cast

import uvicorn
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from benchmarks.hello import OPTIONS, hello
from palantir_assets.serving.deps import Exchanged


class Given:
    """An app whose requests all carry the same exchange."""

    def __init__(self, app: ASGIApp, exchange: Any) -> None:
        self._app, self._exchange = app, exchange

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        scope[Exchanged] = self._exchange
        await self._app(scope, receive, send)


def main(port: int, folder: str, indexes: str) -> None:
    from palantir_assets.release.reading import open_release
    from palantir_assets.serving import objects
    from palantir_assets.serving.deps import Exchange, Services

    exchange = Exchange("bare", open_release(Path(folder), Path(indexes)), cast(Services, None))
    app = Starlette(routes=[Route("/healthz", hello), *objects.ROUTES])
    uvicorn.run(Given(app, exchange), port=port, **OPTIONS)


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
