"""R11: on an empty home, everything starts at once and all of it comes up; afterwards the home reopens."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import pytest

from palantir_assets.cli import boot
from palantir_assets.settings import Settings, load_settings
from tests.cli.helpers import free_port
from tests.soundness.conftest import Score

HOMES = 20 if os.environ.get("SOUNDNESS") == "full" else 1
WITHIN_SECONDS = 60.0
BOOT = """
import os, sys
from palantir_assets.cli.boot import boot, environment
from palantir_assets.settings import load_settings
settings = load_settings()
boot(settings)
os.environ.update(environment(settings))
if sys.argv[1:]: os.execv(sys.argv[1], sys.argv[1:])
"""
DEFINITIONS = "import dagster as dg\ndefs = dg.Definitions()\n"


@pytest.mark.parametrize("number", range(HOMES))
def test_everything_starts_at_once_on_an_empty_home(tmp_path: Path, number: int, score: Score) -> None:
    (tmp_path / "code.py").write_text(DEFINITIONS)
    settings = load_settings({"PALANTIR_DAGSTER_PORT": str(free_port())}, project=tmp_path)
    location = ("-f", str(tmp_path / "code.py"))
    ui = start(settings, script("dagster-webserver"), "-p", str(settings.dagster_port), *location)
    daemon = start(settings, script("dagster-daemon"), "run", *location)
    boots = [start(settings) for _ in range(4)]
    try:
        assert [each.wait(WITHIN_SECONDS) for each in boots] == [0] * 4
        wait_for(lambda: answers(settings), ui)
        wait_for(lambda: beats(settings), daemon)
    finally:
        for each in (ui, daemon, *boots):
            end(each)
    score("R11", 1, int(not reopens(settings)))


def start(settings: Settings, *command: str) -> subprocess.Popen[bytes]:
    """A process that boots and then becomes the command; its words go to a file, for a failing test."""
    environment = {**os.environ, **boot.environment(settings)}
    log = (settings.project / "processes.log").open("ab")
    with log:
        return subprocess.Popen([sys.executable, "-c", BOOT, *command], env=environment, stdout=log, stderr=log, start_new_session=True)


def script(name: str) -> str:
    return str(Path(sys.executable).with_name(name))


def wait_for(condition: Callable[[], bool], process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + WITHIN_SECONDS
    while not condition():
        assert process.poll() is None, "it died"
        assert time.monotonic() < deadline, "it did not come up"
        time.sleep(0.1)


def answers(settings: Settings) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{settings.dagster_port}/server_info", timeout=2) as reply:
            return bool(reply.status == 200)
    except (urllib.error.URLError, OSError):
        return False


def beats(settings: Settings) -> bool:
    """Whether the daemon has written a heartbeat."""
    file = settings.dagster_home / "history" / "runs.db"
    if not file.exists():
        return False
    connection = sqlite3.connect(f"file:{file}?mode=ro", uri=True)
    try:
        return bool(connection.execute("SELECT count(*) FROM daemon_heartbeats").fetchall()[0][0])
    except sqlite3.Error:
        return False
    finally:
        connection.close()


def reopens(settings: Settings) -> bool:
    done = subprocess.run(
        [sys.executable, "-m", "palantir_assets.assets.instance", str(settings.dagster_home)],
        env={**os.environ, **boot.environment(settings)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return True


def end(process: subprocess.Popen[bytes]) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        try:
            os.killpg(process.pid, number)
            process.wait(10)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            continue
