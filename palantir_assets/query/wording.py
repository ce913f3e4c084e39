"""What pydantic found wrong with a question, in the words of whoever asked: his names, what is needed there, what he may have meant."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final

from pydantic import BaseModel, TypeAdapter
from pydantic.alias_generators import to_camel

from palantir_assets.errors import did_you_mean

Problem = Mapping[str, Any]

_MOST: Final = 10
_NEEDED: Final = {
    "missing": "this is needed",
    "string_type": "text is needed",
    "int_type": "a whole number is needed",
    "int_parsing": "a whole number is needed",
    "int_from_float": "a whole number is needed",
    "float_type": "a number is needed",
    "float_parsing": "a number is needed",
    "finite_number": "a finite number is needed",
    "bool_type": "true or false is needed",
    "bool_parsing": "true or false is needed",
    "dict_type": "an object {…} is needed",
    "model_type": "an object {…} is needed",
    "model_attributes_type": "an object {…} is needed",
    "tuple_type": "a list […] is needed",
    "list_type": "a list […] is needed",
    "json_invalid": "this is not JSON",
}
_BOUNDS: Final = {
    "too_short": "at least {min_length} needed, not {actual_length}",
    "too_long": "at most {max_length} can be given, not {actual_length}",
    "string_too_short": "at least {min_length} characters are needed",
    "string_too_long": "at most {max_length} characters can be given",
    "greater_than_equal": "at least {ge}",
    "greater_than": "more than {gt}",
    "less_than_equal": "at most {le}",
    "less_than": "less than {lt}",
}
_OTHER_NAMES: Final = {"set": ("objectSet", "object_set"), "aggregations": ("aggregation",)}


def in_words(problems: Iterable[Problem], raw: object, form: type[BaseModel] | TypeAdapter[Any] | None = None, *, within: str = "") -> str:
    """Each problem with its place in `raw`, by the names that stand there; a misspelt key with one that `form` knows.

    `within` is where `raw` itself stands.
    """
    found: dict[str, dict[str, None]] = {}
    every = list(problems)
    within_lists = {problem["loc"][:-1] for problem in every} | {problem["loc"][:-2] for problem in every}
    for problem in every:
        if problem["type"] == "too_short" and tuple(problem["loc"]) in within_lists:
            continue  # what is wrong with its parts is told, and that they do not count follows from it
        place = ".".join([*([within] if within else []), *_place(problem, raw)]) or "body"
        found.setdefault(place, {})[_words(problem, form)] = None
    return "; ".join(f"{place}: {', or '.join(words)}" for place, words in list(found.items())[:_MOST])


def _place(problem: Problem, raw: object) -> Iterator[str]:
    """The way to a problem. What is not a key there is the kind of a form, which pydantic tells too."""
    way: Sequence[str | int] = problem["loc"]
    here = raw
    for at, part in enumerate(way):
        if isinstance(here, Mapping):
            name = next((name for name in _spellings(part) if name in here), None)
            if name is not None:
                here = here[name]
                yield str(name)
            elif problem["type"] == "missing" and at == len(way) - 1:
                yield str(part)
        elif isinstance(here, list | tuple) and isinstance(part, int) and part < len(here):
            here = here[part]
            yield str(part)


def _spellings(part: str | int) -> Iterator[str | int]:
    yield part
    if isinstance(part, str):
        yield from (to_camel(part), re.sub("([A-Z])", r"_\1", part).lower(), *_OTHER_NAMES.get(part, ()))


def _words(problem: Problem, form: type[BaseModel] | TypeAdapter[Any] | None) -> str:
    kind, context = problem["type"], problem.get("ctx", {})
    match kind:
        case "extra_forbidden":
            hint = did_you_mean(str(problem["loc"][-1]), _vocabulary(form)) if form is not None else ""
            return f"a key that is not known here; {hint}" if hint else "a key that is not known here"
        case "union_tag_invalid":
            return _one_of(context["tag"], context["expected_tags"], "unknown type")
        case "union_tag_not_found":
            return "a `type` is needed, which says what this is"
        case "literal_error":
            return _one_of(problem.get("input"), context["expected"], "unknown value")
        case _ if kind in _BOUNDS:
            return _BOUNDS[kind].format_map({name: str(value) for name, value in context.items()})
        case _:
            return _NEEDED.get(kind) or str(problem["msg"])[:300]


def _one_of(given: object, expected: str, what: str) -> str:
    """The choice that was probably meant, or all there are."""
    known = re.findall("'([^']*)'", expected)
    hint = did_you_mean(given, known) if isinstance(given, str) else ""
    shown = repr(given[:80]) if isinstance(given, str) else "this"
    return f"{what} {shown}; {hint or 'one of ' + ', '.join(known) + ' is needed'}"


@lru_cache(maxsize=64)
def _vocabulary(form: type[BaseModel] | TypeAdapter[Any]) -> tuple[str, ...]:
    """Every key of a form and of the forms within it."""
    schema = form.json_schema() if isinstance(form, TypeAdapter) else form.model_json_schema()
    parts = [schema, *schema.get("$defs", {}).values()]
    return tuple(dict.fromkeys(name for part in parts for name in part.get("properties", {})))
