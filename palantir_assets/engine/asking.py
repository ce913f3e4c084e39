"""Who asks what release: the two things that every step of an answer is given, and what follows from both.

Names come from the view, rows through `visible`, objects as JSON through `json_rows`, links through `links`: what is
hidden from the caller is in none of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import orjson

from palantir_assets.access.views import View
from palantir_assets.engine.cutting import cutter
from palantir_assets.engine.ports import Links, Released
from palantir_assets.engine.rows import RowSet
from palantir_assets.engine.through import only_through
from palantir_assets.engine.visibility import visible
from palantir_assets.ontology.served import LinkEnd, ServedOntology
from palantir_assets.query.sets import OBJECT_RID


@dataclass(frozen=True)
class Asking:
    """One question's caller and release. What the caller may see of a type is looked up once."""

    view: View
    release: Released
    seen: dict[str, RowSet] = field(default_factory=dict, compare=False)

    @property
    def ontology(self) -> ServedOntology:
        """All that the caller may know of."""
        return self.view.ontology

    def visible(self, object_type: str) -> RowSet:
        """The rows of a type that the caller may see."""
        if object_type not in self.seen:
            self.seen[object_type] = visible(self.view, self.release, object_type)
            if object_type in self.view.sensitive:
                self.note(object_type)
        return self.seen[object_type]

    def size(self, object_type: str) -> int:
        """How many rows a type has, seen or not."""
        return self.visible(object_type).size

    def links(self, end: LinkEnd) -> Links:
        """The stored link of an end, without the links for which an object stands that the caller may not see."""
        links = self.release.links[end.table]
        if end.through is None or (seen := self.visible(end.through)).is_all:
            return links
        return self.release.memory.once(("links", end.table, seen), lambda: only_through(links, seen))

    def note(self, object_type: str, keys: Iterable[str] = ()) -> None:
        """Take note that something of a type is told, where such reads go on record."""
        if self.view.noted is not None and object_type in self.view.sensitive:
            self.view.noted.note(object_type, keys)

    def note_rows(self, object_type: str, ready: Iterable[bytes]) -> None:
        """The same, of objects whose ready JSON is told, or a part of it."""
        if self.view.noted is not None:
            self.note(object_type, [orjson.loads(row)["__rid"].removeprefix(f"{OBJECT_RID}{object_type}.") for row in ready])

    def json_rows(self, object_type: str, rows: Sequence[int]) -> list[bytes]:
        """The JSON of each row, in the order asked for: untouched bytes where nothing of it is hidden."""
        ready = self.release.json_rows(object_type, rows)
        cut, untitled = self.view.hidden.get(object_type), object_type in self.view.untitled
        if object_type in self.view.sensitive:
            self.note_rows(object_type, ready)
        if not cut and not untitled:
            return ready
        kind, hidden = self.release.ontology.types[object_type], cut or frozenset()
        made = self.release.memory.once(("cut", object_type, hidden, untitled), lambda: cutter(kind, hidden, untitled=untitled))
        return [made(row) for row in ready]
