"""The control of what one request costs: the least that Starlette and uvicorn answer. `python -m benchmarks.hello PORT`."""

from __future__ import annotations

import sys
from typing import Any, Final

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

OPTIONS: Final[dict[str, Any]] = {"access_log": False, "log_config": None, "server_header": False, "ws": "none"}
"""The options that the API is served with; every web server of the benchmarks has them."""


async def hello(request: Request) -> Response:
    return Response(b'{"hello":"world"}', media_type="application/json")


def main(port: int) -> None:
    app = Starlette(routes=[Route("/healthz", hello), Route("/hello", hello)])
    uvicorn.run(app, port=port, **OPTIONS)


if __name__ == "__main__":
    main(int(sys.argv[1]))
