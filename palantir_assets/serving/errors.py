"""What HTTP says of an error: Foundry's envelope under /api/v2, problem details (RFC 9457) elsewhere.

Both name the kind, say it in words with the next step, and carry an id that stands in the log. An error
nobody foresaw tells its id and nothing else.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from uuid import uuid4

import orjson
from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from palantir_assets.actions.cursors import CursorExpired, CursorInvalid
from palantir_assets.actions.verdicts import ActionRefused
from palantir_assets.errors import (
    EditRefused,
    FunctionError,
    FunctionFailed,
    FunctionResultInvalid,
    FunctionsBusy,
    FunctionTooSlow,
    LedgerError,
    NoRelease,
    NotFound,
    NotPermitted,
    PalantirError,
    QueryError,
    UnknownName,
)
from palantir_assets.functions.calling import InvalidParameter
from palantir_assets.query.planning import UnknownSet
from palantir_assets.query.tokens import InvalidToken
from palantir_assets.query.values import InvalidValue
from palantir_assets.serving.datatypes import parameter_type
from palantir_assets.serving.deps import exchange_of
from palantir_assets.serving.following_edits import EditsBehind
from palantir_assets.serving.languages import preferred
from palantir_assets.serving.paging import BatchTooLarge, InvalidPageSize, NotLinked
from palantir_assets.serving.recognising import Unauthorized
from palantir_assets.serving.refused_actions import told_of_action
from palantir_assets.serving.rids import rid
from palantir_assets.serving.told import Told
from palantir_assets.serving.wording import request_in_words, route_in_words

FOUNDRY: Final = "/api/v2/"
_UNKNOWN: Final = {
    "object type": "ObjectTypeNotFound",
    "link": "LinkTypeNotFound",
    "ontology": "OntologyNotFound",
    "property": "PropertiesNotFound",
    "interface": "InterfaceTypeNotFound",
    "interface link": "InterfaceLinkTypeNotFound",
    "value type": "ValueTypeNotFound",
    "function": "QueryNotFound",
    "function version": "QueryVersionNotFound",
    "action type": "ActionTypeNotFound",
    "metric": "MetricNotFound",
    "branch": "FoundryBranchNotFound",
    "scenario": "OntologyScenarioNotFound",
}
_PARAMETER: Final = {
    "object type": "objectType", "value type": "valueType", "function": "query", "action type": "actionType",
    "branch": "branch", "scenario": "scenarioRid",
}  # fmt: skip
_FUNCTIONS: Final[Mapping[type[FunctionError], tuple[int, str]]] = {
    FunctionFailed: (400, "QueryRuntimeError"),
    FunctionTooSlow: (400, "QueryTimeExceededLimit"),
    FunctionResultInvalid: (400, "InvalidQueryOutputValue"),
    FunctionsBusy: (503, "QueryDeploymentNotAvailable"),
}
_ELSE: Final = (500, "QueryMemoryExceededLimit")
MAX_SHOWN: Final = 1_000
_HTTP: Final = {
    401: "Unauthorized",
    403: "PermissionDenied",
    429: "TooManyRequests",
    404: "RouteNotFound",
    405: "MethodNotAllowed",
    413: "RequestEntityTooLarge",
}


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
        case NotLinked():
            linked = {"linkType": error.link, "linkedObjectType": error.object_type}
            key = {_key_property(scope, error.object_type): error.key}
            return Told(404, "LinkedObjectNotFound", error.message, error.advice, {**linked, "linkedObjectPrimaryKey": key})
        case NotFound():
            key = {_key_property(scope, error.object_type): error.key}
            return Told(404, "ObjectNotFound", error.message, error.advice, {"objectType": error.object_type, "primaryKey": key})
        case UnknownName():
            return Told(404, _UNKNOWN.get(error.kind, "NotFound"), error.message, error.advice, _unknown(error, scope))
        case InvalidParameter():
            return _parameter(error, scope)
        case QueryError():
            return _question(error)
        case FunctionError():
            return _function(error, scope)
        case Unauthorized():
            return _unauthorized(error)
        case NotPermitted() | ActionRefused() | EditRefused():
            return told_of_action(error, preferred(_header(scope, b"accept-language")))
        case EditsBehind():
            return Told(503, "EditsBehind", error.message, error.advice, headers={"Retry-After": "1"})
        case NoRelease() | LedgerError():
            return Told(503, type(error).__name__, error.message, error.advice, headers={"Retry-After": "5"})
        case RequestValidationError():
            return Told(400, "InvalidRequest", request_in_words(error, scope))
        case HTTPException():
            words, step = route_in_words(error, scope)
            return Told(error.status_code, _HTTP.get(error.status_code, "HttpError"), words, step, headers=error.headers)
        case _:
            return None


def _unauthorized(error: Unauthorized) -> Told:
    """The challenge of RFC 6750: bare where nothing was presented."""
    if error.forbidden:
        challenge = {"WWW-Authenticate": 'Bearer error="insufficient_scope"'}
        return Told(403, "PermissionDenied", error.message, error.advice, headers=challenge)
    why = ' error="invalid_token"' if error.presented else ""
    return Told(401, "Unauthorized", error.message, error.advice, headers={"WWW-Authenticate": f"Bearer{why}"})


def _question(error: QueryError) -> Told:
    """A question that cannot be asked as it stands."""
    match error:
        case CursorInvalid():
            return Told(400, "InvalidCursor", error.message, error.advice)
        case CursorExpired():
            return Told(410, "CursorExpired", error.message, error.advice)
        case InvalidValue():
            told_value = {"property": error.field, "propertyBaseType": error.expected, "propertyValue": _plain(error.value)}
            return Told(400, "InvalidPropertyValue", error.message, error.advice, told_value)
        case InvalidToken():
            return Told(400, "InvalidPageToken", error.message, error.advice, {"pageToken": error.token[:MAX_SHOWN]})
        case InvalidPageSize():
            return Told(400, "InvalidPageSize", error.message, error.advice, {"pageSize": error.size})
        case BatchTooLarge():
            sizes = {"maximumBatchSize": error.most, "providedBatchSize": error.size}
            return Told(400, "BatchRequestSizeExceededLimit", error.message, error.advice, sizes)
        case UnknownSet():
            return Told(404, "ObjectSetNotFound", error.message, error.advice, {"objectSetRid": error.rid})
        case _:
            return Told(400, "InvalidQuery", error.message, error.advice)


def _parameter(error: InvalidParameter, scope: Scope) -> Told:
    """A parameter of a function that is missing, unknown or of another type."""
    view = exchange_of(scope).view
    function = view.ontology.functions.get(error.function) if view else None
    declared = function.parameters.get(error.parameter) if function else None
    if declared is None:
        parameters: dict[str, object] = {
            "functionRid": rid("function", error.function), "functionVersion": function.version if function else ""
        }  # fmt: skip
        return Told(400, "FunctionInvalidInput", error.message, error.advice, parameters)
    if error.message.endswith("is missing"):
        return Told(400, "MissingParameter", error.message, error.advice, {"parameters": [error.parameter]})
    told_parameter = {"parameterId": error.parameter, "parameterDataType": parameter_type(declared)}
    return Told(400, "InvalidQueryParameterValue", error.message, error.advice, told_parameter)


def _function(error: FunctionError, scope: Scope) -> Told:
    """A function that gave no value, with what Foundry tells of it."""
    status, name = _FUNCTIONS.get(type(error), _ELSE)
    view = exchange_of(scope).view
    function = view.ontology.functions.get(error.function) if view else None
    parameters: dict[str, object] = {
        "functionRid": rid("function", error.function),
        "functionVersion": function.version if function else "",
    }
    if isinstance(error, FunctionFailed):
        parameters |= {"message": error.message, "parameters": {}}
    if isinstance(error, FunctionResultInvalid) and function:
        parameters |= {"outputDataType": parameter_type(function.output)}
    return Told(status, name, error.message, error.advice, parameters, {"Retry-After": "1"} if status == 503 else None)


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
    return {**body, **({"next_step": told.next_step} if told.next_step else {}), **told.more}


def _unknown(error: UnknownName, scope: Scope) -> dict[str, object]:
    path = scope.get("path_params", {})
    object_type = {"objectType": path.get("object_type") or error.of}
    match error.kind:
        case "link":
            return {**object_type, "linkType": error.name}
        case "property":
            return {**object_type, "properties": [error.name]}
        case "interface link":
            return {"interfaceTypeApiName": path.get("interface_type", ""), "interfaceLinkTypeApiName": error.name}
        case "function version":
            name, _, version = error.name.partition(":")
            return {"apiName": name, "version": version}
        case kind:
            return {_PARAMETER.get(kind, "apiName"): error.name}


def _header(scope: Scope, name: bytes) -> str:
    return next((value.decode("latin-1") for header, value in scope["headers"] if header == name), "")


def _key_property(scope: Scope, object_type: str) -> str:
    view = exchange_of(scope).view
    found = view.ontology.types.get(object_type) if view else None
    return found.key if found else "primaryKey"


def _plain(value: object) -> object:
    return (
        value
        if value is None or isinstance(value, str | bool | float) or (isinstance(value, int) and abs(value) < 2**63)
        else str(type(value).__name__)
    )
