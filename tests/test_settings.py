"""What settings of mails and of Loki can be used, and what is refused with what to write instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from palantir_assets.errors import SettingsError
from palantir_assets.settings import LokiSettings, MailSettings, load_settings


def mail(tmp_path: Path, **environment: str) -> MailSettings:
    return load_settings({f"PALANTIR_{name}": value for name, value in environment.items()}, project=tmp_path).mail


def test_without_any_mails_go_to_a_folder(tmp_path: Path) -> None:
    assert mail(tmp_path) == MailSettings()
    assert load_settings({}, project=tmp_path).mail_folder == tmp_path / "var" / "mail"


@pytest.mark.parametrize(
    "url",
    [
        "smtp://localhost",
        "smtps://mail.example.org",
        "smtp://us%40here@mail.example.org:587?starttls=required",
        "smtp://[::1]:25?starttls=off",
    ],
)
def test_the_url_of_a_server_is_taken(tmp_path: Path, url: str) -> None:
    assert mail(tmp_path, SMTP_URL=url).smtp_url == url


@pytest.mark.parametrize(
    "url",
    [
        "http://mail.example.org",
        "smtp://us:word@mail.example.org",
        "smtp://",
        "smtp://a b",
        "smtp://h:99999",
        "smtp://h?starttls=maybe",
        "smtp://h/x",
    ],
)
def test_what_is_no_url_of_a_server_is_refused_and_not_repeated(tmp_path: Path, url: str) -> None:
    with pytest.raises(SettingsError, match="is not the URL of a mail server") as caught:
        mail(tmp_path, SMTP_URL=url)
    assert "word" not in str(caught.value).replace("password", "")


@pytest.mark.parametrize(("name", "value"), [("MAIL_FROM", "P <p@example.org>"), ("MAIL_FROM", "p@x\nBcc: y"), ("MAILS_PER_HOUR", "0")])
def test_a_sender_and_a_limit_are_checked(tmp_path: Path, name: str, value: str) -> None:
    with pytest.raises(SettingsError, match=f"PALANTIR_{name}"):
        mail(tmp_path, **{name: value})
    assert mail(tmp_path, MAIL_FROM="p@example.org", MAILS_PER_HOUR="5") == MailSettings(sender="p@example.org", per_hour=5)


def test_loki_is_told_where_it_is_and_with_which_secret(tmp_path: Path) -> None:
    told = {"PALANTIR_LOKI_URL": "https://logs.example.org/", "PALANTIR_LOKI_USER": "7", "PALANTIR_LOKI_SECRET_FILE": str(tmp_path / "s")}
    assert load_settings(told, project=tmp_path).loki == LokiSettings("https://logs.example.org", "7", tmp_path / "s")
    assert load_settings({"PALANTIR_LOKI_URL": "http://loki:3100"}, project=tmp_path).loki == LokiSettings("http://loki:3100")
    assert load_settings({}, project=tmp_path).loki is None


@pytest.mark.parametrize(
    "told",
    [
        {"URL": "logs.example.org"},
        {"URL": "https://ada:word@logs.example.org"},
        {"URL": "http://loki:3100", "SECRET_FILE": "s"},
        {"URL": "http://localhost.example.org", "SECRET_FILE": "s"},
        {"URL": "https://logs.example.org", "USER": "ada"},
        {"URL": "https://logs.example.org", "ENVIRONMENT": "two words"},
        {"ENVIRONMENT": "production"},
    ],
)
def test_a_loki_that_cannot_be_used_is_refused_and_not_repeated(tmp_path: Path, told: dict[str, str]) -> None:
    with pytest.raises(SettingsError, match="PALANTIR_LOKI_") as caught:
        load_settings({f"PALANTIR_LOKI_{name}": value for name, value in told.items()}, project=tmp_path)
    assert "word" not in str(caught.value).replace("one word", "")
