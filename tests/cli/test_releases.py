from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from palantir_assets.cli import releases
from palantir_assets.errors import ReleaseError
from palantir_assets.release.manifest import Manifest, Provenance, Versions
from palantir_assets.release.publishing import publish
from palantir_assets.release.sealing import Shelf, seal_candidate, staging
from palantir_assets.settings import Settings
from palantir_assets.stores.ledger import open_ledger

NOW = datetime(2024, 3, 1, 10, tzinfo=UTC)
VERSIONS = Versions(code_version="1", spec_version="1", lock_version="1")


def publish_orders(settings: Settings, count: int) -> Manifest:
    shelf = Shelf(settings.releases)
    provenance = Provenance(run_id=None, created_at=NOW, data_as_of=NOW)
    with staging(shelf) as folder:
        (folder / "ontology.json").write_text(f'{{"orders": {count}}}')
        candidate = seal_candidate(folder, shelf, versions=VERSIONS, provenance=provenance, rows={"order": count})
    log = open_ledger(settings.ledger_url)
    done = publish(candidate, {}, shelf=shelf, log=log, reason="a test", actor="test")
    log.close()
    return candidate.manifest.model_copy(update={"release_id": done.release_id})


def test_there_is_no_release_before_the_first_and_looking_makes_no_ledger(settings: Settings) -> None:
    assert releases.head(settings) is None
    assert not (settings.state / "ledger.db").exists()


def test_the_list_tells_what_changed(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    first, second = publish_orders(settings, 10), publish_orders(settings, 12)
    assert releases.show_all(settings, as_json=True) == 0
    told = json.loads(capsys.readouterr().out)
    assert [row["release_id"] for row in told] == [second.release_id, first.release_id]
    assert "order: 2 rows more (10 → 12)" in told[0]["changes"]
    assert told[1]["changes"] == ["the first release"]


def test_an_earlier_release_is_activated_by_the_beginning_of_its_id(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    first = publish_orders(settings, 10)
    publish_orders(settings, 12)
    assert releases.activate(settings, (first.release_id or "")[:8], reason="a wrong price") == 0
    current = releases.head(settings)
    assert current is not None
    assert (current["release_id"], current["release_no"], current["reason"]) == (first.release_id, 3, "a wrong price")
    assert "number 3" in capsys.readouterr().out


def test_ids_are_whole_where_the_list_is_piped(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    made = publish_orders(settings, 10)
    releases.show_all(settings, as_json=False)
    told = capsys.readouterr().out
    assert made.release_id is not None
    assert made.release_id in told
    assert len({len(line) for line in told.splitlines()}) == 1


def test_a_release_is_activated_by_the_number_that_the_list_shows(settings: Settings) -> None:
    first, _ = publish_orders(settings, 10), publish_orders(settings, 12)
    assert releases.activate(settings, "1", reason="a wrong price") == 0
    current = releases.head(settings)
    assert current is not None
    assert (current["release_id"], current["release_no"]) == (first.release_id, 3)
    with pytest.raises(ReleaseError, match=r"no release has the number .17171717171717., and no release on disk begins with it"):
        releases.activate(settings, "17171717171717", reason="")


def test_a_release_is_shown_with_its_rows(settings: Settings, capsys: pytest.CaptureFixture[str]) -> None:
    made = publish_orders(settings, 10)
    releases.show(settings, made.release_id or "", as_json=False)
    assert "rows        order 10" in capsys.readouterr().out


def test_a_release_that_is_not_there_is_refused_with_a_next_step(settings: Settings) -> None:
    with pytest.raises(ReleaseError, match="no release on disk begins with 'ff'") as refused:
        releases.activate(settings, "ff", reason="")
    assert "release list" in refused.value.advice
