"""A build that is killed, or that the disk refuses: the last release stays served, and the next build makes it good."""

from __future__ import annotations

import functools
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from palantir_assets.cli.build import run
from tests.assets import children
from tests.assets.shop import BUILDS, ORDER, ORDERS_SQL, Shop

pytestmark = [*BUILDS, pytest.mark.skipif(sys.platform != "linux", reason="capabilities and limits are Linux's")]


@pytest.mark.parametrize(
    "moment",
    [
        children.die_with_a_table_made_but_not_committed,
        children.die_before_the_candidate_is_settled,
        children.die_before_the_release_is_committed,
    ],
)
def test_a_killed_build_leaves_the_release_and_the_next_one_goes_on(shop: Shop, moment: children.Fault) -> None:
    before = shop.head()
    shop.edit(ORDER, "amount >= 100000", "amount >= 200000")
    assert children.in_a_child(shop.settings, moment) == (-signal.SIGKILL, None)
    assert shop.head() == before
    assert shop.served("order", "o-1002")["is_large"] is True

    resumed = run(shop.settings, select=None, show=lambda event: None)
    assert (resumed.failed, resumed.skipped) == ([], [])
    assert shop.head() == resumed.release_id != before
    assert shop.served("order", "o-1002")["is_large"] is False
    assert shop.build().made == set()


def test_a_build_killed_while_dbt_runs_is_made_good_by_the_next(shop: Shop) -> None:
    before = shop.head()
    shop.edit(ORDERS_SQL, "amount, status", "amount * 10 as amount, status")
    assert children.in_a_child(shop.settings, children.die_while_dbt_runs) == (-signal.SIGKILL, None)
    assert shop.head() == before
    resumed = run(shop.settings, select=None, show=lambda event: None)
    assert resumed.failed == []
    assert shop.served("order", "o-1001")["amount"] == 420000


@pytest.mark.parametrize("size", [60_000, 200_000])
def test_a_full_disk_is_one_message_with_a_next_step(shop: Shop, size: int) -> None:
    before = shop.head()
    shop.edit(ORDER, "amount >= 100000", "amount >= 200000")
    code, said = children.in_a_child(shop.settings, functools.partial(children.let_no_file_grow_beyond, size))
    assert code == 0 and said[0] == "BuildError"
    assert "disk I/O error" in said[1] and "next: free some space" in said[1]
    assert shop.head() == before
    assert run(shop.settings, select=None, show=lambda event: None).failed == []
    assert shop.served("order", "o-1002")["is_large"] is False


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
