"""Key → row number: one LMDB file for all object types of a release; row number → ready JSON: `bodies` beside it.

Point reads and pages come from here in microseconds, memory-mapped. How the JSON is made is told in
`ready_json`; that the files are whole, in `indexing`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import lmdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from palantir_assets.errors import ReleaseError
from palantir_assets.release.bodies import BODIES, Bodies, BodyWriter, open_bodies
from palantir_assets.release.ready_json import key_text

LONGEST_KEY: Final = 480
MAP_SIZE: Final = 1 << 40
"""Address space, not memory or disk: the file grows with what is put into it."""

REBUILD: Final = "run `palantir build`: the checks of the objects say more"

Batches = Iterable[pa.Table]


def stored_key(key: str) -> bytes:
    """A key as LMDB can hold it: its bytes, or their hash if they are too many, none, or look like a hash."""
    data = key.encode("utf-8", "surrogatepass")  # half a surrogate pair is in no text: nothing is found
    if data and len(data) <= LONGEST_KEY and not data.startswith(b"\x00"):
        return data
    return b"\x00sha256:" + hashlib.sha256(data).digest()


def write_rows(path: Path, types: Iterable[tuple[str, Batches]], *, count: int) -> None:
    """Write `count` types; each batch has the columns _row (dense, from 0), key and body. Synced when it returns."""
    env = lmdb.open(str(path), subdir=False, map_size=MAP_SIZE, max_dbs=count + 1, sync=False, metasync=False, lock=False)
    try:
        for name, batches in types:
            with BodyWriter(path.parent / BODIES, name) as bodies:
                _write_type(env, bodies, name, batches)
        env.sync(True)
    finally:
        env.close()


def _write_type(env: lmdb.Environment, bodies: BodyWriter, name: str, batches: Batches) -> None:
    keys = env.open_db(f"keys:{name}".encode())
    pairs: list[tuple[bytes, bytes]] = []
    for batch in batches:
        numbers = batch.column("_row").to_numpy()
        if not np.array_equal(numbers, np.arange(len(pairs), len(pairs) + len(numbers))):
            raise ReleaseError(f"the rows of {name} do not count from 0 without a gap", next_step=REBUILD)
        bodies.add(batch.column("body").cast(pa.binary()).to_pylist())
        pairs.extend(zip(map(stored_key, batch.column("key").to_pylist()), _packed(numbers), strict=True))
    pairs.sort()
    with env.begin(write=True) as txn:
        _, added = txn.cursor(keys).putmulti(pairs, overwrite=False, append=True)
        if added != len(pairs):
            raise ReleaseError(f"{name} has a key twice", next_step=REBUILD)


def _packed(rows: NDArray[np.integer]) -> list[bytes]:
    """Each row number as 4 bytes, big-endian."""
    data = rows.astype(">u4").tobytes()
    return [data[start : start + 4] for start in range(0, len(data), 4)]


@dataclass(frozen=True, slots=True)
class RowStore:
    """The files, open for reading; safe to share between threads. Open a path once in a process."""

    env: lmdb.Environment
    # LMDB's handles of its named databases, by object type
    keys: Mapping[str, Any]
    bodies: Mapping[str, Bodies]

    def row_of(self, object_type: str, key: object) -> int | None:
        """The row number of a key, or None."""
        with self.env.begin(db=self.keys[object_type]) as txn:
            found = txn.get(stored_key(key_text(key)))
        return int.from_bytes(found, "big") if found is not None else None

    def json_rows(self, object_type: str, rows: Sequence[int]) -> list[bytes]:
        """The ready JSON of each row, in the order asked for; raises IndexError for a row that is not there."""
        return self.bodies[object_type].of(rows)

    def count(self, object_type: str) -> int:
        """How many objects there are of a type."""
        return len(self.bodies[object_type])

    def close(self) -> None:
        self.env.close()
        for bodies in self.bodies.values():
            bodies.close()


def open_rows(path: Path, types: Sequence[str]) -> RowStore:
    """Memory-map the files; raises lmdb.Error, OSError or ValueError if they are damaged or lack a type."""
    readers = max(126, 16 * (os.cpu_count() or 1))
    env = lmdb.open(str(path), subdir=False, readonly=True, lock=False, create=False, max_dbs=len(types) + 1, max_readers=readers)
    with ExitStack() as stack:
        stack.callback(env.close)
        keys = {name: env.open_db(f"keys:{name}".encode(), create=False) for name in types}
        bodies: dict[str, Bodies] = {}
        for name in types:
            bodies[name] = open_bodies(path.parent / BODIES, name)
            stack.callback(bodies[name].close)
        stack.pop_all()
    return RowStore(env, MappingProxyType(keys), MappingProxyType(bodies))
