"""A PostgreSQL of the test's own, from the binaries of the system: a folder, a unix socket, no port, fsync on."""

from __future__ import annotations

import itertools
import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

CONFIG = """
listen_addresses = ''
fsync = on
synchronous_commit = on
full_page_writes = on
max_connections = 200
shared_buffers = 32MB
log_min_messages = fatal
"""


@dataclass
class Server:
    """A running server; every `new_database` is empty and its own."""

    folder: Path
    process: subprocess.Popen[bytes]
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def new_database(self) -> str:
        """The URL of an empty database."""
        name = f"ledger_{next(self.numbers)}"
        self.run(f"CREATE DATABASE {name}")
        return self.url(name)

    def url(self, name: str) -> str:
        return f"postgresql+psycopg://test@/{name}?host={self.folder}"

    def run(self, statement: str, name: str = "postgres") -> None:
        import psycopg

        with psycopg.connect(f"host={self.folder} user=test dbname={name}", autocommit=True) as connection:
            connection.execute(statement)  # type: ignore[call-overload]


def binaries() -> Path | None:
    """The folder of the newest PostgreSQL on this machine that has a server in it."""
    found = [
        folder
        for folder in sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: int(path.parent.name))
        if _has_server(folder)
    ]
    on_path = shutil.which("postgres")
    config = shutil.which("pg_config")
    if on_path:
        found.append(Path(on_path).resolve().parent)
    elif not found and config:
        folder = Path(subprocess.run([config, "--bindir"], capture_output=True, text=True, check=True).stdout.strip())
        found += [folder] if _has_server(folder) else []
    return found[-1] if found else None


@contextmanager
def running(folder_of_binaries: Path) -> Iterator[Server]:
    """A server until the block ends. Root cannot run one: it runs as `postgres` or `nobody` then."""
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))  # a socket's path may not be long
    user = _user()
    as_user = {} if user is None else {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []}
    if user is not None:
        os.chown(folder, user.pw_uid, user.pw_gid)
    try:
        initdb = [str(folder_of_binaries / "initdb"), "-D", str(folder / "data"), "-U", "test", "-A", "trust", "-E", "UTF8", "--locale=C"]
        subprocess.run(initdb, check=True, capture_output=True, cwd=folder, **as_user)
        with (folder / "data" / "postgresql.conf").open("a") as config:
            config.write(CONFIG + f"unix_socket_directories = '{folder}'\n")
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(
                [str(folder_of_binaries / "postgres"), "-D", str(folder / "data")], stdout=log, stderr=log, cwd=folder, **as_user
            )
        server = Server(folder, process)
        try:
            _wait(server)
            yield server
        finally:
            process.send_signal(signal.SIGQUIT)  # at once: nothing of it is kept
            process.wait(timeout=60)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _has_server(folder: Path) -> bool:
    return all((folder / name).exists() for name in ("initdb", "postgres"))


def _user() -> pwd.struct_passwd | None:
    if os.geteuid() != 0:
        return None
    names = {user.pw_name: user for user in pwd.getpwall()}
    return names.get("postgres") or names["nobody"]


def _wait(server: Server) -> None:
    import psycopg

    until = time.monotonic() + 60
    while True:
        try:
            return server.run("SELECT 1")
        except psycopg.OperationalError:
            if server.process.poll() is not None or time.monotonic() > until:
                raise RuntimeError(f"PostgreSQL did not start:\n{(server.folder / 'log').read_text()}") from None
            time.sleep(0.05)
