"""The key that signs the audit chain, and the head that was reached: two files that lie outside the database.

Whoever can write the database alone can neither sign a row nor take back the head. What is signed, and what a
head is held against, is decided in `audit_chain`.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import hmac
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from palantir_assets.errors import LedgerError

KEY_BYTES: Final = 32
HEAD_LENGTH: Final = 20 + 1 + 20 + 1 + 64 + 1
NO_HASH: Final = "-" * 64


@dataclass(frozen=True, slots=True)
class Head:
    """The last row that was reached, and the first row that must be signed; `hash` is None before the first row."""

    since: int
    seq: int
    hash: str | None


@dataclass(frozen=True, slots=True)
class AuditKey:
    """A key and the folder where the head is kept beside it. Its text never shows the secret."""

    file: Path
    key_id: str
    secret: bytes = field(repr=False)

    @property
    def head_file(self) -> Path:
        return self.file.with_suffix(".head")

    def sign(self, text: bytes) -> str:
        """HMAC-SHA256 in hex."""
        return hmac.new(self.secret, text, hashlib.sha256).hexdigest()


def load_key(file: Path) -> AuditKey | None:
    """The key in a file, or None if there is no file.

    Raises LedgerError if others may read it, or if it is shorter than 32 bytes.
    """
    try:
        mode, text = file.stat().st_mode, file.read_bytes().strip()
    except FileNotFoundError:
        return None
    if mode & 0o007:
        raise LedgerError(f"the audit key {file} can be read by everybody on this machine", next_step=f"chmod 600 {file}")
    if len(text) < KEY_BYTES:
        raise LedgerError(f"the audit key {file} is shorter than {KEY_BYTES} bytes", next_step="restore it from its backup")
    return AuditKey(file, hashlib.sha256(b"palantir audit key\0" + text).hexdigest()[:16], text)


def load_or_make_key(file: Path, *, random: Callable[[int], bytes] = os.urandom) -> AuditKey:
    """The key in a file, made (0600) if there is none; one process at a time. Raises LedgerError as `load_key`."""
    file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with _locked(file.with_suffix(".lock")):
        found = load_key(file)
        if found is None:
            _write_synced(file, random(KEY_BYTES).hex().encode() + b"\n")
            found = load_key(file)
    assert found is not None  # it was there, or it was just written
    return found


def read_head(key: AuditKey) -> Head | None:
    """The head that was noted last, or None if none ever was. Raises LedgerError for a file that is none."""
    try:
        return _parsed(key.head_file.read_bytes(), key.head_file)
    except FileNotFoundError:
        return None


def begin_head(key: AuditKey, *, since: int) -> None:
    """The first head of a new key: every row from `since` on must be signed. Nothing if there is one."""
    with _locked(key.file.with_suffix(".lock")):
        if not key.head_file.exists():
            _write_synced(key.head_file, _line(Head(since, since - 1, None)))


def note_head(key: AuditKey, seq: int, row_hash: str) -> None:
    """Remember how far the chain has come. A head further on is never taken back.

    One small write in place and no fsync: after a power cut the file may be behind the chain, never ahead of it.
    """
    handle = os.open(key.head_file, os.O_RDWR)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        known = _parsed(os.pread(handle, HEAD_LENGTH, 0), key.head_file)
        if seq > known.seq:
            os.pwrite(handle, _line(Head(known.since, seq, row_hash)), 0)
    finally:
        os.close(handle)


def lose_head(key: AuditKey, head: Head, *, last: int) -> None:
    """Keep a head that the chain no longer holds as evidence, and go on from row `last`, where the chain ends now."""
    with _locked(key.file.with_suffix(".lock")):
        if read_head(key) == head:
            gone = Head(min(last + 1, head.seq), head.seq, head.hash)
            _write_synced(key.file.with_name(f"{key.file.stem}.lost-{head.seq}"), _line(gone))
            _write_synced(key.head_file, _line(Head(min(head.since, last + 1), last, None)))


def lost_heads(key: AuditKey) -> Sequence[Head]:
    """Every head that was found lost; `since` is the first row that was gone. Who set the ledger back on purpose deletes the files."""
    files = key.file.parent.glob(f"{key.file.stem}.lost-*")
    return sorted((_parsed(file.read_bytes(), file) for file in files), key=lambda head: head.seq)


def _line(head: Head) -> bytes:
    return f"{head.since:020d} {head.seq:020d} {head.hash or NO_HASH}\n".encode()


def _parsed(line: bytes, file: Path) -> Head:
    words = line.decode("ascii", "replace").split()
    if len(line) != HEAD_LENGTH or len(words) != 3 or not (words[0].isdigit() and words[1].isdigit()):
        raise LedgerError(f"{file} is no head of an audit chain", next_step="restore it from its backup, then run `palantir ledger verify`")
    return Head(int(words[0]), int(words[1]), None if words[2] == NO_HASH else words[2])


def _write_synced(file: Path, data: bytes) -> None:
    part = file.with_name(f"{file.name}.{os.getpid()}.tmp")
    handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        os.write(handle, data)
        os.fsync(handle)
    finally:
        os.close(handle)
    part.rename(file)
    folder = os.open(file.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextlib.contextmanager
def _locked(file: Path) -> Iterator[None]:
    with file.open("w") as handle:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
