"""Links as edits make them: the release's arrays, with the links of edited objects and edited pairs put in their place.

A link by a property follows the property; one over a join table, the pairs that people linked or no longer link; one that
objects stand for, these objects. Arrays are made anew when a question walks a link that edits touched, and kept until
they touch it again. Objects that are gone keep their links, which lead to rows that nobody is shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from typing import Protocol
from weakref import ref

import numpy as np
import orjson
from numpy.typing import NDArray

from palantir_assets.engine.ports import Links, Released
from palantir_assets.engine.sources import source
from palantir_assets.engine.statements import Sql, row_numbers
from palantir_assets.graph.building import ALWAYS, Csr, LinkArrays, build_csr
from palantir_assets.names import quoted
from palantir_assets.ontology.served import ServedOntology
from palantir_assets.ontology.served_parts import ServedLink


class Edited(Released, Protocol):
    """A release with edits laid over it."""

    def place_of(self, object_type: str, key: object) -> int | None:
        """The row of an object, whether it is there now or was."""


Pair = tuple[str, str, str, bool]
"""A stored link, the keys at its ends, and whether they are linked."""


@dataclass(frozen=True, slots=True)
class Touched:
    """Of one type: the rows that edits changed or made, and the keys of the objects that were not there before them."""

    rows: frozenset[int] = frozenset()
    created: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, eq=False)
class Waiting:
    """What has changed since the arrays of one stored link were made."""

    sources: tuple[frozenset[int], ...] = ()
    """Rows whose property, or whose standing for a link, is to be read again."""
    targets: tuple[frozenset[str], ...] = ()
    """Keys of objects that are there now, and that a property may have named before."""
    pairs: tuple[Pair, ...] = ()

    def __bool__(self) -> bool:
        return any(self.sources) or any(self.targets) or bool(self.pairs)

    def __or__(self, other: Waiting) -> Waiting:
        return Waiting((*self.sources, *other.sources), (*self.targets, *other.targets), (*self.pairs, *other.pairs))


@dataclass(slots=True, eq=False)
class _State:
    """The arrays of one stored link, and what they do not have yet. Resolved once, whoever asks first."""

    arrays: Links
    waiting: Waiting
    lock: Lock = field(default_factory=Lock)


@dataclass(frozen=True, slots=True, eq=False)
class EditedLinks:
    """The stored links of one edited release, by name."""

    states: Mapping[str, _State]
    views: list[_View] = field(default_factory=list)

    @classmethod
    def of(cls, release: Released) -> EditedLinks:
        """The links of a release that nobody edited."""
        return cls({name: _State(arrays, Waiting()) for name, arrays in release.links.items()})

    def after(self, release: Edited, touched: Mapping[str, Touched], pairs: Sequence[Pair]) -> EditedLinks:
        """The links once more objects and pairs are edited; what no edit touches is shared."""
        found = {}
        for name, state in self.states.items():
            owner, link = _declared(release.ontology, name)
            news = _news(release.ontology, name, owner, link, touched, pairs)
            with state.lock:
                arrays, waiting = state.arrays, state.waiting | news
            grown = (len(arrays.forward.offsets) - 1, len(arrays.reverse.offsets) - 1) != (release.count(owner), release.count(link.to))
            found[name] = _State(arrays, waiting) if news or grown else state
        return EditedLinks(found)

    def apart(self) -> EditedLinks:
        """The same links, of which those that are resolved here are resolved for nobody else."""
        found = {}
        for name, state in self.states.items():
            with state.lock:
                found[name] = _State(state.arrays, state.waiting)
        return EditedLinks(found)

    def over(self, release: Edited) -> Mapping[str, Links]:
        """The links by name, made when they are looked at: the same mapping for the same release."""
        for view in tuple(self.views):
            if view.release() is release:
                return view
        view = _View(self, ref(release))
        self.views[:] = [view]
        return view

    def arrays(self, release: Edited, name: str) -> Links:
        """The arrays of one stored link. Raises KeyError, or QueryTooLong."""
        state = self.states[name]
        owner, link = _declared(release.ontology, name)
        sizes = (release.count(owner), release.count(link.to))
        with state.lock:
            if state.waiting or (len(state.arrays.forward.offsets) - 1, len(state.arrays.reverse.offsets) - 1) != sizes:
                state.arrays = _resolved(release, name, owner, link, state, sizes)
                state.waiting = Waiting()
            return state.arrays


@dataclass(frozen=True, slots=True, eq=False)
class _View(Mapping[str, Links]):
    linked: EditedLinks
    release: ref[Edited]
    """Held by whoever asks: states that nobody reads any more go at once, without a search for cycles."""

    def __getitem__(self, name: str) -> Links:
        release = self.release()
        if release is None:
            raise KeyError(name)
        return self.linked.arrays(release, name)

    def __iter__(self) -> Iterator[str]:
        return iter(self.linked.states)

    def __len__(self) -> int:
        return len(self.linked.states)


def _declared(ontology: ServedOntology, name: str) -> tuple[str, ServedLink]:
    owner, _, link = name.partition("__")
    for kind in ontology.types.values():  # a name may hold two underscores itself
        for own, each in kind.links.items():
            if f"{kind.name}__{own}" == name:
                return kind.name, each
    raise KeyError(f"{owner}.{link}")


def _news(
    ontology: ServedOntology, name: str, owner: str, link: ServedLink, touched: Mapping[str, Touched], pairs: Sequence[Pair]
) -> Waiting:
    nobody = Touched()
    if link.through is not None:
        backing = touched.get(link.through, nobody)
        return Waiting(sources=(backing.rows,) if backing.rows else ())
    told = tuple(pair for pair in pairs if pair[0] == name)
    if link.by is None:
        return Waiting(pairs=told)
    rows, made = touched.get(owner, nobody).rows, frozenset(touched.get(link.to, nobody).created)
    return Waiting((rows,) if rows else (), (made,) if made else (), told)


def _resolved(release: Edited, name: str, owner: str, link: ServedLink, state: _State, sizes: tuple[int, int]) -> LinkArrays:
    waiting, old = state.waiting, state.arrays
    if link.through is not None:
        return _through(release, name, owner, link, old, waiting, sizes)
    sources, targets = _links_of(old)
    keep = np.ones(len(sources), dtype=np.bool_)
    added: list[tuple[int, int]] = []
    if link.by is not None:
        rows = sorted(frozenset().union(*waiting.sources) | _naming(release, owner, link, frozenset().union(*waiting.targets)))
        keep &= ~np.isin(sources, np.asarray(rows, dtype=np.int32))
        added += _by(release, owner, link, rows)
    last = {(pair[1], pair[2]): pair[3] for pair in waiting.pairs}
    for (here, there), linked in last.items():
        row, to = release.place_of(owner, here), release.place_of(link.to, there)
        if row is None or to is None:
            continue
        span = slice(old.forward.offsets[row], old.forward.offsets[row + 1]) if row + 1 < len(old.forward.offsets) else slice(0, 0)
        beside = np.flatnonzero(old.forward.targets[span] == to) + (span.start or 0)
        if not linked:
            keep[beside] = False
        elif not len(beside):
            added.append((row, to))
    return _rebuilt(old, sources, targets, keep, added, sizes)


def _links_of(links: Links) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    offsets = links.forward.offsets
    return np.repeat(np.arange(len(offsets) - 1, dtype=np.int32), np.diff(offsets)), np.asarray(links.forward.targets)


def _rebuilt(
    old: Links,
    sources: NDArray[np.int32],
    targets: NDArray[np.int32],
    keep: NDArray[np.bool_],
    added: Sequence[tuple[int, int]],
    sizes: tuple[int, int],
    *,
    through: Sequence[int] | None = None,
    valid: NDArray[np.int64] | None = None,
) -> LinkArrays:
    """The kept links with others added; of a dated link, one that is added is always valid unless it is said when."""
    if keep.all() and not added and isinstance(old.forward, Csr) and isinstance(old.reverse, Csr):
        return LinkArrays(_longer(old.forward, sizes[0]), _longer(old.reverse, sizes[1]))
    new = np.asarray(added, dtype=np.int32).reshape(-1, 2)
    dates = None if old.valid is None else np.asarray(old.valid[0])[keep]
    if dates is not None:
        dates = np.concatenate([dates, np.tile(np.asarray(ALWAYS), (len(new), 1)) if valid is None else valid])
    stand = old.forward.through
    behind = None
    if stand is not None:
        behind = np.concatenate([np.asarray(stand)[keep], np.asarray(through if through is not None else [], dtype=np.int32)])
    return build_csr(
        np.concatenate([sources[keep], new[:, 0]]), np.concatenate([targets[keep], new[:, 1]]), *sizes, valid=dates, through=behind
    )


def _longer(csr: Csr, rows: int) -> Csr:
    """The same links of more rows, the last of which have none."""
    more = rows + 1 - len(csr.offsets)
    if not more:
        return csr
    return Csr(np.concatenate([csr.offsets, np.full(more, csr.offsets[-1], dtype=np.int32)]), csr.targets, csr.valid, csr.through)


def _by(release: Edited, owner: str, link: ServedLink, rows: Sequence[int]) -> list[tuple[int, int]]:
    """The links of some objects by the property that holds the other's key."""
    there = [row for row in rows if release.living(owner).holds(np.asarray([row], dtype=np.int32))[0]]
    found, known = [], dict[object, int | None]()
    for row, body in zip(there, release.json_rows(owner, there), strict=True):
        key = orjson.loads(body).get(link.by)
        if key is None:
            continue
        if key not in known:
            known[key] = release.place_of(link.to, key)
        if (to := known[key]) is not None:
            found.append((row, to))
    return found


