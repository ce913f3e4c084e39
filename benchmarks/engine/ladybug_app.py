"""The hop along a link, answered by ladybug: `python -m benchmarks.engine.ladybug_app PORT RELEASE DATABASE PEERS`.

The same framework and options as the bare route. Statements run in the event loop: a thread would cost more than it gives to
one connection. There are two routes: `links` reads the properties of the linked nodes and
writes their JSON, as a server over ladybug does; `ready` reads JSON that lies ready in the nodes, as it does in ours.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import orjson
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from benchmarks.engine.ladybug import HOP, connection, rows
from benchmarks.engine.questions import OBJECTS
from benchmarks.hello import OPTIONS, hello
from palantir_assets.ontology.served import ServedOntology
from palantir_assets.ontology.served_parts import ServedType


def main(port: int, release: str, database: str, peers: str) -> None:
    opened = connection(Path(database), peers)
    kind = ServedOntology.model_validate_json((Path(release) / "ontology.json").read_bytes()).types["flight"]
    columns = ["_title", *kind.properties]
    by_property, ready = HOP.format(", ".join(f"f.`{name}`" for name in columns)), HOP.format("f.body")

    async def linked(request: Request) -> Response:
        found = opened.execute(by_property, {"key": request.path_params["key"]})
        data = [_object(kind, columns, found.get_next()) for _ in range(found.get_num_tuples())]
        return Response(orjson.dumps({"data": data}, option=orjson.OPT_NAIVE_UTC | orjson.OPT_UTC_Z), media_type="application/json")

    async def linked_ready(request: Request) -> Response:
        found = rows(opened.execute(ready, {"key": request.path_params["key"]}))
        return Response(f'{{"data":[{",".join(found)}]}}'.encode(), media_type="application/json")

    path = f"{OBJECTS}/plane/{{key}}"
    app = Starlette(routes=[Route("/healthz", hello), Route(f"{path}/links/flights", linked), Route(f"{path}/ready/flights", linked_ready)])
    uvicorn.run(app, port=port, **OPTIONS)


def _object(kind: ServedType, columns: list[str], values: list[Any]) -> dict[str, Any]:
    """An object as Foundry writes it: what is missing is left out."""
    found = {name: value for name, value in zip(columns, values, strict=True) if value is not None}
    title, key = found.pop("_title"), found[kind.key]
    return {"__rid": f"ri.ontology.main.object.{kind.name}.{key}", "__primaryKey": key, "__apiName": kind.name, "__title": title, **found}


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:])
