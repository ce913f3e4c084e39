"""What HTTP says of an error: Foundry's envelope under /api/v2, problem details (RFC 9457) elsewhere.

Both name the kind, say it in words with the next step, and carry an id that stands in the log. An error
nobody foresaw tells its id and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from uuid import uuid4

import orjson
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from palantir_assets.errors import LedgerError, NoRelease, NotFound, PalantirError, QueryError, UnknownName
from palantir_assets.query.tokens import InvalidToken
from palantir_assets.query.values import InvalidValue
from palantir_assets.serving.deps import exchange_of

FOUNDRY: Final = "/api/v2/"
_CODES: Final = {400: "INVALID_ARGUMENT", 404: "NOT_FOUND", 413: "REQUEST_ENTITY_TOO_LARGE", 503: "SERVICE_UNAVAILABLE"}
_UNKNOWN: Final = {
    "object type": "ObjectTypeNotFound",
    "link": "LinkTypeNotFound",
    "ontology": "OntologyNotFound",
    "property": "PropertiesNotFound",
}
_HTTP: Final = {404: "RouteNotFound", 405: "MethodNotAllowed", 413: "RequestEntityTooLarge"}


@dataclass(frozen=True, slots=True)
class Told:
    """An error as it is told to a caller."""

    status: int
    name: str
    detail: str
    next_step: str = ""
    parameters: Mapping[str, object] = field(default_factory=dict)
    headers: Mapping[str, str] | None = None

    @property
    def code(self) -> str:
        return _CODES.get(self.status, "INTERNAL" if self.status >= 500 else "INVALID_ARGUMENT")


UNFORESEEN: Final = Told(500, "Internal", "something went wrong here; the id below finds it in the log")


def install(app: FastAPI) -> None:
    """Errors raised in routes are answered here; what is unforeseen, in the middleware."""
    app.add_exception_handler(PalantirError, _answer)
    app.add_exception_handler(HTTPException, _answer)
    app.add_exception_handler(RequestValidationError, _answer)


def respond(told: Told, scope: Scope) -> Response:
    """The answer to an error, with a new id that the exchange remembers."""
    error_id = str(uuid4())
    exchange_of(scope).error_id = error_id
    foundry = scope["path"].startswith(FOUNDRY)
    body = _envelope(told, error_id) if foundry else _problem(told, error_id)
    kind = "application/json" if foundry else "application/problem+json"
    return Response(orjson.dumps(body), told.status, media_type=kind, headers=dict(told.headers or {}))


def told(error: Exception, scope: Scope) -> Told | None:
    """What is told of an error; None for one that nobody foresaw."""
    match error:
        case NotFound():
            key = _key_property(scope, error.object_type)
            return Told(
                404, "ObjectNotFound", error.message, error.advice, {"objectType": error.object_type, "primaryKey": {key: error.key}}
            )
        case UnknownName():
            return Told(404, _UNKNOWN.get(error.kind, "NotFound"), error.message, error.advice, _unknown(error, scope))
        case InvalidValue():
            told_value = {"property": error.field, "propertyBaseType": error.expected, "propertyValue": _plain(error.value)}
            return Told(400, "InvalidPropertyValue", error.message, error.advice, told_value)
        case InvalidToken():
            return Told(400, "InvalidPageToken", error.message, error.advice, {"pageToken": ""})
        case QueryError():
            return Told(400, "InvalidQuery", error.message, error.advice)
        case NoRelease() | LedgerError():
            return Told(503, type(error).__name__, error.message, error.advice, headers={"Retry-After": "5"})
        case RequestValidationError():
            return Told(400, "InvalidRequest", "; ".join(_in_words(problem) for problem in error.errors()[:10]))
        case HTTPException():
            return Told(error.status_code, _HTTP.get(error.status_code, "HttpError"), str(error.detail), headers=error.headers)
        case _:
            return None


async def _answer(request: Request, error: Exception) -> Response:
    found = told(error, request.scope)
    if found is None:
        raise error  # the middleware logs it and answers 500
    return respond(found, request.scope)


def _envelope(told: Told, error_id: str) -> dict[str, object]:
    description = f"{told.detail}. Next: {told.next_step}" if told.next_step else told.detail
    return {
        "errorCode": told.code,
        "errorName": told.name,
        "errorDescription": description,
        "errorInstanceId": error_id,
        "parameters": told.parameters,
    }


def _problem(told: Told, error_id: str) -> dict[str, object]:
    body = {"type": "about:blank", "title": told.name, "status": told.status, "detail": told.detail, "instance": f"urn:uuid:{error_id}"}
    return {**body, "next_step": told.next_step} if told.next_step else body


def _unknown(error: UnknownName, scope: Scope) -> dict[str, object]:
    object_type = {"objectType": scope.get("path_params", {}).get("object_type", "")}
    match error.kind:
        case "object type":
            return {"objectType": error.name}
        case "link":
            return {**object_type, "linkType": error.name}
        case "property":
            return {**object_type, "properties": [error.name]}
        case _:
            return {"apiName": error.name}


def _key_property(scope: Scope, object_type: str) -> str:
    release = exchange_of(scope).release
    found = release.ontology.types.get(object_type) if release else None
    return found.key if found else "primaryKey"


def _plain(value: object) -> object:
    return (
        value
        if value is None or isinstance(value, str | bool | float) or (isinstance(value, int) and abs(value) < 2**63)
        else str(type(value).__name__)
    )


def _in_words(problem: Mapping[str, object]) -> str:
    location = problem.get("loc")
    place = ".".join(str(part) for part in location) if isinstance(location, tuple) else "request"
    return f"{place}: {problem.get('msg')}"
