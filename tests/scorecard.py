"""The scorecard: what each promise counted. `make soundness` writes `scorecard.json`; fewer cases than last time fail."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

SCORECARD = Path(__file__).parents[1] / "scorecard.json"
FULL = os.environ.get("SOUNDNESS") == "full"

Score = Callable[[str, int, int], None]
_rows: dict[str, dict[str, float]] = {}


@pytest.fixture
def score() -> Iterator[Score]:
    """`score("R04", cases, violations)`: counts of a row, added up over its tests, printed, and zero violations asserted."""
    began = time.monotonic()

    def count(row: str, cases: int, violations: int) -> None:
        entry = _rows.setdefault(row, {"cases": 0, "violations": 0, "seconds": 0})
        entry["cases"] += cases
        entry["violations"] += violations
        entry["seconds"] = round(entry["seconds"] + time.monotonic() - began, 1)
        print(f"\n{row}: {entry['cases']:.0f} cases, {entry['violations']:.0f} violations, {entry['seconds']} s")
        assert violations == 0

    yield count


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In the long tier, hold the counts against the last ones and keep them. One of several workers hands its counts over."""
    if not FULL or not _rows:
        return
    if (handed_over := getattr(session.config, "workeroutput", None)) is not None:
        handed_over["scorecard"] = _rows
        return
    last = json.loads(SCORECARD.read_text(encoding="utf-8")) if SCORECARD.exists() else {}
    fewer = {row: entry["cases"] for row, entry in _rows.items() if entry["cases"] < last.get(row, {}).get("cases", 0)}
    if fewer:
        print(f"\nfewer cases than last time: {fewer}")
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
        return
    SCORECARD.write_text(json.dumps({**last, **_rows}, indent=1, sort_keys=True) + "\n", encoding="utf-8")


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Adds up what the workers of one run counted, each for itself."""
    for row, counted in getattr(node, "workeroutput", {}).get("scorecard", {}).items():
        entry = _rows.setdefault(row, dict.fromkeys(counted, 0))
        for name, count in counted.items():
            entry[name] = round(entry[name] + count, 1)
