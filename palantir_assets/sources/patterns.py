"""Patterns of names, for places that have no folders of their own. On this machine pathlib says what fits."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from functools import cache
from typing import Final

WILD: Final = "*?["
"""What makes a pattern of a name."""


def is_pattern(name: str) -> bool:
    return any(mark in name for mark in WILD)


def literal_part(pattern: str) -> str:
    """What every name that fits begins with.

    >>> literal_part("orders/2024-*.csv"), literal_part("**/*.parquet")
    ('orders/2024-', '')
    """
    return pattern[: min((at for mark in WILD if (at := pattern.find(mark)) >= 0), default=len(pattern))]


def fits(name: str, pattern: str) -> bool:
    """Whether a name fits a pattern, as for `pathlib.Path.glob`, which finds the files on this machine.

    `*` is any text of one folder or file name, `?` one character, `[ab]` one of these and `[!ab]` any other. `**` as a
    whole name is any number of folders, none too; what it ends is no pattern of files.

    >>> fits("orders/2024/01.csv", "orders/*.csv"), fits("orders/2024/01.csv", "orders/**/*.csv")
    (False, True)
    """
    return _fits(tuple(name.split("/")), tuple(pattern.split("/")))


def _fits(names: Sequence[str], patterns: Sequence[str]) -> bool:
    @cache  # several ** would walk the same ends of a name again and again
    def rest(name: int, pattern: int) -> bool:
        if pattern == len(patterns):
            return name == len(names)
        if name == len(names):
            return False
        if patterns[pattern] == "**":
            return rest(name, pattern + 1) or rest(name + 1, pattern)
        return fnmatchcase(names[name], patterns[pattern]) and rest(name + 1, pattern + 1)

    return rest(0, 0)
