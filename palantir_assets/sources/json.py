"""JSON: a document that holds records somewhere, or one record a line.

Numbers keep their spelling until they are read as what their column is declared to be, so that none is rounded on the
way. A column is a key, or a path of keys such as `customer.id`.
"""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterator, Mapping, Sequence
from functools import partial
from itertools import islice
from typing import Any, BinaryIO, Final

import pyarrow as pa

from palantir_assets.errors import SourceError, did_you_mean
from palantir_assets.ontology.spec import SourceTable
from palantir_assets.sources.lines import readable
from palantir_assets.sources.parts import Part, Refused

AT_ONCE: Final = 20_000
LONGEST: Final = 1 << 24
"""The longest line, in bytes."""

Found = tuple[int | None, Any, "Mapping[str, Any] | str"]
"""A record: its line, its text or the JSON that it is, and what it holds or why it cannot be read."""


class Number(str):
    """A number as it is written."""

    __slots__ = ()


class JsonFile:
    """A JSON file that is being read. Raises SourceError for one that is no JSON, or in which a declared column never occurs."""

    def __init__(self, stream: BinaryIO, table: SourceTable, *, lines: bool) -> None:
        self._found = _lines(stream) if lines else _document(stream, table.records)
        self._paths = {name: column.header or name for name, column in table.columns.items()}
        self._missing = {self._paths[name]: name for name, column in table.columns.items() if not column.optional}
        self._known: dict[str, None] = {}

    @property
    def undeclared(self) -> Sequence[str]:
        """The keys of records that are not wanted."""
        wanted = {path.split(".")[0] for path in self._paths.values()} | set(self._paths.values())
        return [key for key in self._known if key not in wanted]

    def parts(self) -> Iterator[Part]:
        """The records, some at a time."""
        first, any_yet = 1, False
        while some := list(islice(self._found, AT_ONCE)):
            part = self._part(some, first)
            any_yet = any_yet or bool(part.records)
            first += len(some)
            yield part
        if any_yet and self._missing:
            path, name = next(iter(self._missing.items()))
            called = f"{name} (key {path!r})" if path != name else name
            hint = did_you_mean(path, self._known)
            raise SourceError(
                f"no record has {called}" + (f"; {hint}" if hint else ""), next_step="name its key, or declare it `optional: true`"
            )

    def _part(self, some: Sequence[Found], first: int) -> Part:
        right = [(first + place, line, said, held) for place, (line, said, held) in enumerate(some) if not isinstance(held, str)]
        refused = [Refused(line, first + place, held, _raw(said)) for place, (line, said, held) in enumerate(some) if isinstance(held, str)]
        fields = {name: self._texts(path, [held for *_, held in right]) for name, path in self._paths.items()}
        for _, _, _, held in right:
            self._known |= dict.fromkeys(held)
        return Part(fields, [record for record, *_ in right], lambda index: right[index][1], lambda index: _raw(right[index][2]), refused)

    def _texts(self, path: str, records: Sequence[Mapping[str, Any]]) -> pa.Array:
        values = [_at(record, path) for record in records]
        if any(there for there, _ in values):
            self._missing.pop(path, None)
        return pa.array([_text(value) for _, value in values], pa.string())


def _raw(said: Any) -> str:
    """The text of a line, or of a part of a document."""
    return said if type(said) is str else _spelt(said)


def _at(record: Mapping[str, Any], path: str) -> tuple[bool, Any]:
    """Whether a record has a path, and what it holds there."""
    if path in record:
        return True, record[path]
    held: Any = record
    for key in path.split("."):
        if not isinstance(held, dict) or key not in held:
            return False, None
        held = held[key]
    return True, held


def _text(value: Any) -> str | None:
    if value is None or isinstance(value, Number):
        return None if value is None else str(value)
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return _spelt(value)


def _spelt(value: Any) -> str:
    """Parts of a record as JSON again, its numbers as they were."""
    if isinstance(value, dict):
        return "{" + ",".join(f"{json.dumps(key, ensure_ascii=False)}:{_spelt(held)}" for key, held in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_spelt, value)) + "]"
    return str(value) if isinstance(value, Number) else json.dumps(value, ensure_ascii=False)


def _lines(stream: BinaryIO) -> Iterator[Found]:
    for line, raw in enumerate(iter(partial(stream.readline, LONGEST), b""), 1):
        text = raw.removeprefix(codecs.BOM_UTF8) if line == 1 else raw
        if text.strip():
            yield line, readable(text), _read_line(text)


def _read_line(raw: bytes) -> Mapping[str, Any] | str:
    if len(raw) >= LONGEST:
        return f"is longer than {LONGEST:,} bytes"
    try:
        held = _LOAD(raw.decode())
    except UnicodeDecodeError as error:
        return f"is not UTF-8 at byte {error.start + 1}"
    except json.JSONDecodeError as error:
        return f"is no JSON at character {error.pos + 1}: {error.msg}"
    except (ValueError, RecursionError) as error:
        return str(error) if isinstance(error, ValueError) else "is nested too deeply"
    return held if isinstance(held, dict) else "is no object"


def _document(stream: BinaryIO, path: str | None) -> Iterator[Found]:
    try:
        held = _LOAD(stream.read().decode("utf-8-sig"))
    except UnicodeDecodeError as error:
        raise SourceError(f"it is not UTF-8 at byte {error.start + 1}", next_step="save the file as UTF-8") from error
    except json.JSONDecodeError as error:
        hint = "; one record a line is `format: jsonl`" if error.msg == "Extra data" else ""
        raise SourceError(f"it is no JSON at line {error.lineno}, character {error.colno}: {error.msg}{hint}") from error
    except (ValueError, RecursionError) as error:
        raise SourceError(f"it cannot be read: {error if isinstance(error, ValueError) else 'it is nested too deeply'}") from error
    there, records = (True, held) if path is None else _at(held, path) if isinstance(held, dict) else (False, None)
    if not there or not isinstance(records, list):
        lists = [key for key, value in held.items() if isinstance(value, list)] if isinstance(held, dict) else []
        hint = f"; it holds a list at {', '.join(lists[:5])}" if lists else ""
        what = f"there is no list at {path!r}" if path else "it is no list of records"
        raise SourceError(what + hint, next_step="tell where its records are, such as `records: data.items`")
    for each in records:
        yield None, each, each if isinstance(each, dict) else "is no object"


def _once(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    held = dict(pairs)
    if len(held) != len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"has the key {next(key for key in keys if keys.count(key) > 1)!r} twice")
    return held


def _no_number(text: str) -> Any:
    raise ValueError(f"holds {text}, which is no JSON")


_LOAD: Final = partial(json.loads, object_pairs_hook=_once, parse_int=Number, parse_float=Number, parse_constant=_no_number)
