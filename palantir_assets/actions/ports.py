"""What planning an action needs to know of the world: declared here, answered by `engine` with the caller's rights.

What the caller may not see is not there: the two are not told apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from palantir_assets.actions.edits import Edit, Json, Values

Closed = Literal["taken", "erased", "partly seen"]
"""Why nothing can be made under a key where nothing is seen: something hidden is there, was erased, or it needs what is hidden."""


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

    def closed(self, object_type: str, key: str) -> Closed | None:
        """Why no object can be made under a key at which none is found; None where one can."""
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

    def gives(self, function: str, told: Mapping[str, Json], planned: Sequence[Edit] = ()) -> Json:
        """What a function gives who is called by this caller, over these objects as planned edits would make them.

        Raises FunctionError, or QueryError for what it is told.
        """
        ...
