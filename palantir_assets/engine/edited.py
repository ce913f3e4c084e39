"""A release with edits laid over it: what every question sees at once, before a build folds the edits in.

Point reads, tables for SQL, indexes, links and row rules are those of the release, patched; measures, vectors, texts to
search and aggregates over links stay as the release has them. A patched release is never changed: `with_edits`
gives a newer one that shares all that the edits leave alone. Which edits are laid over is decided in `serving`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final, Self, TypeVar

import duckdb
import numpy as np
import orjson
from numpy.typing import NDArray

from palantir_assets.actions.edits import Edit, LinkEdit
from palantir_assets.actions.overlay import APPENDED, ERASED, REMOVED, Overlay, State, ends, fold
from palantir_assets.actions.renaming import names_of_today, of_today
from palantir_assets.engine.editing import make_segment
from palantir_assets.engine.keys import key_text
from palantir_assets.engine.patches import Patch, patched, unpatched
from palantir_assets.engine.ports import ColumnIndex, Hit, Identity, Links, Released, TextIndex
from palantir_assets.engine.relinking import EditedLinks, Touched
from palantir_assets.engine.remembering import Memory
from palantir_assets.engine.rows import RowSet
from palantir_assets.ontology.served import ServedOntology
from palantir_assets.ontology.served_access import ServedAccess

_GONE: Final = (REMOVED, ERASED)

Made = TypeVar("Made", bound="Edited")


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Edited:
    """An open release as edits make it, up to `edit_no`. Fulfils `Released`; safe to share between threads."""

    base: Released
    overlay: Overlay
    patches: Mapping[str, Patch]
    made: Mapping[str, dict[str, int]] = field(repr=False)
    """By type, the rows of the objects that edits made, by key. Shared with older and newer ones, and only ever added to."""
    linked: EditedLinks = field(repr=False)
    memory: Memory = field(default_factory=Memory, repr=False)

    @property
    def edit_no(self) -> int:
        return self.overlay.edit_no

    @property
    def manifest(self) -> Identity:
        return self.base.manifest

    @property
    def ontology(self) -> ServedOntology:
        return self.base.ontology

    @property
    def access(self) -> ServedAccess:
        return self.base.access

    @property
    def lasting(self) -> Memory:
        return self.base.lasting

    @property
    def links(self) -> Mapping[str, Links]:
        return self.linked.over(self)

    @property
    def search(self) -> TextIndex | None:
        return None if self.base.search is None else _Search(self, self.base.search)

    def count(self, object_type: str) -> int:
        patch = self.patch(object_type)
        return self.base.count(object_type) if patch is None else patch.size

    def living(self, object_type: str) -> RowSet:
        patch = self.patch(object_type)
        return self.base.living(object_type) if patch is None else patch.living

    def patch(self, object_type: str) -> Patch | None:
        return self.patches.get(object_type)

    def row_of(self, object_type: str, key: object) -> int | None:
        row, patch = self.base.row_of(object_type, key), self.patch(object_type)
        if patch is None:
            return row
        row = self.made[object_type].get(key_text(key)) if row is None else row
        return row if row is not None and patch.lives(row) else None

    def json_rows(self, object_type: str, rows: Sequence[int]) -> list[bytes]:
        patch = self.patch(object_type)
        if patch is None:
            return self.base.json_rows(object_type, rows)
        try:
            edited = patch.ready(rows)
        except KeyError as error:
            raise IndexError(f"{object_type} has no row {error.args[0]}") from None
        stored = [row for row, body in zip(rows, edited, strict=True) if body is None]
        ready = iter(self.base.json_rows(object_type, stored))
        return [next(ready) if body is None else body for body in edited]

    def index(self, object_type: str, name: str) -> ColumnIndex | None:
        """The index of the release's own rows; those of edited ones are in the patch's segments."""
        return self.base.index(object_type, name)

    def vectors(self, object_type: str, name: str) -> NDArray[np.float32] | None:
        return self.base.vectors(object_type, name)

    def encode(self, text: str) -> NDArray[np.float32] | None:
        return self.base.encode(text)

    def sql(self) -> AbstractContextManager[duckdb.DuckDBPyConnection]:
        """The tables of the release; `sources` lays the edited rows over them."""
        return self.base.sql()

    def place_of(self, object_type: str, key: object) -> int | None:
        """The row of an object, whether it is there now or was."""
        row = self.base.row_of(object_type, key)
        return self.made.get(object_type, {}).get(key_text(key)) if row is None else row

    def with_edits(self, edits: Iterable[tuple[int, Edit]]) -> Self:
        """This with newer numbered edits laid over it; those it has are left out. Raises QueryTooLong."""
        names = names_of_today(self.ontology.types)
        newer = [(number, of_today(edit, names)) for number, edit in edits if number > self.edit_no]
        if not newer:
            return self
        touched: dict[str, set[str]] = {}
        pairs = [(edit.link, edit.source, edit.target, edit.kind == "link") for _, edit in newer if isinstance(edit, LinkEdit)]
        for _, edit in newer:
            if not isinstance(edit, LinkEdit):
                touched.setdefault(edit.type, set()).add(edit.key)
        return _laid(replace(self, overlay=fold(self.overlay, newer), memory=Memory()), touched, pairs)

    def with_planned(self, edits: Iterable[Edit]) -> Self:
        """This with edits that are written nowhere, and perhaps never: none of it is seen by whoever has this. Raises QueryTooLong."""
        made = {name: dict(rows) for name, rows in self.made.items()}
        apart = replace(self, made=made, linked=self.linked.apart(), memory=Memory())
        return apart.with_edits(enumerate(edits, self.edit_no + 1))

    def moved(self, overlay: Overlay) -> Self:
        """The same release with an overlay of more edits, of which this one's are the first. Raises QueryTooLong."""
        touched = {
            name: {key for key, state in states.items() if state != self.overlay.state(name, key)}
            for name, states in overlay.objects.items()
        }
        pairs = [
            (link, *ends(text), linked)
            for link, said in overlay.links.items()
            for text, linked in said.items()
            if linked != self.overlay.linked(link, *ends(text))
        ]
        return _laid(replace(self, overlay=overlay, memory=Memory()), {name: keys for name, keys in touched.items() if keys}, pairs)

    def ruled_by(self, base: Released) -> Self:
        """The same edits over the same release under other rules."""
        return replace(self, base=base, memory=Memory())


