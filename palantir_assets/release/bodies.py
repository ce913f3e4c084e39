"""Row number → ready JSON: for each object type one file of bodies, one after the other, and one of where each begins.

Reading a body is a slice of mapped memory: a page of a hundred costs a third of as many lookups in a tree. How
the JSON is made is told in `ready_json`; that the files are whole, in `indexing`.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

import numpy as np

BODIES: Final = "bodies"


@dataclass(frozen=True, slots=True)
class Bodies:
    """The bodies of one object type; safe to share between threads."""

    object_type: str
    data: mmap.mmap | bytes
    starts: memoryview
    """int64: where each body begins, and where the last one ends."""

    def __len__(self) -> int:
        return len(self.starts) - 1

    def of(self, rows: Iterable[int]) -> list[bytes]:
        """The body of each row, in the order asked for. Raises IndexError for a row that is not there."""
        data, starts = self.data, self.starts
        wanted = rows if isinstance(rows, range | list | tuple) else [int(row) for row in rows]
        if wanted and (min(wanted) < 0 or max(wanted) >= len(self)):
            missing = next(row for row in wanted if not 0 <= row < len(self))
            raise IndexError(f"{self.object_type} has no row {missing}")
        return [data[starts[row] : starts[row + 1]] for row in wanted]

    def close(self) -> None:
        self.starts.release()
        if isinstance(self.data, mmap.mmap):
            self.data.close()


class BodyWriter:
    """Takes bodies in the order of their rows; the files are on disk when the block ends.

    `with BodyWriter(folder, "order") as writer: writer.add(bodies)`
    """

    def __init__(self, folder: Path, object_type: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._starts, self._file = _files(folder, object_type)
        self._lengths: list[np.ndarray[tuple[int], np.dtype[np.int64]]] = []
        self._open: IO[bytes] | None = None

    def __enter__(self) -> BodyWriter:
        self._open = self._file.open("wb")
        return self

    def add(self, bodies: Sequence[bytes]) -> None:
        """Some more rows."""
        assert self._open is not None, "used as a context manager"
        self._open.write(b"".join(bodies))
        self._lengths.append(np.fromiter(map(len, bodies), dtype=np.int64, count=len(bodies)))

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        assert self._open is not None, "used as a context manager"
        with self._open as file:
            if error is not None:
                return
            _sync(file)
        starts = np.concatenate([np.zeros(1, dtype=np.int64), *self._lengths]).cumsum()
        with self._starts.open("wb") as file:
            np.save(file, starts, allow_pickle=False)
            _sync(file)


def open_bodies(folder: Path, object_type: str) -> Bodies:
    """Map the files of one object type. Raises OSError or ValueError if they are missing or damaged."""
    starts_file, data_file = _files(folder, object_type)
    starts = np.load(starts_file, mmap_mode="r", allow_pickle=False)
    size = data_file.stat().st_size
    if starts.dtype != np.int64 or starts.ndim != 1 or not len(starts) or starts[0] != 0 or starts[-1] != size:
        raise ValueError(f"the bodies of {object_type} and where they begin do not fit together")
    with data_file.open("rb") as file:
        data: mmap.mmap | bytes = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if size else b""
    return Bodies(object_type, data, np.asarray(starts).data)


def sizes(folder: Path) -> dict[str, int]:
    """The size of every file, to tell whether they are whole."""
    return {str(path.relative_to(folder)): path.stat().st_size for path in sorted((folder / BODIES).glob("*"))}


def _files(folder: Path, object_type: str) -> tuple[Path, Path]:
    return folder / f"{object_type}.npy", folder / f"{object_type}.json"


def _sync(file: IO[bytes]) -> None:
    file.flush()
    os.fsync(file.fileno())
