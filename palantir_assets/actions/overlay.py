"""Edits after a release's watermark, folded for reading: what differs from the release, by object and by link.

An overlay is never changed: `fold` gives a new one that shares what it can with the old one, so a reader keeps the one
it took. How a query reads through it is `engine`'s affair.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar

from palantir_assets.actions.edits import Edit, Json, LinkEdit, ObjectEdit, Values

V = TypeVar("V")

_DEPTH: Final = 2
"""A layer is merged into the one below it when it is more than one part in so many of it."""


@dataclass(frozen=True, slots=True)
class Layered(Generic[V]):
    """A mapping that is never changed, in layers: what is newer stands first, and each layer is far smaller than the next."""

    layers: tuple[Mapping[str, V], ...] = ()

    def get(self, key: str) -> V | None:
        """The value of a key, or None."""
        return next((layer[key] for layer in self.layers if key in layer), None)

    def items(self) -> Iterator[tuple[str, V]]:
        """Every key with its value, each once."""
        seen: set[str] = set()
        for layer in self.layers:
            yield from ((key, value) for key, value in layer.items() if key not in seen)
            seen |= layer.keys()

    def __len__(self) -> int:
        return len(set().union(*self.layers))

    def with_layer(self, newest: dict[str, V]) -> Layered[V]:
        """This with newer values; costs as much as the newest are, and now and then as much as the layers below."""
        if not newest:
            return self
        below = list(self.layers)
        while below and len(below[0]) < _DEPTH * len(newest):
            newest = {**below.pop(0), **newest}
        return Layered((newest, *below))


@dataclass(frozen=True, slots=True)
class State:
    """One edited object: the values that differ from the release's, or all of them where it is new; or that it is gone."""

    kind: str
    values: Values
    version: int
    """How often it was edited."""

    @property
    def erased(self) -> bool:
        """Whether it is gone for good: nothing that is said of it afterwards brings it back."""
        return self.kind == ERASED

    @property
    def gone(self) -> bool:
        """Whether it is not there, for now or for good."""
        return self.kind in (REMOVED, ERASED)


CHANGED: Final = "changed"
APPENDED: Final = "appended"
REMOVED: Final = "removed"
ERASED: Final = "erased"
"""Removed for good: no later edit brings it back."""


@dataclass(frozen=True, slots=True)
class Overlay:
    """Everything that edits changed: by object type, its edited objects; by stored link, pairs and whether they are linked.

    A row of the release whose key is here is hidden by what is here: changed ones merge, appended ones replace, removed
    and erased ones are gone. `edit_no` is the last edit folded in.
    """

    edit_no: int = 0
    objects: Mapping[str, Layered[State]] = field(default_factory=dict)
    links: Mapping[str, Layered[bool]] = field(default_factory=dict)

    def state(self, object_type: str, key: str) -> State | None:
        """What edits made of an object; None where nobody edited it."""
        return self.objects[object_type].get(key) if object_type in self.objects else None

    def linked(self, link: str, source: str, target: str) -> bool | None:
        """What edits say of a pair; None where they say nothing."""
        return self.links[link].get(pair(source, target)) if link in self.links else None


def pair(source: str, target: str) -> str:
    """Two keys as one text; `ends` takes them apart again."""
    return f"{len(source)}:{source}{target}"


def ends(text: str) -> tuple[str, str]:
    """The keys of a pair.

    >>> ends(pair("A:1", "B"))
    ('A:1', 'B')
    """
    size, _, rest = text.partition(":")
    return rest[: int(size)], rest[int(size) :]


def fold(overlay: Overlay, edits: Iterable[tuple[int, Edit]]) -> Overlay:
    """The overlay with numbered edits folded in, in order. One that is already in is left out, so folding twice is folding once."""
    objects: dict[str, dict[str, State]] = {}
    links: dict[str, dict[str, bool]] = {}
    edit_no = overlay.edit_no
    for number, edit in edits:
        if number <= edit_no:
            continue
        edit_no = number
        if isinstance(edit, LinkEdit):
            links.setdefault(edit.link, {})[pair(edit.source, edit.target)] = edit.kind == "link"
            continue
        newest = objects.setdefault(edit.type, {})
        newest[edit.key] = _after(newest.get(edit.key) or overlay.state(edit.type, edit.key), edit)
    if edit_no == overlay.edit_no:
        return overlay
    return Overlay(edit_no, _layered(overlay.objects, objects), _layered(overlay.links, links))


def as_json(overlay: Overlay) -> dict[str, Json]:
    """An overlay as JSON; `from_json` reads it again."""
    return {
        "edit_no": overlay.edit_no,
        "objects": {
            name: {key: [state.kind, dict(state.values), state.version] for key, state in states.items()}
            for name, states in overlay.objects.items()
        },
        "links": {name: dict(pairs.items()) for name, pairs in overlay.links.items()},
    }


def from_json(said: Mapping[str, Json]) -> Overlay:
    """The overlay that `as_json` wrote."""
    objects = {name: {key: State(*state) for key, state in states.items()} for name, states in said["objects"].items()}
    return Overlay(said["edit_no"], _layered({}, objects), _layered({}, dict(said["links"])))


def _after(before: State | None, edit: ObjectEdit) -> State:
    version = edit.version + 1
    if edit.kind == "erase" or (before is not None and before.kind == ERASED):
        return State(ERASED, {}, version)
    if edit.kind == "delete" or (edit.kind == "modify" and before is not None and before.kind == REMOVED):
        return State(REMOVED, {}, version)
    if edit.kind == "create":
        return State(APPENDED, edit.values, version)
    if before is None:
        return State(CHANGED, edit.values, version)
    return State(before.kind, {**before.values, **edit.values}, version)


def _layered(old: Mapping[str, Layered[V]], new: Mapping[str, dict[str, V]]) -> dict[str, Layered[V]]:
    nothing: Layered[V] = Layered()
    return {**old, **{name: old.get(name, nothing).with_layer(newest) for name, newest in new.items()}}
