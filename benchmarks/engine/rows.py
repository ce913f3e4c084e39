"""The rows of a release as its peers are given them: row numbers, keys and ready JSON, as they are served."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa

if TYPE_CHECKING:
    from palantir_assets.release.reading import Release


@contextmanager
def opened(state: Path, folder: Path) -> Iterator[Release]:
    """A release of a state folder, open for the time of a block."""
    from palantir_assets.release.reading import open_release

    release = open_release(folder, state / "indexes")
    try:
        yield release
    finally:
        release.close()


def bodies(release: Release, object_type: str) -> pa.Table:
    """`_row`, `key` and `body` of every object of a type."""
    count = release.count(object_type)
    rows = [row for start in range(0, count, 10_000) for row in release.json_rows(object_type, range(start, min(start + 10_000, count)))]
    keys = [str(json.loads(row)["__primaryKey"]) for row in rows]
    return pa.table({"_row": pa.array(range(count), pa.int64()), "key": keys, "body": [row.decode() for row in rows]})
