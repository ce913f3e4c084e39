"""The root logger without the handlers of pytest, which would make ordinary records of everything."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from palantir_assets.observability import finish


@contextmanager
def alone() -> Iterator[None]:
    """While it lasts, only what is configured in it listens; that is finished and closed, and what was there is put back."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    root.handlers[:] = []
    try:
        yield
    finally:
        finish()
        for handler in root.handlers:
            handler.close()
        root.handlers[:] = before
        root.setLevel(level)
