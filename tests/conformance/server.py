"""The API as a process of its own, on a port of its own: `with served(folder) as base: …`."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from palantir_assets.settings import Settings
from tests.conformance.releasing import release_library, settings_in

_RUN = """
import sys
from pathlib import Path
from palantir_assets.serving.app import serve
from palantir_assets.settings import Settings
project, state, ledger_url, port = sys.argv[1:]
serve(Settings(project=Path(project), state=Path(state), ledger_url=ledger_url, port=int(port)))
"""
_SECONDS = 60


@contextmanager
def served(folder: Path) -> Iterator[str]:
    """Release the library of `world` into a folder and serve it; `host:port` of the server while the block runs."""
    settings = settings_in(folder)
    release_library(settings)
    with serving(settings) as base:
        yield base


@contextmanager
def serving(settings: Settings) -> Iterator[str]:
    """Serve what is released there, in a process of its own."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    log = settings.project / "server.log"
    environment = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    asked = [str(settings.project), str(settings.state), settings.ledger_url, str(port)]
    with log.open("wb") as written:
        process = subprocess.Popen(
            [sys.executable, "-c", _RUN, *asked], stdout=written, stderr=written, env=environment, cwd=Path(__file__).parents[2]
        )
        try:
            _wait(process, port, log)
            yield f"127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(20)


def _wait(process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    until = time.monotonic() + _SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise RuntimeError(f"the server did not start:\n{log.read_text()[-3_000:]}")
