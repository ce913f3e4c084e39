"""Links as compressed sparse rows: two int32 arrays a direction, made, kept and mapped here.

Row `r` of a type is linked to `targets[offsets[r]:offsets[r + 1]]`. A link is stored twice, forward
and reverse, so that both ends can be walked; parallel links are kept, and every row's targets are
ascending, so that equal links give equal bytes. Beside the targets may lie, link by link, the interval
in which each is valid and the row of the object that stands for it. Where the row numbers come from is
decided in `ontology.compiling`; who may see which row, in `engine`.
"""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from palantir_assets.errors import BuildError, ReleaseError
from palantir_assets.graph.ordering import Intervals, RowNumbers, Rows, checked, checked_through, checked_valid, grouped, ordered

Part = TypeVar("Part", Rows, Intervals)

PARTS = ("forward_offsets", "forward_targets", "reverse_offsets", "reverse_targets")
BESIDE = ("valid", "through")
ALWAYS = (-(2**63), 2**63 - 1)
"""An interval without ends."""


@dataclass(frozen=True, slots=True, eq=False)
class Csr:
    """One direction of a link: `offsets` int32 (n + 1), `targets` int32 (m), read-only as all of it is.

    `valid` int64 (m, 2) holds microseconds since 1970: a link is valid from the first and until before
    the second. `through` int32 (m) holds the row of the object that stands for each link.
    """

    offsets: Rows
    targets: Rows
    valid: Intervals | None = None
    through: Rows | None = None

    @property
    def rows(self) -> int:
        """How many rows can be asked for."""
        return len(self.offsets) - 1

    def of(self, row: int) -> Rows:
        """The rows linked to `row`, ascending: a view, not a copy. Raises IndexError outside 0..rows-1."""
        if not 0 <= row < self.rows:
            raise IndexError(f"row {row} of {self.rows}")
        return self.targets[self.offsets[row] : self.offsets[row + 1]]

    def of_many(self, rows: RowNumbers, moment: int | None = None) -> Rows:
        """The rows linked to any of `rows`, one after the other, repeats kept: `of` for a whole set at once."""
        return self.targets[self.links_of_many(rows, moment)[0]]

    def links_of_many(self, rows: RowNumbers, moment: int | None = None) -> tuple[Intervals, Intervals]:
        """Which links leave `rows`: their places among `targets`, and for each the place in `rows` it leaves from."""
        asked = np.asarray(rows, dtype=np.int64)
        if len(asked) and (asked.min() < 0 or asked.max() >= self.rows):
            raise IndexError(f"rows {asked.min()}..{asked.max()} of {self.rows}")
        starts = self.offsets[asked].astype(np.int64)
        counts = self.offsets[asked + 1] - starts
        before = np.cumsum(counts) - counts
        places = np.arange(counts.sum()) + np.repeat(starts - before, counts)
        leaves = np.repeat(np.arange(len(asked)), counts)
        if moment is None or self.valid is None:
            return places, leaves
        at = (self.valid[places, 0] <= moment) & (moment < self.valid[places, 1])
        return places[at], leaves[at]

    def degrees(self) -> Rows:
        """How many links each row has, int32 (n)."""
        counts: Rows = np.diff(self.offsets)
        return counts


