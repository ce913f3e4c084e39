"""What is written of an edit is what is read again, and what it is found by."""

from __future__ import annotations

import json

import pytest

from palantir_assets.actions.edits import EXISTS, Edit, LinkEdit, ObjectEdit
from palantir_assets.actions.overlay import ends
from palantir_assets.actions.recording import read, subject, written


@pytest.mark.parametrize(
    "edit",
    [
        ObjectEdit("modify", "bike", "b:1", {"gears": 3, "note": None}, {"gears": 2, "note": "한국어"}, 4, frozenset({"note", EXISTS})),
        ObjectEdit("delete", "bike", "7", {}, {"gears": 2}),
        LinkEdit("unlink", "bike__locks", "a:b", "c", ("bike", "lock"), restores=True),
    ],
)
def test_an_edit_is_read_as_it_was_written(edit: Edit) -> None:
    assert read(json.loads(json.dumps(written(edit)))) == edit


def test_an_edit_is_found_by_its_object_or_by_its_pair() -> None:
    assert subject(ObjectEdit("create", "bike", "7")) == ("bike", "7")
    link, pair = subject(LinkEdit("link", "bike__locks", "a:b", "c"))
    assert (link, ends(pair)) == ("bike__locks", ("a:b", "c"))
