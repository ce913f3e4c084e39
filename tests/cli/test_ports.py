from __future__ import annotations

import socket

import pytest

from palantir_assets.cli import ports
from palantir_assets.errors import SettingsError
from palantir_assets.settings import Settings


def test_an_occupied_port_is_named_with_the_setting_that_moves_it(settings: Settings) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", settings.dagster_port))
        other.listen()
        with pytest.raises(SettingsError) as refused:
            ports.require_free([ports.api(settings), *ports.dagster(settings)])
    assert f"port {settings.dagster_port}" in refused.value.message
    assert "PALANTIR_DAGSTER_PORT" in refused.value.advice


def test_free_ports_are_free(settings: Settings) -> None:
    ports.require_free([ports.api(settings), *ports.dagster(settings)])


def test_one_port_cannot_serve_two(settings: Settings) -> None:
    twice = ports.Listener("the Dagster UI", "127.0.0.1", settings.port, "PALANTIR_DAGSTER_PORT")
    with pytest.raises(SettingsError, match="PALANTIR_PORT and PALANTIR_DAGSTER_PORT are both"):
        ports.require_free([ports.api(settings), twice])


def test_an_address_that_is_not_ours_is_told(settings: Settings) -> None:
    assert "cannot listen on 203.0.113.1" in ports.why_not(ports.Listener("the API", "203.0.113.1", settings.port, "PALANTIR_PORT"))


@pytest.mark.parametrize(
    ("host", "expected"), [("127.0.0.1", True), ("localhost", True), ("::1", True), ("0.0.0.0", False), ("shop.example", False)]
)
def test_only_loopback_is_loopback(host: str, expected: bool) -> None:
    assert ports.is_loopback(host) is expected
