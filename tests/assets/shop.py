"""The project that `palantir init` writes, built in a temporary folder: edited, built again, and asked what is served."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from palantir_assets.assets.rounds import BuildOutcome, Event, build
from palantir_assets.cli import boot
from palantir_assets.cli import project as template
from palantir_assets.release.manifest import verify
from palantir_assets.release.reading import open_release
from palantir_assets.settings import Settings, load_settings
from palantir_assets.stores.ledger import open_ledger
from palantir_assets.stores.records import CheckRecord, CheckRecords
from palantir_assets.stores.warehouse import Warehouse

BUILDS = [
    pytest.mark.filterwarnings("ignore:AssetExecutionContext.op is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:module 'sre_.*' is deprecated:DeprecationWarning"),
]
"""For tests that build: what dagster-dbt 0.29 and Great Expectations 1.24 warn of on this Dagster and Python."""

ACCESS = "ontology_specs/shop/access.yaml"
ORDER = "ontology_specs/shop/order.yaml"
CUSTOMER = "ontology_specs/shop/customer.yaml"
EVALS = "ontology_specs/shop/evals.yaml"
SOURCES = "ontology_specs/shop/sources.yaml"
ORDERS_SQL = "dbt_project/models/marts/orders.sql"
ORDERS_CSV = "data/orders.csv"

EVERY_ASSET = {
    "raw/shop__customers", "raw/shop__orders", "staging/stg_customers", "staging/stg_orders", "marts/customers", "marts/orders",
    "ledger/customer", "ledger/order", "objects/customer", "objects/order", "links/order__customer", "graph/links", "tables/dbt_docs",
    "candidate/candidate", "candidate/answers", "evals/facts", "release/release",
}  # fmt: skip
PUBLISHING = {"candidate/candidate", "candidate/answers", "evals/facts", "release/release"}


@dataclass(frozen=True)
class Built:
    """What a build came to, and everything it said on the way."""

    outcome: BuildOutcome
    events: list[Event] = field(default_factory=list)

    @property
    def made(self) -> set[str]:
        assert len(self.outcome.materialised) == len(set(self.outcome.materialised)), "an asset was made twice"
        return set(self.outcome.materialised)

    @property
    def checks(self) -> list[str]:
        """Each check with its outcome, such as `objects/order expectations passed`, without reasons."""
        return sorted(f"{event.asset} {event.detail.partition(':')[0]}" for event in self.events if event.kind == "check")

    @property
    def reasons(self) -> list[str]:
        """What the checks that did not pass said."""
        return [event.detail for event in self.events if event.kind == "check" and not event.passed]

    @property
    def failures(self) -> dict[str, str]:
        """What each failed step said."""
        return {event.asset: event.detail for event in self.events if event.kind == "step_failed"}


@dataclass(frozen=True)
class Shop:
    """A project and its state."""

    settings: Settings

    @property
    def root(self) -> Path:
        return self.settings.project

    def build(self, select: str | None = None) -> Built:
        enter(self.settings)
        events: list[Event] = []
        return Built(build(self.settings, select=select, on_event=events.append), events)

    def edit(self, file: str, old: str, new: str) -> None:
        """Replace a text that stands in a file once."""
        path = self.root / file
        text = path.read_text()
        assert text.count(old) == 1, f"{old!r} stands {text.count(old)} times in {file}"
        path.write_text(text.replace(old, new))

    def append(self, file: str, text: str) -> None:
        with (self.root / file).open("a") as stream:
            stream.write(text)

    def head(self) -> str:
        """The id of the release that the ledger says is served; the release must be whole and open."""
        ledger = open_ledger(self.settings.ledger_url)
        try:
            found = ledger.head()
        finally:
            ledger.close()
        assert found is not None
        assert verify(self.settings.releases / found.release_id) == []
        assert self.served("order", "o-1001", found.release_id)
        return found.release_id

    def served(self, object_type: str, key: str, release: str | None = None) -> Any:
        """One object as the release has it, or None."""
        opened = open_release(self.settings.releases / (release or self.head()), self.settings.indexes)
        try:
            row = opened.row_of(object_type, key)
            return None if row is None else json.loads(opened.json_rows(object_type, [row])[0])
        finally:
            opened.close()

    def sql(self, query: str) -> list[tuple[Any, ...]]:
        with Warehouse(self.settings.warehouse).read() as con:
            found: list[tuple[Any, ...]] = con.execute(query).fetchall()
        return found

    def record(self, asset: str, check: str) -> CheckRecord:
        return CheckRecords(self.settings.artifacts / "checks").read()[asset, check]

    def record_file(self, asset: str, check: str) -> Path:
        return self.settings.artifacts / "checks" / f"{asset.replace('/', '.')}.{check}.json"

    def metadata(self, asset: str) -> dict[str, Any]:
        """What Dagster shows of an asset's last materialisation."""
        with dg.DagsterInstance.get() as instance:
            event = instance.get_latest_materialization_event(dg.AssetKey(asset.split("/")))
        assert event is not None and event.asset_materialization is not None
        return {name: value.value for name, value in event.asset_materialization.metadata.items()}


def new_shop(root: Path) -> Shop:
    """A fresh project, of which nothing is built."""
    template.write(root)
    return Shop(load_settings({}, project=root))


def enter(settings: Settings) -> None:
    """Point this process at a project, as `palantir build` does."""
    os.environ.update(boot.environment(settings))


def put_back(saved: Path, root: Path) -> None:
    """A folder as it was saved, hard links and times too."""
    shutil.rmtree(root)
    subprocess.run(["cp", "-a", str(saved), str(root)], check=True)
