"""Row number → ready JSON, and key → row number: one LMDB file for all object types of a release.

Point reads and pages come from here in microseconds, memory-mapped. How the JSON is made is told in
`ready_json`; that the file is whole, in `indexing`.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

import lmdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from palantir_assets.errors import ReleaseError
from palantir_assets.release.ready_json import key_text

LONGEST_KEY: Final = 480
MAP_SIZE: Final = 1 << 40
"""Address space, not memory or disk: the file grows with what is put into it."""

REBUILD: Final = "run `palantir build`: the checks of the objects say more"

Batches = Iterable[pa.Table]


def stored_key(key: str) -> bytes:
    """A key as LMDB can hold it: its bytes, or their hash if they are too many, none, or look like a hash."""
    data = key.encode()
    if data and len(data) <= LONGEST_KEY and not data.startswith(b"\x00"):
        return data
    return b"\x00sha256:" + hashlib.sha256(data).digest()


def write_rows(path: Path, types: Iterable[tuple[str, Batches]], *, count: int) -> None:
    """Write `count` types; each batch has the columns _row (dense, ascending), key and body. Synced when it returns."""
    env = lmdb.open(str(path), subdir=False, map_size=MAP_SIZE, max_dbs=2 * count + 1, sync=False, metasync=False, lock=False)
    try:
        for name, batches in types:
            _write_type(env, name, batches)
        env.sync(True)
    finally:
        env.close()


def _write_type(env: lmdb.Environment, name: str, batches: Batches) -> None:
    rows, keys = env.open_db(f"rows:{name}".encode()), env.open_db(f"keys:{name}".encode())
    pairs: list[tuple[bytes, bytes]] = []
    with env.begin(write=True) as txn:
        cursor = txn.cursor(rows)
        for batch in batches:
            numbers = _packed(batch.column("_row").to_numpy())
            bodies = batch.column("body").cast(pa.binary()).to_pylist()
            _, added = cursor.putmulti(zip(numbers, bodies, strict=True), overwrite=False, append=True)
            if added != len(numbers):
                raise ReleaseError(f"the rows of {name} do not ascend", next_step=REBUILD)
            pairs.extend(zip(map(stored_key, batch.column("key").to_pylist()), numbers, strict=True))
        pairs.sort()
        _, added = txn.cursor(keys).putmulti(pairs, overwrite=False, append=True)
        if added != len(pairs):
            raise ReleaseError(f"{name} has a key twice", next_step=REBUILD)


def _packed(rows: NDArray[np.integer]) -> list[bytes]:
    """Each row number as 4 bytes, big-endian: bytes then sort as numbers do."""
    data = rows.astype(">u4").tobytes()
    return [data[start : start + 4] for start in range(0, len(data), 4)]


@dataclass(frozen=True, slots=True)
class RowStore:
    """The file, open for reading; safe to share between threads. Open a path once in a process."""

    env: lmdb.Environment
    # LMDB's handles of its named databases, by object type
    rows: Mapping[str, Any]
    keys: Mapping[str, Any]

    def row_of(self, object_type: str, key: object) -> int | None:
        """The row number of a key, or None."""
        with self.env.begin(db=self.keys[object_type]) as txn:
            found = txn.get(stored_key(key_text(key)))
        return int.from_bytes(found, "big") if found is not None else None

    def json_rows(self, object_type: str, rows: Sequence[int]) -> list[bytes]:
        """The ready JSON of each row, in the order asked for; raises IndexError for a row that is not there."""
        with self.env.begin(db=self.rows[object_type]) as txn:
            found = [txn.get(row.to_bytes(4, "big"), b"") for row in map(int, rows)]
        if b"" in found:
            raise IndexError(f"{object_type} has no row {rows[found.index(b'')]}")
        return found

    def count(self, object_type: str) -> int:
        """How many objects there are of a type."""
        with self.env.begin() as txn:
            return int(txn.stat(self.rows[object_type])["entries"])

    def close(self) -> None:
        self.env.close()


def open_rows(path: Path, types: Sequence[str]) -> RowStore:
    """Memory-map the file; raises lmdb.Error if it is damaged or lacks a type."""
    readers = max(126, 16 * (os.cpu_count() or 1))
    env = lmdb.open(str(path), subdir=False, readonly=True, lock=False, create=False, max_dbs=2 * len(types) + 1, max_readers=readers)
    try:
        rows = {name: env.open_db(f"rows:{name}".encode(), create=False) for name in types}
        keys = {name: env.open_db(f"keys:{name}".encode(), create=False) for name in types}
    except BaseException:
        env.close()
        raise
    return RowStore(env, MappingProxyType(rows), MappingProxyType(keys))
