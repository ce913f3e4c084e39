"""The same inputs make the same release, in another place and in another order of builds."""

from __future__ import annotations

import json
from pathlib import Path

from palantir_assets.cli import boot
from palantir_assets.release.manifest import read_manifest
from tests.assets.conftest import First
from tests.assets.shop import BUILDS, EVERY_ASSET, ORDER, Shop, new_shop

pytestmark = BUILDS


def test_what_is_built_at_once_is_the_release_that_is_built_step_by_step(shop: Shop, tmp_path: Path) -> None:
    elsewhere = new_shop(tmp_path / "elsewhere")
    boot.boot(elsewhere.settings)
    for each in (shop, elsewhere):
        each.edit(ORDER, "amount >= 100000", "amount >= 200000")
    step_by_step, at_once = shop.build(), elsewhere.build(select="+release/release")
    assert (at_once.made, at_once.outcome.failed) == (EVERY_ASSET - {"tables/dbt_docs"}, [])
    assert at_once.outcome.release_id == step_by_step.outcome.release_id
    folders = [each.settings.releases / each.head() for each in (shop, elsewhere)]
    assert read_manifest(folders[0]).files == read_manifest(folders[1]).files


def test_a_release_tells_nothing_of_the_machine_or_the_time(first: First) -> None:
    folder = first.shop.settings.releases / first.shop.head()
    provenance = json.loads((folder / "provenance.json").read_text())
    assert set(provenance) == {"run_id", "created_at", "data_as_of"}
    for name in ("manifest.json", "ontology.json", "reports/checks.json", "reports/evals.json"):
        text = (folder / name).read_text()
        assert str(first.shop.root) not in text and provenance["run_id"] not in text, name
        assert provenance["created_at"][:10] not in text, name
