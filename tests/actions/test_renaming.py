"""What was said under a name before, heard under the name of today."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from palantir_assets.actions.edits import Applied, Edit, LinkEdit, ObjectEdit
from palantir_assets.actions.renaming import history_of_today, names_of_today, of_today


@dataclass
class Kind:
    renamed_from: str | None = None
    links: dict[str, object] = field(default_factory=dict)


TYPES = {"film": Kind("movie", {"actors": object()}), "actor": Kind()}


def test_objects_and_links_are_heard_under_the_name_of_today() -> None:
    names = names_of_today(TYPES)
    edits: list[Edit] = [
        ObjectEdit("modify", "movie", "1", {"title": "A"}),
        LinkEdit("link", "movie__actors", "1", "2", between=("movie", "actor")),
        ObjectEdit("delete", "actor", "2"),
    ]
    assert [of_today(edit, names) for edit in edits] == [
        ObjectEdit("modify", "film", "1", {"title": "A"}),
        LinkEdit("link", "film__actors", "1", "2", between=("film", "actor")),
        ObjectEdit("delete", "actor", "2"),
    ]


def test_a_history_keeps_its_order_and_what_it_took_back() -> None:
    at = datetime(2024, 5, 1)
    history = [
        Applied("1", (ObjectEdit("modify", "movie", "1", {"title": "A"}),), 1, at),
        Applied("2", (ObjectEdit("modify", "film", "1", {"title": "B"}),), 2, at, frozenset({"1"})),
    ]
    heard = history_of_today(history, names_of_today(TYPES))
    assert [edit.type for applied in heard for edit in applied.edits if isinstance(edit, ObjectEdit)] == ["film", "film"]
    assert [(applied.id, applied.edit_no, applied.reverts) for applied in heard] == [("1", 1, frozenset()), ("2", 2, frozenset({"1"}))]


def test_a_name_that_another_type_has_by_now_is_that_ones() -> None:
    assert names_of_today({**TYPES, "movie": Kind()}) == {}
