"""Vectors kept by what they are vectors of, so that a text is encoded once.

One file an encoder, under the cache folder, which may be deleted at any time. It holds what the last
rounds used, up to MAX_VECTORS; losing it costs time and nothing else.
"""

from __future__ import annotations

import hashlib
import os
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np

from palantir_assets.search.encoding import Encoder, Progress, Vectors

MAX_VECTORS: Final = 200_000


@dataclass(frozen=True, slots=True)
class Encoded:
    """Vectors in the order of the texts, float32 (n, d), and how many of them had to be made."""

    vectors: Vectors
    made: int


@dataclass(frozen=True, slots=True)
class VectorCache:
    """The vectors known so far, by sha256 of the text, in one .npz file a fingerprint."""

    folder: Path

    def load(self, fingerprint: str) -> dict[bytes, Vectors]:
        """What is known; empty if there is no file or it is damaged."""
        try:
            with self._path(fingerprint).open("rb") as file, np.load(file, allow_pickle=False) as parts:
                keys, vectors = parts["keys"], parts["vectors"]
        except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            return {}
        return dict(zip((key.tobytes() for key in keys), vectors, strict=True))

    def store(self, fingerprint: str, known: dict[bytes, Vectors]) -> None:
        """Replace the file by a rename; the entries put in last are kept."""
        kept = list(known.items())[-MAX_VECTORS:]
        keys = np.frombuffer(b"".join(key for key, _ in kept), dtype=np.uint8).reshape(len(kept), 32)
        self.folder.mkdir(parents=True, exist_ok=True)
        path = self._path(fingerprint)
        fresh = path.with_name(f".{path.name}.{os.getpid()}")
        with fresh.open("wb") as file:
            np.savez(file, keys=keys, vectors=np.stack([vector for _, vector in kept]))
        fresh.replace(path)

    def _path(self, fingerprint: str) -> Path:
        return self.folder / f"vectors-{fingerprint}.npz"


def encode_cached(texts: Sequence[str], encoder: Encoder, cache: VectorCache, *, on_progress: Progress | None = None) -> Encoded:
    """Vectors of all texts, making only those that are not in the cache yet, each text once."""
    known = cache.load(encoder.fingerprint)
    keys = [hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest() for text in texts]
    missing = {key: text for key, text in zip(keys, texts, strict=True) if key not in known}
    if missing:
        made = encoder.encode(list(missing.values()), on_progress=on_progress)
        for key in keys:  # used now, so kept longest
            if key in known:
                known[key] = known.pop(key)
        known.update(zip(missing, made, strict=True))
        cache.store(encoder.fingerprint, known)
    vectors = np.stack([known[key] for key in keys]) if keys else np.empty((0, encoder.dimension), dtype=np.float32)
    return Encoded(vectors, len(missing))
