"""Is a port free, and if not, which setting moves it? Asked before anything is built."""

from __future__ import annotations

import errno
import ipaddress
import socket
from collections.abc import Sequence
from dataclasses import dataclass

from palantir_assets.errors import SettingsError
from palantir_assets.settings import Settings

LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Listener:
    """Something that wants to listen, and the setting that says where."""

    what: str
    host: str
    port: int
    setting: str


def api(settings: Settings) -> Listener:
    return Listener("the API", settings.host, settings.port, "PALANTIR_PORT")


def dagster(settings: Settings) -> list[Listener]:
    """Dagster's pages, and those that only show."""
    both = (("the Dagster UI", settings.dagster_port), ("the Dagster UI that only shows", settings.dagster_viewer_port))
    return [Listener(what, LOOPBACK, port, "PALANTIR_DAGSTER_PORT") for what, port in both]


def require_free(listeners: Sequence[Listener]) -> None:
    """Raise SettingsError for the first listener whose port cannot be had."""
    for listener in listeners:
        if trouble := why_not(listener):
            raise SettingsError(trouble, next_step=f"stop what listens there, or set {listener.setting} to a free port")
    ports = [listener.port for listener in listeners]
    if len(set(ports)) < len(ports):
        settings = " and ".join(listener.setting for listener in listeners)
        raise SettingsError(f"{settings} are both {ports[0]}", next_step="give each its own port")


def why_not(listener: Listener) -> str:
    """Why the port cannot be had, in words; empty if it can."""
    try:
        family, _, _, _, address = socket.getaddrinfo(listener.host, listener.port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        return f"{listener.what} cannot listen on {listener.host!r}: {error.strerror}"
    with socket.socket(family, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
            probe.listen(1)
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                return f"port {listener.port} of {listener.host} is in use, and {listener.what} needs it"
            return f"{listener.what} cannot listen on {listener.host}:{listener.port}: {error.strerror}"
    return ""


def is_loopback(host: str) -> bool:
    """Whether only this machine can reach an address; a host name other than localhost counts as no."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
