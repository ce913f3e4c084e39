from __future__ import annotations

import json
import os
import subprocess
import sys
import types
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from palantir_assets.cli import boot, build, locks, record
from palantir_assets.errors import BuildError
from palantir_assets.settings import Settings


@dataclass(frozen=True)
class Event:
    kind: str
    asset: str = ""
    seconds: float | None = None
    detail: str = ""


@dataclass(frozen=True)
class Outcome:
    rounds: int
    materialised: list[str]
    failed: list[str]
    skipped: list[str]
    release_id: str | None
    seconds: float
    warnings: tuple[str, ...] = ()


Rounds = Callable[..., Outcome]
CHILD = """
from palantir_assets.cli import build
from palantir_assets.errors import BuildError
from palantir_assets.settings import load_settings

def talkative(*arguments, **options):
    print("a library says hello", flush=True)
    raise BuildError("no disk", next_step="buy one")

build.run = talkative
raise SystemExit(build.command(load_settings(), select=None, as_json=False, events_json=True))
"""


@pytest.fixture
def rounds(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Callable[[Rounds], None]:
    """Puts a function in the place of `assets.rounds.build`, and spares opening Dagster's home."""

    def put(function: Rounds) -> None:
        module = types.ModuleType("palantir_assets.assets.rounds")
        vars(module)["build"] = function
        monkeypatch.setitem(sys.modules, "palantir_assets.assets.rounds", module)
        monkeypatch.setattr(boot, "boot", lambda settings: boot.Booted(settings.dagster_home, created=False, orphans=("0123456789",)))
        for name, value in boot.environment(settings).items():  # a build sets them; this restores them
            monkeypatch.setenv(name, value)

    return put


def good(settings: Settings, *, select: str | None, on_event: Callable[[Event], None], disk: object = None) -> Outcome:
    on_event(Event("step_succeeded", "raw/shop__orders", 0.1))
    return Outcome(1, ["raw/shop__orders"], [], [], "r" * 32, 0.1)


def test_a_build_holds_the_lock_tells_its_events_and_leaves_a_record(settings: Settings, rounds: Callable[[Rounds], None]) -> None:
    seen: list[record.BuildRecord | None] = []

    def watched(settings: Settings, **options: Any) -> Outcome:
        seen.append(record.read(settings))
        with pytest.raises(locks.Occupied, match="another build runs"):
            build.run(settings, select=None, show=lambda _: None)
        return good(settings, **options)

    rounds(watched)
    events: list[Mapping[str, Any]] = []
    outcome = build.run(settings, select="key:raw/shop__orders", show=events.append)
    assert outcome.release_id == "r" * 32
    assert [event["kind"] for event in events] == ["check", "step_succeeded"]
    assert "01234567" in events[0]["detail"]
    assert seen[0] is not None
    assert seen[0].state == "running"
    written = record.read(settings)
    assert written is not None
    assert (written.state, written.materialised, written.select) == ("succeeded", 1, "key:raw/shop__orders")


def test_a_build_that_raises_leaves_a_record_of_it(settings: Settings, rounds: Callable[[Rounds], None]) -> None:
    def broken(settings: Settings, **options: Any) -> Outcome:
        raise BuildError("no disk")

    rounds(broken)
    with pytest.raises(BuildError):
        build.run(settings, select=None, show=lambda _: None)
    written = record.read(settings)
    assert written is not None
    assert (written.state, written.message) == ("failed", "no disk")
    assert locks.holder(boot.lock_file(settings, "build")) is None


def test_a_failed_step_is_an_exit_code_and_names_what_waits(
    settings: Settings, rounds: Callable[[Rounds], None], capsys: pytest.CaptureFixture[str]
) -> None:
    rounds(lambda settings, **options: Outcome(1, [], ["marts/orders"], ["objects/order"], None, 1.0))
    assert build.command(settings, select=None, as_json=False, events_json=False) == 1
    assert (
        capsys.readouterr().out
        == "1 failed (marts/orders), 1 not made because of it; the last release stays served. Mend it, then: palantir build\n"
    )
    written = record.read(settings)
    assert written is not None
    assert written.stale == ("marts/orders", "objects/order")


def test_in_a_child_only_events_reach_stdout(settings: Settings) -> None:
    environment = {**os.environ, **boot.environment(settings)}
    done = subprocess.run([sys.executable, "-c", CHILD], env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert [json.loads(line) for line in done.stdout.splitlines()] == [{"kind": "error", "message": "no disk", "advice": "buy one"}]
    assert "a library says hello" in done.stderr


@pytest.mark.parametrize(
    ("made", "release", "expected"),
    [(0, None, "nothing was stale"), (0, "r", "nothing was stale; release r"), (3, "r", "made 3 in 2.0 s; release r")],
)
def test_outcomes_in_words(made: int, release: str | None, expected: str) -> None:
    outcome = {"materialised": ["x"] * made, "failed": [], "skipped": [], "release_id": release, "seconds": 2.0}
    assert build.sentence(outcome) == expected
