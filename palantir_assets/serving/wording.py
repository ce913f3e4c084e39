"""What the framework refuses by itself, in our words: a request that does not fit its route, a route or method that is not there."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.types import Scope

from palantir_assets.query.wording import in_words

_SHOWN = 200


def request_in_words(error: RequestValidationError, scope: Scope) -> str:
    """What is wrong: in a body by the names that stand there, elsewhere by the name of the parameter."""
    problems: Sequence[dict[str, Any]] = error.errors()
    body = [{**problem, "loc": problem["loc"][1:]} for problem in problems if problem["loc"][0] == "body"]
    names = [(str(problem["loc"][-1]), problem) for problem in problems if problem["loc"][0] != "body"]
    of_parameters = [in_words([{**problem, "loc": (name,)}], {name: None}) for name, problem in names]
    return "; ".join([*([in_words(body, error.body, _form(scope))] if body else []), *of_parameters])


def route_in_words(error: HTTPException, scope: Scope) -> tuple[str, str]:
    """What was refused, and what there is instead."""
    if error.status_code == 404:
        return f"there is no route {scope['path'][:_SHOWN]!r}", "/docs shows every route"
    if error.status_code == 405:
        return f"{scope['method']} is not answered here", f"ask with {(error.headers or {}).get('Allow') or 'another method'}"
    return str(error.detail), ""


def _form(scope: Scope) -> type[BaseModel] | None:
    """The model of the body of a route."""
    body = getattr(scope.get("route"), "body_field", None)
    found = body.field_info.annotation if body is not None else None
    return found if isinstance(found, type) and issubclass(found, BaseModel) else None
