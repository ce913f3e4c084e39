"""What must hold of the steps that actions take: what they change exists, can be changed, and gets values that fit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from palantir_assets.errors import Problem, did_you_mean
from palantir_assets.ontology.action_function_rules import Found, function_holds
from palantir_assets.ontology.action_scope import SETTABLE, fitting_parameter, misfit, scope_of, types_of, untrue
from palantir_assets.ontology.expressions import Kind
from palantir_assets.ontology.reading import Loaded
from palantir_assets.ontology.spec import Action, LinkStep, ObjectType, Scalar, Step
from palantir_assets.ontology.wording import a


def steps_hold(loaded: Loaded) -> Iterator[Problem]:
    for name, action in loaded.ontology.actions.items():
        if any(fitting_parameter(parameter, loaded.ontology) is None for parameter in action.parameters.values()):
            continue  # told where the parameter is
        if not action.do:
            yield Problem(f"action {name!r}: it does nothing", loaded.place("actions", name, "do"), "add a step, such as `{modify: …}`")
        for index, step in enumerate(action.do):
            place = loaded.place("actions", name, "do", index)
            for message, hint in _step(loaded, action, step):
                yield Problem(f"action {name!r}: {message}", place, hint)


def _step(loaded: Loaded, action: Action, step: Step) -> Found:
    linked, told = step.link or step.unlink, step.modify or step.delete or ""
    kinds = scope_of(loaded.ontology, action, each=(linked.from_, linked.to) if linked else (told,))
    if step.when is not None and (message := untrue(step.when, kinds)):
        yield f"`when` of a step: {step.when!r}: {message}", ""
    if step.function is not None:
        yield from function_holds(loaded, action, step, kinds)
        yield from _idle(step, "key", "set")
        return
    yield from _idle(step, "with", "edits")
    made = step.create or step.create_or_modify
    if linked is not None:
        yield from _linked(loaded, action, step, linked)
        yield from _idle(step, "key", "set")
        return
    if made is not None:
        if loaded.lacks(made):
            yield f"it creates objects of unknown type {made!r}", did_you_mean(made, loaded.ontology.objects)
        object_type = loaded.ontology.objects.get(made)
    else:
        yield from _is_an_object(action, told)
        parameter = action.parameters.get(told)
        object_type = loaded.ontology.objects.get(parameter.object or "") if parameter else None
        yield from _idle(step, "key", *(("set",) if step.delete else ()))
    if object_type is None:
        return
    yield from _values(loaded, object_type, step.set, kinds)
    if made is not None:
        yield from _made(loaded, object_type, step, kinds)
    if step.modify and not step.set:
        yield f"it modifies {step.modify!r} and sets nothing", "add `set: {…}`"


def _values(loaded: Loaded, object_type: ObjectType, values: Mapping[str, Scalar | None], kinds: Mapping[str, Kind]) -> Found:
    types = types_of(loaded.ontology, object_type.name)
    for name, value in values.items():
        prop = object_type.properties.get(name)
        what = f"{name!r} of {object_type.name}"
        if prop is None and name in types:
            yield f"it sets {what}, which a graph or a model writes", "set a property of its own"
        elif prop is None:
            if not loaded.broken.may_have(object_type.name, name):
                yield f"it sets unknown property {what}", did_you_mean(name, object_type.properties)
        elif prop.derived is not None:
            yield f"it sets {what}, which is derived", "set what it is derived from"
        elif name == object_type.key:
            yield f"it sets {what}, which is the key", "a key never changes; of what is created it stands in `key`"
        elif name in types and types[name] not in SETTABLE:
            yield f"it sets {what}, {a(types[name])}, which an action cannot", "make it in the dbt model"
        elif value is None and not prop.optional:
            yield f"it sets {what} to null, and it is not optional", "add `optional: true` to the property"
        elif name in types and (message := misfit(value, types[name], kinds)):
            yield f"what it sets {what} to {message}", ""


def _made(loaded: Loaded, object_type: ObjectType, step: Step, kinds: Mapping[str, Kind]) -> Found:
    """A created object has a key, and everything that may not be null."""
    types = types_of(loaded.ontology, object_type.name)
    if step.key is None:
        yield f"it creates {a(object_type.name)} without a key", "add `key: $…`"
    elif object_type.key in types and (message := misfit(step.key, types[object_type.key], kinds)):
        yield f"the key of what it creates {message}", ""
    for name, prop in object_type.properties.items():
        free = prop.optional or prop.derived is not None or prop.default is not None or name == object_type.key
        if not free and name not in step.set:
            yield f"it creates {a(object_type.name)} without {name!r}, which is not optional", f"add it to `set`, or make {name!r} optional"


def _linked(loaded: Loaded, action: Action, step: Step, linked: LinkStep) -> Found:
    yield from _is_an_object(action, linked.from_)
    yield from _is_an_object(action, linked.to)
    if all(word in action.parameters and action.parameters[word].list for word in (linked.from_, linked.to)):
        yield "it links a list with a list", "let one of them be a single object"
    ends = [action.parameters[word].object for word in (linked.from_, linked.to) if word in action.parameters]
    source = loaded.ontology.objects.get(ends[0] or "") if len(ends) == 2 else None
    if source is None:
        return
    link = source.links.get(linked.link)
    if link is None:
        if not loaded.broken.may_link(source.name, linked.link):
            yield f"{source.name} has no link {linked.link!r} of its own", did_you_mean(linked.link, source.links)
        return
    if link.to != ends[1]:
        yield f"the link {linked.link!r} leads to {link.to}, and {linked.to!r} is {a(ends[1] or 'value')}", ""
    if link.through is not None:
        yield f"the link {linked.link!r} goes through objects of {link.through.object}", f"create or delete {a(link.through.object)}"
    if link.by is not None and step.unlink and not link.optional:
        yield f"the link {linked.link!r} may not be missing", "link to another object, or make the link optional"


def _is_an_object(action: Action, word: str) -> Found:
    parameter = action.parameters.get(word)
    if parameter is None:
        yield f"unknown parameter {word!r}", did_you_mean(word, action.parameters)
    elif parameter.object is None:
        yield f"the parameter {word!r} is no object", "write `{object: …}`"


def _idle(step: Step, *words: str) -> Found:
    does = "calls a function" if step.function else f"is to {step.verb}"
    for word in words:
        if getattr(step, "with_" if word == "with" else word) not in (None, {}, ()):
            yield f"`{word}` says nothing where it {does}", "leave it out"
