"""The API's own documentation: `/openapi.json`, and `/docs` as one page that loads nothing from anywhere."""

from __future__ import annotations

import json
from html import escape
from typing import Any, Final

from fastapi import APIRouter, FastAPI, Request
from fastapi.openapi.utils import get_openapi
from starlette.responses import HTMLResponse, JSONResponse

from palantir_assets.serving.errors import FOUNDRY
from palantir_assets.serving.paging import MAX_OBJECTS
from palantir_assets.serving.policies import guarded, policy_of
from palantir_assets.serving.routing import SegmentRoute

router = APIRouter()

_PAGE: Final = """<!doctype html><html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width"><style>
body{{font:16px/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#1c2127;background:#fff}}
code{{font:14px ui-monospace,monospace}}section{{border-top:1px solid #ddd;padding:.7rem 0}}
b.get{{color:#0b6b4b}}b.post{{color:#8a4b08}}table{{border-collapse:collapse}}td{{padding:.1rem 1rem .1rem 0;vertical-align:top}}
p{{margin:.3rem 0}}small{{color:#5f6b7c}}</style></head><body><h1>{title}</h1><p>{description}</p>
<p>Machine-readable: <a href="/openapi.json">/openapi.json</a></p>{operations}</body></html>"""


@router.get("/openapi.json", include_in_schema=False)
@guarded("public")
def openapi_document(request: Request) -> JSONResponse:
    return JSONResponse(request.app.openapi())


@router.get("/docs", include_in_schema=False)
@guarded("public")
def page(request: Request) -> HTMLResponse:
    return HTMLResponse(rendered(request.app.openapi()))


def document(app: FastAPI) -> dict[str, Any]:
    """The OpenAPI document with the hot routes in it, which FastAPI does not know."""
    made = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    for route in app.routes:
        if isinstance(route, SegmentRoute) and "...}" not in route.template:
            for method in (route.methods or set()) - {"HEAD"}:
                made["paths"].setdefault(route.template, {})[method.lower()] = _operation(route)
            made["components"]["schemas"].update((route.body or {}).get("$defs", {}))
    for path, methods in made["paths"].items():
        for operation in methods.values():
            _refused_as_told(operation, foundry=path.startswith(FOUNDRY))
    for name in ("HTTPValidationError", "ValidationError"):
        made["components"]["schemas"].pop(name, None)
    return made


def rendered(document: dict[str, Any]) -> str:
    """The document as a page for people."""
    schemas = document["components"]["schemas"]
    operations = [
        _section(method, path, operation, schemas) for path, methods in document["paths"].items() for method, operation in methods.items()
    ]
    info = document["info"]
    return _PAGE.format(title=escape(info["title"]), description=escape(info["description"]), operations="".join(operations))


def _operation(route: SegmentRoute) -> dict[str, Any]:
    policy = policy_of(route)
    told = (route.endpoint.__doc__ or "").partition(": ")[2].strip().rstrip(".")
    path = [_parameter(name, "path") for name in route.param_convertors]
    query = [_parameter(name, "query") for name in route.query]
    answer = {"description": "JSON", "content": {"application/json": {"schema": {"type": "object"}}}}
    schema = {name: part for name, part in (route.body or {}).items() if name != "$defs"}
    body = {"requestBody": {"content": {"application/json": {"schema": schema}}}} if route.body else {}
    return {
        "tags": ["Objects"],
        "summary": told[:1].upper() + told[1:],
        "operationId": route.endpoint.__name__,
        "x-policy": policy.name if policy else None,
        "parameters": [*path, *query],
        **body,
        "responses": {"200": answer, "default": {"description": "an error, in Foundry's envelope"}},
    }


def _parameter(name: str, where: str) -> dict[str, Any]:
    kind = {"pageSize": {"type": "integer", "minimum": 1, "maximum": MAX_OBJECTS}, "select": {"type": "array", "items": {"type": "string"}}}
    return {"name": name, "in": where, "required": where == "path", "schema": kind.get(name, {"type": "string"})}


def _refused_as_told(operation: dict[str, Any], *, foundry: bool) -> None:
    """FastAPI declares a 422 of its own; here what does not fit is a 400 like any other."""
    words = "an error, in Foundry's envelope" if foundry else "an error, as problem details"
    if operation["responses"].pop("422", None):
        operation["responses"]["400"] = {"description": words}
    operation["responses"].setdefault("default", {"description": words})


def _section(method: str, path: str, operation: dict[str, Any], schemas: dict[str, Any]) -> str:
    told = [(item["name"], item["in"], item.get("description", "")) for item in operation.get("parameters", [])]
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    body = schemas.get(content.get("$ref", "").rpartition("/")[2], content)
    required = body.get("required", ())
    told += [(name, "body" if name in required else "body, optional", _of_body(part)) for name, part in body.get("properties", {}).items()]
    rows = "".join(
        f"<tr><td><code>{escape(name)}</code></td><td>{escape(where)}</td><td>{escape(words)}</td></tr>" for name, where, words in told
    )
    summary = escape(operation.get("description") or operation.get("summary", ""))
    heading = f'<b class="{method}">{method.upper()}</b> <code>{escape(path)}</code>'
    return f"<section><p>{heading}</p><p>{summary}</p><table>{rows}</table></section>"


def _of_body(part: dict[str, Any]) -> str:
    """What a key of a body is, with an example if there is one."""
    inner = [part, *part.get("anyOf", ())]
    description = next((each["description"] for each in inner if "description" in each), "")
    example = next((each["examples"][0] for each in inner if "examples" in each), None)
    return description + (f"{': ' if description else ''}{json.dumps(example)}" if example is not None else "")
