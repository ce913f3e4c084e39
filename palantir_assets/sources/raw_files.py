"""The bytes of every source, kept by their content: `raw_files/<sha256>`, written once and never again.

"Why?" and "verify" end here. Where bytes come from is asked in `fetching`; what they say, in `csv`.
"""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Final, cast

from palantir_assets.errors import SourceError

CHUNK: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class RawFile:
    """Kept bytes. `name` is what the source called them, and its ending says how they are packed."""

    name: str
    sha256: str
    bytes: int
    path: Path

    @contextmanager
    def text(self) -> Iterator[BinaryIO]:
        """The unpacked bytes: those of a plain file, of a .gz, or of the single member of a .zip.

        Raises SourceError for a damaged or locked archive, or for one with several members.
        """
        try:
            with self.path.open("rb") as packed, self._unpacked(packed) as stream:
                yield stream
        except (zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, EOFError) as error:
            raise SourceError(f"{self.name} cannot be unpacked: {error}") from error

    def _unpacked(self, packed: BinaryIO) -> BinaryIO:
        ending = self.name.casefold()
        if ending.endswith(".gz"):
            return cast(BinaryIO, io.BufferedReader(gzip.GzipFile(fileobj=packed), CHUNK))
        if not ending.endswith(".zip"):
            return packed
        archive = zipfile.ZipFile(packed)
        members = [member for member in archive.namelist() if not member.endswith("/") and not member.startswith("__MACOSX/")]
        if len(members) != 1:
            raise SourceError(f"{self.name} holds {len(members)} files where one is wanted: {', '.join(members[:5]) or 'none'}")
        try:
            return cast(BinaryIO, io.BufferedReader(cast(io.RawIOBase, archive.open(members[0])), CHUNK))
        except (RuntimeError, NotImplementedError) as error:  # a password, or a way of packing that zipfile lacks
            raise SourceError(f"{self.name} cannot be unpacked: {error}") from error


@dataclass(frozen=True, slots=True)
class RawFiles:
    """The folder of kept bytes."""

    folder: Path

    def keep(self, source: Path | BinaryIO, *, name: str | None = None) -> RawFile:
        """Keep a file's or a stream's bytes; the same bytes again cost no write.

        `name` is needed for a stream. Raises SourceError if the bytes cannot be read or kept.
        """
        if isinstance(source, Path):
            with _told(source, self.folder), source.open("rb") as stream:
                digest = _digest(stream)
                if (kept := self._kept(digest, source.stat().st_size)) is None:
                    stream.seek(0)
                    return self._write(stream, name or source.name)
                return RawFile(name or source.name, digest, source.stat().st_size, kept)
        with _told(Path(name or "stream"), self.folder):
            return self._write(source, name or "stream")

    def _kept(self, digest: str, size: int) -> Path | None:
        path = self.folder / digest
        return path if path.exists() and path.stat().st_size == size else None

    def _write(self, stream: BinaryIO, name: str) -> RawFile:
        """Bytes go to a hidden file beside their place, to the disk, and then to their name."""
        self.folder.mkdir(parents=True, exist_ok=True)
        digest, size = hashlib.sha256(), 0
        handle, incoming = tempfile.mkstemp(dir=self.folder, prefix=".incoming-")
        try:
            with os.fdopen(handle, "wb") as out:
                while chunk := stream.read(CHUNK):
                    digest.update(chunk)
                    size += out.write(chunk)
                out.flush()
                os.fsync(out.fileno())
                os.fchmod(out.fileno(), 0o444)
            path = self.folder / digest.hexdigest()
            if self._kept(digest.hexdigest(), size) is None:
                Path(incoming).replace(path)
                _sync_folder(self.folder)
        finally:
            Path(incoming).unlink(missing_ok=True)
        return RawFile(name, digest.hexdigest(), size, path)


def _digest(stream: BinaryIO) -> str:
    digest = hashlib.sha256()
    while chunk := stream.read(CHUNK):
        digest.update(chunk)
    return digest.hexdigest()


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _told(source: Path, folder: Path) -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise SourceError(f"there is no file {source}") from error
    except OSError as error:
        raise SourceError(
            f"{source.name} cannot be read, or not kept in {folder}: {error.strerror or error}",
            next_step="free some space or mend the permissions, then run `palantir build --select 'group:raw'`",
        ) from error
