"""One rule and one caller: a decision with its reason.

What follows from all decisions for one caller (types, properties, links, rows) is told in `views`; the reasons are
for whoever may know that the rule is there, such as an administrator who asks why.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from palantir_assets.access.principal import Principal
from palantir_assets.ontology.served_access import ServedAccess


@dataclass(frozen=True, slots=True)
class Allowed:
    """Go ahead."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """No, and why: the same words stand in an explanation and in the audit log, and in no reply to the refused."""

    reason: str


Decision = Allowed | Refusal

ALLOWED: Final = Allowed()


@dataclass(frozen=True, slots=True)
class Rights:
    """What a caller holds under some rules: roles with all that they include, and markings with those that roles bring."""

    roles: frozenset[str]
    markings: frozenset[str]


def rights_of(principal: Principal, access: ServedAccess) -> Rights:
    """The caller's rights. A role that the rules do not know counts for nothing."""
    held, open_ = set[str](), [role for role in principal.roles if role in access.roles]
    while open_:
        role = open_.pop()
        if role not in held:
            held.add(role)
            open_ += [each for each in access.roles[role].includes if each in access.roles]
    brought = {name for name, marking in access.markings.items() if held & set(marking.roles)}
    return Rights(frozenset(held), principal.markings | brought)


def decide(rights: Rights, roles: Iterable[str] | None, needs: Iterable[str]) -> Decision:
    """Whether one of the roles is held (None: any caller) and all of the markings.

    >>> decide(Rights(frozenset({"viewer"}), frozenset()), ("viewer",), ("personal",))
    Refusal(reason='needs the marking personal')
    """
    if roles is not None and not rights.roles & set(roles):
        wanted = " or ".join(sorted(roles))
        return Refusal(f"needs the role {wanted}" if wanted else "no role is named that may")
    if lacking := sorted(set(needs) - rights.markings):
        return Refusal(f"needs the marking {', '.join(lacking)}")
    return ALLOWED
