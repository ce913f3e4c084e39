"""Links as compressed sparse rows: two int32 arrays a direction, made, kept and mapped here.

Row `r` of a type is linked to `targets[offsets[r]:offsets[r + 1]]`. A link is stored twice, forward
and reverse, so that both ends can be walked; parallel links are kept, and every row's targets are
ascending, so that equal links give equal bytes. Where the row numbers come from is decided in
`ontology.compiling`; who may see which row, in `engine`.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from palantir_assets.errors import BuildError, ReleaseError

Rows = npt.NDArray[np.int32]
RowNumbers = npt.NDArray[np.integer] | Sequence[int]

INT32_MAX = 2**31 - 1
PARTS = ("forward_offsets", "forward_targets", "reverse_offsets", "reverse_targets")


@dataclass(frozen=True, slots=True, eq=False)
class Csr:
    """One direction of a link: `offsets` int32 (n + 1), `targets` int32 (m), both read-only."""

    offsets: Rows
    targets: Rows

    @property
    def rows(self) -> int:
        """How many rows can be asked for."""
        return len(self.offsets) - 1

    def of(self, row: int) -> Rows:
        """The rows linked to `row`, ascending: a view, not a copy. Raises IndexError outside 0..rows-1."""
        if not 0 <= row < self.rows:
            raise IndexError(f"row {row} of {self.rows}")
        return self.targets[self.offsets[row] : self.offsets[row + 1]]

    def of_many(self, rows: RowNumbers) -> Rows:
        """The rows linked to any of `rows`, one after the other, repeats kept: `of` for a whole set at once."""
        asked = np.asarray(rows, dtype=np.int64)
        if len(asked) and (asked.min() < 0 or asked.max() >= self.rows):
            raise IndexError(f"rows {asked.min()}..{asked.max()} of {self.rows}")
        starts = self.offsets[asked].astype(np.int64)
        counts = self.offsets[asked + 1] - starts
        before = np.cumsum(counts) - counts
        found: Rows = self.targets[np.arange(counts.sum()) + np.repeat(starts - before, counts)]
        return found

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
    def nbytes(self) -> int:
        """Bytes of all four arrays."""
        return sum(part.nbytes for part in _parts(self).values())


def build_csr(sources: RowNumbers, targets: RowNumbers, source_count: int, target_count: int) -> LinkArrays:
    """Link arrays of the links `sources[i]` → `targets[i]`, in any order; rows without a link are kept.

    Raises BuildError when a row number does not exist or a count does not fit 32 bits.

    >>> build_csr([0, 0, 2], [1, 0, 1], 3, 2).reverse.of(1).tolist()
    [0, 2]
    """
    left, right = _checked("source", sources, source_count), _checked("target", targets, target_count)
    if len(left) != len(right):
        raise BuildError(f"{len(left)} sources but {len(right)} targets")
    return LinkArrays(_compressed(left, right, source_count, target_count), _compressed(right, left, target_count, source_count))


def save(links: LinkArrays, folder: Path) -> None:
    """Write four .npy files into `folder`, replacing what was there as a whole.

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
    forward_offsets, forward_targets, reverse_offsets, reverse_targets = (_load_part(folder / f"{name}.npy", mmap) for name in PARTS)
    links = LinkArrays(Csr(forward_offsets, forward_targets), Csr(reverse_offsets, reverse_targets))
    _check_whole(links, folder)
    return links


def _parts(links: LinkArrays) -> dict[str, Rows]:
    arrays = (links.forward.offsets, links.forward.targets, links.reverse.offsets, links.reverse.targets)
    return dict(zip(PARTS, arrays, strict=True))


def _beside(folder: Path, suffix: str) -> Path:
    return folder.with_name(f".{folder.name}.{suffix}")


def _checked(side: str, numbers: RowNumbers, count: int) -> npt.NDArray[np.int64]:
    found = np.asarray(numbers)
    if np.ma.is_masked(numbers):  # what DuckDB hands over for a column with nulls
        raise BuildError(f"a {side} row is null")
    if found.size and not np.issubdtype(found.dtype, np.integer):
        raise BuildError(f"{side} rows are {found.dtype}, not whole numbers")
    if not 0 <= count <= INT32_MAX or len(found) > INT32_MAX:
        raise BuildError(f"{len(found)} links and {count} {side} rows do not fit 32-bit row numbers (at most {INT32_MAX})")
    if found.size and (found.min() < 0 or found.max() >= count):
        raise BuildError(f"{side} rows {found.min()}..{found.max()} lie outside 0..{count - 1}")
    return found.astype(np.int64)


def _compressed(rows: npt.NDArray[np.int64], targets: npt.NDArray[np.int64], row_count: int, target_count: int) -> Csr:
    # One sort of row * width + target orders rows, and targets within them, without an index array.
    width = max(target_count, 1)
    pairs = np.sort(rows * width + targets)
    offsets = np.zeros(row_count + 1, dtype=np.int32)
    np.cumsum(np.bincount(rows, minlength=row_count), out=offsets[1:])
    return Csr(_frozen(offsets), _frozen((pairs % width).astype(np.int32)))


def _frozen(part: Rows) -> Rows:
    part.flags.writeable = False
    return part


def _load_part(path: Path, mmap: bool) -> Rows:
    try:
        # A plain view: slicing an np.memmap costs three times as much.
        part = np.asarray(np.load(path, mmap_mode="r" if mmap else None, allow_pickle=False))
    except (OSError, ValueError, EOFError) as error:
        raise ReleaseError(f"link array {path.name} of {path.parent.name} cannot be read: {error}") from error
    if part.dtype != np.int32 or part.ndim != 1:
        raise ReleaseError(f"link array {path.name} of {path.parent.name} is {part.dtype} {part.shape}, not one row of int32")
    return _frozen(part)


def _check_whole(links: LinkArrays, folder: Path) -> None:
    for way, csr in (("forward", links.forward), ("reverse", links.reverse)):
        if not len(csr.offsets) or csr.offsets[0] != 0 or csr.offsets[-1] != len(csr.targets):
            raise ReleaseError(f"the {way} arrays of {folder.name} do not fit together")
    if len(links.forward.targets) != len(links.reverse.targets):
        raise ReleaseError(f"{folder.name} has {len(links.forward.targets)} forward links but {len(links.reverse.targets)} reverse ones")
