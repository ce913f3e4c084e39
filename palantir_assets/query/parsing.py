"""Plain data as object sets, for whoever holds one within another question. What is wrong with it is said in `wording`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from pydantic import TypeAdapter, ValidationError

from palantir_assets.errors import QueryError
from palantir_assets.query.sets import ObjectSet, check_form
from palantir_assets.query.wording import in_words

_FORM: Final[TypeAdapter[ObjectSet]] = TypeAdapter(ObjectSet)


def parse_set(raw: Mapping[str, object]) -> ObjectSet:
    """An object set from plain data. Raises QueryError that names what it cannot use."""
    check_form(raw)
    try:
        return _FORM.validate_python(raw)
    except ValidationError as error:
        raise QueryError(in_words(error.errors(include_url=False), raw, _FORM, within="objectSet")) from None
