"""The ledger beside its disk: acknowledged edits a second, and what the same disk gives a bare one-row commit.

The peer is plain `sqlite3` (WAL, `synchronous=FULL`), one row a commit, nothing else. Rounds are paired and take
turns, so that a busy machine slows both; the ratio is the median of the rounds' own ratios. An edit here is an edit row,
a log row, an audit row signed with the key and the head file, all in one transaction.

    python -m benchmarks.ledger [sqlalchemy-url]
"""

from __future__ import annotations

import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path

from palantir_assets.stores.database import open_database
from palantir_assets.stores.edit_rows import Batch, NewEdit
from palantir_assets.stores.edits import EditLog

NOW = datetime(2024, 5, 1, tzinfo=UTC)
CLIENTS = 32
IN_A_BATCH = 200
ROW = "x" * 200


@dataclass(frozen=True, slots=True)
class Rates:
    """Edits a second, medians of the rounds, and the medians of the rounds' ratios to the bare commits."""

    bare_commits: float
    one_client: float
    many_clients: float
    batches: float
    one_client_ratio: float
    many_clients_ratio: float
    batches_ratio: float


def measure(url: str, folder: Path, *, rounds: int = 5, seconds: float = 1.0) -> Rates:
    """Take turns at the bare commits, one client, many clients and batches."""
    numbers = count()
    with (
        _bare(folder / "bare.db") as bare,
        closing(open_database(url, folder / "keys" / "audit.key")) as database,
        ThreadPoolExecutor(CLIENTS) as pool,
    ):
        log = EditLog(database)

        def one() -> int:
            log.append(_batch(next(numbers), 1))
            return 1

        def batch() -> int:
            log.append(_batch(next(numbers), IN_A_BATCH))
            return IN_A_BATCH

        def many() -> float:
            until = time.perf_counter() + seconds
            return sum(pool.map(lambda _: _counted(one, until), range(CLIENTS))) / seconds

        taken = [(_rate(bare, seconds), _rate(one, seconds), many(), _rate(batch, seconds)) for _ in range(rounds)]
    rates = [statistics.median(column) for column in zip(*taken, strict=True)]
    ratios = [statistics.median(row[place] / row[0] for row in taken) for place in (1, 2, 3)]
    return Rates(*rates, *ratios)


def main() -> None:
    """Print the rates of a fresh SQLite ledger, or of the one at the URL."""
    with tempfile.TemporaryDirectory(dir=".") as folder:
        rates = measure(sys.argv[1] if len(sys.argv) > 1 else f"sqlite:///{folder}/ledger.db", Path(folder))
    print(f"bare one-row commits        {rates.bare_commits:10,.0f} a second")
    print(f"edits, one client           {rates.one_client:10,.0f} a second   {rates.one_client_ratio:5.2f} x")
    print(f"edits, {CLIENTS} clients           {rates.many_clients:10,.0f} a second   {rates.many_clients_ratio:5.2f} x")
    print(f"edits, {IN_A_BATCH} in an action      {rates.batches:10,.0f} a second   {rates.batches_ratio:5.2f} x")


@contextmanager
def _bare(file: Path) -> Iterator[Callable[[], int]]:
    with closing(sqlite3.connect(file, isolation_level=None)) as connection:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("CREATE TABLE rows (row_no INTEGER PRIMARY KEY, text TEXT)")

        def commit() -> int:
            connection.execute("INSERT INTO rows (text) VALUES (?)", (ROW,))
            return 1

        yield commit


def _batch(number: int, edits: int) -> Batch:
    keys = (f"o{number % 1000}-{each}" for each in range(edits))
    return Batch("measure", "ada", NOW, edits=[NewEdit("order", key, "modify", {"status": "paid", "number": number}) for key in keys])


def _rate(work: Callable[[], int], seconds: float) -> float:
    began = time.perf_counter()
    done = _counted(work, began + seconds)
    return done / (time.perf_counter() - began)


def _counted(work: Callable[[], int], until: float) -> int:
    done = 0
    while time.perf_counter() < until:
        done += work()
    return done


if __name__ == "__main__":
    main()
