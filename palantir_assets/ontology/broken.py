"""What can be told of specs that cannot be read: which names they would declare, and nothing else.

A mistake is told where it stands. What names something in a broken file is not told as a second mistake: the name
is known, and what stands behind it is not.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

_WORD = re.compile(r"\w+")


@dataclass(frozen=True, slots=True)
class Broken:
    """Names that broken specs would declare: (section, name), (object type, link it gets in reverse), (object type,
    property that a graph or model writes); and every word of the files that are no YAML of ours at all."""

    names: frozenset[tuple[str, str]] = frozenset()
    reverses: frozenset[tuple[str, str]] = frozenset()
    written: frozenset[tuple[str, str]] = frozenset()
    words: frozenset[str] = frozenset()

    def may_declare(self, section: str, name: str) -> bool:
        return (section, name) in self.names or name in self.words

    def may_link(self, object_type: str, link: str) -> bool:
        """Whether an object type may have a link by this name that cannot be read."""
        return self.may_declare("objects", object_type) or (object_type, link) in self.reverses or link in self.words

    def may_have(self, object_type: str, name: str) -> bool:
        """Whether an object type may have a property by this name that cannot be read."""
        return self.may_declare("objects", object_type) or (object_type, name) in self.written or name in self.words

    def may_hold_source(self, asset: str) -> bool:
        """Whether a raw table, such as `raw/shop__orders`, may be of a source that cannot be read."""
        source, _, table = asset.rpartition("/")[2].partition("__")
        return self.may_declare("sources", source) or table in self.words


@dataclass(slots=True)
class Wreck:
    """Gathers what broken files would declare."""

    names: set[tuple[str, str]] = field(default_factory=set)
    reverses: set[tuple[str, str]] = field(default_factory=set)
    written: set[tuple[str, str]] = field(default_factory=set)
    words: set[str] = field(default_factory=set)

    def add_text(self, text: str) -> None:
        """A text of which nothing can be read: any word in it may be a name."""
        self.words.update(_WORD.findall(text))

    def add_spec(self, section: str, name: str, values: object) -> None:
        """A spec whose name can be read, as the plain values of its file."""
        self.names.add((section, name))
        spec = _mapping(values)
        for link in map(_mapping, _mapping(spec.get("links")).values()) if section == "objects" else ():
            self.reverses.add((str(link.get("to")), str(link.get("reverse"))))
        owner, word = {"graphs": ("nodes", "measures"), "models": ("object", "writes")}.get(section, ("", ""))
        self.written.update((str(spec.get(owner)), str(written)) for written in _mapping(spec.get(word)))

    def known(self) -> Broken:
        return Broken(frozenset(self.names), frozenset(self.reverses), frozenset(self.written), frozenset(self.words))


def _mapping(value: object) -> Mapping[object, object]:
    return value if isinstance(value, Mapping) else {}
