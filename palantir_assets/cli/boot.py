"""From an empty state folder to one that everything can start on; and again after a crash.

Folders are made, Dagster's configuration is put in place, and one short process opens Dagster's instance
under a lock before anything else may (two at once can leave it unusable). What that process does stands in
`palantir_assets.assets.instance`; who runs afterwards is decided in `up` and `build`.
"""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from importlib import metadata, resources
from pathlib import Path
from urllib.parse import quote

from palantir_assets.errors import BuildError, SettingsError
from palantir_assets.release import locks
from palantir_assets.settings import Settings

MARKER = ".initialised"
CONFIGURATION = ("dagster.yaml", "workspace.yaml")
QUIET: Mapping[str, str] = {  # no dependency phones home
    "DBT_SEND_ANONYMOUS_USAGE_STATS": "false",
    "DO_NOT_TRACK": "1",
    "GX_ANALYTICS_ENABLED": "false",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_OFFLINE": "1",
    "LANGSMITH_TRACING": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
}


@dataclass(frozen=True, slots=True)
class Booted:
    """What the boot found: was Dagster's home new, and which runs of earlier boots it ended."""

    home: Path
    created: bool
    orphans: tuple[str, ...]


def lock_file(settings: Settings, name: str) -> Path:
    """Where a lock lies: `up`, `build` or `boot`."""
    return settings.state / "locks" / name


def log_file(settings: Settings, name: str) -> Path:
    """Where a part of the platform writes what it says."""
    return settings.state / "logs" / f"{name}.log"


def environment(settings: Settings) -> dict[str, str]:
    """What every process of this state folder needs to be told, on top of the environment it inherits."""
    home = {"DAGSTER_HOME": str(settings.dagster_home), "PALANTIR_PROJECT": str(settings.project), "PALANTIR_STATE": str(settings.state)}
    return {**QUIET, **home}


def require_project(settings: Settings) -> None:
    """Raise SettingsError unless the project folder has its two folders."""
    missing = [folder.name for folder in (settings.specs_dir, settings.dbt_dir) if not folder.is_dir()]
    if missing:
        raise SettingsError(
            f"{settings.project} is no project: it has no {' and no '.join(missing)}",
            next_step="set PALANTIR_PROJECT to a project, or make one with `palantir init DIR`",
        )


def make_layout(settings: Settings) -> None:
    """Make the folders of the state. Raises SettingsError if the disk does not let us."""
    try:
        for folder in ("locks", "logs", "dagster", "raw_files", "artifacts", "releases", "indexes", "cache"):
            (settings.state / folder).mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=settings.state) as probe:
            probe.write(b"\0" * 4096)
    except OSError as error:
        raise SettingsError(
            f"cannot write to the state folder {settings.state}: {error.strerror}",
            next_step="free space or mend its permissions, or set PALANTIR_STATE to another folder",
        ) from error


def boot(settings: Settings) -> Booted:
    """Make the layout and open Dagster's instance once, alone. Safe to call from many processes at once.

    The instance is opened only where there is something to do: a home that is new or of another version of
    Dagster, or runs that are unfinished. Raises SettingsError or BuildError.
    """
    make_layout(settings)
    with locks.alone(lock_file(settings, "boot")):
        for name in CONFIGURATION:
            put(settings.dagster_home / name, resources.files("palantir_assets.cli").joinpath(name).read_bytes())
        marker, version = settings.dagster_home / MARKER, metadata.version("dagster")
        made_by = marker.read_text().strip() if marker.exists() else ""
        if made_by == version and not _may_have_unfinished_runs(settings.dagster_home):
            return Booted(settings.dagster_home, created=False, orphans=())
        orphans = _open_instance(settings, migrate=made_by not in ("", version))
        put(marker, f"{version}\n".encode())
    return Booted(settings.dagster_home, created=not made_by, orphans=orphans)


def put(path: Path, content: bytes) -> None:
    """Write a file so that it is there whole or not at all; a file that says the same is left alone."""
    if path.exists() and path.read_bytes() == content:
        return
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).chmod(0o644)
        Path(temporary).replace(path)
    except OSError:
        Path(temporary).unlink(missing_ok=True)
        raise


def _may_have_unfinished_runs(home: Path) -> bool:
    """A glance at Dagster's table of runs, which spares importing Dagster; in doubt, yes."""
    try:
        with closing(sqlite3.connect(f"file:{quote(str(home / 'history' / 'runs.db'))}?mode=ro", uri=True, timeout=5)) as runs:
            return bool(runs.execute("SELECT 1 FROM runs WHERE status IN ('STARTING', 'STARTED', 'CANCELING') LIMIT 1").fetchall())
    except sqlite3.Error:
        return True


def _open_instance(settings: Settings, *, migrate: bool) -> tuple[str, ...]:
    """Run `palantir_assets.assets.instance` to its end; return the runs that it ended."""
    command = [sys.executable, "-m", "palantir_assets.assets.instance", str(settings.dagster_home), *(["--migrate"] if migrate else [])]
    done = subprocess.run(command, env={**os.environ, **environment(settings)}, capture_output=True, text=True, stdin=subprocess.DEVNULL)
    if done.returncode:
        log = log_file(settings, "boot")
        put(log, (done.stdout + done.stderr).encode())
        raise BuildError(
            f"Dagster's home {settings.dagster_home} cannot be opened: {(done.stderr.strip().splitlines() or ['no reason given'])[-1]}",
            next_step=f"read {log}; if the home is damaged, move it away (only the history of runs is lost) and start again",
        )
    return tuple(json.loads(done.stdout.splitlines()[-1])["orphans"])
