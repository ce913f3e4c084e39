from __future__ import annotations

from palantir_assets.query.sets import RID
from palantir_assets.serving.saved import TemporarySets

FORM = {"type": "base", "objectType": "order"}


def test_a_definition_is_found_by_the_id_it_was_given() -> None:
    sets = TemporarySets()
    first, second = sets.keep(FORM), sets.keep({"type": "methodInput"})
    assert first.startswith(RID) and first != second
    assert (sets.find(first), sets.find(second), sets.find(f"{RID}0")) == (FORM, {"type": "methodInput"}, None)


def test_a_definition_is_gone_after_its_time() -> None:
    now = [0.0]
    sets = TemporarySets(seconds=10, clock=lambda: now[0])
    kept = sets.keep(FORM)
    now[0] = 9.9
    assert sets.find(kept) == FORM
    now[0] = 10.0
    assert sets.find(kept) is None


def test_the_oldest_go_when_there_are_too_many_or_too_many_bytes() -> None:
    few = TemporarySets(most=2)
    ids = [few.keep(FORM) for _ in range(3)]
    assert [few.find(rid) is not None for rid in ids] == [False, True, True]
    small = TemporarySets(most_bytes=120)
    ids = [small.keep({"type": "base", "objectType": "x" * 20}) for _ in range(5)]
    assert [small.find(rid) is not None for rid in ids] == [False, False, False, True, True]
