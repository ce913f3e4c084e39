"""`<state>/status.json`: what the last build did, in a file that costs nothing to read.

`build` writes it, `status` and `up` read it. What is served is the ledger's to say, not this file's.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

from palantir_assets.cli import boot
from palantir_assets.settings import Settings


@dataclass(frozen=True, slots=True)
class BuildRecord:
    """One build. `stale` lists the assets it could not bring up to date: failed, or waiting for one that failed; `warnings`
    what the checks say that do not block."""

    state: Literal["running", "succeeded", "failed"]
    pid: int
    started_at: str
    finished_at: str | None = None
    seconds: float = 0.0
    select: str | None = None
    materialised: int = 0
    failed: tuple[str, ...] = ()
    stale: tuple[str, ...] = ()
    release_id: str | None = None
    message: str = ""
    warnings: tuple[str, ...] = ()


def path(settings: Settings) -> Path:
    return settings.state / "status.json"


def write(settings: Settings, record: BuildRecord) -> None:
    """Replace the record; a disk that is full loses the record, never the build."""
    try:
        boot.put(path(settings), json.dumps(asdict(record), indent=2).encode() + b"\n")
    except OSError:
        return


def read(settings: Settings) -> BuildRecord | None:
    """The last build's record; None if there is none that can be read."""
    try:
        content: dict[str, Any] = json.loads(path(settings).read_text())
        lists = {name: tuple(content.get(name, ())) for name in ("failed", "stale", "warnings")}
        return BuildRecord(**{**content, **lists})
    except (OSError, ValueError, TypeError, AttributeError):
        return None


def moment(text: str | None) -> datetime | None:
    """A time as the record writes it."""
    return datetime.fromisoformat(text) if text else None
