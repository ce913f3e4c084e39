"""The API with its hot routes answered by PostgreSQL: `python -m benchmarks.engine.postgres_app PORT SOCKET_FOLDER PEERS`.

Everything around the answer is the platform's own: the app, the middleware, the routing, the log. Only the endpoints of
four routes are others, and they do no more than they must: a search takes its two values from where the benchmark puts
them, without looking at what else is asked.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import Any, Final

import orjson
import uvicorn
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from benchmarks.engine.questions import MEASURED, PAGE
from benchmarks.hello import OPTIONS
from palantir_assets.serving.policies import guarded
from palantir_assets.serving.protocol import BoundedHttp
from palantir_assets.serving.routing import SegmentRoute, send_json

BY_KEY: Final = "SELECT body FROM flight_body WHERE key = $1"
COUNT: Final = "SELECT count(*) FROM flight WHERE carrier_code = $1 AND origin_code = $2"
FOUND: Final = (
    "SELECT body FROM (SELECT _row, scheduled_departure FROM flight WHERE carrier_code = $1 AND origin_code = $2 "
    f"ORDER BY scheduled_departure, _row LIMIT {PAGE}) AS page JOIN flight_body USING (_row) ORDER BY scheduled_departure, _row"
)
METRICS: Final = ("flights", "mean", "least", "most", "middle")
GROUPED: Final = (
    f"SELECT carrier_code, count(*), avg({MEASURED})::double precision, min({MEASURED}), max({MEASURED}), "
    f"percentile_cont(0.5) WITHIN GROUP (ORDER BY {MEASURED}) FROM flight {{}} GROUP BY 1"
)
PREFIX: Final = "/api/v2/ontologies/{ontology}/objects/flight"


class Database:
    """One connection, made by the first request in the loop that it lives in, and its prepared statements."""

    def __init__(self, socket: str, peers: str) -> None:
        self._socket, self._peers, self._statements = socket, peers, dict[str, Any]()
        self._connection: Any = None

    async def prepared(self, sql: str) -> Any:
        if sql not in self._statements:
            self._statements[sql] = await (await self.connection()).prepare(sql)
        return self._statements[sql]

    async def connection(self) -> Any:
        if self._connection is None:
            sys.path.append(self._peers)
            self._connection = await import_module("asyncpg").connect(host=self._socket, user="postgres", database="postgres")
        return self._connection


def routes(database: Database) -> list[SegmentRoute]:
    @guarded("objects.read")
    async def get_object(scope: Scope, receive: Receive, send: Send) -> None:
        body = await (await database.prepared(BY_KEY)).fetchval(scope["path_params"]["key"])
        await send_json(send, body.encode())

    @guarded("objects.read")
    async def search(scope: Scope, receive: Receive, send: Send) -> None:
        asked = orjson.loads(await Request(scope, receive).body())
        values = [each["value"] for each in asked["where"]["value"]]
        total = await (await database.prepared(COUNT)).fetchval(*values)
        found = await (await database.prepared(FOUND)).fetch(*values)
        rows = ",".join([row[0] for row in found])
        await send_json(send, f'{{"data":[{rows}],"totalCount":"{total}"}}'.encode())

    @guarded("objects.read")
    async def aggregate(scope: Scope, receive: Receive, send: Send) -> None:
        where = orjson.loads(await Request(scope, receive).body()).get("where")
        statement = await database.prepared(GROUPED.format("WHERE origin_code = $1" if where else ""))
        found = await statement.fetch(*([where["value"]] if where else []))
        data = [{"group": {"carrier_code": row[0]}, "metrics": _metrics(row)} for row in found]
        await send_json(send, orjson.dumps({"accuracy": "ACCURATE", "data": data, "excludedItems": 0}))

    @guarded("public")
    async def backend(scope: Scope, receive: Receive, send: Send) -> None:
        pid = await (await database.connection()).fetchval("SELECT pg_backend_pid()")
        await send_json(send, orjson.dumps({"pid": pid}))

    return [
        SegmentRoute("/backend", backend, method="GET"),
        SegmentRoute(f"{PREFIX}/search", search, method="POST"),
        SegmentRoute(f"{PREFIX}/aggregate", aggregate, method="POST"),
        SegmentRoute(f"{PREFIX}/{{key}}", get_object, method="GET"),
    ]


def _metrics(row: Any) -> list[dict[str, Any]]:
    return [{"name": name, "value": value} for name, value in zip(METRICS, row[1:], strict=True)]


def main(port: int, socket: str, peers: str) -> None:
    from palantir_assets.observability import configure
    from palantir_assets.serving.app import create_app
    from palantir_assets.settings import load_settings
    from palantir_assets.stores.ledger import open_ledger

    settings = load_settings()
    configure(settings.log_level)
    app = create_app(settings, open_ledger(settings.ledger_url, settings.audit_key))
    app.router.routes[:0] = routes(Database(socket, peers))
    uvicorn.run(app, port=port, http=BoundedHttp, **OPTIONS)


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
