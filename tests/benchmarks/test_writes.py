"""What edits, rules and the ledger cost as rows of the table, from small runs and made-up figures."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks import overlay, writes
from benchmarks.__main__ import _names
from benchmarks.catalogue import COMPARISONS
from benchmarks.engine.pairing import Turns
from benchmarks.ledger import Rates
from benchmarks.report import BenchmarkError, Results, reached
from palantir_assets.actions.edits import ObjectEdit
from palantir_assets.actions.overlay import Overlay
from palantir_assets.engine.edited import edited

ROWS = {number.key: number for number in COMPARISONS}
TODAY = "2026-01-02"


def test_every_question_over_pending_edits_has_its_row_and_is_asked_of_both_sides(tmp_path: Path) -> None:
    said: list[str] = []
    found = writes.reads(overlay.measure(tmp_path, objects=2_000, edits=300, rounds=3, say=said.append), TODAY)
    assert set(found) == {key for key, number in ROWS.items() if number.peer == "no edits"}
    assert all(each.ours and each.theirs and each.value > 0 for each in found.values())
    assert "300 edits over 2,000 objects" in said[0]


def test_sides_that_answer_differently_are_not_compared(tmp_path: Path) -> None:
    release = overlay.made_release(tmp_path, 500)
    try:
        fewer, more = (edited(release, Overlay()).with_edits(overlay.made_edits(500, count)) for count in (100, 101))
        asked = overlay.questions(release, 500)
        overlay._same_answers(asked, more, more)
        with pytest.raises(BenchmarkError, match="otherwise than all at once"):
            overlay._same_answers(asked, fewer.with_edits([(200, ObjectEdit("delete", "box", "7"))]), more)
    finally:
        release.close()


def test_what_rules_cost_is_the_ratio_of_the_rounds() -> None:
    turns = Turns({"plain": [100.0, 200.0, 100.0], "ruled": [140.0, 300.0, 150.0]})
    found = writes.under_rules(dict.fromkeys(writes.RULED, turns), TODAY)
    assert {key: (each.value, each.ours, each.theirs) for key, each in found.items()} == dict.fromkeys(
        ("policies_object", "policies_filter", "policies_aggregate", "policies_page"), (1.5, 150.0, 100.0)
    )
    assert all(reached(ROWS[key], each) for key, each in found.items())


def test_edits_a_second_are_told_beside_bare_commits() -> None:
    found = writes.rates(Rates(1_000, 500, 4_000, 20_000, 0.5, 4.0, 20.0), TODAY)
    assert {key: (each.ours, each.theirs) for key, each in found.items()} == {
        "ledger_single": (2_000.0, 1_000.0), "ledger_many": (250.0, 1_000.0), "ledger_batch": (50.0, 1_000.0)
    }  # fmt: skip
    assert Results({}, found).unreached == ["ledger_single"]


def test_the_family_is_asked_for_by_its_three_names() -> None:
    assert _names("ledger,policies,edits") == ["edits", "policies", "ledger"]
