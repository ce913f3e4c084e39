"""The exact difference of two releases, against the plain comparison of all their rows."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path
from typing import Any

from palantir_assets.actions.edits import Change
from palantir_assets.release.differences import differences
from tests.fakes.release import FakeRelease, shop
from tests.fakes.shop_release import ListLog, release_shop, settings_in


def released(folder: Path, log: ListLog, made: FakeRelease) -> Path:
    settings = settings_in(folder)
    return settings.releases / release_shop(settings, log, made=made).release_id


def changed(made: FakeRelease, rows: list[dict[str, Any]]) -> FakeRelease:
    return replace(made, rows={**made.rows, "order": rows})


def test_a_difference_is_what_comparing_every_row_finds(tmp_path: Path) -> None:
    chance, log, base = random.Random(4), ListLog(), shop(orders=120)
    for number in range(3):
        rows = [dict(row) for row in base.rows["order"]]
        gone = chance.sample(range(len(rows)), 5)
        after = [row for index, row in enumerate(rows) if index not in gone]
        for row in chance.sample(after, 7):
            row["amount"] = 9_999.5 + number
        key = base.ontology.types["order"].key
        after.append({**after[-1], key: 100_000 + number})
        one, two = released(tmp_path, log, base), released(tmp_path, log, changed(base, after))
        found = [change for change, _ in differences(one, two, "order")]
        kinds = sorted((change.kind, change.key) for change in found)
        old, new = ({str(row[key]): row for row in side} for side in (base.rows["order"], after))
        expected = [("created", name) for name in new if name not in old] + [("deleted", name) for name in old if name not in new]
        expected += [("modified", name) for name in new if name in old and new[name] != old[name]]
        assert kinds == sorted(expected) and len(kinds) >= 12
        assert all("amount" in change.properties for change in found if change.kind == "modified")
        assert [change for change, _ in differences(two, two, "order")] == []


def test_values_are_spelled_as_objects_spell_them_and_those_of_what_is_gone_are_there_too(tmp_path: Path) -> None:
    log, base = ListLog(), shop(orders=3)
    one, two = released(tmp_path, log, base), released(tmp_path, log, changed(base, base.rows["order"][:2]))
    [(change, values)] = list(differences(one, two, "order"))
    assert change.kind == "deleted" and values[base.ontology.types["order"].key] is not None
    assert {type(value) for value in values.values()} <= {str, int, float, bool, dict, list, type(None)}
    [(back, now)] = list(differences(two, one, "order"))
    assert (back.kind, back.key, now) == ("created", change.key, values)


def test_a_type_that_neither_has_differs_in_nothing(tmp_path: Path) -> None:
    one = released(tmp_path, ListLog(), shop(orders=3))
    found: list[Change] = [change for change, _ in differences(one, one, "nothing")]
    assert found == []
