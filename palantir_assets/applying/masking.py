"""What leaves with an action, as its recipient may see it: whatever policy hides from them stands as dots.

A user gets what that user sees, of the objects that the action was told and of what its parameters were written into.
An address, or a webhook, is nobody whom rules know: it is named in the specs by who writes them, and gets no property
that a rule, a marking or `sensitive` keeps from anybody. Row rules cannot be asked of it, and do not bind it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final

from palantir_assets.access.principal import Principal
from palantir_assets.actions.drafts import own
from palantir_assets.applying.desk import Json, Standpoint
from palantir_assets.engine.world import seen_row
from palantir_assets.ontology.criteria import expression_of, reads
from palantir_assets.ontology.served_access import Reads, ServedAccess, TypeRules
from palantir_assets.ontology.served_actions import ServedAction

MASK: Final = "•••"
TITLE: Final = "title"


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who is told. `whole` says whether an object may be known of, `part` whether one of its properties, or its title.

    `every` says whether all that may be set of a type's objects may be known.
    """

    whole: Callable[[str, str], bool]
    part: Callable[[str, str], bool]
    every: Callable[[str], bool]


def user(at: Standpoint, principal: Principal) -> Recipient:
    """A user, before the release that the action was planned over."""
    there = at.of(principal)
    types = there.view.ontology.types

    def part(object_type: str, name: str) -> bool:
        if object_type not in types:
            return False
        own = name in types[object_type].properties
        return own or (name == TITLE and TITLE not in at.release.ontology.types[object_type].properties and _titled(object_type))

    def _titled(object_type: str) -> bool:
        return object_type not in there.view.untitled

    return Recipient(lambda object_type, key: seen_row(there.asking, object_type, key) is not None, part, _every(at, part))


def outside(at: Standpoint) -> Recipient:
    """An address or a webhook."""
    access = at.release.access

    def part(object_type: str, name: str) -> bool:
        rules = access.types.get(object_type)
        if rules is None or _kept(rules):
            return False
        if name == TITLE and TITLE not in at.release.ontology.types[object_type].properties:
            return _open(access, rules.title, frozenset())
        return _for_anybody(access, object_type, name, frozenset())

    return Recipient(lambda object_type, key: object_type in access.types and not _kept(access.types[object_type]), part, _every(at, part))


def names_for(to: Recipient, action: ServedAction, parameters: Mapping[str, Any], names: Mapping[str, Any]) -> dict[str, Any]:
    """What the places of a mail are filled with, for its recipient."""
    masked = set(hidden_parameters(to, action, parameters))
    told = {}
    for name, value in names.items():
        word, _, prop = name.partition(".")
        kind = action.parameters[word].object if word in action.parameters else None
        cut = word in masked or (kind is not None and prop != "" and not to.part(kind, prop))
        told[name] = MASK if cut and value is not None else value
    return told


def hidden_parameters(to: Recipient, action: ServedAction, parameters: Mapping[str, Any]) -> Iterator[str]:
    """Parameters that tell of an object or a property which the recipient may not see."""
    written = [name for kind, name, text in _written(action) if not to.part(kind, name) for name in reads(text)]
    written += [name for types, text in _told_functions(action) if not all(map(to.every, types)) for name in reads(text)]
    for word, parameter in action.parameters.items():
        value, chosen = parameters.get(word), parameter.choices
        unseen = parameter.object is not None and value is not None and not to.whole(parameter.object, str(value))
        if unseen or word in written or (chosen is not None and not to.part(chosen.object, chosen.property)):
            yield word


def difference_for(to: Recipient, shown: Mapping[str, Any]) -> Json:
    """A difference with dots for what the recipient may not see."""
    changes = []
    for change in shown["changes"]:
        held = change["properties"].items()
        kept = {name: pair if to.part(change["object_type"], name) else {"before": MASK, "after": MASK} for name, pair in held}
        changes.append({**change, "properties": kept})
    return {**shown, "changes": changes}


def _written(action: ServedAction) -> Iterator[tuple[str, str, str]]:
    """What an action writes: type, property, and the expression."""
    for step in action.do:
        if step.source is None and step.verb != "function":
            kind = step.what if step.verb in ("create", "create_or_modify") else action.parameters[step.what].object or ""
            for name, value in step.set.items():
                if (text := expression_of(value)) is not None:
                    yield kind, name, text


def _told_functions(action: ServedAction) -> Iterator[tuple[tuple[str, ...], str]]:
    """What an action tells functions, which may write it into any property: the types of these, and the expression."""
    for step in action.do:
        yield from ((step.types, text) for value in step.given.values() if (text := expression_of(value)) is not None)


def _every(at: Standpoint, part: Callable[[str, str], bool]) -> Callable[[str], bool]:
    types = at.release.ontology.types
    return lambda object_type: all(part(object_type, name) for name in own(types[object_type]))


def _for_anybody(access: ServedAccess, object_type: str, name: str, above: frozenset[str]) -> bool:
    """Whether no rule keeps a property, nor what it was computed from, from anybody who reads the type."""
    here, rules = f"{object_type}.{name}", access.types.get(object_type)
    if rules is None or _kept(rules):
        return False
    rule = rules.properties.get(name)
    if rule is None or here in above:
        return True
    return rule.roles is None and not rule.needs and not rule.sensitive and _open(access, rule.reads, above | {here})


def _open(access: ServedAccess, made_of: Reads, above: frozenset[str]) -> bool:
    rows = all(name in access.types and not _kept(access.types[name]) for name in made_of.rows_of)
    parts = (each.partition(".") for each in made_of.properties)
    return rows and all(_for_anybody(access, kind, name, above) for kind, _, name in parts)


def _kept(rules: TypeRules) -> bool:
    return bool(rules.needs) or rules.sensitive
