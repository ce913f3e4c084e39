"""Why a caller may read something, or may not, in plain words of two languages: for who may know of the rules.

The same questions in the same order as decisions are made: the type, then each property, its own rule before what it was
computed of. Which objects a row rule shows is `engine.explaining`'s affair.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from palantir_assets.access.policy import Rights, rights_of
from palantir_assets.access.views import View
from palantir_assets.ontology.served_access import PropertyRule, ServedAccess


@dataclass(frozen=True, slots=True)
class Reason:
    """One reason, in English and in Korean."""

    en: str
    ko: str


def why_type(view: View, access: ServedAccess, object_type: str) -> tuple[Reason, ...]:
    """Why no object of a type is read; nothing where the type may be read."""
    if object_type in view.ontology.types:
        return ()
    rules, rights = access.types.get(object_type), rights_of(view.principal, access)
    if rules is None:
        return (Reason(f"no rule lets anybody read {object_type}", f"{object_type}을(를) 읽게 하는 규칙이 없습니다"),)
    found = _lacking(object_type, rights, rules.read, rules.needs)
    return found or (
        Reason(f"the key of {object_type} is hidden, and the type with it", f"{object_type}의 키가 숨겨져 있어 유형도 숨겨집니다"),
    )


def why_property(view: View, access: ServedAccess, object_type: str, prop: str) -> tuple[Reason, ...]:
    """Why a property of a type that may be read is hidden; nothing where it is shown."""
    if prop not in view.hidden.get(object_type, frozenset()):
        return ()
    what, rule = f"{object_type}.{prop}", access.types[object_type].properties.get(prop, PropertyRule())
    own = _lacking(what, rights_of(view.principal, access), rule.roles, rule.needs)
    return (*own, *_computed(view, what, rule))


def _computed(view: View, what: str, rule: PropertyRule) -> Iterable[Reason]:
    for each in rule.reads.properties:
        owner, _, name = each.partition(".")
        if owner not in view.ontology.types or name in view.hidden.get(owner, frozenset()):
            yield Reason(f"{what} was computed of {each}, which is hidden", f"{what}은(는) 숨겨진 {each}에서 계산되었습니다")
    for each in rule.reads.rows_of:
        if each not in view.ontology.types or each in view.rules:
            en = f"{what} sums up the objects of {each}, not all of which are seen"
            yield Reason(en, f"{what}은(는) {each} 객체를 합친 값인데, 그중 보이지 않는 객체가 있습니다")


def _lacking(what: str, rights: Rights, roles: Iterable[str] | None, needs: Iterable[str]) -> tuple[Reason, ...]:
    found = []
    if roles is not None and not rights.roles & set(roles):
        wanted = sorted(roles)
        en, ko = f"no role may read {what}", f"{what}을(를) 읽을 수 있는 역할이 없습니다"
        if wanted:
            en = f"to read {what} needs the role {' or '.join(wanted)}"
            ko = f"{what}을(를) 읽으려면 {' 또는 '.join(wanted)} 역할이 필요합니다"
        found.append(Reason(en, ko))
    if lacking := sorted(set(needs) - rights.markings):
        names = ", ".join(lacking)
        found.append(Reason(f"to read {what} needs the marking {names}", f"{what}을(를) 읽으려면 {names} 마킹이 필요합니다"))
    return tuple(found)
