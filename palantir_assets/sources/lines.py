"""The lines of a stream, fed to a csv reader one by one, and remembered until their record is whole.

What a record is, is asked in `records`.
"""

from __future__ import annotations

import codecs
import re
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from palantir_assets.errors import SourceError
from palantir_assets.sources.encodings import Bytes, marked_as

FIRST: Final = 1 << 16
"""So many bytes are read at once to see how lines end."""
LONGEST_FIRST: Final = 1 << 20
"""Where no line has ended after these, lines end as on Unix."""


@dataclass(slots=True)
class Lines:
    """Feeds lines to a csv reader and remembers those of the record that is being read."""

    stream: Bytes
    block_bytes: int
    encoding: str = "utf-8"
    multiline: bool = True
    line_end: bytes = b"\n"
    line: int = 1
    queue: deque[bytes] = field(default_factory=deque)
    pending: list[bytes] = field(default_factory=list)
    damage: str = ""
    damage_of_first: str = ""
    _carry: bytes = b""

    def __iter__(self) -> Lines:
        return self

    def __next__(self) -> str:
        if self.pending and not self.multiline:
            raise StopIteration
        if not self.queue and not (self.pending and self.refill()):
            raise StopIteration
        raw = self.queue.popleft()
        text, damage = _decoded(raw, self.encoding)
        if not self.pending:
            self.damage = self.damage_of_first = damage
        self.damage = self.damage or damage
        self.pending.append(raw)
        return text

    def begin(self) -> None:
        """Read the first lines: past a byte order mark, and ended as the first of them is. Raises SourceError for another encoding."""
        self._carry = self.stream.read(4)
        said = marked_as(self._carry)
        if said not in (None, "utf-8"):
            raise SourceError(f"it is {str(said).upper()}", next_step=f"declare `csv: {{encoding: {said}}}`, or save the file as UTF-8")
        self._carry = self._carry.removeprefix(codecs.BOM_UTF8)
        while not (first := re.search(rb"\n|\r[^\n]", self._carry)) and len(self._carry) < LONGEST_FIRST:
            if not (more := self.stream.read(min(self.block_bytes, FIRST))):
                break
            self._carry += more
        self.line_end = b"\r" if first and first.group() != b"\n" else b"\n"
        self.refill()

    def split(self, block: bytes) -> Iterator[bytes]:
        """The lines of a block, each with its end."""
        lines = block.split(self.line_end)
        last = lines.pop()
        yield from (line + self.line_end for line in lines)
        if last:
            yield last

    def read_block(self, size: int = 0) -> bytes:
        """Some whole lines: as many as fit, and one at the least; empty at the end."""
        parts = [self._carry]
        while chunk := self.stream.read(size or self.block_bytes):
            head, newline, self._carry = chunk.rpartition(self.line_end)
            if newline:
                return b"".join((*parts, head, newline))
            parts.append(self._carry)
        self._carry = b""
        return b"".join(parts)

    def refill(self) -> bool:
        """A few lines more: those of the header, or of a record that goes on beyond its block."""
        self.queue.extend(self.split(self.read_block(min(self.block_bytes, FIRST))))
        return bool(self.queue)

    def take(self) -> tuple[int, str]:
        """The first line's number and the text of the record that has just been read."""
        line, text = self.line, readable(b"".join(self.pending))
        self.line += len(self.pending)
        self.pending.clear()
        return line, text

    def put_back(self) -> None:
        """Read again what was just read."""
        self.queue.extendleft(reversed(self.pending))
        self.pending.clear()

    def take_first(self) -> tuple[int, str]:
        """As `take`, of the first line alone; the others are read again."""
        self.queue.extendleft(reversed(self.pending[1:]))
        del self.pending[1:]
        return self.take()


def _decoded(raw: bytes, encoding: str) -> tuple[str, str]:
    try:
        text = raw.decode()
    except UnicodeDecodeError as error:
        place = f"byte {error.start + 1}" if encoding == "utf-8" else f"character {len(raw[: error.start].decode()) + 1}"
        return raw.decode(errors="backslashreplace"), f"is not {encoding.upper()} at {place}"
    return text, "holds a NUL byte" if "\0" in text else ""


def readable(text: str | bytes) -> str:
    decoded = text if isinstance(text, str) else text.decode(errors="backslashreplace")
    return decoded.rstrip("\r\n").replace("\0", "\\x00")
