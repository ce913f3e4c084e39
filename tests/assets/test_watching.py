"""A source that is watched: its raw tables are asked for when their bytes are others, once for each change."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from palantir_assets.assets.location import build_definitions
from palantir_assets.assets.project import open_project
from palantir_assets.errors import SourceError
from tests.assets.shop import BUILDS, ORDERS_CSV, SOURCES, Shop
from tests.assets.ticks import Watcher, watcher_of

pytestmark = BUILDS
ORDERS, CUSTOMERS = dg.AssetKey(["raw", "shop__orders"]), dg.AssetKey(["raw", "shop__customers"])


@pytest.fixture
def watched(shop: Shop) -> Shop:
    shop.edit(SOURCES, "    kind: files\n", "    kind: files\n    watch: 5m\n")
    return shop


@pytest.fixture
def watcher(watched: Shop) -> Watcher:
    return watcher_of(watched)


def replace(file: Path, old: str, new: str) -> None:
    file.write_text(file.read_text().replace(old, new))


def test_a_change_is_asked_for_once_and_the_same_change_later_again(watched: Shop, watcher: Watcher) -> None:
    file = watched.root / ORDERS_CSV
    with dg.DagsterInstance.get() as instance:
        assert watcher.tick(instance) == []
        keys = []
        for old, new in (("42000", "43000"), ("43000", "42000"), ("42000", "43000")):
            replace(file, old, new)
            [(run_key, assets)] = watcher.tick(instance)
            assert assets == [ORDERS] and watcher.tick(instance) == [(run_key, [ORDERS])], "asked until it is made, under one key"
            keys.append(run_key)
            assert not watched.build(select="raw/shop__orders").outcome.failed
            assert watcher.tick(instance) == []
    assert len(set(keys)) == 3


def test_what_was_never_made_is_asked_for(watcher: Watcher) -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        assert {asset for _, assets in watcher.tick(instance) for asset in assets} == {ORDERS, CUSTOMERS}


def test_a_table_that_cannot_be_looked_at_keeps_no_other_one_waiting(watched: Shop, watcher: Watcher) -> None:
    (watched.root / "data" / "customers.csv").unlink()
    with dg.DagsterInstance.get() as instance:
        with pytest.raises(SourceError, match=r"there is no file 'data/customers\.csv'"):
            watcher.tick(instance)
        replace(watched.root / ORDERS_CSV, "42000", "43000")
        assert [assets for _, assets in watcher.tick(instance)] == [[ORDERS]]


def test_only_a_source_that_says_so_is_watched_and_as_often_as_it_says(shop: Shop, watcher: Watcher) -> None:
    assert (watcher.sensor.minimum_interval_seconds, watcher.sensor.default_status) == (300, dg.DefaultSensorStatus.RUNNING)
    shop.edit(SOURCES, "    watch: 5m\n", "")
    names = {each.name for each in build_definitions(open_project(shop.settings)).get_repository_def().sensor_defs}
    assert "follow_changes" in names and "watch_shop" not in names
