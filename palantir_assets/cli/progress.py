"""A build as it goes, drawn: a bar on a terminal, one line per finished asset elsewhere.

Events arrive as plain mappings, `{"kind", "asset", "seconds", "detail"}`: from `rounds.build` in the same
process, or as JSON lines from a build in a child process. What happens is decided there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

LONGEST = 60
PASSED, WARNED = " passed", " warned: "


class BuildProgress:
    """Draws events on a console. `total` in a "round" event is the number of assets the build now expects."""

    def __init__(self, console: Console, progress: Progress | None) -> None:
        self._console, self._progress = console, progress
        self._task = progress.add_task("starting", total=None) if progress else None

    def show(self, event: Mapping[str, Any]) -> None:
        """Draw one event; a kind that is unknown here, and a check that passed, are left out."""
        asset, seconds, detail = str(event.get("asset") or ""), event.get("seconds"), str(event.get("detail") or "")
        took = f" {seconds:.1f} s" if isinstance(seconds, (int, float)) else ""
        match event.get("kind"):
            case "round":
                self._update(total=event.get("total"), description=detail or "working")
            case "step_started":
                self._update(description=asset)
            case "step_succeeded":
                self._update(advance=1)
                self._line(f"[green]✓[/] {escape(asset)}[dim]{took}{escape(f'  {detail}' if detail else '')}[/]")
            case "step_failed":
                self._line(f"[red]✗[/] {escape(asset)}{took}  {escape(detail)}")
            case "check" if event.get("blocks"):
                self._line(f"[red]✗[/] {escape(asset)}  {escape(detail)}")
            case "check" if detail and not detail.endswith(PASSED):
                self._line(f"[yellow]![/] {escape(asset)}  {escape(detail.partition(WARNED)[2] or detail)}")

    def _update(self, *, total: object = None, description: str | None = None, advance: int | None = None) -> None:
        if self._progress and self._task is not None:
            told = escape(shortened(description)) if description else None
            self._progress.update(self._task, total=total if isinstance(total, int) else None, description=told, advance=advance)

    def _line(self, text: str) -> None:
        self._console.print(text)


def shortened(text: str) -> str:
    """What fits beside the bar."""
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


@contextmanager
def drawn(console: Console) -> Iterator[BuildProgress]:
    """A BuildProgress for as long as the build runs."""
    if not console.is_terminal:
        yield BuildProgress(console, None)
        return
    columns = (SpinnerColumn(), TextColumn("{task.description}"), BarColumn(bar_width=24), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        yield BuildProgress(console, progress)
