"""One SQL statement over a release, with a time limit and with errors that a caller can act on.

Identifiers come through `names.quoted` and values as parameters from whoever builds the statement. One
watching thread for the whole process interrupts what runs too long; a statement costs it two dictionary entries.
"""

from __future__ import annotations

import itertools
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import duckdb
import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from palantir_assets.engine.ports import Released
from palantir_assets.errors import QueryError, QueryTooLong

TIME_LIMIT_SECONDS: Final = 10.0
_LOOK_EVERY_SECONDS: Final = 0.1
_ASK_LESS: Final = "ask for less: a narrower filter, fewer groups"


@dataclass
class Watchdog:
    """Interrupts statements that run past their deadline. Its thread starts with the first statement and is a daemon."""

    running: dict[int, tuple[float, duckdb.DuckDBPyConnection]] = field(default_factory=dict)
    awake: threading.Event = field(default_factory=threading.Event)
    lock: threading.Lock = field(default_factory=threading.Lock)
    numbers: Iterator[int] = field(default_factory=itertools.count)
    thread: threading.Thread | None = None

    @contextmanager
    def watched(self, cursor: duckdb.DuckDBPyConnection, seconds: float) -> Iterator[None]:
        """Interrupt the cursor if the block takes longer; the interrupted call raises duckdb.InterruptException."""
        number = next(self.numbers)
        with self.lock:
            self.running[number] = (time.monotonic() + seconds, cursor)
            if self.thread is None or not self.thread.is_alive():
                self.thread = threading.Thread(target=self._watch, name="statement-watchdog", daemon=True)
                self.thread.start()
        if not self.awake.is_set():
            self.awake.set()
        try:
            yield
        finally:
            with self.lock:
                del self.running[number]

    def _watch(self) -> None:
        while True:
            self.awake.wait()
            time.sleep(_LOOK_EVERY_SECONDS)
            with self.lock:
                late = [cursor for deadline, cursor in self.running.values() if deadline < time.monotonic()]
                for cursor in late:
                    cursor.interrupt()
                if not self.running:
                    self.awake.clear()


WATCHDOG: Final = Watchdog()


@dataclass(frozen=True)
class Sql:
    """A piece of SQL and its parameters: in order, or by name where it is a whole statement."""

    text: str
    values: tuple[Any, ...] = ()
    named: Mapping[str, Any] = field(default_factory=dict)


@contextmanager
def asked(
    release: Released, sql: Sql, tables: Mapping[str, pa.Table] | None = None, *, seconds: float | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """The cursor after the statement has run; `tables` can be named in it. Raises QueryTooLong, or QueryError for what SQL refuses."""
    limit = TIME_LIMIT_SECONDS if seconds is None else seconds
    with release.sql() as cursor:
        try:
            with WATCHDOG.watched(cursor, limit):
                for name, table in (tables or {}).items():
                    cursor.register(name, table)
                cursor.execute(sql.text, dict(sql.named) if sql.named else list(sql.values))
                yield cursor
        except duckdb.InterruptException:
            raise QueryTooLong(f"the question took longer than {limit:g} s", next_step=_ASK_LESS) from None
        except duckdb.OutOfMemoryException:
            raise QueryTooLong("the question needs more memory than one may have", next_step=_ASK_LESS) from None
        except (duckdb.InvalidInputException, duckdb.OutOfRangeException, duckdb.ConversionException) as error:
            raise QueryError(_refused(sql, str(error))) from None


def _refused(sql: Sql, told: str) -> str:
    """What SQL says of a question that it refuses, without its own name for the kind of error."""
    words = told.strip().splitlines()[0].removeprefix("Invalid Input Error: ")[:200]
    # Of all patterns only those of `regex` are a caller's own, and the library that reads them says what is wrong in this way.
    return f"a regex that cannot be read: {words}" if "regexp_full_match" in sql.text else f"this cannot be computed: {words}"


def row_numbers(release: Released, sql: Sql, tables: Mapping[str, pa.Table] | None = None) -> NDArray[np.int32]:
    """The one column of row numbers that a statement gives."""
    with asked(release, sql, tables) as cursor:
        (found,) = cursor.fetchnumpy().values()
        rows: NDArray[np.int32] = np.asarray(found, dtype=np.int32)
        return rows


def fetched(release: Released, sql: Sql, tables: Mapping[str, pa.Table] | None = None) -> list[tuple[Any, ...]]:
    """All rows that a statement gives."""
    with asked(release, sql, tables) as cursor:
        rows: list[tuple[Any, ...]] = cursor.fetchall()
        return rows


def columns(release: Released, sql: Sql, tables: Mapping[str, pa.Table] | None = None) -> pa.Table:
    """The columns that a statement gives, as an Arrow table."""
    with asked(release, sql, tables) as cursor:
        return cursor.to_arrow_table()


def joined(parts: Sequence[Sql], word: str, *, empty: str) -> Sql:
    """Several conditions as one, in parentheses."""
    return Sql(f"({word.join(part.text for part in parts) or empty})", tuple(value for part in parts for value in part.values))
