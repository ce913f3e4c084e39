"""What an action is told, judged: each parameter typed, held against its bounds and its choices, objects found."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, Final

from palantir_assets.access.principal import Principal
from palantir_assets.actions.edits import Json
from palantir_assets.actions.ports import Found, World
from palantir_assets.actions.values import Unfit, json_value, key_text, named_values, python_value
from palantir_assets.actions.verdicts import Finding, failed
from palantir_assets.errors import did_you_mean
from palantir_assets.ontology.criteria import expression_of, plain_of
from palantir_assets.ontology.evaluating import evaluate, holds
from palantir_assets.ontology.expressions import ExpressionError
from palantir_assets.ontology.served import ServedOntology
from palantir_assets.ontology.served_actions import ServedAction, ServedActionParameter
from palantir_assets.query.values import InvalidValue, typed_value

MOST_LISTED: Final = 1000
"""The longest list that an action is told."""


@dataclass(frozen=True, slots=True)
class OfMany:
    """One object of a list: its key, itself, and the names that expressions read of it."""

    key: str
    found: Found
    names: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    """What an action was told: names for expressions, and the objects that parameters are; one left out is missing there."""

    names: Mapping[str, Any]
    objects: Mapping[str, tuple[str, Found]]
    """parameter → (key, object)"""
    types: Mapping[str, str]
    """parameter → object type"""
    findings: tuple[Finding, ...]
    many: Mapping[str, tuple[OfMany, ...]] = field(default_factory=dict)
    """parameter → the objects of a list"""


class _Wrong(ValueError):
    def __init__(self, en: str, ko: str) -> None:
        super().__init__(en)
        self.en, self.ko = en, ko


def told(
    action: ServedAction, parameters: Mapping[str, Json], *, ontology: ServedOntology, world: World, caller: Principal, now: datetime
) -> Told:
    """Every parameter judged, in declared order, after those that nobody declared. `now` is UTC without an offset."""
    names: dict[str, Any] = {**caller_names(caller), "now": now, "today": now.date()}
    types = {word: parameter.object for word, parameter in action.parameters.items() if parameter.object}
    so_far = Told(names, {}, types, tuple(_unknown(action, word) for word in parameters if word not in action.parameters))
    for word, parameter in action.parameters.items():
        so_far = _with(so_far, word, parameter, parameters.get(word), ontology, world)
    return so_far


def each_of(heard: Told, lists: Iterable[str]) -> Iterator[Told]:
    """What was told, once for each object of these lists, as if that had been told alone."""
    words = [word for word in lists if word in heard.many]
    if not words:
        yield heard
        return
    word, rest = words[0], {name: many for name, many in heard.many.items() if name != words[0]}
    for one in heard.many[word]:
        alone = {**heard.objects, word: (one.key, one.found)}
        yield from each_of(replace(heard, names={**heard.names, **one.names}, objects=alone, many=rest), words[1:])


def caller_names(caller: Principal) -> dict[str, Any]:
    """What expressions may read of a caller. `roles` are those held in the end, included ones too."""
    return {
        **{f"caller.{name}": value for name, value in caller.attributes.items()},
        "caller.id": caller.id,
        "caller.roles": sorted(caller.roles),
    }


def _with(so_far: Told, word: str, parameter: ServedActionParameter, raw: Json, ontology: ServedOntology, world: World) -> Told:
    try:
        if parameter.list:
            so_far = _with_list(so_far, word, parameter, raw, ontology, world)
        else:
            value = _default(parameter, so_far.names) if raw is None else _typed(word, parameter, raw, ontology)
            if value is None and not parameter.optional:
                raise _Wrong("is needed", "필요합니다")
            so_far = so_far if value is None else _with_one(so_far, word, parameter, value, ontology, world)
    except _Wrong as wrong:
        return replace(so_far, findings=(*so_far.findings, failed(word, wrong.en, wrong.ko)))
    return replace(so_far, findings=(*so_far.findings, Finding(word, "passed")))


def _with_one(so_far: Told, word: str, parameter: ServedActionParameter, value: Any, ontology: ServedOntology, world: World) -> Told:
    _bounded(parameter, value, so_far.names, ontology, world)
    if parameter.object is None:
        return replace(so_far, names={**so_far.names, word: value})
    key = key_text(value)
    found = world.find(parameter.object, key)
    if found is None:
        raise _Wrong(f"there is no {parameter.object} {key!r}", f"{parameter.object} {key!r}이(가) 없습니다")
    named = {word: value, **named_values(word, ontology.types[parameter.object], found.values)}
    return replace(so_far, names={**so_far.names, **named}, objects={**so_far.objects, word: (key, found)})


def _with_list(so_far: Told, word: str, parameter: ServedActionParameter, raw: Json, ontology: ServedOntology, world: World) -> Told:
    if raw in (None, []):
        if not parameter.optional:
            raise _Wrong("is needed", "필요합니다")
        return so_far
    if not isinstance(raw, list) or len(raw) > MOST_LISTED:
        raise _Wrong(f"must be a list of at most {MOST_LISTED}", f"{MOST_LISTED}개 이하의 목록이어야 합니다")
    values: list[Any] = []
    many: list[OfMany] = []
    for number, each in enumerate(raw, 1):
        try:
            value = _typed(word, parameter, each, ontology)
            alone = _with_one(Told(so_far.names, {}, so_far.types, ()), word, parameter, value, ontology, world)
        except _Wrong as wrong:
            raise _Wrong(f"value {number}: {wrong.en}", f"{number}번째 값: {wrong.ko}") from None
        if value in values and parameter.object is not None:
            raise _Wrong(f"value {number}: stands twice", f"{number}번째 값: 두 번 있습니다")
        values.append(value)
        if word in alone.objects:
            mine = {name: held for name, held in alone.names.items() if name == word or name.startswith(f"{word}.")}
            many.append(OfMany(*alone.objects[word], mine))
    listed = {**so_far.many, word: tuple(many)} if parameter.object is not None else so_far.many
    return replace(so_far, names={**so_far.names, word: values}, many=listed)


def _default(parameter: ServedActionParameter, names: Mapping[str, Any]) -> Any:
    text = expression_of(parameter.default)
    if text is not None:
        try:
            return evaluate(text, names)
        except ExpressionError as error:
            raise _Wrong(f"its default cannot be told: {error}", f"기본값을 구할 수 없습니다: {error}") from None
    return python_value("string" if parameter.type == "object" else parameter.type, plain_of(parameter.default))


def _typed(word: str, parameter: ServedActionParameter, raw: Json, ontology: ServedOntology) -> Any:
    kind = parameter.type
    if parameter.object is not None:
        owner = ontology.find_type(parameter.object)
        key = owner.properties[owner.key].type
        raw, kind = int(raw) if key != "string" and isinstance(raw, str) and re.fullmatch(r"-?\d{1,19}", raw) else raw, key  # type: ignore[assignment]  # a key is a string, integer or long
    try:
        return typed_value(word, kind, raw)  # type: ignore[arg-type]  # an object's is its key's
    except InvalidValue as error:
        raise _Wrong(f"must be of type {error.expected}", f"{error.expected} 형식이어야 합니다") from None


def _bounded(parameter: ServedActionParameter, value: Any, names: Mapping[str, Any], ontology: ServedOntology, world: World) -> None:
    if parameter.length is not None and not parameter.length[0] <= len(value) <= parameter.length[1]:
        least, most = parameter.length
        raise _Wrong(f"must have {least} to {most} characters", f"{least}~{most}자여야 합니다")
    if parameter.matches is not None and not re.search(parameter.matches, value):
        raise _Wrong(f"must match {parameter.matches}", f"{parameter.matches} 형식이어야 합니다")
    if parameter.min is not None and value < _comparable(parameter.min, value):
        raise _Wrong(f"must be {_shown(parameter.min)} at the least", f"{_shown(parameter.min)} 이상이어야 합니다")
    if parameter.max is not None and value > _comparable(parameter.max, value):
        raise _Wrong(f"must be {_shown(parameter.max)} at the most", f"{_shown(parameter.max)} 이하여야 합니다")
    if parameter.one_of is not None and value not in parameter.one_of:
        listed = ", ".join(map(str, parameter.one_of))
        raise _Wrong(f"must be one of {listed}", f"다음 중 하나여야 합니다: {listed}")
    if parameter.choices is not None and not _chosen(parameter, value, names, ontology, world):
        raise _Wrong("is none of the values to choose from", "선택할 수 있는 값이 아닙니다")


def _shown(bound: float | date) -> str:
    return bound.isoformat() if isinstance(bound, date) else str(int(bound)) if bound == int(bound) else str(bound)


def _comparable(bound: float | date, value: Any) -> Any:
    """Dates stand beside dates; a number of YAML beside any number."""
    return bound if isinstance(bound, date) or isinstance(value, float) else type(value)(bound) if not isinstance(value, int) else bound


def _chosen(parameter: ServedActionParameter, value: Any, names: Mapping[str, Any], ontology: ServedOntology, world: World) -> bool:
    choices = parameter.choices
    if choices is None:
        return True
    owner = ontology.find_type(choices.object)
    caller = {name: held for name, held in names.items() if name.startswith("caller.")}
    try:
        sought = json_value(owner.properties[choices.property], value)
    except Unfit:
        return False
    for values in world.having(choices.object, choices.property, sought):
        own = {name: python_value(prop.type, values.get(name)) for name, prop in owner.properties.items()}
        if choices.where is None or holds(choices.where, {**caller, **own}):
            return True
    return False


def _unknown(action: ServedAction, word: str) -> Finding:
    hint = did_you_mean(word, action.parameters)
    return failed(word, f"there is no such parameter{f'; {hint}' if hint else ''}", "그런 매개변수가 없습니다")