def edited(release: Released, overlay: Overlay) -> Edited:
    """The release with an overlay laid over it. Raises QueryTooLong."""
    return edited_as(Edited, release, overlay)


def edited_as(kind: type[Made], release: Released, overlay: Overlay) -> Made:
    """The same, as something that derives from `Edited`."""
    nothing = Overlay(overlay.edit_no)
    made: dict[str, dict[str, int]] = {name: {} for name in release.ontology.types}
    return kind(release, nothing, MappingProxyType({}), made, EditedLinks.of(release)).moved(overlay)


def _laid(release: Made, touched: Mapping[str, Iterable[str]], pairs: Sequence[tuple[str, str, str, bool]]) -> Made:
    """With what the overlay says now of the objects and pairs that edits touched."""
    types = release.ontology.types
    patches, rows = dict(release.patches), dict[str, Touched]()
    for name in types:  # what a release does not know, edits cannot change
        if name in touched:
            patches[name], rows[name] = _patched(release, name, sorted(touched[name]))
    done = replace(release, patches=MappingProxyType(patches))
    return replace(done, linked=release.linked.after(done, rows, pairs))


def _patched(release: Edited, object_type: str, keys: Sequence[str]) -> tuple[Patch, Touched]:
    base, made = release.base, release.made[object_type]
    old = release.patch(object_type) or unpatched(base.count(object_type))
    states: dict[int, tuple[str, State]] = {}
    gone: list[int] = []
    created: dict[str, int] = {}
    for key in keys:
        state, row = release.overlay.state(object_type, key), base.row_of(object_type, key)
        if state is None:
            continue
        if row is None and (state.kind == APPENDED or key in made):
            row = made.setdefault(key, base.count(object_type) + len(made))
        if row is None:
            continue  # an edit of what this release does not have, and no edit made
        if state.kind in _GONE:
            gone.append(row)
        else:
            states[row] = (key, state)
            if not (row < old.size and old.lives(row)):
                created[key] = row
    segment = make_segment(base, object_type, states) if states else None
    size = max(old.size, base.count(object_type) + len(made))
    return patched(old, segment, np.asarray(gone, dtype=np.int32), size), Touched(frozenset(states), created)


@dataclass(frozen=True, slots=True)
class _Found:
    """A hit of the release's search, with the title that the object has now."""

    object_type: str
    row: int
    key: str
    title: str
    score: float
    by: Sequence[str]


@dataclass(frozen=True, slots=True)
class _Search:
    """The texts of the release, for those of its objects that are still there."""

    release: Edited
    texts: TextIndex

    def search(
        self, query: str, k: int, *, object_types: frozenset[str] | None, allowed: Callable[[str], NDArray[np.bool_] | bool] | None
    ) -> Sequence[Hit]:
        def living(name: str) -> NDArray[np.bool_] | bool:
            rows = self.release.living(name)
            return True if rows.is_all else rows.as_mask()

        return [self._now(hit) for hit in self.texts.search(query, k, object_types=object_types, allowed=allowed or living)]

    def _now(self, hit: Hit) -> Hit:
        patch = self.release.patch(hit.object_type)
        if patch is None or (body := patch.ready([hit.row])[0]) is None:
            return hit
        title = orjson.loads(body).get("__title") or ""
        return _Found(hit.object_type, hit.row, hit.key, title, hit.score, hit.by)
