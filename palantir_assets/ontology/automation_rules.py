"""What must hold of rules: what they look for exists, can change in that way, and what follows can leave."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from palantir_assets.errors import Problem, did_you_mean
from palantir_assets.ontology.action_rules import effect_problems
from palantir_assets.ontology.action_scope import types_of, untrue
from palantir_assets.ontology.expressions import Kind, kind_of
from palantir_assets.ontology.paths import template_fields
from palantir_assets.ontology.reading import Loaded
from palantir_assets.ontology.spec import Rule
from palantir_assets.ontology.wording import a

WORDS: Final[Mapping[str, Kind]] = {"rule": "string", "at": "string", "count": "number", "keys": "string"}
"""What the mail of a rule may read: its label, the difference, how many objects met it, and the keys of the first of them."""


def rules_hold(loaded: Loaded) -> Iterator[Problem]:
    for name, rule in loaded.ontology.rules.items():
        if rule.object not in loaded.ontology.objects:
            if loaded.lacks(rule.object):
                hint = did_you_mean(rule.object, loaded.ontology.objects)
                yield Problem(f"rule {name!r}: unknown object type {rule.object!r}", loaded.place("rules", name, "object"), hint)
            continue
        for word, message, hint in _looked_for(loaded, rule):
            yield Problem(f"rule {name!r}: {message}", loaded.place("rules", name, word), hint)


def what_follows_holds(loaded: Loaded) -> Iterator[Problem]:
    for name, rule in loaded.ontology.rules.items():
        place = loaded.place("rules", name, "then")
        for effect in rule.then:
            for message, hint in effect_problems(loaded, effect):
                yield Problem(f"rule {name!r}: {message}", place, hint)
            if effect.mail is None:
                continue
            if effect.mail.to == "caller":
                yield Problem(f"rule {name!r}: it writes to `caller`, and nobody calls it", place, "write to `role:…` or an address")
            role = effect.mail.to.removeprefix("role:")
            if effect.mail.to.startswith("role:") and loaded.lacks(role, "roles"):
                yield Problem(f"rule {name!r}: unknown role {role!r}", place, did_you_mean(role, loaded.ontology.roles))
            yield from _unfilled(loaded, name, effect.mail.template)


def _looked_for(loaded: Loaded, rule: Rule) -> Iterator[tuple[str, str, str]]:
    """(keyword, message, hint) of everything that cannot be looked for."""
    types = types_of(loaded.ontology, rule.object)
    named = [("properties", each) for each in rule.properties] + ([("crossing", rule.crossing.property)] if rule.crossing else [])
    for word, prop in named:
        if prop not in types and not loaded.broken.may_have(rule.object, prop):
            yield word, f"unknown property {prop!r} of {rule.object}", did_you_mean(prop, types)
    if rule.properties and rule.on != "modified":
        yield "properties", f"`properties` says nothing of what is {rule.on}", "leave it out"
    if (rule.on == "crossed") != (rule.crossing is not None):
        yield "on", "`on: crossed` and `crossing` belong together", "such as `crossing: {property: …, above: 10}`"
    if rule.crossing is not None and rule.crossing.property in types and kind_of(types[rule.crossing.property]) != "number":
        yield "crossing", f"{rule.crossing.property!r} is {a(types[rule.crossing.property])} and crosses no bound", "name a number"
    kinds = {name: kind_of(type_) for name, type_ in types.items()}
    if rule.where is not None and (message := untrue(rule.where, kinds)):
        yield "where", f"{rule.where!r}: {message}", ""


def _unfilled(loaded: Loaded, name: str, template: str) -> Iterator[Problem]:
    mail = loaded.ontology.mails.get(template)
    said = (mail.subject.en, mail.subject.ko or "", mail.text.en, mail.text.ko or "") if mail else ()
    for path in dict.fromkeys(path for text in said for path in template_fields(text)):
        if path not in WORDS:
            hint = did_you_mean(path, WORDS) or f"known: {', '.join(WORDS)}"
            yield Problem(f"mail {template!r} reads {path!r}, which rule {name!r} does not have", loaded.place("mails", template), hint)
