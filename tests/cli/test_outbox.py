"""`palantir outbox`: the worker as a process of its own, and the list that on-call looks at."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest
from typer.testing import CliRunner

from palantir_assets.cli import boot
from palantir_assets.cli.app import app
from palantir_assets.settings import Settings
from palantir_assets.stores.database import open_database
from palantir_assets.stores.edit_rows import NewEffect
from palantir_assets.stores.edits import EditLog
from palantir_assets.stores.outbox import Outbox
from tests.cli.helpers import until
from tests.effects.letters import mail
from tests.stores.ledgers import batch


@pytest.fixture
def env(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    found = boot.environment(settings)
    for name, value in found.items():
        monkeypatch.setenv(name, value)
    return found


def put(settings: Settings, *effects: NewEffect) -> None:
    with closing(open_database(settings.ledger_url, settings.audit_key)) as database:
        EditLog(database).append(batch("a", effects=effects))


def told(*arguments: str) -> str:
    result = CliRunner().invoke(app, ["outbox", *arguments], catch_exceptions=False)
    assert result.exit_code == 0
    return result.stdout


def states(settings: Settings) -> list[str]:
    with closing(open_database(settings.ledger_url, settings.audit_key)) as database:
        return [each.state for each in Outbox(database).list()]


@pytest.mark.usefixtures("env")
def test_without_a_mail_server_a_newcomer_sees_what_would_have_been_sent(settings: Settings) -> None:
    put(settings, mail("kim@example.org"), NewEffect("job", "nightly"))
    assert "kim@example.org" in told("list")
    told("run", "--once")
    [file] = settings.mail_folder.glob("*.eml")
    assert b"To: kim@example.org" in file.read_bytes()
    assert states(settings) == ["done", "waiting"]


@pytest.mark.usefixtures("env")
def test_what_is_dead_can_be_looked_at_tried_again_and_dropped(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    put(settings, mail("nobody"))
    told("run", "--once")
    [dead] = json.loads(told("list", "--state", "dead", "--json"))
    assert (dead["effect_no"], dead["state"], dead["last_error"]) == (1, "dead", "there is no such user to write to")
    assert json.loads(told("show", "1"))["payload"]["template"] == "taken_in"
    assert dead["next_try_at"][:10] not in told("list"), "what is dead is not tried again"
    assert "tried again" in told("retry", "1")
    assert states(settings) == ["waiting"]
    assert "never leave" in told("drop", "1")
    assert states(settings) == ["dropped"]
    assert told("list") == "nothing waits, and nothing is dead\n"
    for wrong in (["retry", "1"], ["drop", "1"], ["show", "9"], ["list", "--state", "lost"]):
        assert CliRunner().invoke(app, ["outbox", *wrong]).exit_code == 1


def test_the_worker_follows_the_ledger_until_a_signal_ends_it(settings: Settings, env: dict[str, str]) -> None:
    command = [sys.executable, "-m", "palantir_assets.cli", "outbox", "run"]
    running = subprocess.Popen(command, env={**os.environ, **env}, stderr=subprocess.PIPE)
    try:
        until(lambda: (settings.state / "ledger.db").exists())
        put(settings, mail("kim@example.org"))
        until(lambda: list(settings.mail_folder.glob("*.eml")))
        until(lambda: states(settings) == ["done"])
        with closing(open_database(settings.ledger_url, settings.audit_key)) as database:
            assert Outbox(database).take_due(datetime.now(UTC) + timedelta(days=1)) == []
        running.send_signal(signal.SIGTERM)
        assert running.wait(timeout=20) == 0
    finally:
        running.kill()
        running.communicate()
