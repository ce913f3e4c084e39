"""The links a caller asked to walk, as one network over a release: only what they may read, only what they may see.

What is asked of a network is in `graphs`, how it is walked in `graph.walks`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Lock
from typing import Final

import numpy as np

from palantir_assets.engine.asking import Asking
from palantir_assets.engine.ports import Adjacency
from palantir_assets.engine.sources import source
from palantir_assets.engine.statements import Sql, asked
from palantir_assets.errors import QueryError
from palantir_assets.graph.building import Csr
from palantir_assets.graph.networks import Hop, Network, Weights
from palantir_assets.names import quoted
from palantir_assets.ontology.served import LinkEnd
from palantir_assets.query.moments import micros

NUMBERS: Final = ("integer", "long", "double", "decimal")
MAX_LINKS: Final = 100
_KEPT: Final = 16


@dataclass(frozen=True, slots=True)
class Ties:
    """Which links are walked, each written `order.customer`: from whose objects, and its name there.

    A link is walked in the direction of its name; all that may be read are walked, both ways, if none are named.
    `weights` names for a link the property that weighs it; `valid_at` keeps to links that are valid then.
    """

    links: tuple[str, ...] | None = None
    weights: Mapping[str, str] = field(default_factory=dict)
    valid_at: datetime | None = None


def ends(asking: Asking, ties: Ties) -> dict[str, LinkEnd]:
    """The links to walk, by name. Raises UnknownName for what does not exist or may not be read, or QueryError."""
    if ties.links is None:
        kinds = asking.ontology.types
        return {f"{kind}.{name}": end for kind in kinds for name, end in asking.ontology.links_of(kind).items()}
    if not 1 <= len(ties.links) <= MAX_LINKS:
        raise QueryError(f"links: between 1 and {MAX_LINKS}, or leave it out to walk all of them")
    return {name: _end(asking, name) for name in ties.links}


def network(asking: Asking, ties: Ties, also: Iterable[str]) -> Network:
    """The network of some links, with the objects of the types in `also`, linked or not.

    Raises UnknownName or QueryError for links, types and weights that cannot be.
    """
    walked = ends(asking, ties)
    names = [*(name for end in walked.values() for name in (end.from_type, end.to_type)), *also]
    for name in names:
        asking.ontology.find_type(name)
    types = [name for name in asking.ontology.types if name in names]
    sets = {name: asking.visible(name) for name in types}
    masks = {name: rows.as_mask() for name, rows in sets.items() if not rows.is_all}
    sizes = {name: rows.size for name, rows in sets.items()}
    if masks or ties.weights or ties.valid_at is not None or not all(_stored(asking, end) for end in walked.values()):
        weights = _weights(asking, ties, walked)
        moment = None if ties.valid_at is None else micros(_naive(ties.valid_at))
        return Network(sizes, [_hop(asking, name, end, weights.get(name)) for name, end in walked.items()], masks, moment)
    return _NETWORKS.plain(asking, walked, sizes)


def declared(end: LinkEnd) -> tuple[str, str]:
    """The object type on which a link is declared, and its name there."""
    owner = end.from_type if end.direction == "forward" else end.to_type
    return owner, end.table.removeprefix(f"{owner}__")


class _Networks:
    """Networks without anything that belongs to one question, made once: it takes longer than a walk."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._made: dict[tuple[int, tuple[str, ...], tuple[str, ...]], tuple[object, Network]] = {}

    def plain(self, asking: Asking, walked: Mapping[str, LinkEnd], sizes: Mapping[str, int]) -> Network:
        links = asking.release.links
        key = (id(links), tuple(walked), tuple(sizes))
        with self._lock:
            found = self._made.get(key)
        if found is not None:
            return found[1]
        made = Network(sizes, [_hop(asking, name, end, None) for name, end in walked.items()], {})
        with self._lock:
            while len(self._made) >= _KEPT:
                del self._made[next(iter(self._made))]
            self._made[key] = (links, made)  # the links are held, so that nothing else can get their id
        return made


_NETWORKS: Final = _Networks()


def _end(asking: Asking, name: str) -> LinkEnd:
    object_type, dot, link = name.partition(".")
    if not dot:
        raise QueryError(f"links: {name[:120]!r} is no link; one is written as in order.customer, the object type first")
    return asking.ontology.find_link(object_type, link)


def _stored(asking: Asking, end: LinkEnd) -> bool:
    """Whether a link is walked as it is stored, whoever asks."""
    return asking.links(end) is asking.release.links[end.table]


def _hop(asking: Asking, name: str, end: LinkEnd, weights: _Weighing | None) -> Hop:
    arrays = asking.links(end)
    valid = arrays.valid or (None, None)
    forward = Csr(arrays.forward.offsets, arrays.forward.targets, valid[0], arrays.forward.through)
    reverse = Csr(arrays.reverse.offsets, arrays.reverse.targets, valid[1], arrays.reverse.through)
    both = [forward, reverse] if end.direction == "forward" else [reverse, forward]
    weighed: list[Weights | None] = [None, None]
    if weights is not None:
        weighed = [weights.of(csr, source=(csr is forward)) for csr in both]
    return Hop(name, end.from_type, end.to_type, both[0], both[1], weighed[0], weighed[1])


@dataclass(frozen=True, slots=True, eq=False)
class _Weighing:
    """A number for each object that holds a link: the one that stands for it, or the one whose property makes it."""

    numbers: Weights
    through: bool

    def of(self, csr: Adjacency, *, source: bool) -> Weights:
        """Beside the targets of one direction; `source` tells whether the holder is where the links come from."""
        if self.through:
            if csr.through is None:
                raise QueryError("this release does not tell which objects stand for its links", next_step="run `palantir build`")
            return self.numbers[csr.through]
        holders = np.repeat(np.arange(len(csr.offsets) - 1), np.diff(csr.offsets)) if source else csr.targets
        return self.numbers[holders]


def _weights(asking: Asking, ties: Ties, walked: Mapping[str, LinkEnd]) -> dict[str, _Weighing]:
    """How each link is weighed: by the property named for it, or for the same link seen from its other end."""
    by_table: dict[str, _Weighing] = {}
    for name, prop in ties.weights.items():
        end = _end(asking, name)
        by_table[end.table] = _weighing(asking, end, name, prop)
    unused = set(by_table) - {end.table for end in walked.values()}
    if unused:
        raise QueryError(f"weights: {', '.join(sorted(unused))} is not among the links that are walked")
    return {name: by_table[end.table] for name, end in walked.items() if end.table in by_table}


def _weighing(asking: Asking, end: LinkEnd, name: str, prop: str) -> _Weighing:
    owner, own = declared(end)
    link = asking.ontology.types[owner].links[own]
    if link.through is None and link.by is None:
        raise QueryError(f"weights: no object stands for a link {name}, so that nothing can weigh it")
    holder = asking.ontology.find_type(link.through or owner)
    found = holder.find_property(prop)
    if found.type not in NUMBERS:
        raise QueryError(f"weights: {prop} of {holder.name} is of type {found.type}, which cannot be added up")
    return _Weighing(_column(asking, holder.name, prop), link.through is not None)


def _column(asking: Asking, object_type: str, prop: str) -> Weights:
    """A property of every row as a double; NaN where it is missing, or its object is hidden."""
    seen = asking.visible(object_type)
    own = source(asking.release, object_type)
    text = f"SELECT own._row AS place, CAST(own.{quoted(prop)} AS DOUBLE) AS number FROM {own.text} WHERE {own.test}"
    with asked(asking.release, Sql(text), own.tables) as cursor:
        found = cursor.fetchnumpy()
    numbers = np.full(seen.size, np.nan)
    numbers[found["place"]] = np.ma.filled(found["number"], np.nan)
    return numbers if seen.is_all else np.where(seen.as_mask(), numbers, np.nan)


def _naive(moment: datetime) -> datetime:
    try:
        return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)
    except OverflowError:
        raise QueryError("valid_at: in UTC this time lies outside the years 1 to 9999") from None
