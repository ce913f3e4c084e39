"""`palantir doctor`: is this machine, this project and this state folder fit to work, and if not, what to do?

Each look is a function that returns findings; nothing is changed. Specs are `check`'s business.
"""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import metadata, util
from pathlib import Path
from typing import Literal

from palantir_assets.cli import boot, console, locks, ports, releases
from palantir_assets.errors import PalantirError
from palantir_assets.settings import VARIABLES, Settings, load_settings

MARKS: Mapping[str, str] = {"good": "ok  ", "warning": "warn", "bad": "BAD "}
LEAST_FREE_GB = 3.0
SERVING = ("duckdb", "fastapi", "lmdb", "numpy", "onnxruntime", "orjson", "pyarrow", "qdrant-edge-py", "sqlalchemy", "uvicorn")
BUILD = ("dagster", "dagster-webserver", "dagster-dbt", "dbt-core", "dbt-duckdb", "great-expectations", "mlflow", "scikit-learn", "torch")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at."""

    state: Literal["good", "warning", "bad"]
    what: str
    next_step: str = ""


def command(*, as_json: bool) -> int:
    """Print every finding; return 1 if one is bad."""
    findings = examine(os.environ)
    if as_json:
        console.answer_json([{"state": each.state, "what": each.what, "next_step": each.next_step} for each in findings])
    else:
        for each in findings:
            console.answer(f"{MARKS[each.state]}  {each.what}" + (f"\n      next: {each.next_step}" if each.next_step else ""))
        console.answer("\nSettings (environment variables):")
        for name, meaning in VARIABLES.items():
            console.answer(f"  {name:<24}{meaning}")
    return console.EXIT_REFUSED if any(each.state == "bad" for each in findings) else 0


def examine(environment: Mapping[str, str]) -> list[Finding]:
    """Look at everything that can be looked at: where the settings cannot be used, only at the installation."""
    found = [_python(), *_packages()]
    try:
        settings = load_settings(environment)
    except PalantirError as error:
        return [*found, Finding("bad", error.message, error.advice.replace("`palantir doctor` lists", "below are"))]
    looks: tuple[Callable[[Settings], list[Finding]], ...] = (
        _project, _folders, _space, _locks, _ports, _dagster, _ledger, _mail, _log_lines,
    )  # fmt: skip
    return [*found, *(finding for look in looks for finding in look(settings))]


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    if (3, 11) <= sys.version_info[:2] < (3, 13):
        return Finding("good", f"Python {version} at {sys.executable}")
    return Finding("bad", f"Python {version} is not supported", "use Python 3.11 or 3.12: `make PYTHON=python3.11 run`")


def _packages() -> list[Finding]:
    missing_serving, missing_build = _missing(SERVING), _missing(BUILD)
    if missing_serving:
        return [
            Finding(
                "bad",
                f"packages are missing: {', '.join(missing_serving)}",
                "run `make run` once, or `pip install -c constraints.txt -e '.[build]'`",
            )
        ]
    if missing_build:
        return [
            Finding(
                "warning", f"serving only: no {', '.join(missing_build)}", "to build here, `pip install -c constraints.txt -e '.[build]'`"
            )
        ]
    return [
        Finding(
            "good",
            f"packages: Dagster {metadata.version('dagster')}, dbt {metadata.version('dbt-core')}, DuckDB {metadata.version('duckdb')}",
        )
    ]


def _missing(names: tuple[str, ...]) -> list[str]:
    def absent(name: str) -> bool:
        try:
            metadata.version(name)
        except metadata.PackageNotFoundError:
            return util.find_spec(name.replace("-", "_")) is None
        return False

    return [name for name in names if absent(name)]


def _project(settings: Settings) -> list[Finding]:
    try:
        boot.require_project(settings)
    except PalantirError as error:
        return [Finding("bad", error.message, error.advice)]
    return [Finding("good", f"project {settings.project}")]


def _folders(settings: Settings) -> list[Finding]:
    folder = _existing(settings.state)
    try:
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"\0" * 4096)
    except OSError as error:
        step = "mend its permissions, free space, or set PALANTIR_STATE to another folder"
        return [Finding("bad", f"cannot write to {folder}: {error.strerror}", step)]
    return [Finding("good", f"state folder {settings.state}" + ("" if folder == settings.state else " (will be made)"))]


def _space(settings: Settings) -> list[Finding]:
    free = shutil.disk_usage(_existing(settings.state)).free / 1e9
    step = "free space, or set PALANTIR_STATE to a folder on another disk"
    return [Finding("good", f"{free:,.0f} GB free") if free >= LEAST_FREE_GB else Finding("warning", f"only {free:.1f} GB free", step)]


def _locks(settings: Settings) -> list[Finding]:
    held = {name: locks.holder(boot.lock_file(settings, name)) for name in ("up", "build")}
    return [Finding("good", f"`palantir {name}` runs here, process {pid}") for name, pid in held.items() if pid is not None]


def _ports(settings: Settings) -> list[Finding]:
    if locks.holder(boot.lock_file(settings, "up")) is not None:
        return []
    listeners = [ports.api(settings), *ports.dagster(settings)]
    troubles = [
        Finding("bad", trouble, f"stop what listens there, or set {each.setting}") for each in listeners if (trouble := ports.why_not(each))
    ]
    if not ports.is_loopback(settings.host) and not settings.public_url.startswith("https://"):
        readable = f"passwords and tokens will travel readable to {settings.host}"
        troubles.append(Finding("warning", readable, "set PALANTIR_PUBLIC_URL to an https URL"))
    return troubles or [Finding("good", "ports " + " and ".join(f"{each.port} ({each.what})" for each in listeners) + " are free")]


def _dagster(settings: Settings) -> list[Finding]:
    marker = settings.dagster_home / boot.MARKER
    if not marker.exists():
        return [Finding("good", f"Dagster's home {settings.dagster_home} will be made at the first start")]
    made_by = marker.read_text().strip()
    return [Finding("good", f"Dagster's home {settings.dagster_home}, opened by {made_by}")]


def _ledger(settings: Settings) -> list[Finding]:
    try:
        current = releases.head(settings)
    except PalantirError as error:
        return [Finding("bad", error.message, "check PALANTIR_LEDGER_URL and that the database can be reached and written")]
    return [Finding("good", f"ledger: release {current['release_id']} is current" if current else "ledger: no release yet")]


def _mail(settings: Settings) -> list[Finding]:
    if settings.mail.smtp_url is None:
        return [Finding("good", f"mails are written to {settings.mail_folder}, and reach nobody", "set PALANTIR_SMTP_URL")]
    file = settings.mail.password_file
    if file is not None and not os.access(file, os.R_OK):
        return [Finding("bad", f"the mail server's password cannot be read from {file}", "see PALANTIR_SMTP_PASSWORD_FILE")]
    return [Finding("good", f"mails leave by {settings.mail.smtp_url}, from {settings.mail.sender}")]


def _log_lines(settings: Settings) -> list[Finding]:
    loki = settings.loki
    if loki is None:
        return []
    if loki.secret_file is not None and not os.access(loki.secret_file, os.R_OK):
        return [Finding("bad", f"the secret for Loki cannot be read from {loki.secret_file}", "see PALANTIR_LOKI_SECRET_FILE")]
    return [Finding("good", f"log lines go to {loki.url} too")]


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists."""
    while not folder.exists() and folder != folder.parent:
        folder = folder.parent
    return folder
