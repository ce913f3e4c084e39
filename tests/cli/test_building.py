from __future__ import annotations

from typing import Any

from palantir_assets.cli.building import BuildProcess, Ended
from tests.cli.helpers import MakeChild

EVENTS = """
import json
print(json.dumps({"kind": "step_started", "asset": "raw/a"}), flush=True)
print("some library says something")
print("[1, 2]")
print(json.dumps({"kind": "outcome", "failed": [], "release_id": "r"}))
"""


def heard(process: BuildProcess) -> tuple[list[dict[str, Any]], Ended]:
    told: list[dict[str, Any]] = []
    while True:
        events, ended = process.events(wait=5)
        told += events
        if ended:
            return told, ended


def test_a_build_is_heard_to_its_end(script: MakeChild) -> None:
    events, ended = heard(BuildProcess(script("build", EVENTS)))
    assert [event["kind"] for event in events] == ["step_started", "outcome"]
    assert ended.succeeded
    assert ended.outcome is not None
    assert ended.outcome["release_id"] == "r"


def test_a_refusal_comes_with_its_next_step(script: MakeChild) -> None:
    code = """print('{"kind": "error", "message": "no key", "advice": "add one"}'); raise SystemExit(1)"""
    _, ended = heard(BuildProcess(script("build", code)))
    assert (ended.succeeded, ended.error, ended.advice) == (False, "no key", "add one")


def test_a_killed_build_is_told_as_killed(script: MakeChild) -> None:
    _, ended = heard(BuildProcess(script("build", "import os; os.kill(os.getpid(), 9)")))
    assert not ended.succeeded
    assert ended.error == "the build died (killed by signal 9)"
    assert "build.log" in ended.advice


def test_a_quiet_build_has_not_ended(script: MakeChild) -> None:
    process = BuildProcess(script("build", "import time; time.sleep(60)"))
    assert process.events(wait=0.05) == ([], None)
    process.stop(grace=1)
