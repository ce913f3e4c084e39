"""A step that calls a function: what the function is told, and the edits that it gives, taken as declared steps are.

A function gives edits and makes none. Whatever it gives goes through `drafts`, within what its step lists under `edits`.
How it is run is told in `functions`; the form of what it gives was judged there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, Literal

from palantir_assets.actions.declared import value_of
from palantir_assets.actions.drafts import EDITED, Draft, Wrong, created, deleted, fitted, modified, own, paired, there
from palantir_assets.actions.edits import Json
from palantir_assets.actions.parameters import Told
from palantir_assets.actions.values import Unfit, json_value, key_text
from palantir_assets.errors import (
    FunctionError,
    FunctionResultInvalid,
    FunctionsBusy,
    FunctionTooLarge,
    FunctionTooSlow,
    QueryError,
    did_you_mean,
)
from palantir_assets.ontology.action_scope import SETTABLE
from palantir_assets.ontology.served import ServedOntology
from palantir_assets.ontology.served_actions import ServedStep
from palantir_assets.ontology.served_parts import ServedFunction, ServedParameter, ServedProperty, ServedType
from palantir_assets.query.values import InvalidValue, typed_value

MOST_EDITS: Final = 1_000
"""The most edits that one call may give."""

FORMS: Final[Mapping[str, tuple[str, ...]]] = {
    "create": ("key", "set"), "modify": ("key", "set"), "create_or_modify": ("key", "set"), "delete": ("key",),
    "link": ("from", "to"), "unlink": ("from", "to"),
}  # fmt: skip
"""The edits that a function may give: the verb, and the words that stand beside it."""

_FAILED: Final[Mapping[type[FunctionError], tuple[str, str]]] = {
    FunctionTooSlow: ("it took longer than it may", "실행 시간 제한을 넘었습니다"),
    FunctionTooLarge: ("it asked for more memory than it may", "메모리 제한을 넘었습니다"),
    FunctionResultInvalid: ("it gave what is no list of edits; the log says what", "변경 목록이 아닌 값을 반환했습니다. 로그를 확인하세요"),
}
_ELSE: Final = ("it failed; the log says why", "실행하지 못했습니다. 로그를 확인하세요")
_WHOLE: Final = re.compile(r"-?\d{1,19}", re.ASCII)


def called(step: ServedStep, heard: Told, draft: Draft) -> Draft:
    """The draft with the edits that a function gives. Raises Wrong, or FunctionsBusy where it is to be asked later."""
    function = draft.ontology.find_function(step.what)
    given = _given(function, _told(function, step, heard, draft.ontology), draft)
    if len(given) > MOST_EDITS:
        en = f"it gives {len(given):,} edits, and at most {MOST_EDITS:,} may be"
        raise Wrong(en, f"변경이 {len(given):,}개이며 최대 {MOST_EDITS:,}개까지 가능합니다")
    for number, edit in enumerate(given, 1):
        try:
            draft = _taken(step, edit, draft)
        except Wrong as wrong:
            raise Wrong(f"edit {number}: {wrong.en}", f"{number}번째 변경: {wrong.ko}") from None
    return draft


def _given(function: ServedFunction, told: Mapping[str, Json], draft: Draft) -> list[Mapping[str, Json]]:
    """What the function gives. Why it gives nothing is told in general: its own words may name what not everybody sees."""
    try:
        return draft.gives(function.name, told) or []
    except FunctionsBusy:
        raise
    except FunctionError as error:
        raise Wrong(*_FAILED.get(type(error), _ELSE)) from None
    except QueryError as error:
        raise Wrong(f"it cannot be asked: {error.message}", f"호출할 수 없습니다: {error.message}") from None


def _told(function: ServedFunction, step: ServedStep, heard: Told, ontology: ServedOntology) -> dict[str, Json]:
    told = {}
    for word, declared in step.given.items():
        try:
            told[word] = _argument(function.parameters[word], declared, heard, ontology)
        except Unfit as error:
            raise Wrong(f"its {word} {error}", f"{word} 값이 맞지 않습니다: {error}") from None
    return told


def _argument(parameter: ServedParameter, declared: Json, heard: Told, ontology: ServedOntology) -> Json:
    match parameter.type:
        case "array":
            values = value_of(declared, "array", heard)
            of = ServedProperty(type=parameter.of or "string")
            return None if values is None else [json_value(of, value) for value in values]
        case "object":
            owner = ontology.find_type(parameter.object or "")
            key = ServedProperty(type=owner.properties[owner.key].type, optional=True)
            return json_value(key, value_of(declared, key.type, heard))
        case "object_set" | "struct" | "edits":
            raise Unfit("is nothing that an action can tell")
        case scalar:
            return json_value(ServedProperty(type=scalar, optional=True), value_of(declared, scalar, heard))


def _taken(step: ServedStep, edit: Mapping[str, Json], draft: Draft) -> Draft:
    verb = next(word for word in FORMS if word in edit)
    name = edit[verb]
    linking = verb in ("link", "unlink")
    if name not in step.edits or linking != ("." in name):
        raise Wrong(f"it may not {verb} {name!r}: the step does not list it under `edits`", f"{name!r}은(는) 변경 대상(`edits`)이 아닙니다")
    if linking:
        return _linked("link" if verb == "link" else "unlink", name, edit, draft)
    kind = draft.ontology.find_type(name)
    key, values = _key(kind, edit["key"]), _values(kind, edit.get("set", {}), draft)
    if verb == "create" or (verb == "create_or_modify" and draft.find(name, key_text(key)) is None):
        _has_all(kind, values)
        return created(draft, kind, key, values)
    found = there(draft, kind, key_text(key))
    if verb == "delete":
        return deleted(draft, kind, key_text(key), found)
    return modified(draft, kind, key_text(key), found, values) if values else draft


def _linked(verb: Literal["link", "unlink"], name: str, edit: Mapping[str, Json], draft: Draft) -> Draft:
    owner, _, link = name.partition(".")
    kind = draft.ontology.find_type(owner)
    other = draft.ontology.find_type(kind.links[link].to)
    source, target = key_text(_key(kind, edit["from"])), key_text(_key(other, edit["to"]))
    there(draft, kind, source)
    there(draft, other, target)
    return paired(draft, verb, kind, link, source, target)


def _key(kind: ServedType, raw: Json) -> Any:
    of = kind.properties[kind.key].type
    try:
        return typed_value(kind.key, of, int(raw) if of != "string" and isinstance(raw, str) and _WHOLE.fullmatch(raw) else raw)
    except InvalidValue:
        raise Wrong(f"a key of {kind.name} must be of type {of}", f"{kind.name}의 키는 {of} 형식이어야 합니다") from None


def _values(kind: ServedType, said: Mapping[str, Json], draft: Draft) -> dict[str, Json]:
    return {name: _value(kind, name, raw, draft) for name, raw in said.items()}


def _value(kind: ServedType, name: str, raw: Json, draft: Draft) -> Json:
    prop = kind.properties.get(name)
    if prop is None:
        hint = did_you_mean(name, kind.properties)
        raise Wrong(f"{kind.name} has no property {name!r}{f'; {hint}' if hint else ''}", f"{kind.name}에 {name!r} 속성이 없습니다")
    if name == kind.key:
        raise Wrong(f"{name} is the key of {kind.name}, and never changes", f"{name}은(는) {kind.name}의 키이므로 바꿀 수 없습니다")
    if prop.origin not in EDITED or prop.type not in SETTABLE:
        raise Wrong(f"{name} of {kind.name} cannot be set by an action", f"{kind.name}의 {name}은(는) 액션으로 바꿀 수 없습니다")
    try:
        return fitted(draft, kind, name, None if raw is None else typed_value(name, prop.type, raw))
    except InvalidValue:
        raise Wrong(f"{name} must be of type {prop.type}", f"{name}은(는) {prop.type} 형식이어야 합니다") from None


def _has_all(kind: ServedType, values: Mapping[str, Json]) -> None:
    """A created object has everything that may not be null; of a declared step that is checked with the specs."""
    for name, prop in own(kind).items():
        if not prop.optional and prop.default is None and name not in values and name != kind.key:
            raise Wrong(f"{name} of {kind.name} is needed", f"{kind.name}의 {name}이(가) 필요합니다")
