"""One shop, built once; each test gets it as it was after that build, under the same path."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from palantir_assets.cli import boot
from tests.assets.shop import Built, Shop, enter, new_shop, put_back


@dataclass(frozen=True)
class First:
    """The shop after its first build, what that build came to, and a copy of everything as it was then."""

    shop: Shop
    built: Built
    saved: Path


@pytest.fixture(scope="session")
def first(tmp_path_factory: pytest.TempPathFactory) -> Iterator[First]:
    before = dict(os.environ)
    folder = tmp_path_factory.mktemp("first")
    shop = new_shop(folder / "shop")
    boot.boot(shop.settings)
    built = shop.build()
    assert not built.outcome.failed, built.failures or built.checks
    subprocess.run(["cp", "-a", str(shop.root), str(folder / "saved")], check=True)
    yield First(shop, built, folder / "saved")
    _restore(before)


@pytest.fixture
def shop(first: First) -> Iterator[Shop]:
    """The built shop, to be edited."""
    before = dict(os.environ)
    enter(first.shop.settings)
    yield first.shop
    _restore(before)
    put_back(first.saved, first.shop.root)


def _restore(environment: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(environment)
