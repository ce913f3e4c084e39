"""The control of `request`: the least that Starlette and uvicorn can answer. `python -m benchmarks.hello PORT`."""

from __future__ import annotations

import sys

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


async def hello(request: Request) -> Response:
    return Response(b'{"hello":"world"}', media_type="application/json")


def main(port: int) -> None:
    """Serve with the options that the API is served with."""
    app = Starlette(routes=[Route("/healthz", hello), Route("/hello", hello)])
    uvicorn.run(app, port=port, access_log=False, log_config=None, server_header=False, ws="none")


if __name__ == "__main__":
    main(int(sys.argv[1]))
