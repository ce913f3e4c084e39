"""The signing keys on disk: one file that only its owner reads, replaced as a whole."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

from palantir_assets.errors import SettingsError
from palantir_assets.identity.keys import SigningKeys, new_key, read, rolled, written

FILE = "signing.json"


def load_or_make(folder: Path, at: datetime) -> SigningKeys:
    """The keys in a folder, made if there are none. Raises SettingsError if they cannot be read, or others can read them."""
    try:
        with _alone(folder):
            path = folder / FILE
            if not path.exists():
                _write(path, SigningKeys(new_key(at)))
            return load(folder)
    except OSError as error:
        raise SettingsError(f"the signing keys in {folder} cannot be used: {error.strerror or error}") from error


def load(folder: Path) -> SigningKeys:
    """The keys in a folder, as they are now. Raises SettingsError."""
    path = folder / FILE
    try:
        if path.stat().st_mode & 0o077:
            raise SettingsError(f"others can read {path}", next_step=f"chmod 600 {path}, then `palantir token rotate-keys`")
        return read(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"the signing keys in {folder} cannot be used: {error.strerror or error}") from error


def rotate(folder: Path, at: datetime) -> SigningKeys:
    """Sign with a new key from now on."""
    load_or_make(folder, at)
    with _alone(folder):
        keys = rolled(load(folder), at)
        _write(folder / FILE, keys)
        return keys


def _write(path: Path, keys: SigningKeys) -> None:
    beside = path.with_suffix(".new")
    beside.unlink(missing_ok=True)
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write(written(keys))
        file.flush()
        os.fsync(file.fileno())
    beside.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


@contextmanager
def _alone(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    with (folder / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
