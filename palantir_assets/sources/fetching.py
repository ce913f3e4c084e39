"""The door to every kind of source: who fetches its bytes, and what tells that they are others than last time.

One module a kind stands behind it: `files` for those on this machine, `http` for servers, `s3` for objects in a bucket, `sql` for
databases. What the bytes say is decided in `formats`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from palantir_assets.ontology.spec import Source, SourceTable
from palantir_assets.sources.files import Files
from palantir_assets.sources.raw_files import RawFile, RawFiles
from palantir_assets.sources.sql import SqlTables


@dataclass(frozen=True, slots=True)
class Fetched:
    """The bytes of a table as they were fetched, file by file, and the version that told of them then."""

    files: Sequence[RawFile]
    version: str


class Fetcher(Protocol):
    """Fetches the tables of one source. Every method raises SourceError where it cannot."""

    def fetch(self, table: SourceTable, into: RawFiles) -> Sequence[RawFile]:
        """Keep the bytes of a table as they are now, file by file, in an order of their own."""
        ...

    def version(self, table: SourceTable, into: RawFiles) -> str:
        """What tells of these bytes, without fetching them where that can be had: another one means other bytes."""
        ...

    def look(self, table: SourceTable) -> None:
        """Whatever is wrong with a declaration can be seen here, without leaving this machine."""
        ...


def fetcher_of(source: Source, *, project: Path, environment: Mapping[str, str] | None = None) -> Fetcher:
    """Who fetches a source's tables. Secrets are found in `environment` under the names that the source declares."""
    told = os.environ if environment is None else environment
    if source.s3 is not None:
        from palantir_assets.sources.s3 import Objects  # boto3 is loaded where a bucket is declared

        return Objects(source, source.s3, told)
    if source.http is not None:
        from palantir_assets.sources.http import HttpTables  # as is requests where a server is

        return HttpTables(source, source.http, told)
    if source.kind == "sql":
        return SqlTables(source, project, told=told.get)
    return Files(source, project)


def fetch(source: Source, table: SourceTable, *, project: Path, into: RawFiles) -> Fetched:
    """Keep the bytes of one declared table. The version is asked first: what changes meanwhile is fetched again next time."""
    fetcher = fetcher_of(source, project=project)
    version = fetcher.version(table, into)
    return Fetched(fetcher.fetch(table, into), version)
