"""Who asks. A `Principal` is what every plan carries; how one is proved is `serving`'s affair."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

Attribute = str | int | float | bool | tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Principal:
    """A caller: a stable id, the roles and markings held in person, and the attributes that row policies read.

    What roles bring along (other roles, markings) is worked out from the release's rules, in `access.views`.

    >>> Principal("ada", frozenset({"viewer"})).markings
    frozenset()
    """

    id: str
    roles: frozenset[str] = frozenset()
    attributes: Mapping[str, Attribute] = field(default_factory=lambda: MappingProxyType({}))
    markings: frozenset[str] = frozenset()


BUILD: Final = Principal("build")
"""The build itself, which asks its own candidate; it holds no role, and sees by `views.whole` alone."""
