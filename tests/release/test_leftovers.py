"""Every folder that holds an erased object is found, and what nobody is served can go."""

from __future__ import annotations

from pathlib import Path

from palantir_assets.release.leftovers import expire, holders
from palantir_assets.release.sealing import Shelf
from tests.fakes.release import shop
from tests.fakes.shop_release import ListLog, release_shop, settings_in


def test_releases_that_hold_an_object_are_found_and_only_served_ones_stay(tmp_path: Path) -> None:
    settings, log = settings_in(tmp_path), ListLog()
    for orders in (5, 12, 20):
        release_shop(settings, log, orders=orders)
    shelf = Shelf(settings.releases)
    key = str(shop(orders=12).rows["order"][11]["order_id"])
    ids = [row.release_id for row in log.rows]
    found = holders(shelf, "order", key)
    assert {holder.id for holder in found if not holder.is_candidate} == set(ids[1:])  # the first has five orders
    assert holders(shelf, "order", "nobody") == holders(shelf, "nothing", key) == []
    (settings.indexes / found[0].content_id).mkdir(parents=True)
    (settings.indexes / log.rows[0].content_id).mkdir()
    gone = expire(shelf, settings.indexes, found, served={ids[2]})
    assert [holder.id for holder in gone if not holder.is_candidate] == [ids[1]]
    assert {folder.name for folder in settings.releases.iterdir() if not folder.name.startswith(".")} - {"CURRENT"} == {ids[0], ids[2]}
    assert (settings.indexes / log.rows[0].content_id).exists() and not (settings.indexes / log.rows[1].content_id).exists()
    assert {holder.id for holder in holders(shelf, "order", key)} == {ids[2]}


def test_what_cannot_be_read_is_taken_to_hold_it(tmp_path: Path) -> None:
    settings, log = settings_in(tmp_path), ListLog()
    release_shop(settings, log, orders=5)
    (settings.releases / log.rows[0].release_id / "ontology.json").write_text("{")
    assert log.rows[0].release_id in [holder.id for holder in holders(Shelf(settings.releases), "order", "nobody")]
