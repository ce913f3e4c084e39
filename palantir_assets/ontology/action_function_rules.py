"""What must hold of a step that calls a function: it gives edits, is told what it takes, and may change what exists.

What it then changes is judged when the action is planned, like what any other step does: `actions.calling`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from palantir_assets.errors import did_you_mean
from palantir_assets.ontology.action_scope import fitting_parameter, misfit, types_of
from palantir_assets.ontology.criteria import expression_of
from palantir_assets.ontology.expressions import Kind, kind_of
from palantir_assets.ontology.reading import Loaded
from palantir_assets.ontology.spec import Action, ActionParameter, Function, Parameter, Scalar, Step
from palantir_assets.ontology.wording import a

Found = Iterator[tuple[str, str]]
"""(message, hint) of every problem of one step."""


def function_holds(loaded: Loaded, action: Action, step: Step, kinds: Mapping[str, Kind]) -> Found:
    """Every problem of a step that calls a function; `kinds` are those of the names that the action's expressions read."""
    name = step.function or ""
    function = loaded.ontology.functions.get(name)
    if loaded.lacks(name, "functions"):
        yield f"it calls unknown function {name!r}", did_you_mean(name, loaded.ontology.functions)
    if function is not None:
        if function.output.type != "edits":
            yield f"the function {name!r} gives {a(function.output.type)}, and no edits", "declare its `output: edits`, and return them"
        yield from _told(loaded, action, step, function, kinds)
    if not step.edits:
        yield f"it lists nothing that {name!r} may change", "add `edits: […]`"
    for change in step.edits:
        yield from _changes(loaded, change)


def _told(loaded: Loaded, action: Action, step: Step, function: Function, kinds: Mapping[str, Kind]) -> Found:
    for word in step.with_:
        if word not in function.parameters:
            yield f"{step.function!r} has no parameter {word!r}", did_you_mean(word, function.parameters)
    for word, parameter in function.parameters.items():
        value = step.with_.get(word)
        if parameter.type in ("object_set", "struct"):
            yield f"{step.function!r} takes {word!r}, {a(parameter.type)}, which no action can tell it", "take an array of keys, or scalars"
        elif value is None and not parameter.optional:
            yield f"it does not tell {step.function!r} its parameter {word!r}", "add it to `with`, or make it optional"
        elif message := _misfit(loaded, action, parameter, value, kinds):
            yield f"what it tells {step.function!r} as {word!r} {message}", ""


def _misfit(loaded: Loaded, action: Action, parameter: Parameter, value: Scalar | None, kinds: Mapping[str, Kind]) -> str:
    """Why a value cannot be what a function takes, in words; empty where it can."""
    told = action.parameters.get(expression_of(value) or "")
    match parameter.type:
        case "array":
            return misfit(value, "array", kinds) or _of_others(loaded, told, parameter)
        case "object":
            return _misfit_object(loaded, told, parameter, value, kinds)
        case "object_set" | "struct" | "edits":
            return ""  # told elsewhere
        case scalar:
            return misfit(value, scalar, kinds)


def _misfit_object(
    loaded: Loaded, told: ActionParameter | None, parameter: Parameter, value: Scalar | None, kinds: Mapping[str, Kind]
) -> str:
    if told is not None and told.object is not None and not told.list and told.object != parameter.object:
        return f"is {a(told.object)} where {a(parameter.object or '')} is needed"
    owner = loaded.ontology.objects.get(parameter.object or "")
    key = types_of(loaded.ontology, owner.name).get(owner.key) if owner else None
    return misfit(value, key, kinds) if key is not None else ""


def _of_others(loaded: Loaded, told: ActionParameter | None, parameter: Parameter) -> str:
    """Why a list holds other values than an array takes; empty where it does not, or nobody can tell."""
    held = fitting_parameter(told, loaded.ontology) if told is not None else None
    if held is None or parameter.of is None or kind_of(held) == kind_of(parameter.of):
        return ""
    return f"is a list of {held} where one of {parameter.of} is needed"


def _changes(loaded: Loaded, change: str) -> Found:
    owner, dot, name = change.partition(".")
    if loaded.lacks(owner):
        yield f"`edits` lists unknown object type {owner!r}", did_you_mean(owner, loaded.ontology.objects)
    object_type = loaded.ontology.objects.get(owner)
    if not dot or object_type is None:
        return
    link = object_type.links.get(name)
    if link is None:
        if not loaded.broken.may_link(owner, name):
            yield f"`edits` lists {change!r}, and {owner} has no link {name!r} of its own", did_you_mean(name, object_type.links)
    elif link.by is not None:
        yield f"`edits` lists {change!r}, a link by the property {link.by!r}", f"list `{owner}`, and set {link.by!r}"
    elif link.through is not None:
        hint = f"list `{link.through.object}`, and create or delete {a(link.through.object)}"
        yield f"`edits` lists {change!r}, a link through objects of {link.through.object}", hint
