"""What an action finds: `actions.ports.World` over one caller's view of one release, with the versions of the ledger.

What the caller may not see is not there: an object, a property, a link. What was looked at is remembered with its
version, so that whoever writes can ask that it is still so. How current the release is, is its own affair.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
import orjson

from palantir_assets.access.views import View
from palantir_assets.actions.drafts import own
from palantir_assets.actions.edits import Edit, Json, ObjectEdit, Values
from palantir_assets.actions.overlay import pair
from palantir_assets.actions.ports import Closed, Found
from palantir_assets.actions.values import storable
from palantir_assets.engine.answering import execute
from palantir_assets.engine.asking import Asking
from palantir_assets.engine.ports import Released
from palantir_assets.errors import FunctionFailed
from palantir_assets.ontology.served import LinkEnd
from palantir_assets.query.plans import parse_query, plan

Subject = tuple[str, str]
Versions = Callable[[Sequence[Subject]], dict[Subject, int]]
"""How often each object or link was edited, as of the edits that the release shows."""
Erased = Callable[[Collection[Subject]], Collection[Subject]]
"""Those of some objects that were erased."""
Gives = Callable[[str, Mapping[str, Json], Sequence[Edit]], Json]
"""What a function gives that is told something, over the release with more edits. Raises FunctionError or QueryError."""

PAGE: Final = 1_000


@dataclass(frozen=True)
class SeenWorld:
    """The world of one caller. `read` holds the version of everything that was looked at."""

    asking: Asking
    versions: Versions
    erased: Erased
    functions: Gives
    read: dict[Subject, int] = field(default_factory=dict, compare=False)

    def find(self, object_type: str, key: str) -> Found | None:
        """An object that the caller sees, without what is hidden of it."""
        version = self.version(object_type, key)
        row = seen_row(self.asking, object_type, key)
        if row is None:
            return None
        (ready,) = self.asking.json_rows(object_type, (row,))
        told = orjson.loads(ready)
        return Found(_plain(told), version, str(told.get("__title", key)))

    def closed(self, object_type: str, key: str) -> Closed | None:
        if self.erased({(object_type, key)}):
            return "erased"
        if hidden(self.asking, object_type, key):
            return "taken"
        seen, whole = self.asking.ontology.types[object_type], self.asking.release.ontology.types[object_type]
        unseen = (prop for name, prop in own(whole).items() if name not in seen.properties)
        return "partly seen" if any(not prop.optional and prop.default is None for prop in unseen) else None

    def version(self, object_type: str, key: str) -> int:
        here = (object_type, key)
        if not storable(key):
            return 0
        if here not in self.read:
            self.read[here] = self.versions([here])[here]
        return self.read[here]

    def having(self, object_type: str, name: str, value: Json) -> Iterator[Values]:
        token: str | None = None
        while True:
            asked = {"object": object_type, "where": {"type": "eq", "field": name, "value": value}, "limit": PAGE, "page_token": token}
            answer = execute(plan(parse_query(asked), self.asking.view), self.asking.release)
            yield from (_plain(orjson.loads(row)) for row in answer.rows)
            token = answer.next_token
            if token is None:
                return

    def linked(self, link: str, source: str, target: str) -> bool:
        self.version(link, pair(source, target))
        end = _end(self.asking, link)
        rows = (seen_row(self.asking, end.from_type, source), seen_row(self.asking, end.to_type, target)) if end else (None, None)
        if end is None or rows[0] is None or rows[1] is None:
            return False
        return bool(np.any(self.asking.links(end).forward.of(rows[0]) == rows[1]))

    def gives(self, function: str, told: Mapping[str, Json], planned: Sequence[Edit] = ()) -> Json:
        return self.functions(function, told, completed(planned, self.asking.release))


def nothing_erased(subjects: Collection[Subject]) -> Collection[Subject]:
    """Of a world in which nothing ever was."""
    return ()


def runs_nothing(function: str, told: Mapping[str, Json], planned: Sequence[Edit]) -> Json:
    """Of a world without anybody who runs functions. Raises FunctionFailed."""
    raise FunctionFailed(function, "cannot be run here")


def world_of(
    release: Released, view: View, versions: Versions, *, erased: Erased = nothing_erased, functions: Gives = runs_nothing
) -> SeenWorld:
    """What a caller finds in a release."""
    return SeenWorld(Asking(view, release), versions, erased, functions)


def seen_row(asking: Asking, object_type: str, key: str) -> int | None:
    """The row of an object that the caller sees; None for one that is hidden or not there."""
    if object_type not in asking.ontology.types or not storable(key):
        return None
    row, seen = asking.release.row_of(object_type, key), asking.visible(object_type)
    return row if row is not None and (seen.is_all or bool(seen.holds(np.array([row], dtype=np.int32))[0])) else None


def hidden(asking: Asking, object_type: str, key: str) -> bool:
    """Whether there is an object that the caller does not see: its key is taken all the same."""
    return storable(key) and seen_row(asking, object_type, key) is None and asking.release.row_of(object_type, key) is not None


def completed(edits: Sequence[Edit], release: Released) -> tuple[Edit, ...]:
    """Edits that were planned by what a caller sees, with what the caller does not: only so can they be taken back.

    A deleted object's values are all of them; a created one gets the defaults of every property.
    """
    return tuple(_completed(edit, release) if isinstance(edit, ObjectEdit) else edit for edit in edits)


def _completed(edit: ObjectEdit, release: Released) -> ObjectEdit:
    kind = release.ontology.types[edit.type]
    if edit.kind == "create":
        values = {**{name: prop.default for name, prop in own(kind).items()}, **edit.values}
        return ObjectEdit("create", edit.type, edit.key, values, edit.previous, edit.version, edit.restores)
    if edit.kind != "delete" or (row := release.row_of(edit.type, edit.key)) is None:
        return edit
    held: dict[str, Any] = orjson.loads(release.json_rows(edit.type, (row,))[0])
    previous = {**{name: held.get(name) for name in own(kind)}, **edit.previous}
    return ObjectEdit("delete", edit.type, edit.key, {}, previous, edit.version, edit.restores)


def _end(asking: Asking, link: str) -> LinkEnd | None:
    source, _, name = link.partition("__")
    return asking.ontology.links_of(source).get(name) if source in asking.ontology.types else None


def _plain(told: dict[str, Json]) -> dict[str, Json]:
    return {name: value for name, value in told.items() if not name.startswith("__")}
