"""Identities on the command line: what is printed once, what is kept, and who an operator cannot be tricked into making."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from palantir_assets.cli import users
from palantir_assets.cli.app import app
from palantir_assets.errors import IdentityError, PalantirError
from palantir_assets.identity import opaque
from palantir_assets.settings import load_settings
from palantir_assets.stores.credentials import StoredCredentials
from palantir_assets.stores.database import open_database
from palantir_assets.stores.identities import open_identities


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PALANTIR_PROJECT", str(tmp_path))
    monkeypatch.setenv("PALANTIR_STATE", str(tmp_path / "var"))
    return tmp_path / "var"


def ran(*words: str) -> Result:
    result = CliRunner().invoke(app, list(words))
    if isinstance(result.exception, PalantirError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result


def kept(secret: str, kind: str) -> str:
    """Whose credential a secret is in the ledger, or an empty text."""
    database = open_database(load_settings().ledger_url)
    found = StoredCredentials(database).find(opaque.digest(secret), kind)  # type: ignore[arg-type]
    database.close()
    return found.subject if found else ""


def test_the_first_start_makes_an_administrator_and_says_the_code_once(capsys: pytest.CaptureFixture[str]) -> None:
    users.welcome(load_settings())
    told = capsys.readouterr().err
    code = told.split()[-1]
    assert "/sign-in/code" in told and kept(code, "login") == "admin"
    users.welcome(load_settings())
    assert capsys.readouterr().err == ""
    database = open_database(load_settings().ledger_url)
    identities = open_identities(database)
    assert identities.principal("admin").roles == {"admin"}  # type: ignore[union-attr]
    identities.watch.close()
    database.close()


def test_a_user_is_added_granted_listed_and_disabled() -> None:
    code = ran("user", "add", "kim", "--role", "viewer").stdout.strip()
    assert kept(code, "login") == "kim"
    ran(
        "user",
        "grant",
        "kim",
        "--marking",
        "crew_personal",
        "--group",
        "night",
        "--attribute",
        'carriers=["UA"]',
        "--attribute",
        "region=west",
    )
    ran("user", "revoke", "kim", "--attribute", "region")
    (row,) = json.loads(ran("user", "list", "--json").stdout)
    assert row["grants"] == "attribute carriers, group night, marking crew_personal, role viewer"
    ran("user", "disable", "kim")
    assert json.loads(ran("user", "list", "--json").stdout)[0]["state"] == "disabled"
    with pytest.raises(IdentityError, match="not disabled"):
        ran("user", "code", "kim")


def test_a_token_is_printed_once_and_alone_on_stdout() -> None:
    ran("user", "add", "kim")
    secret = ran("token", "create", "kim", "--scope", "read", "--expires", "7d").stdout.strip()
    assert secret.startswith("pat_") and kept(secret, "pat") == "kim"
    for words in (["nobody"], ["kim", "--expires", "soon"], ["kim", "--expires", "400d"], ["kim", "--scope", "everything"]):
        with pytest.raises(IdentityError):
            ran("token", "create", *words)


def test_a_service_gets_a_secret_and_a_web_client_none() -> None:
    assert len(ran("client", "add", "etl", "--service", "--role", "viewer").stdout.strip()) == 43
    assert ran("client", "add", "hub", "--redirect-uri", "https://hub.example.org/back").stdout == ""
    for words in (["x"], ["x", "--redirect-uri", "http://hub.example.org/back"], ["x", "--redirect-uri", "javascript:alert(1)"]):
        with pytest.raises(IdentityError):
            ran("client", "add", *words)


def test_another_key_signs_after_a_rotation(state: Path) -> None:
    first = ran("token", "rotate-keys").stdout
    assert ran("token", "rotate-keys").stdout != first
    assert (state / "keys" / "signing.json").stat().st_mode & 0o077 == 0
