from __future__ import annotations

import socket
from pathlib import Path

from palantir_assets.cli import boot, doctor
from palantir_assets.settings import Settings


def environment(settings: Settings) -> dict[str, str]:
    return {**boot.environment(settings), "PALANTIR_PORT": str(settings.port), "PALANTIR_DAGSTER_PORT": str(settings.dagster_port)}


def test_a_sound_machine_has_nothing_bad(settings: Settings) -> None:
    findings = doctor.examine(environment(settings))
    assert [each for each in findings if each.state == "bad"] == []
    assert len(findings) >= 7


def test_everything_bad_comes_with_a_next_step(settings: Settings, tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", settings.port))
        other.listen()
        findings = doctor.examine({**environment(settings), "PALANTIR_PROJECT": str(tmp_path / "nowhere"), "PALANTIR_HOST": "127.0.0.1"})
    bad = [each for each in findings if each.state == "bad"]
    assert any("is no project" in each.what for each in bad)
    assert any(f"port {settings.port}" in each.what for each in bad)
    assert all(each.next_step for each in bad)


def test_settings_that_cannot_be_used_are_told_and_the_rest_is_still_looked_at() -> None:
    findings = doctor.examine({"PALANTIR_PORT": "many"})
    assert findings[-1].state == "bad"
    assert "PALANTIR_PORT='many'" in findings[-1].what
    assert any(each.what.startswith("Python") for each in findings)


def test_where_mails_go_is_told(settings: Settings, tmp_path: Path) -> None:
    def told(**more: str) -> str:
        return next(
            f"{each.state}: {each.what}"
            for each in doctor.examine({**environment(settings), **more})
            if each.what.startswith(("mails ", "the mail "))
        )

    assert told() == f"good: mails are written to {settings.mail_folder}, and reach nobody"
    server = {"PALANTIR_SMTP_URL": "smtps://us@mail.example.org"}
    assert told(**server) == "good: mails leave by smtps://us@mail.example.org, from palantir@localhost"
    assert told(**server, PALANTIR_SMTP_PASSWORD_FILE=str(tmp_path / "none")).startswith("bad: the mail server's password cannot be read")


def test_where_log_lines_go_is_told_if_they_go_anywhere(settings: Settings, tmp_path: Path) -> None:
    def told(**more: str) -> list[str]:
        found = doctor.examine({**environment(settings), **more})
        return [f"{each.state}: {each.what}" for each in found if "Loki" in each.what or "log lines" in each.what]

    server, file = {"PALANTIR_LOKI_URL": "https://logs.example.org"}, tmp_path / "secret"
    assert told() == []
    assert told(**server) == ["good: log lines go to https://logs.example.org too"]
    assert told(**server, PALANTIR_LOKI_SECRET_FILE=str(file)) == [f"bad: the secret for Loki cannot be read from {file}"]


def test_an_open_door_is_warned_of(settings: Settings) -> None:
    findings = doctor.examine({**environment(settings), "PALANTIR_HOST": "0.0.0.0"})
    assert any(each.state == "warning" and "travel readable" in each.what for each in findings)
    behind = doctor.examine({**environment(settings), "PALANTIR_HOST": "0.0.0.0", "PALANTIR_PUBLIC_URL": "https://data.example.org"})
    assert not any("travel readable" in each.what for each in behind)
