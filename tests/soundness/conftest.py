"""What every promise counts with: `tests.scorecard` keeps the counts."""

from __future__ import annotations

from tests.scorecard import FULL, Score

__all__ = ["FULL", "Score"]
