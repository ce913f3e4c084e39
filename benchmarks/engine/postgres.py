"""PostgreSQL as a peer: a private cluster on a socket, with the same rows and the same indexes.

Objects lie in two tables: `flight` has the properties and a B-tree on each that the spec declares as an index, and
`flight_body` the ready JSON by row and by key, so that PostgreSQL too sends bytes that it need not make. What is asked
is prepared once. Settings are those of a server that has memory to spare and is asked by one connection; parallel
workers and just-in-time compilation are off, since both cost more CPU time than they save on these questions.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.report import BenchmarkError

if TYPE_CHECKING:
    from palantir_assets.release.reading import Release

USER: Final = "postgres"
SETTINGS: Final[Mapping[str, str]] = {
    "listen_addresses": "",
    "shared_buffers": "1GB",
    "effective_cache_size": "4GB",
    "work_mem": "64MB",
    "maintenance_work_mem": "512MB",
    "random_page_cost": "1.1",
    "max_parallel_workers_per_gather": "0",
    "jit": "off",
    "fsync": "off",
    "max_wal_size": "4GB",
    "autovacuum": "off",
    "log_min_messages": "warning",
}
TYPES: Final[Mapping[str, str]] = {
    "string": "text", "boolean": "boolean", "integer": "integer", "long": "bigint",
    "double": "double precision", "date": "date", "timestamp": "timestamp",
}  # fmt: skip


@contextmanager
def cluster(release: Release, log: Path) -> Iterator[Path]:
    """A cluster that holds the flights of a release, for the time of a block; gives the folder of its socket."""
    folder = Path(tempfile.mkdtemp(prefix="palantir-bench-pg-"))
    try:
        _own(folder)
        _run([_tool("initdb"), "-D", str(folder / "data"), "-U", USER, "--locale=C", "--encoding=UTF8", "--auth=trust"], log)
        with _started(folder, log):
            _load(release, folder, log)
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def version() -> str:
    """`15.18`, say."""
    return subprocess.run([_tool("postgres"), "--version"], capture_output=True, check=True, text=True).stdout.split()[2]


def _load(release: Release, folder: Path, log: Path) -> None:
    kind = release.ontology.types["flight"]
    columns = {name: TYPES[prop.type] for name, prop in kind.properties.items() if prop.type in TYPES}
    _write_csv(release, folder, list(columns))
    made = ", ".join(f'"{name}" {sql}' for name, sql in columns.items())
    _sql(folder, log, f'CREATE TABLE flight ("_row" integer PRIMARY KEY, {made})')
    _sql(folder, log, 'CREATE TABLE flight_body ("_row" integer PRIMARY KEY, key text UNIQUE NOT NULL, body text NOT NULL)')
    for table in ("flight", "flight_body"):
        _sql(folder, log, f"COPY {table} FROM '{folder}/{table}.csv' (FORMAT csv, HEADER true)")
    for name in kind.indexes:
        _sql(folder, log, f'CREATE INDEX ON flight ("{name}")')
    _sql(folder, log, "VACUUM (ANALYZE, FREEZE)")
    _sql(folder, log, "CHECKPOINT")


def _write_csv(release: Release, folder: Path, columns: list[str]) -> None:
    import duckdb

    from benchmarks.engine.rows import bodies

    flights, wanted = bodies(release, "flight"), ", ".join(f'"{name}"' for name in columns)
    with duckdb.connect() as con:
        con.register("ready", flights)
        source = f"read_parquet('{release.folder}/objects/flight/*.parquet')"
        con.execute(f"COPY (SELECT _row, {wanted} FROM {source} ORDER BY _row) TO '{folder}/flight.csv' (FORMAT csv, HEADER)")
        con.execute(f"COPY (SELECT _row, key, body FROM ready ORDER BY _row) TO '{folder}/flight_body.csv' (FORMAT csv, HEADER)")
    for file in folder.glob("*.csv"):
        _own(file)


@contextmanager
def _started(folder: Path, log: Path) -> Iterator[None]:
    settings = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
    command = [_tool("postgres"), "-D", str(folder / "data"), "-k", str(folder), *settings]
    with log.open("ab") as said, subprocess.Popen(command, stdout=said, stderr=said, user=_user(), group=_group(), cwd="/") as process:
        try:
            _wait_for(folder, process, log)
            yield
        finally:
            process.send_signal(signal.SIGINT)
            process.wait(60)


def _wait_for(folder: Path, process: subprocess.Popen[bytes], log: Path) -> None:
    ready, deadline = [_tool("pg_isready"), "-q", "-h", str(folder)], time.monotonic() + 60
    while subprocess.run(ready, check=False, cwd="/").returncode:
        if process.poll() is not None or time.monotonic() > deadline:
            raise BenchmarkError(f"PostgreSQL does not start:\n{log.read_text()[-3000:]}")
        time.sleep(0.05)


def _sql(folder: Path, log: Path, statement: str) -> None:
    _run([_tool("psql"), "-h", str(folder), "-U", USER, "-v", "ON_ERROR_STOP=1", "-q", "-c", statement, "postgres"], log)


def _run(command: list[str], log: Path) -> None:
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("ab") as said:
        done = subprocess.run(command, stdout=said, stderr=said, check=False, user=_user(), group=_group(), cwd="/")
    if done.returncode:
        raise BenchmarkError(f"{Path(command[0]).name} failed ({done.returncode}):\n{log.read_text()[-3000:]}")


def _tool(name: str) -> str:
    found = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    path = shutil.which(name) if not found else str(found[-1])
    if path is None:
        raise BenchmarkError("PostgreSQL is not installed, so it cannot be compared with; on Debian: apt-get install postgresql")
    return path


def _user() -> int | None:
    """PostgreSQL refuses to be root: root starts it as the user that its package made."""
    return pwd.getpwnam(USER).pw_uid if os.geteuid() == 0 else None


def _group() -> int | None:
    return pwd.getpwnam(USER).pw_gid if os.geteuid() == 0 else None


def _own(path: Path) -> None:
    if os.geteuid() == 0:
        shutil.chown(path, USER, USER)
