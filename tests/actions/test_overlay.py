"""What edits changed since a release, folded for reading; old overlays stay as they were, and folding is fast."""

from __future__ import annotations

import random
import time

from hypothesis import example, given, settings
from hypothesis import strategies as st

from palantir_assets.actions.edits import Applied, Edit, LinkEdit, ObjectEdit
from palantir_assets.actions.overlay import APPENDED, REMOVED, Layered, Overlay, ends, fold, pair
from tests.actions.worlds import LINK, State, after, random_action, random_base


def read(base: State, overlay: Overlay) -> State:
    """The base read through an overlay, as an engine would."""
    objects = {here: dict(values) for here, values in base.objects.items()}
    for kind, states in overlay.objects.items():
        for key, state in states.items():
            if state.gone:
                objects.pop((kind, key), None)
            else:
                objects[kind, key] = {**({} if state.kind == APPENDED else objects[kind, key]), **state.values}
    pairs = dict(overlay.links[LINK].items()) if LINK in overlay.links else {}
    return State(
        objects, {one for one in base.links if pairs.get(pair(*one), True)} | {ends(one) for one, linked in pairs.items() if linked}
    )


@settings(max_examples=300, deadline=None)
@given(seed=st.integers(0, 10**9), cuts=st.lists(st.integers(0, 12), max_size=4))
def test_a_read_through_the_overlay_is_a_read_of_the_edited_world(seed: int, cuts: list[int]) -> None:
    dice = random.Random(seed)
    base = random_base(dice)
    history: list[Applied] = []
    for number in range(1, 9):
        history.append(random_action(dice, history, base, number))
    edits: list[tuple[int, Edit]] = list(enumerate((edit for applied in history for edit in applied.edits), start=1))
    overlay = Overlay()
    for end in sorted({*cuts, len(edits)}):
        overlay = fold(overlay, edits[:end])  # those already in are left out
    assert read(base, overlay) == after(base, history)
    assert overlay.edit_no == len(edits)
    assert fold(overlay, edits) is overlay


def test_an_overlay_that_a_reader_holds_stays_as_it_was() -> None:
    first = fold(Overlay(), [(1, ObjectEdit("modify", "bike", "a", {"p": 1}, {"p": 0}))])
    second = fold(first, [(2, ObjectEdit("delete", "bike", "a", {}, {"p": 1}, 1)), (3, LinkEdit("link", LINK, "a", "x"))])
    assert first.state("bike", "a").values == {"p": 1} and first.linked(LINK, "a", "x") is None  # type: ignore[union-attr]
    assert second.state("bike", "a").kind == REMOVED and second.linked(LINK, "a", "x") is True  # type: ignore[union-attr]
    assert second.state("bike", "b") is None and second.state("lock", "a") is None


@given(st.lists(st.dictionaries(st.sampled_from("abcdefgh"), st.integers(), max_size=5), max_size=12))
@example([{}] * 6)  # nothing is no layer
def test_layers_are_one_mapping_in_which_the_newest_stands(parts: list[dict[str, int]]) -> None:
    layered: Layered[int] = Layered()
    plain: dict[str, int] = {}
    for part in parts:
        layered, plain = layered.with_layer(dict(part)), plain | part
    assert dict(layered.items()) == plain and len(layered) == len(plain)
    assert all(layered.get(key) == plain.get(key) for key in "abcdefghi")
    assert len(layered.layers) <= 5


def test_a_hundred_thousand_edits_are_folded_alike_at_once_and_in_small_parts() -> None:
    edits: list[tuple[int, Edit]] = [
        (number, ObjectEdit("modify", "bike", str(number % 60_000), {"p": number}, {"p": 0}, number // 60_000))
        for number in range(1, 100_001)
    ]
    start = time.process_time()
    at_once = fold(Overlay(), edits)
    whole = time.process_time() - start
    in_parts, start = Overlay(), time.process_time()
    for first in range(0, 100_000, 100):
        in_parts = fold(in_parts, edits[first : first + 100])
    parts = time.process_time() - start
    print(f"folding 100,000 edits: {whole:.2f} s at once, {parts:.2f} s in 1,000 parts")
    assert dict(at_once.objects["bike"].items()) == dict(in_parts.objects["bike"].items())
    assert whole <= 10 and parts <= 30, "folding in a few edits costs what all edits cost"
