"""Plain data as forms, and what is wrong with it in words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pydantic import TypeAdapter, ValidationError

from palantir_assets.errors import QueryError
from palantir_assets.query.sets import ObjectSet, check_form

_FORM: Final[TypeAdapter[ObjectSet]] = TypeAdapter(ObjectSet)


def parse_set(raw: Mapping[str, object]) -> ObjectSet:
    """An object set from plain data. Raises QueryError that names what it cannot use."""
    check_form(raw)
    try:
        return _FORM.validate_python(raw)
    except ValidationError as error:
        raise QueryError("objectSet: " + in_words(error)) from None


def in_words(error: ValidationError) -> str:
    """What pydantic found, each with its place."""
    found = [(".".join(str(part) for part in problem["loc"]) or "query", problem["msg"]) for problem in error.errors(include_url=False)]
    return "; ".join(f"{place}: {message[:300]}" for place, message in found[:10])
