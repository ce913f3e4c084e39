"""What planning an action needs to know of the world: declared here, answered by `engine` with the caller's rights.

What the caller may not see is not there: the two are not told apart.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from palantir_assets.actions.edits import Json, Values


@dataclass(frozen=True, slots=True)
class Found:
    """An object as it is now, edits included: its properties as JSON, its title, and how often it was edited."""

    values: Values
    version: int = 0
    title: str = ""


class World(Protocol):
    """The objects and links that one caller sees at one moment."""

    def find(self, object_type: str, key: str) -> Found | None:
        """An object by its key, or None."""
        ...

    def version(self, object_type: str, key: str) -> int:
        """How often an object was edited, also one that is gone; 0 for one that nobody edited."""
        ...

    def having(self, object_type: str, name: str, value: Json) -> Iterable[Values]:
        """The objects whose property `name` has a value."""
        ...

    def linked(self, link: str, source: str, target: str) -> bool:
        """Whether a pair of keys is linked, by a stored link's name."""
        ...
