"""R13: making a table again never destroys the last good one. A process is killed at every named point of it."""

from __future__ import annotations

import os
import signal
from pathlib import Path

from palantir_assets.names import Name
from palantir_assets.stores.warehouse import Warehouse, replace_tables
from tests.soundness.conftest import FULL, Score

TABLES = (Name("objects", "order"), Name("links", "order__customer"))
ROUNDS = 25 if FULL else 3


def test_r13_a_kill_at_every_point_leaves_a_whole_table(tmp_path: Path, score: Score) -> None:
    warehouse = Warehouse(tmp_path / "warehouse.duckdb")
    replace(warehouse, 0)
    points: list[str] = []
    replace(warehouse, 0, points)
    violations = cases = 0
    for number in range(1, ROUNDS + 1):
        for stop in range(len(points)):
            before = content(warehouse)
            assert killed_at(warehouse, number, stop)
            violations += content(warehouse) not in (before, [number] * len(TABLES))
            cases += 1
    score("R13", cases, violations)


def replace(warehouse: Warehouse, number: int, points: list[str] | None = None, stop: int | None = None) -> None:
    def at(point: str) -> None:
        passed.append(point)
        if stop is not None and len(passed) == stop + 1:
            os.kill(os.getpid(), signal.SIGKILL)

    passed = [] if points is None else points
    with warehouse.write() as con:
        replace_tables(con, dict.fromkeys(TABLES, f"SELECT {number} AS age FROM range(50000)"), at=at)


def killed_at(warehouse: Warehouse, number: int, stop: int) -> bool:
    child = os.fork()
    if child == 0:
        replace(warehouse, number, stop=stop)
        os._exit(0)
    return os.WIFSIGNALED(os.waitpid(child, 0)[1])


def content(warehouse: Warehouse) -> list[int]:
    """The one age that each table holds; -1 for a table that is not whole."""
    with warehouse.read() as con:
        found = [con.execute(f"SELECT min(age), max(age), count(*) FROM {name.sql}").fetchall()[0] for name in TABLES]
    return [oldest if (oldest == newest and rows == 50_000) else -1 for oldest, newest, rows in found]
