"""Libraries that the API does without, wherever they happen to be installed.

DuckDB and Arrow import pandas if it is there, which costs 42 MB and half a second. `do_without` makes it look
absent. (None in `sys.modules` would do for DuckDB, and breaks Arrow.)
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType


class _Absent(MetaPathFinder):
    def __init__(self, name: str) -> None:
        self._name = name

    def find_spec(self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if fullname == self._name:
            raise ModuleNotFoundError(f"No module named {fullname!r}", name=fullname)
        return None


def do_without(name: str) -> None:
    """Let no import of that library succeed from now on; one that is imported already stays."""
    sys.meta_path.insert(0, _Absent(name))
