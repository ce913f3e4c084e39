"""Tables of a database: read at one moment, row by row in an order of their own, and kept as Arrow files.

The same rows give the same bytes. How a database is asked and what it may not tell is decided in
`stores.source_database`; how values are kept, in `sql_values`.
"""

from __future__ import annotations

import hashlib
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path
from typing import Any, BinaryIO, Final, cast

import pyarrow as pa

from palantir_assets.errors import SourceError, did_you_mean
from palantir_assets.names import fingerprint
from palantir_assets.ontology.spec import Source, SourceTable
from palantir_assets.ontology.versioning import raw_version
from palantir_assets.sources.raw_files import RawFile, RawFiles, sha256_of
from palantir_assets.sources.sql_changes import as_it_is_now, note, recall
from palantir_assets.sources.sql_values import batch_of, held
from palantir_assets.stores.source_database import Moment, Relation, check_url, moment

ROWS: Final = 20_000
"""How many rows are held at once."""
SECONDS: Final = {"s": 1, "m": 60, "h": 3600}


@dataclass(frozen=True, slots=True)
class SqlTables:
    """The tables of a source that is a database. Their version is that of their rows, or of their cursor where one is declared.

    `told` gives what an environment variable holds.
    """

    source: Source
    project: Path
    told: Callable[[str], str | None]
    rows: int = ROWS
    clock: Callable[[], float] = time.monotonic

    def fetch(self, table: SourceTable, into: RawFiles) -> list[RawFile]:
        """Keep the declared columns as an Arrow file; a further one begins where a column's values are of another type."""
        with self._moment() as now, _on_disk(into.folder):
            batches = self._changed(now, table, into) or self._batches(now, table)
            kept = [_kept(schema, same, table, into) for schema, same in groupby(batches, key=_schema)]
            if table.read == "changes" and table.cursor is not None:
                _, last = now.extent(_relation(table), _called(table, table.cursor))
                note(into, self._mark(table), kept, held(last, table.cursor, "string"))
            return kept

    def version(self, table: SourceTable, into: RawFiles | None = None) -> str:
        """With a cursor, of the number of rows and its greatest value; without one, of all rows, which are read for it.

        Nothing is kept for it.
        """
        with self._moment() as now:
            if table.cursor is not None:
                _columns(now, table)
                return fingerprint("cursor", *map(str, now.extent(_relation(table), _called(table, table.cursor))))
            found = []
            for schema, batches in groupby(self._batches(now, table), key=_schema):
                _write(digest := _Digest(), schema, batches)
                found.append(digest.sha256.hexdigest())
        return sha256_of(found)

    def look(self, table: SourceTable) -> None:
        """Raises SourceError for a URL that cannot be used, if it is known here, and where a SQLite file is missing."""
        declared = self.source.sql
        if declared is not None and (declared.url is not None or self.told(declared.url_from or "")):
            check_url(self._url(), named=self._named())

    def _moment(self) -> AbstractContextManager[Moment]:
        timeout = self.source.sql.timeout if self.source.sql else "10m"
        seconds = int(timeout[:-1]) * SECONDS[timeout[-1]]
        return moment(self._url(), named=self._named(), timeout=seconds, clock=self.clock)

    def _url(self) -> str:
        declared = self.source.sql
        if declared is not None and declared.url is not None:
            return f"sqlite:///{self.project / declared.url.removeprefix('sqlite:///')}"
        if url := self.told(self._named()):
            return url
        advice = f"set {self._named()} to the database's URL, such as postgresql+psycopg://user:password@host/database"
        raise SourceError(f"{self._named()} is not set, and the source is read from there", next_step=advice)

    def _named(self) -> str:
        """Where the URL is written."""
        return (self.source.sql.url_from or self.source.sql.url or "") if self.source.sql else ""

    def _changed(self, now: Moment, table: SourceTable, into: RawFiles) -> Iterator[pa.RecordBatch] | None:
        """All rows, of which only those that changed are read; None where all must be."""
        if table.read == "all" or table.cursor is None or (before := recall(into, self._mark(table))) is None:
            return None
        key, cursor = [_called(table, name) for name in table.key], _called(table, table.cursor)
        return as_it_is_now(now, _relation(table), _columns(now, table), key=key, cursor=cursor, before=before, size=self.rows)

    def _mark(self, table: SourceTable) -> str:
        """Another place, another question or other columns have nothing to do with what was kept last."""
        return fingerprint(raw_version(self.source, table), str(self.project))

    def _batches(self, now: Moment, table: SourceTable) -> Iterator[pa.RecordBatch]:
        """All rows, some at a time; a table without any gives one batch without rows."""
        found = _columns(now, table)
        order = [_called(table, name) for name in table.key] or list(found)
        empty = True
        for rows in now.rows(_relation(table), list(found), order=order, size=self.rows):
            empty = False
            yield batch_of(rows, found)
        if empty:
            yield batch_of((), found)


@dataclass(frozen=True, slots=True)
class _Digest:
    """A file that is only hashed."""

    sha256: Any = field(default_factory=hashlib.sha256)
    closed: bool = False

    def write(self, data: bytes) -> int:
        self.sha256.update(data)
        return len(data)

    def flush(self) -> None: ...


def _schema(batch: pa.RecordBatch) -> pa.Schema:
    return batch.schema


def _kept(schema: pa.Schema, batches: Iterable[pa.RecordBatch], table: SourceTable, into: RawFiles) -> RawFile:
    with tempfile.TemporaryFile(dir=into.folder) as file:
        _write(file, schema, batches)
        file.seek(0)
        return into.keep(cast(BinaryIO, file), name=f"{table.table or 'query'}.arrow")


@contextmanager
def _on_disk(folder: Path) -> Iterator[None]:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        advice = "free some space or mend the permissions, then run `palantir build --select 'group:raw'`"
        raise SourceError(f"the rows cannot be kept in {folder}: {error.strerror or error}", next_step=advice) from error


def _write(file: Any, schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:
    with pa.ipc.new_stream(file, schema, options=pa.ipc.IpcWriteOptions(compression="zstd")) as writer:
        for batch in batches:
            writer.write_batch(batch)


def _relation(table: SourceTable) -> Relation:
    return Relation(table.table, table.query)


def _called(table: SourceTable, column: str) -> str:
    """What the database calls a declared column."""
    return table.columns[column].header or column


def _columns(now: Moment, table: SourceTable) -> dict[str, Any]:
    """The declared columns as the database calls them, with their declared type. Raises SourceError where one is missing."""
    there = now.columns(_relation(table))
    wanted = {_called(table, name): column for name, column in table.columns.items()}
    missing = [name for name, column in wanted.items() if name not in there and not column.optional]
    if missing:
        told = [f"{_relation(table).name} has no column {name}" + _hint(name, there) for name in missing]
        raise SourceError("; ".join(told))
    return {name: column.type for name, column in wanted.items() if name in there}


def _hint(name: str, there: Sequence[str]) -> str:
    hint = did_you_mean(name, there)
    return f"; {hint}" if hint else ""
