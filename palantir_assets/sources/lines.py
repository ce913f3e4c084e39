"""The lines of a stream, fed to a csv reader one by one, and remembered until their record is whole.

What a record is, is asked in `records`.
"""

from __future__ import annotations

import io
from collections import deque
from dataclasses import dataclass, field
from typing import BinaryIO

from palantir_assets.errors import SourceError


@dataclass(slots=True)
class Lines:
    """Feeds lines to a csv reader and remembers those of the record that is being read."""

    stream: BinaryIO
    block_bytes: int
    line: int = 1
    queue: deque[bytes] = field(default_factory=deque)
    pending: list[bytes] = field(default_factory=list)
    damage: str = ""
    damage_of_first: str = ""
    _carry: bytes = b""

    def __iter__(self) -> Lines:
        return self

    def __next__(self) -> str:
        if not self.queue and not (self.pending and self.refill()):
            raise StopIteration
        raw = self.queue.popleft()
        text, damage = _decoded(raw)
        if not self.pending:
            self.damage = self.damage_of_first = damage
        self.damage = self.damage or damage
        self.pending.append(raw)
        return text

    def skip_byte_order_mark(self) -> None:
        self._carry = self.stream.read(4)
        if self._carry[:2] in (b"\xff\xfe", b"\xfe\xff"):
            raise SourceError("it is UTF-16", next_step="save the file as UTF-8")
        self._carry = self._carry.removeprefix(b"\xef\xbb\xbf")

    def read_block(self, size: int = 0) -> bytes:
        """Some whole lines: as many as fit, and one at the least; empty at the end."""
        parts = [self._carry]
        while chunk := self.stream.read(size or self.block_bytes):
            head, newline, self._carry = chunk.rpartition(b"\n")
            if newline:
                return b"".join((*parts, head, newline))
            parts.append(self._carry)
        self._carry = b""
        return b"".join(parts)

    def refill(self) -> bool:
        """A few lines more: those of the header, or of a record that goes on beyond its block."""
        self.queue.extend(io.BytesIO(self.read_block(min(self.block_bytes, 1 << 16))))
        return bool(self.queue)

    def take(self) -> tuple[int, str]:
        """The first line's number and the text of the record that has just been read."""
        line, text = self.line, readable(b"".join(self.pending))
        self.line += len(self.pending)
        self.pending.clear()
        return line, text

    def take_first(self) -> tuple[int, str]:
        """As `take`, of the first line alone; the others are read again."""
        self.queue.extendleft(reversed(self.pending[1:]))
        del self.pending[1:]
        return self.take()


def _decoded(raw: bytes) -> tuple[str, str]:
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        return raw.decode(errors="backslashreplace"), f"is not UTF-8 at byte {error.start + 1}"
    return text, "holds a NUL byte" if "\0" in text else ""


def readable(text: str | bytes) -> str:
    decoded = text if isinstance(text, str) else text.decode(errors="backslashreplace")
    return decoded.rstrip("\r\n").replace("\0", "\\x00")
