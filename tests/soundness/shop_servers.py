"""Several processes that serve the shop with its actions over one ledger, and a client that speaks HTTP to them."""

from __future__ import annotations

import http.client
import json
import os
import signal
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import uvicorn

from palantir_assets.applying.desk import Desk
from palantir_assets.serving.app import create_app
from palantir_assets.settings import Settings
from palantir_assets.stores.database import open_database
from palantir_assets.stores.edits import AFTER_COMMIT, EditLog, Reach, no_fault
from tests.fakes.shop_actions import ByHeader, Staff, rules, with_actions
from tests.fakes.shop_release import NOW, ListLog, release_shop, settings_in
from tests.soundness.crashing import KILLED, start, wait


@dataclass(frozen=True)
class Shop:
    """A release that any number of processes may serve, and the ledger that they share."""

    settings: Settings
    pointers: ListLog
    ledger_url: str
    key_file: Path

    @contextmanager
    def served(self, *, reach: Reach = no_fault) -> Iterator[tuple[int, int]]:
        """A process of its own, as (process, port); ended afterwards, unless it ended itself and was waited for."""
        with socket.create_server(("127.0.0.1", 0), backlog=256) as listener:
            child = start(lambda: self._serve(listener, reach))
            port = listener.getsockname()[1]
        try:
            yield child, port
        finally:
            end(child)

    def _serve(self, listener: socket.socket, reach: Reach) -> None:
        desk = Desk(EditLog(open_database(self.ledger_url, self.key_file), reach=reach), Staff(), lambda: NOW)
        app = create_app(self.settings, self.pointers, clock=lambda: NOW, recognises=ByHeader(), desk=desk)
        uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, ws="none", timeout_keep_alive=600)).run(sockets=[listener])


def shop_in(folder: Path, ledger_url: str, key_file: Path) -> Shop:
    """The shop, released; its ledger is made."""
    settings, pointers = settings_in(folder), ListLog()
    release_shop(settings, pointers, access=rules(), made=with_actions())
    open_database(ledger_url, key_file).close()
    return Shop(settings, pointers, ledger_url, key_file)


def end(child: int) -> None:
    """End a process that may have ended, and been waited for, before."""
    try:
        os.kill(child, signal.SIGKILL)
        wait(child)
    except (ProcessLookupError, ChildProcessError):
        return


def ends_after_the_commit(point: str) -> None:
    """For `reach`: the process is gone before it can answer."""
    if point == AFTER_COMMIT:
        os._exit(KILLED)


class Caller:
    """One person's connection to one process; for one thread."""

    def __init__(self, port: int, name: str) -> None:
        self.name = name
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=120)

    def post(self, path: str, body: Mapping[str, Any], **headers: str) -> tuple[int, bytes]:
        """Status and body. Raises OSError or HTTPException where no answer came."""
        said = {name.replace("_", "-"): value for name, value in headers.items()}
        self._connection.request("POST", path, json.dumps(body), {"X-As": self.name, "Content-Type": "application/json", **said})
        answer = self._connection.getresponse()
        return answer.status, answer.read()

    def get(self, path: str) -> Any:
        """What is read there, as JSON."""
        self._connection.request("GET", path, headers={"X-As": self.name})
        return json.loads(self._connection.getresponse().read())

    def close(self) -> None:
        self._connection.close()
