"""The same inputs make the same release, elsewhere and at another time."""

from __future__ import annotations

import json
from pathlib import Path

from palantir_assets.release.manifest import read_manifest
from tests.assets.conftest import First
from tests.assets.shop import BUILDS, EVERY_ASSET, Shop, new_shop

pytestmark = BUILDS


def test_two_state_folders_come_to_the_same_release(first: First, shop: Shop, tmp_path: Path) -> None:
    elsewhere = new_shop(tmp_path / "elsewhere")
    built = elsewhere.build(select="+release/release")
    assert (built.made, built.outcome.failed) == (EVERY_ASSET - {"tables/dbt_docs"}, [])
    assert built.outcome.release_id == first.built.outcome.release_id
    folders = [each.settings.releases / each.head() for each in (first.shop, elsewhere)]
    assert read_manifest(folders[0]).files == read_manifest(folders[1]).files


def test_a_release_tells_nothing_of_the_machine_or_the_time(first: First) -> None:
    folder = first.shop.settings.releases / first.shop.head()
    provenance = json.loads((folder / "provenance.json").read_text())
    assert set(provenance) == {"run_id", "created_at", "data_as_of"}
    for name in ("manifest.json", "ontology.json", "reports/checks.json", "reports/evals.json"):
        text = (folder / name).read_text()
        assert str(first.shop.root) not in text and provenance["run_id"] not in text, name
        assert provenance["created_at"][:10] not in text, name
