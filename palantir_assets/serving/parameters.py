"""Parameters of a URL: a name that a route does not take is refused, with the one that was probably meant.

To ignore `pagesize` would answer another question than was asked. What Foundry's clients send besides, and what changes
nothing here, is taken everywhere under /api/v2; what would have to change an answer is refused in `elsewhere`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import parse_qs

from fastapi import Depends, Request
from fastapi.dependencies.models import Dependant
from starlette.types import Scope

from palantir_assets.errors import QueryError, did_you_mean
from palantir_assets.serving.elsewhere import refuse_elsewhere

IGNORED: Final = frozenset(
    (
        "preview", "sdkPackageRid", "sdkVersion", "executeInMemoryOnly", "snapshot", "loadOntologyDefinedDerivedProperties",
        "includeDatasources",
    )
)  # fmt: skip

MIN_EDIT: Final = "minEditNo"
"""Taken by every route, as the header `Min-Edit-No` is: the answer must have that edit."""

_MIN_EDIT_HEADER: Final = b"min-edit-no"
_IN_QUERY: Final = f"{MIN_EDIT}=".encode()


def wanted_edit(scope: Scope) -> str | None:
    """The edit that an answer must have, as the header or else the URL says it; None where neither does."""
    for name, value in scope["headers"]:
        if name == _MIN_EDIT_HEADER:
            said: bytes = value
            return said.decode("latin-1")
    query: bytes = scope["query_string"]
    told = parse_qs(query.decode("latin-1"), keep_blank_values=True).get(MIN_EDIT) if _IN_QUERY in query else None
    return told[-1] if told else None


def refuse_unknown(params: Mapping[str, object], known: Iterable[str]) -> None:
    """Raises QueryError for the first name that is neither known nor one to be ignored."""
    for name in params:
        if name not in known and name not in IGNORED and name != MIN_EDIT:
            hint = did_you_mean(name, known)
            taken = ", ".join(known) or "no parameter at all"
            raise QueryError(f"unknown parameter {name[:80]!r} in the URL; {hint or f'this route takes {taken}'}")


async def _checked(request: Request) -> None:
    if request.scope["query_string"]:
        refuse_elsewhere(request.query_params)
        refuse_unknown(request.query_params, tuple(_names(request.scope["route"].dependant)))


def _names(dependant: Dependant) -> Iterable[str]:
    yield from (field.alias for field in dependant.query_params)
    for inner in dependant.dependencies:
        yield from _names(inner)


CHECKED: Final = [Depends(_checked)]
"""For every router under /api. The hot routes are checked in `asking`, where their parameters are read."""
