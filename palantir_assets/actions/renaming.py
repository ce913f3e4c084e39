"""What was said of a type under the name that it had before is said of the type of today.

Edits are kept for ever under the name of their day; `renamed_from` in the specs tells which name that was. Only the
last renaming of a type is known: what was said under a name before that one is not heard.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any, Protocol, TypeVar

from palantir_assets.actions.edits import Applied, Edit, LinkEdit

Names = Mapping[str, str]
"""A name of an object type, or of a stored link, before → today."""


class Renamed(Protocol):
    """An object type, as specs or as a release tell it."""

    @property
    def renamed_from(self) -> str | None: ...
    @property
    def links(self) -> Mapping[str, Any]: ...


T = TypeVar("T", bound=Edit)


def names_of_today(types: Mapping[str, Renamed]) -> Names:
    """What each renamed type, and each of its links, was called before. A name that another type has by now is that one's."""
    names: dict[str, str] = {}
    for today, kind in types.items():
        before = kind.renamed_from
        if before is not None and before not in types:
            names[before] = today
            names |= {f"{before}__{link}": f"{today}__{link}" for link in kind.links}
    return names


def of_today(edit: T, names: Names) -> T:
    """The same edit under the names of today."""
    if isinstance(edit, LinkEdit):
        source, target = (names.get(end, end) for end in edit.between)
        return replace(edit, link=names.get(edit.link, edit.link), between=(source, target))
    return replace(edit, type=names.get(edit.type, edit.type))


def history_of_today(history: Iterable[Applied], names: Names) -> list[Applied]:
    """The same history under the names of today."""
    if not names:
        return list(history)
    return [replace(applied, edits=tuple(of_today(edit, names) for edit in applied.edits)) for applied in history]
