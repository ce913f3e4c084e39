"""The world with edits that are planned and not made yet, and what can be done to it: one object or pair at a time.

Which values are set is decided in `drafting` and `calling`; whatever decides, the same holds of keys, values and links.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal

from palantir_assets.actions.edits import Edit, Json, LinkEdit, ObjectEdit, Values, after
from palantir_assets.actions.ports import Closed, Found, World
from palantir_assets.actions.values import Unfit, json_value, key_text, storable
from palantir_assets.ontology.served import ServedOntology
from palantir_assets.ontology.served_parts import ServedProperty, ServedType

EDITED: Final = frozenset({"table", "edits"})
"""Where values come from that edits can set; the others are computed."""


class Wrong(ValueError):
    """What cannot be done, in words for people."""

    def __init__(self, en: str, ko: str) -> None:
        super().__init__(en)
        self.en, self.ko = en, ko


@dataclass(frozen=True, slots=True)
class Draft:
    """The world with the edits so far, itself a `World`. `find` gives None for what is not there, or no longer."""

    world: World
    ontology: ServedOntology
    edits: tuple[Edit, ...] = ()
    objects: Mapping[tuple[str, str], Found | None] = field(default_factory=dict)

    def find(self, object_type: str, key: str) -> Found | None:
        here = (object_type, key)
        return self.objects[here] if here in self.objects else self.world.find(object_type, key)

    def closed(self, object_type: str, key: str) -> Closed | None:
        return self.world.closed(object_type, key)

    def linked(self, link: str, source: str, target: str) -> bool:
        for edit in reversed(self.edits):
            if isinstance(edit, LinkEdit) and (edit.link, edit.source, edit.target) == (link, source, target):
                return edit.kind == "link"
        return self.world.linked(link, source, target)

    def version(self, object_type: str, key: str) -> int:
        """How often an object was edited, those edits of the draft included."""
        here = (object_type, key)
        if here not in self.objects:
            return self.world.version(object_type, key)
        return next(edit.version for edit in reversed(self.edits) if isinstance(edit, ObjectEdit) and (edit.type, edit.key) == here) + 1

    def having(self, object_type: str, name: str, value: Json) -> Iterator[Values]:
        key = self.ontology.find_type(object_type).key
        for values in self.world.having(object_type, name, value):
            if (object_type, key_text(values[key])) not in self.objects:
                yield values
        for (of, _), found in self.objects.items():
            if of == object_type and found is not None and found.values.get(name) == value:
                yield found.values

    def gives(self, function: str, told: Mapping[str, Json], planned: Sequence[Edit] = ()) -> Json:
        return self.world.gives(function, told, (*self.edits, *planned))

    def with_edits(self, edits: Iterable[Edit]) -> Draft:
        """The draft with edits that were planned before."""
        more, objects = tuple(edits), dict(self.objects)
        for edit in more:
            if isinstance(edit, ObjectEdit):
                here = (edit.type, edit.key)
                found = objects[here] if here in objects else self.world.find(*here)
                values = after(found.values if found else None, edit)
                objects[here] = None if values is None else Found(values, edit.version + 1, found.title if found else "")
        return replace(self, edits=(*self.edits, *more), objects=objects)


def own(kind: ServedType) -> dict[str, ServedProperty]:
    """The properties of a type that edits can set."""
    return {name: prop for name, prop in kind.properties.items() if prop.origin in EDITED}


def there(draft: Draft, kind: ServedType, key: str) -> Found:
    """An object that must be there; raises Wrong for one that is not, or is not seen."""
    found = draft.find(kind.name, key)
    if found is None:
        raise Wrong(f"there is no {kind.name} {key!r}", f"{kind.name} {key!r}이(가) 없습니다")
    return found


def created(draft: Draft, kind: ServedType, value: Any, values: Values, *, or_modified: bool = False) -> Draft:
    """With an object made under a key; with `or_modified`, changed where there is one. Raises Wrong."""
    if value is None or value == "":
        raise Wrong("it has no key", "키가 없습니다")
    key = key_text(value)
    if not storable(key):
        raise Wrong("its key holds what no key may", "키에 사용할 수 없는 문자가 있습니다")
    found = draft.find(kind.name, key)
    if found is not None and or_modified:
        return modified(draft, kind, key, found, values)
    closed: Closed | None = "taken" if found is not None else draft.closed(kind.name, key)
    if closed is not None:
        raise Wrong(*_closed(closed, kind.name, key))
    blank = {name: prop.default for name, prop in own(kind).items()}
    whole = {**blank, kind.key: fitted(draft, kind, kind.key, value), **values}
    return draft.with_edits([ObjectEdit("create", kind.name, key, whole, {}, draft.version(kind.name, key))])


def modified(draft: Draft, kind: ServedType, key: str, found: Found, values: Values) -> Draft:
    """With some properties of an object changed."""
    previous = {name: found.values.get(name) for name in values}
    return draft.with_edits([ObjectEdit("modify", kind.name, key, values, previous, found.version)])


def deleted(draft: Draft, kind: ServedType, key: str, found: Found) -> Draft:
    """Without an object."""
    previous = {name: found.values.get(name) for name in own(kind)}
    return draft.with_edits([ObjectEdit("delete", kind.name, key, {}, previous, found.version)])


def paired(draft: Draft, verb: Literal["link", "unlink"], kind: ServedType, link: str, source: str, target: str) -> Draft:
    """With a pair of a link via a table linked, or no longer. Raises Wrong where it is so already."""
    stored = f"{kind.name}__{link}"
    if draft.linked(stored, source, target) == (verb == "link"):
        if verb == "link":
            raise Wrong("they are linked already", "이미 연결되어 있습니다")
        raise Wrong("they are not linked", "연결되어 있지 않습니다")
    return draft.with_edits([LinkEdit(verb, stored, source, target, (kind.name, kind.links[link].to))])


def fitted(draft: Draft, kind: ServedType, name: str, value: Any) -> Json:
    """A Python value as the JSON of a property; raises Wrong for one that it cannot have."""
    prop = kind.properties[name]
    try:
        return json_value(prop, value, draft.ontology.value_types.get(prop.value_type or ""))
    except Unfit as error:
        raise Wrong(f"{name} {error}", f"{name} 값이 맞지 않습니다: {error}") from None


def _closed(why: Closed, object_type: str, key: str) -> tuple[str, str]:
    match why:
        case "taken":
            return f"there is a {object_type} {key!r} already", f"{object_type} {key!r}이(가) 이미 있습니다"
        case "erased":
            en = f"{object_type} {key!r} was erased: its key is not used again"
            return en, f"{object_type} {key!r}은(는) 파기되어 다시 쓸 수 없습니다"
        case "partly seen":
            en = f"who makes a {object_type} must see all that it needs"
            return en, f"{object_type}을(를) 만들려면 필요한 속성을 모두 볼 수 있어야 합니다"
