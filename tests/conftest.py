"""What every test shares: hypothesis without deadlines, for machines that are busy, the scorecard, and a ledger on each database."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from palantir_assets.stores.database import Database, open_database
from tests import postgres
from tests.scorecard import FULL, pytest_sessionfinish, pytest_testnodedown, score

__all__ = ["pytest_sessionfinish", "pytest_testnodedown", "score"]

settings.register_profile("palantir", deadline=None, print_blob=True)
settings.load_profile("palantir")

DATABASES = ("sqlite", "postgresql")
LONG_FIRST = ("stories", "conformance", "assets", "soundness", "oracle")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """What counts in full belongs to `make soundness`; folders whose files take long come first, so that no worker ends alone."""
    items.sort(key=lambda item: next((place for place, folder in enumerate(LONG_FIRST) if folder in item.path.parts), len(LONG_FIRST)))
    if FULL:
        return
    left_out = [item for item in items if item.get_closest_marker("soundness")]
    items[:] = [item for item in items if not item.get_closest_marker("soundness")]
    config.hook.pytest_deselected(items=left_out)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[postgres.Server]:
    """A PostgreSQL of this session's own. Where there is none to start, the test is skipped; on a build machine it fails."""
    folder = postgres.binaries()
    if folder is None:
        why = "no PostgreSQL server on this machine: apt-get install postgresql"
        (pytest.fail if os.environ.get("CI") == "true" else pytest.skip)(why)
    with postgres.running(folder) as server:
        yield server


@pytest.fixture(params=DATABASES)
def ledger_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The URL of an empty ledger, on each database that is supported."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'ledger' / 'ledger.db'}"
    server: postgres.Server = request.getfixturevalue("postgres_server")
    return server.new_database()


@pytest.fixture
def key_file(tmp_path: Path) -> Path:
    """Where the key of the audit chain lies, made when the ledger is opened."""
    return tmp_path / "keys" / "audit.key"


@pytest.fixture
def database(ledger_url: str, key_file: Path) -> Iterator[Database]:
    """An empty ledger's database, open."""
    database = open_database(ledger_url, key_file)
    yield database
    database.close()
