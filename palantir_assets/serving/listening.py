"""The socket the API listens on, taken before anything else, so that an occupied port is told in words."""

from __future__ import annotations

import errno
import socket

from palantir_assets.errors import SettingsError


def listen(host: str, port: int) -> socket.socket:
    """A bound socket. Raises SettingsError that names the port and the next step."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except OSError as error:
        raise SettingsError(
            f"the API cannot listen on {host!r}: {error.strerror}", next_step="set PALANTIR_HOST to an address of this machine"
        ) from None
    listener = socket.socket(family, kind, protocol)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(2048)
    except OSError as error:
        listener.close()
        if error.errno == errno.EADDRINUSE:
            raise SettingsError(
                f"port {port} of {host} is in use", next_step="stop what listens there, or set PALANTIR_PORT to a free port"
            ) from None
        raise SettingsError(
            f"the API cannot listen on {host}:{port}: {error.strerror}", next_step="set PALANTIR_HOST or PALANTIR_PORT"
        ) from None
    return listener
