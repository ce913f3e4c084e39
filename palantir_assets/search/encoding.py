"""Text as vectors: the port, and the encoder that a release carries, run without torch.

An encoder is a folder of three files: `encoder.onnx` (token ids and mask in, one L2-normalised vector
out), its weights `encoder.onnx.data`, and `tokenizer.json`, in which truncation and padding are set.
`exporting` makes it; what is encoded, and when, is decided in `assets`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

import numpy as np
import numpy.typing as npt

from palantir_assets.errors import ReleaseError
from palantir_assets.search.documents import safe_text
from palantir_assets.search.keywords import latin_share

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from tokenizers import Tokenizer

Vectors = npt.NDArray[np.float32]
Progress = Callable[[int, int], None]

FILES: Final = ("encoder.onnx", "encoder.onnx.data", "tokenizer.json")
BATCH: Final = 64
MAX_CHARACTERS: Final = 8_192


class Encoder(Protocol):
    """What turns texts into vectors of one length."""

    @property
    def dimension(self) -> int: ...

    @property
    def fingerprint(self) -> str:
        """Changes whenever the same text may give another vector."""
        ...

    def encode(self, texts: Sequence[str], *, on_progress: Progress | None = None) -> Vectors:
        """One L2-normalised vector a text, float32 (n, dimension); `on_progress(done, total)` is called now and then."""
        ...

    def understands(self, text: str) -> bool:
        """Whether a vector of this text means anything."""
        ...


@dataclass(frozen=True)
class OnnxEncoder:
    """The encoder of a folder. English only; of a text, the first 256 tokens count. Safe to use from many threads."""

    folder: Path
    session: InferenceSession = field(repr=False)
    tokenizer: Tokenizer = field(repr=False)

    @property
    def dimension(self) -> int:
        return int(self.session.get_outputs()[0].shape[-1])

    @cached_property
    def fingerprint(self) -> str:
        """sha256 over the three files, 16 hex digits; read when first asked for."""
        digest = hashlib.sha256()
        for name in FILES:
            with (self.folder / name).open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
        return digest.hexdigest()[:16]

    def encode(self, texts: Sequence[str], *, on_progress: Progress | None = None) -> Vectors:
        """One vector a text, in batches of at most 64 of like length; a text's batch changes its vector by less than 1e-5."""
        safe = [safe_text(text, limit=MAX_CHARACTERS) for text in texts]
        vectors = np.empty((len(safe), self.dimension), dtype=np.float32)
        done = 0
        for places in _batches(safe):
            vectors[places] = self._encode_batch([safe[place] for place in places])
            done += len(places)
            if on_progress:
                on_progress(done, len(safe))
        return vectors

    def understands(self, text: str) -> bool:
        """Whether at least half of the letters and digits are Latin ones: Korean is noise to this model."""
        return latin_share(text) >= 0.5

    def _encode_batch(self, texts: list[str]) -> Vectors:
        encodings = self.tokenizer.encode_batch(texts)
        ids = np.array([encoding.ids for encoding in encodings], dtype=np.int64)
        mask = np.array([encoding.attention_mask for encoding in encodings], dtype=np.int64)
        (vectors,) = self.session.run(None, {"input_ids": ids, "attention_mask": mask})
        return np.asarray(vectors, dtype=np.float32)


def open_encoder(folder: Path, *, threads: int = 0) -> OnnxEncoder:
    """The encoder of a folder, on `threads` threads (0: one a core). Raises ReleaseError if a file is missing or damaged."""
    import onnxruntime
    from tokenizers import Tokenizer

    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        raise ReleaseError(f"the encoder in {folder} lacks {', '.join(missing)}")
    options = onnxruntime.SessionOptions()
    options.enable_cpu_mem_arena = False  # the arena keeps the memory of the longest batch for ever
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")  # idle threads of a server should idle
    options.log_severity_level = 3
    try:
        session = onnxruntime.InferenceSession(str(folder / FILES[0]), options, providers=["CPUExecutionProvider"])
        tokenizer = Tokenizer.from_file(str(folder / FILES[2]))
    except Exception as error:  # both libraries raise classes of their own, from Exception itself
        raise ReleaseError(f"the encoder in {folder} cannot be read: {error}") from error
    return OnnxEncoder(folder, session, tokenizer)


def _batches(texts: list[str]) -> Iterator[list[int]]:
    """Places of texts of like length, so that little is padded: a short text beside a long one costs as much as it."""
    batch: list[int] = []
    for place in sorted(range(len(texts)), key=lambda place: len(texts[place])):
        if len(batch) == BATCH or (batch and len(texts[place]) > 2 * len(texts[batch[0]]) + 32):
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch
