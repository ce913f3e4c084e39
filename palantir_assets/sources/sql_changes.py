"""A table as it is now, made of the rows that were kept last and those that changed since: what `read: changes` asks for.

Changed are the rows whose cursor is at or past the last one seen; at, because others may bear the same. The keys of all
rows are read too: a key that is gone was deleted, and one that nobody knows came late, so that all must be read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from palantir_assets.ontology.spec import SourceType
from palantir_assets.sources.raw_files import RawFile, RawFiles
from palantir_assets.sources.sql_values import batch_of
from palantir_assets.stores.source_database import Moment, Relation

FOLDER: Final = "changes"
"""Where it is noted what was kept last; without it a table is read in full."""
MOST: Final = 500_000
"""More changed rows than these are not held at once: the table is read in full then."""
WIDTH: Final = 16

Keys = npt.NDArray[np.bytes_]


@dataclass(frozen=True, slots=True)
class Before:
    """What was kept last: the files, in their order, and the greatest cursor among their rows."""

    files: Sequence[Path]
    last: int | float | str


def recall(into: RawFiles, mark: str) -> Before | None:
    """What was kept last under a mark, if all of it is still there."""
    try:
        noted = json.loads((into.index / FOLDER / mark).read_text(encoding="utf-8"))
        files = [into.folder / sha256 for sha256 in noted["files"]]
        last = noted["last"]
    except (OSError, ValueError, LookupError, TypeError):
        return None
    return Before(files, last) if all(file.is_file() for file in files) else None


def note(into: RawFiles, mark: str, kept: Sequence[RawFile], last: Any) -> None:
    """Note what was kept, for the next time. A table without any row is read in full again."""
    place = into.index / FOLDER / mark
    place.unlink(missing_ok=True)
    if isinstance(last, int | float | str):
        place.parent.mkdir(parents=True, exist_ok=True)
        incoming = place.with_suffix(".incoming")
        incoming.write_text(json.dumps({"files": [file.sha256 for file in kept], "last": last}), encoding="utf-8")
        incoming.replace(place)


def as_it_is_now(
    now: Moment, relation: Relation, columns: Mapping[str, SourceType], *, key: Sequence[str], cursor: str, before: Before, size: int
) -> Iterator[pa.RecordBatch] | None:
    """The rows of a table, without reading them all; None where they cannot be had so.

    Columns, key and cursor are named as the database names them.
    """
    since = (cursor, before.last)
    changed: list[pa.RecordBatch] = []
    for rows in now.rows(relation, list(columns), order=key, size=size, since=since):
        changed.append(batch_of(rows, columns))
        if sum(batch.num_rows for batch in changed) > MOST:
            return None
    of_key = {name: columns[name] for name in key}
    present = _joined([_keys(batch_of(rows, of_key), key) for rows in now.rows(relation, list(key), order=(), size=size)])
    newer = _joined([_keys(batch, key) for batch in changed])
    older = [_keys(batch, key) if batch.schema.names == list(columns) else None for batch in _batches(before)]
    if any(keys is None for keys in older):
        return None
    known = np.union1d(_joined([keys for keys in older if keys is not None]), newer)
    if len(np.unique(present)) != len(present) or not np.isin(present, known).all():
        return None
    return _filled(_merged(before, changed, key, present, newer), size)


def _merged(before: Before, changed: Sequence[pa.RecordBatch], key: Sequence[str], present: Keys, newer: Keys) -> Iterator[pa.RecordBatch]:
    """The rows kept last that are still there as they were, in their order, then those that changed."""
    for batch in _batches(before):
        keys = _keys(batch, key)
        stays = np.isin(keys, present) & ~np.isin(keys, newer)
        yield batch.filter(pa.array(stays))
    yield from changed


def _filled(batches: Iterator[pa.RecordBatch], size: int) -> Iterator[pa.RecordBatch]:
    """The same rows in as few batches as hold them, so that a file that is often changed does not fall into pieces."""
    held: list[pa.RecordBatch] = []
    for batch in batches:
        if held and (batch.schema != held[0].schema or sum(one.num_rows for one in held) + batch.num_rows > size):
            yield pa.concat_batches(held)
            held = []
        held.append(batch)
    yield pa.concat_batches(held)


def _batches(before: Before) -> Iterator[pa.RecordBatch]:
    for path in before.files:
        with path.open("rb") as stream:
            yield from pa.ipc.open_stream(stream)


def _keys(batch: pa.RecordBatch, key: Sequence[str]) -> Keys:
    """What stands for each row's key: sixteen bytes, so that the keys of a long table fit into memory."""
    columns = [batch.column(name).to_pylist() for name in key]
    found = [blake2b(repr(values).encode(), digest_size=WIDTH).digest() for values in zip(*columns, strict=True)]
    return np.array(found, dtype=f"S{WIDTH}")


def _joined(keys: Sequence[Keys]) -> Keys:
    return np.concatenate([np.array([], dtype=f"S{WIDTH}"), *keys])