def _naming(release: Edited, owner: str, link: ServedLink, keys: frozenset[str]) -> frozenset[int]:
    """The rows whose property names one of some keys."""
    if not keys or link.by is None:
        return frozenset()
    own, column = source(release, owner, release.living(owner)), f"own.{quoted(link.by)}"
    timely = release.ontology.types[owner].properties[link.by].type == "timestamp"
    text = f"(replace({column}::VARCHAR, ' ', 'T') || 'Z')" if timely else f"{column}::VARCHAR"
    statement = Sql(f"SELECT own._row FROM {own.text} WHERE {own.test} AND {text} = ANY(?)", (sorted(keys),))
    return frozenset(row_numbers(release, statement, own.tables).tolist())


def _through(release: Edited, name: str, owner: str, link: ServedLink, old: Links, waiting: Waiting, sizes: tuple[int, int]) -> LinkArrays:
    """The links for which edited objects stand, from the links of those objects; none is changed where these cannot be told."""
    sources, targets = _links_of(old)
    keep, stand, backing = np.ones(len(sources), dtype=np.bool_), old.forward.through, link.through or ""
    ways = _ways(release.ontology, backing, owner, link.to)
    if stand is None or ways is None or not waiting.sources:
        return _rebuilt(old, sources, targets, keep, [], sizes)
    first, second = (release.links[way].forward for way in ways)
    rows = sorted(frozenset().union(*waiting.sources))
    changed = np.isin(np.asarray(stand), np.asarray(rows, dtype=np.int32))
    dated = {} if old.valid is None else dict(zip(stand[changed].tolist(), old.valid[0][changed].tolist(), strict=True))
    added, behind = list[tuple[int, int]](), list[int]()
    for row in rows:
        ends = [(here, there) for here in first.of(row).tolist() for there in second.of(row).tolist()]
        added += ends
        behind += [row] * len(ends)
    valid = None if old.valid is None else np.asarray([dated.get(row, ALWAYS) for row in behind], dtype=np.int64).reshape(-1, 2)
    return _rebuilt(old, sources, targets, keep & ~changed, added, sizes, through=behind, valid=valid)


def _ways(ontology: ServedOntology, backing: str, owner: str, to: str) -> tuple[str, str] | None:
    """The stored links of an object that stands for a link, to either end; None where it is not plain which they are."""
    links = ontology.types[backing].links.items() if backing in ontology.types else ()
    first = [name for name, link in links if link.to == owner]
    second = [name for name, link in links if link.to == to]
    if owner == to or len(first) != 1 or len(second) != 1:
        return None
    return f"{backing}__{first[0]}", f"{backing}__{second[0]}"
