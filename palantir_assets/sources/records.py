"""CSV bytes as records: each with its ordinal and its line, and none lost.

A record is right (as many fields as the header) or refused (kept with its line, its reason and its text).
Blocks without a quote are plain: pyarrow splits them at once. Every other block goes through the `csv`
module in strict mode, line by line; both give the same records (a property test says so). Blank lines are
no records. A field in quotes may hold line ends, up to the `csv` module's limit of 131,072 characters: a
quote that is never closed would otherwise swallow the rest of the file, so when a record cannot be read
its first line alone is refused and reading goes on with the next.

What the fields mean is asked in `values`.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import BinaryIO, Final

import pyarrow as pa
import pyarrow.compute as pc

from palantir_assets.errors import SourceError
from palantir_assets.sources.encodings import as_utf8
from palantir_assets.sources.lines import Lines, readable
from palantir_assets.sources.parts import Refused

BLOCK: Final = 8 << 20
LIMIT: Final = 131_072
"""The longest field, in characters: what the `csv` module is set to by default."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """What parts fields, what encloses them, and what the bytes mean; without a header the first record has as many fields as all."""

    delimiter: str = ","
    quote: str = '"'
    encoding: str = "utf-8"
    header: bool = True
    multiline: bool = True


class Texts:
    """The lines of a plain block, parted when the first of them is wanted."""

    def __init__(self, block: bytes) -> None:
        self._block, self._lines = block, list[bytes]()

    def __getitem__(self, index: int) -> bytes:
        self._lines = self._lines or self._block.removesuffix(b"\n").split(b"\n")
        return self._lines[index]


@dataclass(frozen=True, slots=True)
class Block:
    """Some records in their order. `fields[i]` is a string array, one value a record; the three others are as long."""

    fields: Sequence[pa.Array]
    records: Sequence[int]
    lines: Sequence[int]
    texts: Sequence[str] | Texts
    refused: Sequence[Refused] = ()

    def raw(self, index: int) -> str:
        return readable(self.texts[index])


@dataclass(slots=True)
class Records:
    """One pass over a stream. `header` is read at once; then `blocks()` may be walked, once.

    Raises SourceError if there is no header that can be read.
    """

    stream: BinaryIO
    dialect: Dialect = Dialect()
    block_bytes: int = BLOCK
    header: list[str] = field(init=False)
    _lines: Lines = field(init=False)
    _record: int = field(init=False, default=1)

    def __post_init__(self) -> None:
        encoding = self.dialect.encoding
        self._lines = Lines(as_utf8(self.stream, encoding), self.block_bytes, encoding, self.dialect.multiline)
        self._lines.begin()
        try:
            self.header = next(filter(None, self._reader()), [])
        except csv.Error as error:
            raise SourceError(f"its header cannot be read: {error}") from error
        if not self.header:
            raise SourceError("it is empty: there is no header")
        if self._lines.damage:
            advice = "declare its encoding, such as `csv: {encoding: cp949}`, or save the file as UTF-8"
            raise SourceError(f"its header cannot be read: {self._lines.damage}", next_step=advice)
        if self.dialect.header:
            self._lines.take()
        else:
            self._lines.put_back()

    def blocks(self) -> Iterator[Block]:
        """The records, block by block."""
        while self._lines.queue:
            yield self._careful()
        while block := self._lines.read_block():
            yield self._plain(block) or self._careful(block)

    def _reader(self) -> Iterator[list[str]]:
        return csv.reader(self._lines, delimiter=self.dialect.delimiter, quotechar=self.dialect.quote, strict=True)

    def _plain(self, block: bytes) -> Block | None:
        """A block that cannot be misread, split at once; None for any other."""
        if self._lines.line_end != b"\n" or b"\0" in block or block.count(b"\r") != block.count(b"\r\n"):
            return None
        if self.dialect.quote.encode() in block:
            return None
        if (fields := _split(block, len(self.header), self.dialect)) is None:
            return None
        count = block.count(b"\n") + (not block.endswith(b"\n"))
        longest = max(pc.max(pc.binary_length(column)).as_py() or 0 for column in fields)
        if count != len(fields[0]) or longest > LIMIT:  # a blank line moves the line numbers
            return None
        first, line = self._record, self._lines.line
        self._record += count
        self._lines.line += count
        return Block(fields, range(first, first + count), range(line, line + count), Texts(block))

    def _careful(self, block: bytes = b"") -> Block:
        self._lines.queue.extend(self._lines.split(block))
        rows: list[list[str]] = []
        records, lines, texts, refused = list[int](), list[int](), list[str](), list[Refused]()
        for line, text, row in self._walk():
            if isinstance(row, str):
                refused.append(Refused(line, self._record, row, text))
            else:
                rows.append(row)
                records.append(self._record)
                lines.append(line)
                texts.append(text)
            self._record += 1
        arrays = [pa.array(column, pa.string()) for column in (zip(*rows, strict=True) if rows else [()] * len(self.header))]
        return Block(arrays, records, lines, texts, refused)

    def _walk(self) -> Iterator[tuple[int, str, list[str] | str]]:
        """Line, text, and the fields or the reason why there are none, until a record ends with the queue."""
        reader, source = self._reader(), self._lines
        while True:
            try:
                row = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                reason = _reason(str(error))
                damage = source.damage_of_first
                line, text = source.take_first()
                yield line, text, damage or reason
                reader = self._reader()
                continue
            damage, (line, text) = source.damage, source.take()
            if damage:
                yield line, text, damage
            elif len(row) == len(self.header):
                yield line, text, row
            elif row:
                yield line, text, f"has {len(row)} fields where the header has {len(self.header)}"


def _split(block: bytes, width: int, dialect: Dialect) -> list[pa.Array] | None:
    from pyarrow import csv as arrow_csv  # not the standard library's

    names = [str(n) for n in range(width)]
    try:
        table = arrow_csv.read_csv(
            io.BytesIO(block),
            read_options=arrow_csv.ReadOptions(column_names=names, block_size=len(block) + 1),
            parse_options=arrow_csv.ParseOptions(delimiter=dialect.delimiter, quote_char=False, ignore_empty_lines=True),
            convert_options=arrow_csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False),
        )
    except (pa.ArrowInvalid, ValueError, UnicodeEncodeError):  # ragged, not UTF-8, or a delimiter of several bytes
        return None
    return [column.combine_chunks() for column in table.columns]


def _reason(error: str) -> str:
    if "field larger" in error:
        return f"a field is longer than {LIMIT} characters, or a quote is not closed"
    if "unexpected end of data" in error or "expected after" in error:
        return f"a quote is not closed, or stands where none may ({error})"
    return f"cannot be read ({error})"
