"""What an action finds: the caller's own world, with versions, and edits completed with what the caller does not see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from palantir_assets.access.principal import Principal
from palantir_assets.access.views import View, view_of
from palantir_assets.actions.edits import Edit, ObjectEdit
from palantir_assets.engine.asking import Asking
from palantir_assets.engine.world import SeenWorld, completed, hidden, world_of
from palantir_assets.errors import FunctionFailed
from palantir_assets.ontology.served import ServedOntology
from tests.fakes.release import FakeRelease
from tests.fakes.shop_actions import HIDDEN, PEOPLE, rules, with_actions


def seen(who: Principal) -> tuple[FakeRelease, View]:
    release = with_actions()
    return release, view_of(who, release.ontology, rules(), lambda name: name != "order")


def world(who: str) -> tuple[SeenWorld, list[Sequence[tuple[str, str]]]]:
    asked: list[Sequence[tuple[str, str]]] = []

    def versions(subjects: Sequence[tuple[str, str]]) -> dict[tuple[str, str], int]:
        asked.append(subjects)
        return dict.fromkeys(subjects, 7)

    return world_of(*seen(PEOPLE[who]), versions), asked


def test_an_object_is_found_with_its_version_and_without_what_is_hidden() -> None:
    found = world("max")[0].find("order", "1")
    assert found is not None and (found.version, found.values["order_id"], found.values["cents"]) == (7, 1, str(10**14))
    cut = world("ann")[0].find("order", "1")
    assert cut is not None and "cents" not in cut.values and not any(name.startswith("__") for name in cut.values)


def test_what_is_hidden_is_not_there_and_its_version_is_remembered_all_the_same() -> None:
    made, asked = world("ann")
    assert made.find("order", str(HIDDEN)) is None and made.find("order", "99999") is None and made.find("nothing", "1") is None
    assert made.read == {("order", str(HIDDEN)): 7, ("order", "99999"): 7, ("nothing", "1"): 7}
    assert made.find("order", str(HIDDEN)) is None and len(asked) == 3, "each version is asked for once"


def test_objects_are_found_by_a_value_among_those_that_are_seen() -> None:
    everything = {values["order_id"] for values in world("max")[0].having("order", "paid", True)}
    fewer = {values["order_id"] for values in world("ann")[0].having("order", "paid", True)}
    assert fewer == {number for number in everything if number < HIDDEN} and len(everything) > len(fewer) > 50


def test_a_link_is_there_where_both_its_ends_are_seen() -> None:
    made, _ = world("ann")
    first = sorted({values["customer_id"] for values in world("max")[0].having("order", "order_id", 0)})[0]
    assert made.linked("order__customer", "0", str(first))
    assert not made.linked("order__customer", "1", str(first)) and not made.linked("order__nothing", "0", str(first))
    number = next(number for number in range(HIDDEN, 250) if world("max")[0].linked("order__customer", str(number), str(first)))
    assert not made.linked("order__customer", str(number), str(first))


def test_edits_are_completed_with_what_their_author_does_not_see() -> None:
    release, view = seen(PEOPLE["ann"])
    delete, create = ObjectEdit("delete", "order", "1", {}, {"note": "mine"}), ObjectEdit("create", "order", "900", {"order_id": 900})
    (gone, made) = completed([delete, create], release)
    assert isinstance(gone, ObjectEdit) and gone.previous["cents"] == str(10**14) and gone.previous["note"] == "mine"
    assert isinstance(made, ObjectEdit) and made.values["order_id"] == 900 and made.values["cents"] is None
    assert hidden(Asking(view, release), "order", str(HIDDEN)) and not hidden(Asking(view, release), "order", "1")


def test_a_key_is_closed_where_something_hidden_is_was_erased_or_needs_what_is_hidden() -> None:
    made, _ = world("ann")
    assert (made.closed("order", str(HIDDEN)), made.closed("order", "900"), made.closed("customer", "new")) == ("taken", None, None)
    assert world("max")[0].closed("order", "900") is None
    gone = world_of(*seen(PEOPLE["ann"]), lambda subjects: dict.fromkeys(subjects, 0), erased=lambda subjects: subjects)
    assert gone.closed("order", "900") == "erased"
    whole, _ = seen(PEOPLE["ann"])
    told = whole.ontology.model_dump()
    told["types"]["order"]["properties"]["cents"]["optional"] = False
    needed = replace(whole, ontology=ServedOntology.model_validate(told))
    for who, closed in (("ann", "partly seen"), ("max", None)):
        view = view_of(PEOPLE[who], needed.ontology, rules(), lambda name: name != "order")
        assert world_of(needed, view, lambda subjects: dict.fromkeys(subjects, 0)).closed("order", "900") == closed


def test_a_function_is_called_over_planned_edits_as_they_will_be_written() -> None:
    asked: list[tuple[str, Mapping[str, object], Sequence[Edit]]] = []
    made = replace(world("ann")[0], functions=lambda *question: asked.append(question))
    assert made.gives("moves", {"most": 3}, [ObjectEdit("create", "order", "900", {"order_id": 900})]) is None
    ((name, told, (edit,)),) = asked
    assert (name, told) == ("moves", {"most": 3}) and isinstance(edit, ObjectEdit) and "cents" in edit.values
    with pytest.raises(FunctionFailed, match="moves cannot be run here"):
        world("ann")[0].gives("moves", {})
