"""Words on disk: an SQLite FTS5 index behind `search.retrieval.KeywordIndex`.

What a word is, is decided in `search.keywords`; here words are stored with spaces between them, and
ranked by BM25 with Porter stems of English ones. The file holds no text, only the index, and is
rebuilt from a release's documents at any time.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from palantir_assets.errors import BuildError, ReleaseError
from palantir_assets.search.documents import Documents
from palantir_assets.search.keywords import document_tokens, query_tokens
from palantir_assets.search.retrieval import Ranked, Scope

FORMAT: Final = 1
NAME_WEIGHT: Final = 2.0

_TABLES: Final = """
pragma journal_mode = off;
pragma synchronous = off;
create virtual table words using fts5(name, body, content='', tokenize='porter unicode61 remove_diacritics 0');
create table types (object_type text primary key, first integer not null, last integer not null);
"""


@dataclass(frozen=True, eq=False)
class SqliteKeywords:
    """An FTS5 index in a file that nobody changes any more. Each thread reads through a connection of its own."""

    path: Path
    points: int
    ranges: dict[str, tuple[int, int]]
    _mine: threading.local = field(default_factory=threading.local, repr=False)
    _all: list[sqlite3.Connection] = field(default_factory=list, repr=False)

    @classmethod
    def build(cls, path: Path, documents: Documents) -> SqliteKeywords:
        """Build beside `path` and rename: it is whole or not there. Needs the documents' texts."""
        fresh = path.with_name(f".{path.name}.{os.getpid()}")
        fresh.unlink(missing_ok=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            _fill(fresh, documents)
            fresh.replace(path)
        except sqlite3.Error as error:
            raise BuildError(f"the keyword index {path} cannot be written: {error}") from error
        finally:
            fresh.unlink(missing_ok=True)
        return cls.open(path)

    @classmethod
    def open(cls, path: Path) -> SqliteKeywords:
        """Open a built index. Raises ReleaseError if it is missing, damaged or of another format."""
        try:
            connection = _connect(path)
            (version,) = connection.execute("pragma user_version").fetchone()
            ranges = {name: (first, last) for name, first, last in connection.execute("select object_type, first, last from types")}
            connection.execute("select rowid from words where words match 'a' limit 1").fetchall()
        except sqlite3.Error as error:
            raise _damaged(path, str(error)) from error
        if version != FORMAT:
            connection.close()
            raise _damaged(path, f"its format is {version}, not {FORMAT}")
        index = cls(path, sum(last - first + 1 for first, last in ranges.values()), ranges)
        index._keep(connection)
        return index

    def search(self, query: str, k: int, scope: Scope) -> Ranked:
        tokens = query_tokens(query)
        ranges = self._ranges(scope)
        if not tokens or not ranges:
            return []
        where = " or ".join(["rowid between ? and ?"] * len(ranges))
        select = (
            f"select rowid, bm25(words, {NAME_WEIGHT}, 1.0) as score from words where words match ? and ({where}) order by score, rowid"
        )
        matches = " OR ".join(f'"{token}"' for token in tokens)  # tokens hold letters and digits only
        rows = self._connection().execute(select, [matches, *(bound for pair in ranges for bound in pair)])
        found: Ranked = []
        for point, score in rows:  # best first, so a mask is applied before the best k are taken
            if scope.points is None or scope.points[point]:
                found.append((point, -score))
            if len(found) == k:
                break
        rows.close()
        return found

    def count(self) -> int:
        return self.points

    def close(self) -> None:
        """Close the connections of all threads."""
        while self._all:
            self._all.pop().close()

    def _ranges(self, scope: Scope) -> Sequence[tuple[int, int]]:
        return [pair for name, pair in sorted(self.ranges.items()) if scope.object_types is None or name in scope.object_types]

    def _connection(self) -> sqlite3.Connection:
        connection = getattr(self._mine, "connection", None)
        return connection if connection is not None else self._keep(_connect(self.path))

    def _keep(self, connection: sqlite3.Connection) -> sqlite3.Connection:
        self._mine.connection = connection
        self._all.append(connection)
        return connection


def _fill(path: Path, documents: Documents) -> None:
    connection = sqlite3.connect(path)
    try:
        connection.executescript(_TABLES)
        spans = [(name, points.start, points.stop - 1) for name, points in documents.ranges.items()]
        connection.executemany("insert into types values (?, ?, ?)", spans)
        columns = zip(documents.column("title"), documents.column("key"), documents.column("text"), strict=True)
        words = ((point, _words(f"{title} {key}"), _words(text)) for point, (title, key, text) in enumerate(columns))
        connection.executemany("insert into words(rowid, name, body) values (?, ?, ?)", words)
        connection.execute("insert into words(words) values ('optimize')")
        connection.execute(f"pragma user_version = {FORMAT}")
        connection.commit()
    finally:
        connection.close()


def _words(text: str) -> str:
    return " ".join(document_tokens(text))


def _connect(path: Path) -> sqlite3.Connection:
    # immutable: no lock and no journal is looked for. Other threads only ever close a connection, in `close`.
    return sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro&immutable=1", uri=True, check_same_thread=False)


def _damaged(path: Path, why: str) -> ReleaseError:
    return ReleaseError(f"the keyword index {path} cannot be used: {why}", next_step=f"delete {path}, it is rebuilt from the release")
