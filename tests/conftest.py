"""What every test shares: hypothesis without deadlines, for machines that are busy, and the scorecard."""

from __future__ import annotations

from hypothesis import settings

from tests.scorecard import pytest_sessionfinish, score

__all__ = ["pytest_sessionfinish", "score"]

settings.register_profile("palantir", deadline=None, print_blob=True)
settings.load_profile("palantir")
