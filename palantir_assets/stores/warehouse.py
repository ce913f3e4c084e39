"""The warehouse: one DuckDB file, one writing process, and tables that are replaced whole or not at all.

Here is how the file is opened, how a table is replaced so that a kill at any moment leaves the old one or
the new one, and how a table's content becomes a version. Which tables there are is decided by the
stations; dbt opens the same file by itself. Serving never comes here: it reads releases.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import duckdb

from palantir_assets.errors import BuildError, WarehouseBusy
from palantir_assets.names import Name, fingerprint, quoted
from palantir_assets.observability.masking import without_values

SCHEMAS: Final = ("raw", "staging", "marts", "ledger", "objects", "links")
REPLACE_POINTS: Final = ("start", "begun", "made", "committed")
"""The named fault points of `replace_tables`, in their order ("made" once for each table)."""

FaultHook = Callable[[str], None]


def no_fault(point: str) -> None:
    """The hook outside tests."""


@dataclass(frozen=True, slots=True)
class Warehouse:
    """Where the file lies, how much memory DuckDB may use on it (such as "4GB"), and whether its errors may tell values."""

    path: Path
    memory_limit: str = "4GB"
    hide_values: bool = False

    @contextmanager
    def write(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """The one writing connection; makes the file and its schemas if need be.

        Raises WarehouseBusy while another connection holds the file, BuildError where it cannot be written.
        """
        with _opening_told(self.path):
            self.path.parent.mkdir(parents=True, exist_ok=True)
            con = self._connect(read_only=False)
        with _working_told(self.path, hide_values=self.hide_values), con:
            for schema in SCHEMAS:
                con.execute(f"CREATE SCHEMA IF NOT EXISTS {quoted(schema)}")
            yield con

    @contextmanager
    def read(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A reading connection. Raises as `write` does, and BuildError if there is no file yet."""
        if not self.path.exists():
            raise BuildError(f"there is no warehouse at {self.path} yet", next_step="run `palantir build` to make it")
        with _opening_told(self.path):
            con = self._connect(read_only=True)
        with _working_told(self.path, hide_values=self.hide_values), con:
            yield con

    def _connect(self, *, read_only: bool) -> duckdb.DuckDBPyConnection:
        config = {"memory_limit": self.memory_limit, "autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}
        con = duckdb.connect(str(self.path), read_only=read_only, config=dict(config))
        con.execute("SET TimeZone = 'UTC'")
        return con


def replace_table(
    con: duckdb.DuckDBPyConnection, name: Name, select: str, parameters: Sequence[object] = (), *, at: FaultHook = no_fault
) -> int:
    """Make `name` anew from a SELECT, in one transaction; returns its number of rows.

    The SELECT may read the old table. A failure or a kill at any point leaves the old table.
    """
    return replace_tables(con, {name: select}, parameters, at=at)[name]


def replace_tables(
    con: duckdb.DuckDBPyConnection, selects: Mapping[Name, str], parameters: Sequence[object] = (), *, at: FaultHook = no_fault
) -> dict[Name, int]:
    """Make several tables anew in one transaction: all of them are new, or none is. Returns their rows."""
    at("start")
    con.execute("BEGIN TRANSACTION")
    try:
        at("begun")
        for name, select in selects.items():
            con.execute(f"CREATE OR REPLACE TABLE {name.sql} AS {select}", list(parameters))
            at("made")
        counts = {name: rows(con, name) for name in selects}
    except BaseException:
        con.execute("ROLLBACK")
        raise
    con.execute("COMMIT")
    at("committed")
    return counts


def columns(con: duckdb.DuckDBPyConnection, name: Name) -> dict[str, str]:
    """Column name → DuckDB type, in the table's order; empty if there is no such table or view."""
    found = con.execute(
        "SELECT column_name, data_type FROM duckdb_columns() "
        "WHERE database_name = current_database() AND schema_name = ? AND table_name = ? ORDER BY column_index",
        [name.station, name.local],
    ).fetchall()
    return dict(found)


def schemas_of(con: duckdb.DuckDBPyConnection) -> dict[str, dict[str, str]]:
    """Every table and view of the warehouse, as `schema.table` → column name → DuckDB type."""
    found: dict[str, dict[str, str]] = {}
    for schema, table, column, type_ in con.execute(
        "SELECT schema_name, table_name, column_name, data_type FROM duckdb_columns() "
        "WHERE database_name = current_database() AND NOT internal ORDER BY schema_name, table_name, column_index"
    ).fetchall():
        found.setdefault(f"{schema}.{table}", {})[column] = type_
    return found


def content_version(con: duckdb.DuckDBPyConnection, name: Name) -> str:
    """A short hash of a table's columns, types and rows (as a bag: order does not count, duplicates do).

    Two sums of 64-bit row hashes taken in opposite column orders: made against accidents, not against an
    adversary. DuckDB does not promise the same hash in its next version; a new one then costs one rebuild.
    """
    described = columns(con, name)
    if not described:
        raise BuildError(f"there is no table {name.table} to take a version of")
    forward = ", ".join(quoted(column) for column in described)
    backward = ", ".join(quoted(column) for column in reversed(described))
    (facts,) = con.execute(
        f"SELECT count(*), coalesce(sum(hash({forward})), 0), coalesce(sum(hash('r', {backward})), 0) FROM {name.sql}"
    ).fetchall()
    return fingerprint(list(described.items()), [int(fact) for fact in facts])


def rows(con: duckdb.DuckDBPyConnection, name: Name) -> int:
    """The number of rows."""
    return int(con.execute(f"SELECT count(*) FROM {name.sql}").fetchall()[0][0])


def sample(con: duckdb.DuckDBPyConnection, name: Name, limit: int = 5, *, where: str = "true") -> list[dict[str, object]]:
    """The first `limit` rows that fulfil a condition in SQL, as a person may want to see them."""
    result = con.execute(f"SELECT * FROM {name.sql} WHERE {where} LIMIT {int(limit)}")
    heads = [column[0] for column in result.description or ()]
    return [dict(zip(heads, row, strict=True)) for row in result.fetchall()]


@contextmanager
def _opening_told(path: Path) -> Iterator[None]:
    """Why the file cannot be opened, told with the next step."""
    try:
        yield
    except (duckdb.Error, OSError) as error:
        text = str(error)
        if "different configuration" in text:
            raise WarehouseBusy(f"the warehouse {path} is open already in this process (pid {os.getpid()})") from error
        if "lock" in text.casefold() and (holder := re.search(r"PID (\d+)", text)):
            raise WarehouseBusy(f"the warehouse {path} is held by another process (pid {holder[1]})") from error
        raise _of_the_disk(path, error) or BuildError(
            f"the warehouse {path} cannot be used: {_first_line(text)}", next_step=_DAMAGED
        ) from error


@contextmanager
def _working_told(path: Path, *, hide_values: bool) -> Iterator[None]:
    """A disk or memory that is full while working, told with the next step; any other error is its caller's, or told without values."""
    try:
        yield
    except (duckdb.IOException, duckdb.OutOfMemoryException, duckdb.FatalException, duckdb.TransactionException) as error:
        if told := _of_the_disk(path, error):
            raise told from error
        raise
    except duckdb.Error as error:
        if hide_values:
            raise BuildError(without_values(_first_line(str(error)))) from None  # its text may hold the value that it fell over
        raise


def _of_the_disk(path: Path, error: Exception) -> BuildError | None:
    text = str(error)
    if isinstance(error, duckdb.OutOfMemoryException):
        return BuildError(f"DuckDB ran out of memory: {_first_line(text)}", next_step="set PALANTIR_MEMORY_LIMIT higher, such as 6GB")
    if re.search(r"no space left|file too large|disk quota", text, re.IGNORECASE):
        return BuildError(f"the disk of {path.parent} is full; what was there before is untouched", next_step=_ROOM)
    if re.search(r"read-only file system|permission denied|not a directory|file exists", text, re.IGNORECASE):
        return BuildError(f"{path.parent} cannot be written: {_first_line(text)}", next_step=_WRITABLE)
    return None


_ROOM: Final = "free some space, or point PALANTIR_STATE at a folder with room; then run `palantir build`"
_WRITABLE: Final = "make the folder writable, or point PALANTIR_STATE at one that is; then run `palantir build`"
_DAMAGED: Final = "move the file away and run `palantir build`: it makes everything in it anew from the sources"


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0] if text.strip() else "no reason given"
