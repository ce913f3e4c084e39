"""Which actions a caller may know of: those that a role lets the caller apply or approve, and that name nothing hidden.

An action is hidden whole, or not at all: if one thing that it sets, reads, links or calls is hidden, it is an unknown action.
Whether it may be applied to these objects, as they are, is asked in `actions`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from palantir_assets.access.policy import Rights
from palantir_assets.ontology.criteria import expression_of, reads
from palantir_assets.ontology.paths import template_fields
from palantir_assets.ontology.served import ServedOntology
from palantir_assets.ontology.served_actions import ServedAction, ServedActionParameter, ServedMail, ServedStep
from palantir_assets.ontology.served_parts import ServedType

Types = Mapping[str, ServedType]


def known_actions(rights: Rights, ontology: ServedOntology, types: Types, functions: Collection[str]) -> dict[str, ServedAction]:
    """The actions of an ontology that a caller may know of.

    `types` are those that the caller sees, cut to what is seen, `functions` those that the caller may call.
    """
    return {name: action for name, action in ontology.actions.items() if _known(rights, ontology, types, functions, action)}


def used_mails(ontology: ServedOntology, actions: Mapping[str, ServedAction]) -> dict[str, ServedMail]:
    """The mails that these actions send."""
    names = {name for action in actions.values() for name in _mails(action)}
    return {name: mail for name, mail in ontology.mails.items() if name in names}


def _known(rights: Rights, ontology: ServedOntology, types: Types, functions: Collection[str], action: ServedAction) -> bool:
    if not rights.roles & {*action.allow, *action.approve}:
        return False
    told = all(_tells(types, parameter) for parameter in action.parameters.values())
    return told and all(_takes(types, functions, action, step) for step in action.do) and _sees(ontology, types, action)


def _tells(types: Types, parameter: ServedActionParameter) -> bool:
    """Whether a parameter is of a type that is seen, and its choices come from what is."""
    if parameter.object is not None and parameter.object not in types:
        return False
    choices = parameter.choices
    if choices is None:
        return True
    if choices.object not in types or choices.property not in types[choices.object].properties:
        return False
    names = reads(choices.where) if choices.where is not None else frozenset()
    return all(name.startswith("caller.") or name in types[choices.object].properties for name in names)


def _takes(types: Types, functions: Collection[str], action: ServedAction, step: ServedStep) -> bool:
    """Whether what a step changes is all seen. What is not seen may not be set; of a function's edits that is asked when it gives them."""
    if step.verb == "function":
        there = all(name in types for name in step.types)
        return there and step.what in functions and all(owner in types and link in types[owner].links for owner, link in step.links)
    if step.source is not None:
        source = action.parameters[step.source].object
        return source is not None and source in types and step.what in types[source].links
    owner = step.what if step.verb in ("create", "create_or_modify") else action.parameters[step.what].object
    return owner is not None and owner in types and all(name in types[owner].properties for name in step.set)


def _sees(ontology: ServedOntology, types: Types, action: ServedAction) -> bool:
    """Whether no expression and no mail of an action reads a property of its objects that is hidden."""
    for name in _read(ontology, action):
        word, _, prop = name.partition(".")
        parameter = action.parameters.get(word)
        owner = parameter.object if parameter is not None else None
        if owner is not None and prop in ontology.types[owner].properties and prop not in types[owner].properties:
            return False
    return True


def _read(ontology: ServedOntology, action: ServedAction) -> Iterator[str]:
    values = [parameter.default for parameter in action.parameters.values()]
    values += [value for step in action.do for value in (step.key, *step.set.values(), *step.given.values())]
    said = [text for value in values if (text := expression_of(value)) is not None]
    conditions = [step.when for step in action.do if step.when is not None]
    for text in (*said, *conditions, *(criterion.that for criterion in action.require)):
        yield from reads(text)
    for name in _mails(action):
        if (mail := ontology.mails.get(name)) is not None:
            for text in (mail.subject.en, mail.subject.ko or "", mail.text.en, mail.text.ko or ""):
                yield from template_fields(text)


def _mails(action: ServedAction) -> list[str]:
    return [name for effect in (*action.then, *action.undo) if effect.kind == "mail" for name in effect.names]
