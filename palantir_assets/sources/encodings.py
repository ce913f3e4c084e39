"""Text in any declared encoding, as UTF-8: what cannot be decoded stays as bytes that are no UTF-8, and is refused where it stands.

Nothing is guessed: a file is read as it is declared. What a line or a record is, is asked in `lines` and `records`.
"""

from __future__ import annotations

import codecs
from typing import BinaryIO, Final, Protocol

from palantir_assets.errors import SourceError

MARKS: Final = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
"""How a file says of itself what it is; those of UTF-32 before those of UTF-16, which they begin with."""


class Bytes(Protocol):
    """Something to read from."""

    def read(self, size: int = -1, /) -> bytes: ...


class AsUtf8:
    """A stream in another encoding, read as UTF-8. What cannot be decoded is there as it was, after the byte 0xFF."""

    def __init__(self, stream: Bytes, encoding: str) -> None:
        self._stream, self._encoding, self._ended = stream, encoding, False
        self._decoder = codecs.getincrementaldecoder(encoding)(_KEPT)

    def read(self, size: int = -1, /) -> bytes:
        """Some bytes, of about as many of the file's; empty at the end and only there. Raises SourceError without the mark it needs."""
        while not self._ended:
            chunk = self._stream.read(size)
            self._ended = not chunk or size < 0
            if text := self._decoded(chunk):
                return text.encode("utf-8", "surrogateescape")
        return b""

    def _decoded(self, chunk: bytes) -> str:
        try:
            return self._decoder.decode(chunk, final=self._ended)
        except UnicodeError as error:  # the one that no handler of undecodable bytes is asked about
            raise SourceError(
                f"it does not begin with the byte order mark of {self._encoding.upper()}",
                next_step=f"declare `csv: {{encoding: {self._encoding}-le}}`, or whatever it is",
            ) from error


def as_utf8(stream: BinaryIO, encoding: str) -> Bytes:
    """The stream as UTF-8, whatever its encoding is."""
    return stream if encoding == "utf-8" else AsUtf8(stream, encoding)


def marked_as(beginning: bytes) -> str | None:
    """The encoding that a byte order mark tells of."""
    return next((encoding for mark, encoding in MARKS.items() if beginning.startswith(mark)), None)


def _keep(error: UnicodeError) -> tuple[str, int]:
    """What cannot be decoded, for `surrogateescape` to put back, after a byte that stands in no UTF-8; a line end in it ends no line."""
    if not isinstance(error, UnicodeDecodeError):
        raise error
    span = error.object[error.start : error.end].translate(None, b"\r\n")
    return "\udcff" + "".join(chr(0xDC00 + byte) if byte >= 0x80 else chr(byte) for byte in span), error.end


_KEPT: Final = "palantir_kept"
codecs.register_error(_KEPT, _keep)