@dataclass(frozen=True, slots=True, eq=False)
class LinkArrays:
    """Both directions of one link type."""

    forward: Csr
    reverse: Csr

    @property
    def links(self) -> int:
        return len(self.forward.targets)

    @property
    def valid(self) -> tuple[Intervals, Intervals] | None:
        """When each link is valid, beside the forward and beside the reverse targets; None if links are not dated."""
        forward, reverse = self.forward.valid, self.reverse.valid
        return None if forward is None or reverse is None else (forward, reverse)

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays."""
        return sum(part.nbytes for part in _parts(self).values())


def build_csr(
    sources: RowNumbers,
    targets: RowNumbers,
    source_count: int,
    target_count: int,
    *,
    valid: Intervals | None = None,
    through: RowNumbers | None = None,
) -> LinkArrays:
    """Link arrays of the links `sources[i]` → `targets[i]`, in any order; rows without a link are kept.

    `valid[i]` is the link's interval and `through[i]` the row of the object that stands for it. Raises BuildError
    when a row number does not exist, a count does not fit 32 bits, or an interval ends before it begins.

    >>> build_csr([0, 0, 2], [1, 0, 1], 3, 2).reverse.of(1).tolist()
    [0, 2]
    """
    left, right = checked("source", sources, source_count), checked("target", targets, target_count)
    if len(left) != len(right):
        raise BuildError(f"{len(left)} sources but {len(right)} targets")
    intervals, backing = checked_valid(valid, len(left)), checked_through(through, len(left))
    order = ordered(left, right, source_count, target_count, intervals, backing)
    forward = Csr(_offsets(left, source_count), _frozen(right[order]), _taken(intervals, order), _taken(backing, order))
    back = order[grouped(forward.targets, target_count)]
    reverse = Csr(_offsets(right, target_count), _frozen(left[back]), _taken(intervals, back), _taken(backing, back))
    return LinkArrays(forward, reverse)


def save(links: LinkArrays, folder: Path) -> None:
    """Write one .npy file an array into `folder`, replacing what was there as a whole.

    A kill at any point leaves the old arrays or the new ones, never a mixture: `load` puts the old
    folder back if the last rename is missing.
    """
    fresh, old = _beside(folder, "new"), _beside(folder, "old")
    recover(folder)
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    for name, part in _parts(links).items():
        with (fresh / f"{name}.npy").open("wb") as file:
            np.save(file, part, allow_pickle=False)
            file.flush()
            os.fsync(file.fileno())
    if folder.exists():
        shutil.rmtree(old, ignore_errors=True)
        folder.rename(old)
    fresh.rename(folder)
    shutil.rmtree(old, ignore_errors=True)


def recover(folder: Path) -> None:
    """Put the old folder back where a killed `save` had moved it aside."""
    old = _beside(folder, "old")
    if not folder.exists() and old.exists():
        old.rename(folder)


def load(folder: Path, *, mmap: bool = True) -> LinkArrays:
    """The arrays of `folder`, mapped into memory unless `mmap=False`. Raises ReleaseError if missing or damaged."""
    recover(folder)
    links = LinkArrays(_load_way(folder, "forward", mmap), _load_way(folder, "reverse", mmap))
    _check_whole(links, folder)
    return links


def _load_way(folder: Path, way: str, mmap: bool) -> Csr:
    valid, through = folder / f"valid_{way}.npy", folder / f"through_{way}.npy"
    return Csr(
        _load_rows(folder / f"{way}_offsets.npy", mmap),
        _load_rows(folder / f"{way}_targets.npy", mmap),
        _load_intervals(valid, mmap) if valid.exists() else None,
        _load_rows(through, mmap) if through.exists() else None,
    )


def _parts(links: LinkArrays) -> dict[str, Rows | Intervals]:
    found: dict[str, Rows | Intervals] = {}
    for way, csr in (("forward", links.forward), ("reverse", links.reverse)):
        found |= {f"{way}_offsets": csr.offsets, f"{way}_targets": csr.targets}
        found |= {f"{name}_{way}": part for name, part in zip(BESIDE, (csr.valid, csr.through), strict=True) if part is not None}
    return found


def _beside(folder: Path, suffix: str) -> Path:
    return folder.with_name(f".{folder.name}.{suffix}")


def _offsets(rows: Rows, count: int) -> Rows:
    offsets = np.zeros(count + 1, dtype=np.int32)
    np.cumsum(np.bincount(rows, minlength=count), out=offsets[1:])
    return _frozen(offsets)


def _taken(part: Part | None, order: npt.NDArray[np.integer]) -> Part | None:
    return None if part is None else _frozen(part[order])


def _frozen(part: Part) -> Part:
    part.flags.writeable = False
    return part


def _load_rows(path: Path, mmap: bool) -> Rows:
    part = _load_part(path, mmap)
    if part.dtype != np.int32 or part.ndim != 1:
        raise ReleaseError(f"link array {path.name} of {path.parent.name} is {part.dtype} {part.shape}, not one row of int32")
    return _frozen(part)


def _load_intervals(path: Path, mmap: bool) -> Intervals:
    part = _load_part(path, mmap)
    if part.dtype != np.int64 or part.ndim != 2 or part.shape[1] != 2:
        raise ReleaseError(f"link array {path.name} of {path.parent.name} is {part.dtype} {part.shape}, not pairs of int64")
    return _frozen(part)


def _load_part(path: Path, mmap: bool) -> npt.NDArray[Any]:
    try:
        # A plain view: slicing an np.memmap costs three times as much.
        part = np.asarray(np.load(path, mmap_mode="r" if mmap else None, allow_pickle=False))
    except (OSError, ValueError, EOFError) as error:
        raise ReleaseError(f"link array {path.name} of {path.parent.name} cannot be read: {error}") from error
    return part


def _check_whole(links: LinkArrays, folder: Path) -> None:
    forward, reverse = links.forward, links.reverse
    for way, csr, other in (("forward", forward, reverse), ("reverse", reverse, forward)):
        beside = [len(part) for part in (csr.valid, csr.through) if part is not None]
        if not len(csr.offsets) or csr.offsets[0] != 0 or csr.offsets[-1] != len(csr.targets) or set(beside) - {len(csr.targets)}:
            raise ReleaseError(f"the {way} arrays of {folder.name} do not fit together")
        if not _leads_to_rows(csr, other.rows):
            raise ReleaseError(f"the {way} arrays of {folder.name} lead to rows that are not there")
    if len(forward.targets) != len(reverse.targets):
        raise ReleaseError(f"{folder.name} has {len(forward.targets)} forward links but {len(reverse.targets)} reverse ones")
    if (forward.valid is None) != (reverse.valid is None) or (forward.through is None) != (reverse.through is None):
        raise ReleaseError(f"{folder.name} tells of one direction only when its links are valid or what stands for them")


def _leads_to_rows(csr: Csr, count: int) -> bool:
    """Compiled loops look nothing up: they would read and write other memory. A millisecond for each million links."""
    if not len(csr.targets):
        return not csr.offsets.any()
    ascending = bool((csr.offsets[1:] >= csr.offsets[:-1]).all())
    return ascending and int(csr.targets.min()) >= 0 and int(csr.targets.max()) < count
