"""The shop's exports in a bucket, as the guide for data engineers puts them there: built, changed, and built again."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest

from palantir_assets.assets.problems import find_problems
from palantir_assets.cli import boot
from tests import buckets
from tests.assets.shop import BUILDS, PUBLISHING, SOURCES, Shop
from tests.assets.ticks import watcher_of
from tests.docs import pages

pytestmark = BUILDS

GUIDE = pages.section(pages.read(pages.ROOT / "docs" / "guides" / "data-engineer.md"), "Rows from S3")
BLOCKS = {language: [block.text for block in pages.blocks(GUIDE) if block.language == language] for language in ("sh", "python", "yaml")}
ENDPOINT = "http://127.0.0.1:9000"


@pytest.fixture
def bucket(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """The guide, done up to its third step; the client that it makes."""
    buckets.without_aws(monkeypatch, os.environ)
    monkeypatch.chdir(shop.root)
    for name, value in re.findall(r"([A-Z0-9_]+)=(\S+)", BLOCKS["sh"][0]):
        monkeypatch.setenv(name, value)
    with buckets.running() as endpoint:
        done: dict[str, Any] = {}
        exec(BLOCKS["python"][0].replace(ENDPOINT, endpoint), done)  # noqa: S102
        (shop.root / SOURCES).write_text(BLOCKS["yaml"][0].replace(ENDPOINT, endpoint))
        yield done["bucket"]


def test_an_object_that_changes_makes_its_own_branch_again_and_nothing_else(shop: Shop, bucket: Any) -> None:
    assert find_problems(shop.settings) == []
    first = shop.build()
    assert not first.outcome.failed, first.failures
    assert {"raw/shop__customers", "raw/shop__orders"} <= first.made and "objects/customer" not in first.made
    assert (shop.metadata("raw/shop__orders")["source_files"], shop.served("order", "o-1001")["amount"]) == (2, 42000)
    assert shop.build().made == set(), "nothing changed"

    early = bucket.get_object(Bucket="shop-exports", Key="shop/orders/early.csv")["Body"].read()
    bucket.put_object(Bucket="shop-exports", Key="shop/orders/early.csv", Body=early.replace(b"42000", b"43000"))
    shop.edit(SOURCES, "    kind: s3\n", "    kind: s3\n    watch: 5m\n")
    with dg.DagsterInstance.get() as instance:
        assert [assets for _, assets in watcher_of(shop).tick(instance)] == [[dg.AssetKey(["raw", "shop__orders"])]]
    again = shop.build()
    assert not again.outcome.failed, again.failures
    tables = {"raw/shop__orders", "staging/stg_orders", "marts/orders", "tables/dbt_docs"}
    assert again.made == tables | {"objects/order", "links/order__customer", "graph/links"} | PUBLISHING
    assert shop.served("order", "o-1001")["amount"] == 43000
    assert shop.sql("SELECT count(DISTINCT _source_sha256), count(*) FROM raw.shop__orders") == [(2, 10)]


@pytest.mark.soundness  # of the long tier, as it builds again and again
def test_the_commands_of_the_guide_run(shop: Shop, bucket: Any) -> None:
    environment = {**os.environ, **boot.environment(shop.settings)}
    for command in BLOCKS["sh"][1].splitlines():
        words = [sys.executable, "-m", "palantir_assets.cli", *command.split()[1:]]
        done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        assert os.environ["SHOP_S3_SECRET"] not in done.stdout + done.stderr
