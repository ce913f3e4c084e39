"""A small world for actions: objects and links in dicts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from palantir_assets.actions.edits import Edit, LinkEdit, Values, after
from palantir_assets.actions.ports import Closed, Found
from palantir_assets.errors import FunctionFailed

Gives = Callable[[Mapping[str, Any], Sequence[Edit]], Any]


@dataclass
class FakeWorld:
    """Implements `actions.ports.World`; `apply` does what a ledger would. `functions` give what they do, or raise."""

    objects: dict[tuple[str, str], Found] = field(default_factory=dict)
    links: set[tuple[str, str, str]] = field(default_factory=set)
    gone: dict[tuple[str, str], int] = field(default_factory=dict)
    keys: dict[tuple[str, str], Closed] = field(default_factory=dict)
    functions: dict[str, Gives] = field(default_factory=dict)

    def find(self, object_type: str, key: str) -> Found | None:
        return self.objects.get((object_type, key))

    def version(self, object_type: str, key: str) -> int:
        here = (object_type, key)
        return self.objects[here].version if here in self.objects else self.gone.get(here, 0)

    def having(self, object_type: str, name: str, value: Any) -> Iterable[Values]:
        return [found.values for (of, _), found in self.objects.items() if of == object_type and found.values.get(name) == value]

    def closed(self, object_type: str, key: str) -> Closed | None:
        return self.keys.get((object_type, key))

    def gives(self, function: str, told: Mapping[str, Any], planned: Sequence[Edit] = ()) -> Any:
        if function not in self.functions:
            raise FunctionFailed(function, "is not there")
        return self.functions[function](told, planned)

    def linked(self, link: str, source: str, target: str) -> bool:
        return (link, source, target) in self.links

    def apply(self, edits: Iterable[Edit]) -> None:
        for edit in edits:
            if isinstance(edit, LinkEdit):
                (self.links.add if edit.kind == "link" else self.links.discard)((edit.link, edit.source, edit.target))
                continue
            found = self.objects.get((edit.type, edit.key))
            assert self.version(edit.type, edit.key) == edit.version
            values = after(found.values if found else None, edit)
            if values is None:
                del self.objects[edit.type, edit.key]
                self.gone[edit.type, edit.key] = edit.version + 1
            else:
                self.objects[edit.type, edit.key] = Found(values, edit.version + 1)
