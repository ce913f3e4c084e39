from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from palantir_assets.access.principal import Principal
from palantir_assets.serving.app import create_app
from palantir_assets.serving.recognising import AsAnyone
from tests.fakes.shop_release import NOW, ListLog, release_shop, settings_in


@pytest.fixture(scope="session")
def client(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    """The service over a real, released shop; an error nobody foresaw is a 500 here, as it is outside."""
    settings, log = settings_in(tmp_path_factory.mktemp("shop")), ListLog()
    release_shop(settings, log)
    with TestClient(create_app(settings, log, clock=lambda: NOW), raise_server_exceptions=False) as made:
        yield made


Among = Callable[[Principal], TestClient]


@pytest.fixture
def among(tmp_path: Path) -> Iterator[Among]:
    """The same service as one caller meets it."""
    settings, log = settings_in(tmp_path), ListLog()
    release_shop(settings, log)
    with ExitStack() as stack:

        def entered(caller: Principal) -> TestClient:
            app = create_app(settings, log, clock=lambda: NOW, recognises=AsAnyone(caller))
            return stack.enter_context(TestClient(app, raise_server_exceptions=False))

        yield entered


@pytest.fixture
def unreleased(tmp_path: Path) -> Iterator[TestClient]:
    """The service before the first release."""
    with TestClient(create_app(settings_in(tmp_path), ListLog()), raise_server_exceptions=False) as made:
        yield made
