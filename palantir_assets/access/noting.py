"""Which reads are sensitive, and what one answer was made of that goes on record.

A type is sensitive for a caller who reads something sensitive of it: the type itself, a property, or what was computed of
one. What is noted here leaves with the answer only after it is durable: `serving.recording` sees to that.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from palantir_assets.access.hiding import Hidden
from palantir_assets.ontology.served_access import Reads, ServedAccess


class Noted:
    """The sensitive types that one answer was made of, each with the keys of the objects that are told in it.

    A type without a key was asked of without one of its objects being told: a count, a filter, a way through it.
    """

    __slots__ = ("_found",)

    def __init__(self) -> None:
        self._found: dict[str, dict[str, None]] = {}

    def __bool__(self) -> bool:
        return bool(self._found)

    def note(self, object_type: str, keys: Iterable[str] = ()) -> None:
        """That something of a type is told, and of which objects."""
        self._found.setdefault(object_type, {}).update(dict.fromkeys(keys))

    def note_all(self, found: Mapping[str, Iterable[str]]) -> None:
        """What was noted elsewhere: in a process that was asked on the way."""
        for object_type, keys in found.items():
            self.note(object_type, keys)

    def taken(self) -> dict[str, tuple[str, ...]]:
        """All that was noted since the last time."""
        found, self._found = self._found, {}
        return {object_type: tuple(keys) for object_type, keys in found.items()}


def sensitive_types(hidden: Hidden, access: ServedAccess) -> frozenset[str]:
    """The types of which the caller may read something sensitive."""
    marks = frozenset(name for name, marking in access.markings.items() if marking.sensitive)
    whole = frozenset(name for name, rules in access.types.items() if rules.sensitive or not marks.isdisjoint(rules.needs))
    told = _properties(access, marks, whole)
    return frozenset(name for name in hidden.types if name in whole or _tells(name, hidden, access, told, whole))


def _tells(name: str, hidden: Hidden, access: ServedAccess, told: Collection[str], whole: Collection[str]) -> bool:
    cut, rules = hidden.properties[name], access.types[name]
    if any(f"{name}.{prop}" in told for prop in rules.properties if prop not in cut):
        return True
    parts = [reads for reads, kept in ((rules.title, hidden.untitled), (rules.search, hidden.unsearched)) if name not in kept]
    return any(_reads(reads, told, whole) for reads in parts)


def _properties(access: ServedAccess, marks: frozenset[str], whole: frozenset[str]) -> set[str]:
    """The sensitive properties, each `type.property`, and all that was computed of one."""
    rules = {f"{name}.{prop}": rule for name, type_rules in access.types.items() for prop, rule in type_rules.properties.items()}
    found = {name for name, rule in rules.items() if rule.sensitive or not marks.isdisjoint(rule.needs)}
    while more := {name for name, rule in rules.items() if name not in found and _reads(rule.reads, found, whole)}:
        found |= more
    return found


def _reads(reads: Reads, told: Collection[str], whole: Collection[str]) -> bool:
    return any(each in told for each in reads.properties) or any(each in whole for each in reads.rows_of)
