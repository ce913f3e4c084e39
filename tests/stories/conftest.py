"""The default project, built once for real and served by a real process; and the raw files it was built from.

`FLIGHTS_STATE=DIR pytest tests/stories` takes a state folder that is built already instead of making one.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from palantir_assets.settings import Settings, load_settings
from tests.cli.helpers import free_port
from tests.stories.asking import Api, Raw

PROJECT = Path(__file__).parents[2]
PALANTIR = (sys.executable, "-m", "palantir_assets.cli")
ANSWERS_WITHIN_SECONDS = 60.0


@pytest.fixture(scope="session")
def flights(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Settings:
    """Settings of a state folder in which the flights are released; the encoder and vectors stay in pytest's cache."""
    given = os.environ.get("FLIGHTS_STATE")
    state = Path(given) if given else tmp_path_factory.mktemp("flights")
    ports = {"PALANTIR_PORT": str(free_port()), "PALANTIR_DAGSTER_PORT": str(free_port())}
    settings = load_settings({"PALANTIR_STATE": str(state), **ports}, project=PROJECT)
    if not given:
        settings.cache.mkdir()
        for theirs, ours in (("encoders", "encoder"), ("vectors", "vectors")):
            (settings.cache / theirs).symlink_to(request.config.cache.mkdir(ours), target_is_directory=True)
        done = palantir(settings, "build")
        assert done.returncode == 0, done.stdout + done.stderr
    return settings


@pytest.fixture(scope="session")
def api(flights: Settings) -> Iterator[Api]:
    """`palantir serve`, as anybody would start it, once it answers."""
    log = flights.state / "stories-api.log"
    with log.open("ab") as said, subprocess.Popen([*PALANTIR, "serve"], env=environment(flights), stdout=said, stderr=said) as process:
        try:
            with httpx2.Client(base_url=f"http://{flights.host}:{flights.port}", timeout=30) as client:
                yield Api(client, release_id=wait_until_it_answers(client, process, log))
        finally:
            process.terminate()


@pytest.fixture(scope="session")
def raw(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Raw]:
    files = Raw(tmp_path_factory.mktemp("raw"))
    yield files
    files.close()


def environment(settings: Settings) -> dict[str, str]:
    """This process's environment with these settings and no others."""
    ours = {
        "PALANTIR_PROJECT": str(settings.project),
        "PALANTIR_STATE": str(settings.state),
        "PALANTIR_PORT": str(settings.port),
        "PALANTIR_DAGSTER_PORT": str(settings.dagster_port),
    }
    return {name: value for name, value in os.environ.items() if not name.startswith("PALANTIR_")} | ours


def palantir(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    """One command of the command line, run to its end."""
    return subprocess.run([*PALANTIR, *arguments], env=environment(settings), capture_output=True, text=True, check=False)


def wait_until_it_answers(client: httpx2.Client, process: subprocess.Popen[bytes], log: Path) -> str:
    """The id of the release that is served, once one is."""
    deadline = time.monotonic() + ANSWERS_WITHIN_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            reply = client.get("/healthz")
        except httpx2.TransportError:
            time.sleep(0.05)
            continue
        if reply.status_code == 200:
            return str(reply.json()["release_id"])
    raise AssertionError(f"the API does not answer:\n{log.read_text()[-3000:]}")
