"""A build that is killed, or that the disk refuses: the last release stays served, and the next build makes it good."""

from __future__ import annotations

import functools
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from palantir_assets.assets import rounds
from palantir_assets.cli.build import run
from palantir_assets.errors import WarehouseBusy
from tests.assets import children
from tests.assets.shop import BUILDS, ORDER, PUBLISHING, Shop

pytestmark = [*BUILDS, pytest.mark.skipif(sys.platform != "linux", reason="capabilities and limits are Linux's")]


def test_a_build_that_is_killed_again_and_again_leaves_the_release_until_one_comes_through(shop: Shop) -> None:
    before = shop.head()
    shop.edit(ORDER, "amount >= 100000", "amount >= 200000")
    for moment in (
        children.die_with_a_table_made_but_not_committed,
        children.die_before_the_candidate_is_settled,
    ):
        assert children.in_a_child(shop.settings, moment) == (-signal.SIGKILL, None)
        assert shop.head() == before
        assert shop.served("order", "o-1002")["is_large"] is True
    assert shop.sql("SELECT is_large FROM objects.order WHERE order_id = 'o-1002'") == [(False,)]

    resumed = run(shop.settings, select=None, show=lambda event: None)
    assert (set(resumed.materialised), resumed.failed, resumed.skipped) == (PUBLISHING, [], [])
    assert shop.head() == resumed.release_id != before
    assert shop.served("order", "o-1002")["is_large"] is False


HOLD = "import duckdb, sys, time; held = duckdb.connect(sys.argv[1]); print(flush=True); time.sleep(float(sys.argv[2]))"


@contextmanager
def held(warehouse: Path, seconds: float) -> Iterator[int]:
    """Another process that has the warehouse open; gives its id."""
    with subprocess.Popen([sys.executable, "-c", HOLD, str(warehouse), str(seconds)], stdout=subprocess.PIPE) as holder:
        assert holder.stdout is not None and holder.stdout.readline()
        try:
            yield holder.pid
        finally:
            holder.kill()


def test_a_build_waits_for_the_warehouse_and_names_who_does_not_leave_it(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.edit(ORDER, "amount >= 100000", "not (amount < 100000)")
    with held(shop.settings.warehouse, 1):
        assert shop.build().made == {"objects/order"} | PUBLISHING - {"evals/facts"}
    monkeypatch.setattr(rounds, "PATIENCE", 0.3)
    with held(shop.settings.warehouse, 60) as pid:
        assert shop.build().made == set(), "where nothing is stale, nobody waits"
        with pytest.raises(WarehouseBusy, match=f"pid {pid}"):
            shop.build(select="objects/order")


def test_a_full_disk_is_one_message_with_a_next_step(shop: Shop) -> None:
    before = shop.head()
    shop.edit(ORDER, "amount >= 100000", "amount >= 200000")
    code, said = children.in_a_child(shop.settings, functools.partial(children.let_no_file_grow_beyond, 200_000))
    assert (code, said[0]) == (0, "BuildError")
    assert "disk I/O error" in said[1] and "next: free some space" in said[1]
    assert shop.head() == before
    assert shop.served("order", "o-1002")["is_large"] is True


@pytest.fixture
def read_only(shop: Shop, request: pytest.FixtureRequest) -> Iterator[Path]:
    folder = shop.settings.state / request.param
    children.make_read_only(folder)
    yield folder
    children.make_writable(folder)


@pytest.mark.parametrize(
    ("read_only", "error", "words"),
    [
        (".", "SettingsError", "cannot write to the state folder"),
        ("dagster/history", "BuildError", "attempt to write a readonly database"),
    ],
    indirect=["read_only"],
)
def test_a_read_only_folder_is_one_message_with_a_next_step(shop: Shop, read_only: Path, error: str, words: str) -> None:
    shop.edit(ORDER, "amount >= 100000", "amount >= 200000")
    code, said = children.in_a_child(shop.settings, children.respect_permissions)
    assert (code, said[0]) == (0, error)
    assert words in said[1] and "next: " in said[1]
    children.make_writable(read_only)
    assert shop.served("order", "o-1002")["is_large"] is True


@pytest.mark.parametrize("read_only", ["releases"], indirect=True)
def test_a_read_only_shelf_fails_the_candidate_and_names_itself(shop: Shop, read_only: Path) -> None:
    shop.edit(ORDER, "amount >= 100000", "amount >= 200000")
    code, said = children.in_a_child(shop.settings, children.respect_permissions)
    assert (code, said) == (0, ("outcome", ["candidate"]))
    children.make_writable(read_only)
    assert shop.served("order", "o-1002")["is_large"] is True
