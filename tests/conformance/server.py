"""The API as a process of its own, on a port of its own: `with served(folder) as asking: …`. A librarian with a token asks."""

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
from datetime import timedelta
from pathlib import Path

from palantir_assets.cli.users import office
from palantir_assets.identity.accounts import Grant
from palantir_assets.settings import Settings
from tests.conformance.cases import Asking
from tests.conformance.releasing import release_library, settings_in

_RUN = """
import sys
from pathlib import Path
from palantir_assets.serving.app import serve
from palantir_assets.settings import Settings
project, state, ledger_url, port = sys.argv[1:]
serve(Settings(project=Path(project), state=Path(state), ledger_url=ledger_url, port=int(port), limits=None))
"""
_SECONDS = 60


@contextmanager
def served(folder: Path) -> Iterator[Asking]:
    """Release the library of `world` into a folder and serve it while the block runs."""
    settings = settings_in(folder)
    release_library(settings)
    with serving(settings) as asking:
        yield asking


@contextmanager
def serving(settings: Settings) -> Iterator[Asking]:
    """Serve what is released there, in a process of its own."""
    token = _token_of_a_librarian(settings)
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
            yield Asking(f"127.0.0.1:{port}", token)
        finally:
            process.terminate()
            process.wait(20)


def _token_of_a_librarian(settings: Settings) -> str:
    """What `palantir user add` and `palantir token create` do."""
    grants = [Grant("reader", "role", role) for role in ("viewer", "librarian")]
    with office(settings) as at_work:
        at_work.identities.add_user("reader", display="Reader", grants=grants, actor="test", at=at_work.at)
        scopes, life = frozenset({"read", "write"}), timedelta(days=1)
        return at_work.flows.personal("reader", scopes=scopes, label="the client", life=life, actor="test")[1]


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
