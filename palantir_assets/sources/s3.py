"""Objects in a bucket, read as files: listed by prefix, fetched each once, and fetched again when their tag changed.

An object is known by its key, its ETag and its size: every write gives it another ETag, in parts or with versions too.
What credentials are used and what errors mean is decided in `s3_client`; which names fit, in `patterns`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass, field
from functools import cached_property
from itertools import islice
from pathlib import PurePosixPath
from typing import Any, Final

from palantir_assets.errors import SourceError, did_you_mean
from palantir_assets.names import fingerprint
from palantir_assets.ontology.spec import S3, Source, SourceTable
from palantir_assets.sources.fetched_before import FetchedBefore, Mark, fetched_before
from palantir_assets.sources.patterns import fits, is_pattern, literal_part
from palantir_assets.sources.raw_files import RawFile, RawFiles
from palantir_assets.sources.s3_client import ATTEMPTS, BUILD, Broken, Replaced, body_of, client_of, place, told

LISTINGS: Final = 2
"""How often objects are listed at most in one fetch: once more where one was replaced in the meantime."""
STREAMS: Final = 8
"""How many objects are fetched at the same time; botocore keeps ten connections."""
NEARBY: Final = 1_000
"""How many names are looked at for the one that was meant."""


@dataclass(frozen=True, slots=True)
class Listed:
    """An object as it was listed. `name` is its key below the source's prefix."""

    name: str
    key: str
    mark: Mark


@dataclass(frozen=True)
class Objects:
    """The tables of a source in a bucket. Their version is that of the listing, which costs no download."""

    source: Source
    s3: S3
    environment: Mapping[str, str] = field(repr=False)

    @cached_property
    def client(self) -> Any:
        return client_of(self.s3, self.environment)

    def fetch(self, table: SourceTable, into: RawFiles) -> list[RawFile]:
        """Keep the bytes of each object, by name. What was kept under the same tag before is not fetched again."""
        before = fetched_before(into, self.s3.endpoint, self.s3.bucket, self.s3.prefix, table.file)
        for _ in range(LISTINGS):
            try:
                return self._fetch(self._listed(table), before)
            except Replaced as error:
                key = error.key
        said = f"{key!r} in {place(self.s3)} was replaced while it was read, {LISTINGS} times in a row"
        raise SourceError(said, next_step=f"wait until whoever writes there is done, then {BUILD}")

    def version(self, table: SourceTable, into: RawFiles | None = None) -> str:  # the listing is enough
        """What stands for all keys with their ETags and sizes."""
        return fingerprint([(each.key, each.mark.tag, each.mark.size) for each in self._listed(table)])

    def look(self, table: SourceTable) -> None:
        """Raises SourceError for a name that is none of a key below the prefix."""
        _inside(table.file)

    def _listed(self, table: SourceTable) -> list[Listed]:
        """The objects of a table, by key. Raises SourceError where there is none."""
        _inside(table.file)
        found = sorted(self._fitting(table.file), key=lambda each: each.key)
        if not found:
            raise self._missing(table.file)
        return found

    def _fitting(self, file: str) -> Iterator[Listed]:
        if is_pattern(file):
            literal = literal_part(file)
            yield from (each for each in self._below(literal, deep="/" in file[len(literal) :]) if fits(each.name, file))
        else:
            yield from (each for each in self._below(file, deep=False) if each.name == file)

    def _below(self, beginning: str, *, deep: bool) -> Iterator[Listed]:
        """All objects whose name begins so, page by page; not those of folders further down unless `deep`."""
        root = f"{self.s3.prefix.strip('/')}/".removeprefix("/")
        asked = {"Bucket": self.s3.bucket, "Prefix": root + beginning, **({} if deep else {"Delimiter": "/"})}
        with told(self.s3, f"list {root + beginning!r}"):
            for page in self.client.get_paginator("list_objects_v2").paginate(**asked):
                for each in page.get("Contents", ()):
                    if not each["Key"].endswith("/"):  # what stands for an empty folder
                        mark = Mark(each["ETag"], each["Size"])
                        yield Listed(each["Key"].removeprefix(root), each["Key"], mark)

    def _missing(self, file: str) -> SourceError:
        step = f"see what is there, mend `file` or `prefix`, then {BUILD}"
        where = place(self.s3) + (f" below {self.s3.prefix!r}" if self.s3.prefix else "")
        if is_pattern(file):
            return SourceError(f"no object in {where} fits {file!r}", next_step=step)
        folder, slash, _ = file.rpartition("/")
        nearby = islice(self._below(f"{folder}{slash}", deep=False), NEARBY)
        hint = did_you_mean(file, [each.name for each in nearby])
        return SourceError(f"there is no object {file!r} in {where}" + (f"; {hint}" if hint else ""), next_step=step)

    def _fetch(self, listed: list[Listed], before: FetchedBefore) -> list[RawFile]:
        seen = before.read()
        kept = {each.name: seen[each.name] for each in listed if each.name in seen and seen[each.name][0] == each.mark}
        pool = ThreadPoolExecutor(STREAMS)
        try:
            fetched = [(each, pool.submit(self._download, each, before.raw_files)) for each in listed if each.name not in kept]
            for each, file in fetched:
                kept[each.name] = (each.mark, file.result())
        finally:
            pool.shutdown(cancel_futures=True)
            before.write(kept if len(kept) == len(listed) else {**seen, **kept})
        return [kept[each.name][1] for each in listed]

    def _download(self, each: Listed, into: RawFiles) -> RawFile:
        """The bytes that were listed; begun anew where the connection broke. Raises Replaced where they are gone."""
        for attempt in range(1, ATTEMPTS + 1):
            with told(self.s3, f"read {each.key!r}"):
                try:
                    with closing(body_of(self.client, self.s3.bucket, each.key, tag=each.mark.tag)) as body:
                        return self._whole(each, into.keep(body, name=each.name))
                except Broken as error:
                    if attempt == ATTEMPTS:
                        raise error.cause from error
        raise AssertionError("the last attempt returns or raises")

    def _whole(self, each: Listed, file: RawFile) -> RawFile:
        if file.bytes != each.mark.size:
            said = f"{each.key!r} in {place(self.s3)} was {each.mark.size:,} bytes long in the listing, and {file.bytes:,} came"
            raise SourceError(said, next_step=f"see that the store gives objects as they were stored, then {BUILD}")
        return file


def _inside(file: str) -> None:
    name = PurePosixPath(file)
    if name.is_absolute() or ".." in name.parts or file.endswith("/"):
        raise SourceError(
            f"{file!r} is no key below the prefix", next_step="name one such as orders/2024.csv, or a pattern such as orders/*.csv"
        )
