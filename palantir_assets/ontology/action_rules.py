"""What must hold of actions: that they are told what they need, by whom, under which conditions, and what follows.

What must hold of the steps they take is in `action_step_rules`, of the properties they set in `edit_rules`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from palantir_assets.errors import Problem, did_you_mean
from palantir_assets.ontology.action_scope import (
    TAKEN,
    attribute_kinds,
    fits,
    fitting_parameter,
    lists_read,
    misfit,
    scope_of,
    types_of,
    untrue,
)  # fmt: skip
from palantir_assets.ontology.expressions import Kind, kind_of
from palantir_assets.ontology.paths import template_fields
from palantir_assets.ontology.reading import Loaded
from palantir_assets.ontology.spec import Action, ActionParameter, Choices, Effect, Ontology
from palantir_assets.ontology.wording import a

_IDLE: dict[str, tuple[str, ...]] = {
    "length": ("string",), "matches": ("string",),
    "min": ("integer", "long", "double", "decimal", "date"), "max": ("integer", "long", "double", "decimal", "date"),
}  # fmt: skip


def parameters_hold(loaded: Loaded) -> Iterator[Problem]:
    for name, action in loaded.ontology.actions.items():
        kinds = scope_of(loaded.ontology, action)
        for word, parameter in action.parameters.items():
            place = loaded.place("actions", name, "parameters", word)
            for message, hint in _parameter(loaded, word, parameter, kinds):
                yield Problem(f"action {name!r}: {message}", place, hint)


def callers_exist(loaded: Loaded) -> Iterator[Problem]:
    for name, action in loaded.ontology.actions.items():
        said: list[tuple[tuple[str, ...], str]] = [(("allow", "roles"), role) for role in action.allow.roles]
        said += [(("approve", "roles"), role) for role in action.approve.roles] if action.approve else []
        said += [((word,), effect.mail.to[5:]) for word, effect in _effects(action) if effect.mail and effect.mail.to.startswith("role:")]
        for path, role in said:
            if loaded.lacks(role, "roles"):
                hint = did_you_mean(role, loaded.ontology.roles) or "declare it under `roles`"
                yield Problem(f"action {name!r}: unknown role {role!r}", loaded.place("actions", name, *path), hint)


def criteria_hold(loaded: Loaded) -> Iterator[Problem]:
    for name, action in loaded.ontology.actions.items():
        for index, criterion in enumerate(action.require):
            place, lists = loaded.place("actions", name, "require", index, "that"), lists_read(action, criterion.that)
            kinds = scope_of(loaded.ontology, action, each=lists)
            if _grounded(loaded, action) and (message := untrue(criterion.that, kinds)):
                yield Problem(f"action {name!r}: {criterion.that!r}: {message}", place)
            if len(lists) > 1:
                yield Problem(f"action {name!r}: {criterion.that!r} reads objects of more than one list", place, "write two criteria")


def effects_hold(loaded: Loaded) -> Iterator[Problem]:
    for name, action in loaded.ontology.actions.items():
        for word, effect in _effects(action):
            for message, hint in effect_problems(loaded, effect):
                yield Problem(f"action {name!r}: {message}", loaded.place("actions", name, word), hint)
            if effect.mail is not None and effect.mail.template in loaded.ontology.mails and _grounded(loaded, action):
                yield from _unfilled(loaded, name, action, effect.mail.template)


def effect_problems(loaded: Loaded, effect: Effect) -> Iterator[tuple[str, str]]:
    """(message, hint) of everything that an effect names and nobody declares."""
    ontology = loaded.ontology
    if effect.mail is not None and loaded.lacks(effect.mail.template, "mails"):
        yield f"unknown mail {effect.mail.template!r}", did_you_mean(effect.mail.template, ontology.mails) or "declare it under `mails:`"
    if effect.webhook is not None and loaded.lacks(effect.webhook, "webhooks"):
        yield f"unknown webhook {effect.webhook!r}", did_you_mean(effect.webhook, ontology.webhooks) or "declare it under `webhooks:`"
    for asset in effect.materialize or ():
        known = _assets(ontology)
        if asset.partition(".")[0] not in ("staging", "marts") and asset not in known:
            yield f"there is no asset {asset!r}", did_you_mean(asset, known)


def _parameter(loaded: Loaded, word: str, parameter: ActionParameter, kinds: Mapping[str, Kind]) -> Iterator[tuple[str, str]]:
    ontology = loaded.ontology
    if word in TAKEN:
        yield f"{word!r} is a word of the language and no parameter's name", "choose another name"
    if (parameter.type is None) == (parameter.object is None):
        yield f"parameter {word!r} says either `type` or `object`", "such as `{type: string}` or `{object: …}`"
        return
    if parameter.object is not None and loaded.lacks(parameter.object):
        yield f"parameter {word!r} is of unknown object type {parameter.object!r}", did_you_mean(parameter.object, ontology.objects)
        return
    yield from _bounds(word, parameter)
    if parameter.list and parameter.default is not None:
        yield f"the list {word!r} has a default, and a list has none", "write `optional: true`"
    base = fitting_parameter(parameter, ontology)
    if base is None:
        return
    if message := misfit(parameter.default, base, kinds):
        yield f"the default of {word!r} {message}", ""
    for value in parameter.one_of or ():
        if not fits(value, base):
            yield f"`one_of` of {word!r} holds {value!r}, and it is {a(base)}", ""
    if parameter.choices is not None:
        yield from _choices(loaded, word, parameter.choices, kind_of(base))


def _bounds(word: str, parameter: ActionParameter) -> Iterator[tuple[str, str]]:
    type_ = parameter.type or "object"
    for bound, types in _IDLE.items():
        if getattr(parameter, bound) is not None and type_ not in types:
            yield f"`{bound}` says nothing of {word!r}, {a(type_)}", "leave it out"
    if parameter.length is not None and parameter.length[0] > parameter.length[1]:
        yield f"`length` of {word!r} is {list(parameter.length)}, which no text meets", "write the smaller one first"
    if isinstance(parameter.min, float) and isinstance(parameter.max, float) and parameter.min > parameter.max:
        yield f"`min` of {word!r} is greater than its `max`", "write the smaller one first"
    if parameter.matches is not None:
        try:
            re.compile(parameter.matches)
        except re.error as error:
            yield f"`matches` of {word!r} is no regular expression: {error}", ""


def _choices(loaded: Loaded, word: str, choices: Choices, wanted: Kind) -> Iterator[tuple[str, str]]:
    ontology = loaded.ontology
    if choices.object not in ontology.objects:
        if loaded.lacks(choices.object):
            yield f"{word!r} is chosen from unknown object type {choices.object!r}", did_you_mean(choices.object, ontology.objects)
        return
    types = types_of(ontology, choices.object)
    if choices.property not in types and not loaded.broken.may_have(choices.object, choices.property):
        hint = did_you_mean(choices.property, types)
        yield f"{word!r} is chosen from unknown property {choices.property!r} of {choices.object}", hint
    elif choices.property in types and kind_of(types[choices.property]) != wanted:
        yield f"{word!r} is chosen from {choices.property!r} of {choices.object}, {a(types[choices.property])}", ""
    kinds = {name: kind_of(type_) for name, type_ in types.items()} | attribute_kinds(ontology)
    if choices.where is not None and (message := untrue(choices.where, kinds)):
        yield f"{choices.where!r}: {message}", ""


def _unfilled(loaded: Loaded, name: str, action: Action, template: str) -> Iterator[Problem]:
    """A problem for every place in a mail that the action cannot fill."""
    mail, kinds = loaded.ontology.mails[template], scope_of(loaded.ontology, action)
    titles = {f"{word}.title" for word, parameter in action.parameters.items() if parameter.object and not parameter.list}
    said = (mail.subject.en, mail.subject.ko or "", mail.text.en, mail.text.ko or "")
    for path in dict.fromkeys(path for text in said for path in template_fields(text)):
        if path not in kinds and path not in titles:
            hint = did_you_mean(path, (*kinds, *titles))
            yield Problem(f"mail {template!r} reads {path!r}, which action {name!r} does not have", loaded.place("mails", template), hint)


def _effects(action: Action) -> list[tuple[str, Effect]]:
    return [("then", effect) for effect in action.then] + [("undo", effect) for effect in action.undo]


def _assets(ontology: Ontology) -> list[str]:
    found = [f"objects.{name}" for name in ontology.objects]
    found += [f"links.{source.name}__{name}" for source in ontology.objects.values() for name in source.links]
    found += [f"search.{source.name}" for source in ontology.objects.values() if source.search]
    return [*found, *(f"graph.{name}" for name in ontology.graphs), *(f"learning.{name}" for name in ontology.models)]


def _grounded(loaded: Loaded, action: Action) -> bool:
    """Whether every parameter can be told: else what reads it is not told as a second mistake."""
    return all(fitting_parameter(parameter, loaded.ontology) is not None for parameter in action.parameters.values())
