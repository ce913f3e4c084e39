"""What a person reads: one console for answers (stdout), one for everything else (stderr), and errors in words.

Nothing here decides anything; commands hand over values and exceptions.
"""

from __future__ import annotations

import json
import tempfile
import time
import traceback
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from palantir_assets.errors import PalantirError, SpecError

if TYPE_CHECKING:
    from rich.console import Console

EXIT_REFUSED, EXIT_UNEXPECTED = 1, 2
UNBOUNDED = 100_000
"""Wider than any table that is piped somewhere."""


@cache
def out() -> Console:
    """For what was asked for; plain when it is not a terminal."""
    from rich.console import Console

    return Console(highlight=False, soft_wrap=True)


@cache
def err() -> Console:
    """For progress, warnings and errors."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=True)


def say(text: str) -> None:
    """A line on stderr, as it is: names in brackets are no markup."""
    err().print(text, markup=False)


def answer(text: str) -> None:
    """A line on stdout, as it is."""
    out().print(text, markup=False)


def answer_json(value: Any) -> None:
    """The answer for a program: one JSON value on stdout."""
    print(json.dumps(value, ensure_ascii=False, indent=2, default=str))


def answer_table(columns: tuple[str, ...], rows: list[tuple[Any, ...]], *, title: str = "") -> None:
    """The answer as a table; null is an empty cell. Where no terminal sets a width, no cell is broken over lines."""
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title or None, title_justify="left")
    for column in columns:
        table.add_column(Text(column), overflow="fold")
    for row in rows:
        table.add_row(*(Text("" if cell is None else str(cell)) for cell in row))
    console = out() if out().is_terminal else Console(highlight=False, soft_wrap=True, width=UNBOUNDED)
    console.print(table)


def explain(error: PalantirError) -> int:
    """Tell a user what went wrong, where, and what to do; return the exit code."""
    from rich.text import Text

    err().print(Text.assemble(("error: ", "bold red"), error.message.splitlines()[0] if error.message else type(error).__name__))
    lines = [f"  {problem}" for problem in error.problems] if isinstance(error, SpecError) else error.message.splitlines()[1:]
    for line in lines:
        say(line)
    if error.advice:
        err().print(Text.assemble(("next: ", "bold"), error.advice))
    return EXIT_REFUSED


def explain_unexpected(error: BaseException, logs: Path | None) -> int:
    """Tell that the fault is ours, and where the traceback lies; return the exit code."""
    text = "".join(traceback.format_exception(error))
    name = f"palantir-error-{time.strftime('%Y%m%d-%H%M%S', time.gmtime())}.log"
    for folder in (logs, Path(tempfile.gettempdir())):
        try:
            file = (folder or Path()) / name if folder else None
            if file:
                file.write_text(text)
                break
        except OSError:
            continue
    else:
        file = None
    say(f"unexpected error: {type(error).__name__}: {error}")
    say(f"next: the traceback is in {file}; please report it" if file else text)
    return EXIT_UNEXPECTED


def age(moment: datetime | None, now: datetime | None = None) -> str:
    """How long ago, in the largest unit that says it: `3 h`; empty for None."""
    if moment is None:
        return ""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    seconds = max(0, int(((now or datetime.now(UTC)) - aware).total_seconds()))
    for unit, size in (("d", 86_400), ("h", 3_600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
