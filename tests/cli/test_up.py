from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from palantir_assets.cli import boot, locks, probe, up
from palantir_assets.cli.supervisor import spawn, stop
from palantir_assets.errors import SettingsError
from palantir_assets.settings import Settings
from tests.cli.helpers import MakeChild, is_alive, until

RELEASE = "a" * 32
API = """
import http.server, json, os, sys
releases = sys.argv[2].split(",")
open(sys.argv[3], "a").write(f"{os.getpid()}\\n")
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        release = (releases.pop(0) if len(releases) > 1 else releases[0]) or None
        self.send_response(200 if release else 503); self.end_headers()
        self.wfile.write(json.dumps({"release_id": release}).encode())
        open(sys.argv[3] + ".asked", "w").close()
http.server.HTTPServer(("127.0.0.1", int(sys.argv[1])), Handler).serve_forever()
"""
BUILD = f"""
import json
print(json.dumps({{"kind": "round", "total": 1}}))
print(json.dumps({{"kind": "step_succeeded", "asset": "raw/orders", "seconds": 0.1}}))
made = {{"materialised": ["raw/orders"], "failed": [], "skipped": [], "release_id": "{RELEASE}", "seconds": 0.1}}
print(json.dumps({{"kind": "outcome", **made}}))
"""
FAILING = """
import json
print(json.dumps({"kind": "error", "message": "orders.csv is gone", "advice": "put it back"}))
raise SystemExit(1)
"""
WAIT = "import os, sys, time; open(sys.argv[1], 'a').write(f'{os.getpid()}\\n'); time.sleep(60)"
MAIN = """
import json, sys
from pathlib import Path
from palantir_assets.cli import up
from palantir_assets.cli.supervisor import Child
from palantir_assets.settings import Settings
settings, cast = json.loads(sys.argv[1]), json.loads(sys.argv[2])
def child(name): return Child(name, tuple(cast[name]), Path(settings["state"]) / f"{name}.log")
where = Settings(Path(settings["project"]), Path(settings["state"]), "", port=settings["port"])
raise SystemExit(up.perform(where, up.Cast(child("api"), child("build"), (child("ui"),)), once=False))
"""


def cast(settings: Settings, script: MakeChild, tmp_path: Path, *, build: str = BUILD, release: str = RELEASE) -> up.Cast:
    return up.Cast(script("api", API, str(settings.port), release, str(tmp_path / "pids")), script("build", build), ())


def after_first_answer(tmp_path: Path) -> str:
    """The beginning of a build that waits until the API was asked and has answered."""
    return f"import os, time\nwhile not os.path.exists({str(tmp_path / 'pids.asked')!r}): time.sleep(0.02)\ntime.sleep(1)\n"


def test_the_outbox_is_sent_beside_the_api_with_dagster_and_without(settings: Settings) -> None:
    for dagster in (True, False):
        [worker] = up.cast(settings, dagster=dagster).outbox
        assert worker.command[-2:] == ("outbox", "run") and worker.log.name == "outbox.log"


def test_once_ends_when_what_was_built_is_served(
    settings: Settings, script: MakeChild, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert up.perform(settings, cast(settings, script, tmp_path), once=True, as_json=True) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["release_id"] == RELEASE
    assert 0 < told["seconds_to_first_answer"] <= told["seconds_to_served"]
    assert not is_alive(int((tmp_path / "pids").read_text()))


def test_once_waits_for_the_release_that_was_built_not_for_the_one_before(
    settings: Settings, script: MakeChild, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = ",".join(["", "b" * 32, "b" * 32, "b" * 32, "b" * 32, RELEASE])
    assert up.perform(settings, cast(settings, script, tmp_path, release=before), once=True) == 0
    told = capsys.readouterr()
    assert told.out.startswith(f"release {RELEASE} served after")
    assert "API serves release " + "b" * 32 in told.err


def test_an_api_without_a_release_answers_and_one_that_is_not_there_does_not(settings: Settings, script: MakeChild, tmp_path: Path) -> None:
    assert probe.ask(settings) is None
    api = spawn(cast(settings, script, tmp_path, release="").api)
    try:
        until(lambda: probe.ask(settings) is not None)
        assert probe.ask(settings) == probe.Served(None)
    finally:
        stop([api], grace=5)


def test_a_failing_build_is_told_and_the_last_release_stays_served(
    settings: Settings, script: MakeChild, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert (
        up.perform(settings, cast(settings, script, tmp_path, build=after_first_answer(tmp_path) + FAILING, release="b" * 32), once=True)
        == 1
    )
    told = capsys.readouterr().err
    assert "build failed: orders.csv is gone" in told
    assert "still serving release " + "b" * 32 in told
    assert "put it back" in told


def test_up_goes_on_after_a_failing_build_and_a_signal_stops_all(settings: Settings, script: MakeChild, tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    commands = {
        "api": script("api", API, str(settings.port), RELEASE, str(pids)).command,
        "build": script("build", FAILING).command,
        "ui": script("ui", WAIT, str(pids)).command,
    }
    where = {"project": str(settings.project), "state": str(settings.state), "port": settings.port}
    running = subprocess.Popen([sys.executable, "-c", MAIN, json.dumps(where), json.dumps(commands)], stderr=subprocess.PIPE, text=True)
    until(lambda: pids.exists() and pids.read_text().count("\n") == 2)
    children = [int(line) for line in pids.read_text().split()]
    assert all(is_alive(pid) for pid in children)
    os.kill(running.pid, signal.SIGTERM)
    _, told = running.communicate(timeout=60)
    assert running.returncode == 0
    assert not any(is_alive(pid) for pid in children)
    assert "http://127.0.0.1" in told
    assert "/sign-in; `palantir user code admin`" in told and "READABLE" not in told


def test_an_occupied_port_is_refused_before_anything_starts(settings: Settings) -> None:
    import socket

    with socket.socket() as other:
        other.bind(("127.0.0.1", settings.port))
        other.listen()
        with pytest.raises(SettingsError, match=f"port {settings.port}"):
            up.command(settings, dagster=False, once=True)
    assert not boot.log_file(settings, "api").exists()


def test_a_second_up_is_refused(settings: Settings) -> None:
    with (
        locks.hold(boot.lock_file(settings, "up"), refusal="", next_step=""),
        pytest.raises(locks.Occupied, match=f"runs already in this state folder .process {os.getpid()}."),
    ):
        up.command(settings, dagster=True, once=False)
