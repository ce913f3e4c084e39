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
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import BinaryIO, Final, cast

from backports import zstd

from palantir_assets.errors import SourceError
from palantir_assets.names import fingerprint

CHUNK: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class RawFile:
    """Kept bytes. `name` is what the source called them, and its ending says how they are packed."""

    name: str
    sha256: str
    bytes: int
    path: Path

    def pieces(self, member: str | None = None) -> Sequence[str]:
        """The members of a .zip that fit a pattern, by name, or its only one; of any other file "", which is all of it.

        Raises SourceError for a damaged archive, and where none fits, or several and no pattern tells which.
        """
        if not self.name.casefold().endswith(".zip"):
            if member is not None:
                raise SourceError("it is no archive, and the declaration names a member of it")
            return [""]
        with self._told(), zipfile.ZipFile(self.path) as archive:
            members = sorted(name for name in archive.namelist() if not name.endswith("/") and not name.startswith("__MACOSX/"))
        found = members if member is None else [name for name in members if fnmatchcase(name, member)]
        if len(found) != 1 and (member is None or not found):
            wanted = "one is wanted" if member is None else f"{member!r} is wanted"
            told = f"it holds {len(members)} files where {wanted}: {', '.join(members[:5]) or 'none'}"
            raise SourceError(told, next_step="tell which, such as `member: orders-*.csv`")
        return found

    @contextmanager
    def unpacked(self, piece: str = "") -> Iterator[BinaryIO]:
        """The bytes of a piece: those of a plain file, of a .gz or a .zst, or of a member of a .zip.

        Raises SourceError for a damaged or locked archive.
        """
        with self._told(), self.path.open("rb") as packed, ExitStack() as closing:
            yield self._opened(packed, piece, closing)

    def _opened(self, packed: BinaryIO, piece: str, closing: ExitStack) -> BinaryIO:
        ending = self.name.casefold()
        if piece:
            archive = closing.enter_context(zipfile.ZipFile(packed))
            packed, ending = cast(BinaryIO, closing.enter_context(archive.open(piece))), piece.casefold()
        elif not ending.endswith((".gz", ".zst")):
            return packed
        if ending.endswith(".gz"):
            packed = cast(BinaryIO, closing.enter_context(gzip.GzipFile(fileobj=packed)))
        elif ending.endswith(".zst"):
            packed = cast(BinaryIO, closing.enter_context(zstd.ZstdFile(packed)))
        return cast(BinaryIO, io.BufferedReader(cast(io.RawIOBase, packed), CHUNK))

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except (zipfile.BadZipFile, gzip.BadGzipFile, zlib.error, zstd.ZstdError, EOFError) as error:
            raise SourceError(f"it cannot be unpacked: {error}") from error
        except (RuntimeError, NotImplementedError) as error:  # a password, or a way of packing that zipfile lacks
            raise SourceError(f"it cannot be unpacked: {error}") from error


@dataclass(frozen=True, slots=True)
class RawFiles:
    """The folder of kept bytes."""

    folder: Path

    @property
    def index(self) -> Path:
        """Where sources note what they kept of what: only a saving, and without it everything is fetched in full."""
        return self.folder.with_name(f"{self.folder.name}_index")

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

    def kept(self, sha256: str, size: int, *, name: str) -> RawFile | None:
        """Bytes that were kept before, if they lie there in their size."""
        path = self._kept(sha256, size)
        return None if path is None else RawFile(name, sha256, size, path)

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


def sha256_of(files: Sequence[str]) -> str:
    """What stands for the bytes of all files, given their sha256: that of one, and of several a fingerprint of theirs."""
    return files[0] if len(files) == 1 else fingerprint(*sorted(files))


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
