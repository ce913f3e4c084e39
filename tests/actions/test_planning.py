"""From an action and what it is told to a verdict, an exact difference and edits: the workshop of the spec language's examples."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import pytest

from palantir_assets.access.policy import Allowed, Refusal
from palantir_assets.access.principal import Principal
from palantir_assets.actions.edits import LinkEdit, ObjectEdit, as_json, diff, from_json
from palantir_assets.actions.planning import Proposal, may_approve, propose, propose_batch, validate
from palantir_assets.actions.ports import Found
from palantir_assets.actions.verdicts import ActionRefused, Verdict
from palantir_assets.ontology.compiling import served_ontology
from palantir_assets.ontology.loading import load_ontology
from palantir_assets.ontology.served import ServedOntology
from palantir_assets.ontology.served_actions import ServedAction
from tests.docs.pages import EXAMPLES, LIBRARY
from tests.fakes.world import FakeWorld

NOW = datetime(2024, 5, 6, 7, 8, 9)
MECHANIC, MANAGER = Principal("ann", frozenset({"mechanic"})), Principal("bob", frozenset({"manager"}))
BICYCLE = {"bicycle_id": "B1", "maker": "Giant", "lock_id": "L1", "wheel_inches": 26.0, "size": "M", "state": "ready"}


@pytest.fixture(scope="module")
def ontology() -> ServedOntology:
    return served_ontology(load_ontology(EXAMPLES).ontology)


@pytest.fixture
def world() -> FakeWorld:
    lock = Found({"lock_id": "L1"})
    return FakeWorld({("bicycle", "B1"): Found(BICYCLE, 3), ("lock", "L1"): lock, ("lock", "L2"): Found({"lock_id": "L2"})})


def verdict(ontology: ServedOntology, world: FakeWorld, action: str, caller: Principal = MECHANIC, **told: Any) -> Verdict:
    return validate(ontology.find_action(action), told, ontology=ontology, world=world, caller=caller, now=NOW)


def proposal(ontology: ServedOntology, world: FakeWorld, action: str, caller: Principal = MECHANIC, **told: Any) -> Proposal:
    return propose(ontology.find_action(action), told, ontology=ontology, world=world, caller=caller, now=NOW)


def test_an_action_becomes_edits_and_the_exact_difference_they_make(ontology: ServedOntology, world: FakeWorld) -> None:
    found = proposal(ontology, world, "take_in", bicycle="B1", repair_no="17", note="flat tyre")
    assert found.edits == (
        ObjectEdit(
            "create", "repair", "17",
            {
                "repair_id": "17", "bicycle_id": "B1", "workshop": None, "owner_name": None, "accepted_at": "2024-05-06T07:08:09Z",
                "finished_at": None, "estimated_hours": 1.5,
            },
        ),
        ObjectEdit("modify", "bicycle", "B1", {"state": "in_repair", "state_note": "flat tyre"}, {"state": "ready", "state_note": None}, 3),
    )  # fmt: skip
    created, modified = found.changes
    assert (created.kind, created.properties["estimated_hours"]) == ("created", (None, 1.5))
    assert modified.properties == {"state": ("ready", "in_repair"), "state_note": (None, "flat tyre")}
    assert [effect.kind for effect in found.effects] == ["mail", "webhook", "materialize", "job"] and found.approve == ()
    assert found.verdict.valid


def test_what_is_done_is_what_was_previewed(ontology: ServedOntology, world: FakeWorld) -> None:
    before = dict(world.objects)
    found = proposal(ontology, world, "take_in", bicycle="B1", repair_no=17, hours=2)
    world.apply(found.edits)
    for change in found.changes:
        old, new = before.get((change.type, change.key)), world.objects[change.type, change.key]
        for name, (was, now) in change.properties.items():
            assert ((old.values.get(name) if old else None), new.values.get(name)) == (was, now)
    again = verdict(ontology, world, "take_in", bicycle="B1", repair_no=17)
    assert [(step.what, step.outcome, step.message.ko if step.message else "") for step in again.steps] == [
        ("create repair", "failed", "repair '17'이(가) 이미 있습니다"), ("modify bicycle", "unknown", ""),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("told", "what", "en", "ko"),
    [
        ({"repair_no": None}, "repair_no", "is needed", "필요합니다"),
        ({"bicycle": "B9"}, "bicycle", "there is no bicycle 'B9'", "bicycle 'B9'이(가) 없습니다"),
        ({"repair_no": "many"}, "repair_no", "must be of type long", "long 형식이어야 합니다"),
        ({"repair_no": 0}, "repair_no", "must be 1 at the least", "1 이상이어야 합니다"),
        ({"repair_no": 1_000_000}, "repair_no", "must be 999999 at the most", "999999 이하여야 합니다"),
        ({"note": ""}, "note", "must have 1 to 200 characters", "1~200자여야 합니다"),
        ({"note": "  "}, "note", "must match \\S", "\\S 형식이어야 합니다"),
        ({"urgency": "none"}, "urgency", "must be one of low, high", "다음 중 하나여야 합니다: low, high"),
        ({"bay": "L9"}, "bay", "is none of the values to choose from", "선택할 수 있는 값이 아닙니다"),
        ({"nte": "x"}, "nte", "there is no such parameter; did you mean 'note'?", "그런 매개변수가 없습니다"),
    ],
)
def test_every_parameter_that_fails_is_told_in_both_languages(
    ontology: ServedOntology, world: FakeWorld, told: Mapping[str, Any], what: str, en: str, ko: str
) -> None:
    found = verdict(ontology, world, "take_in", **{"bicycle": "B1", "repair_no": 17, **told})
    (failure,) = found.failures
    assert failure.message is not None and (failure.what, failure.message.en, failure.message.ko) == (what, en, ko)
    assert {criterion.outcome for criterion in found.criteria} == {"unknown"} and found.steps == ()


def test_every_criterion_is_told_passed_or_not_with_its_words(ontology: ServedOntology, world: FakeWorld) -> None:
    world.objects["bicycle", "B1"] = Found({**BICYCLE, "state": "scrapped"})
    found = verdict(ontology, world, "take_in", bicycle="B1", repair_no=17)
    assert [(criterion.what, criterion.outcome) for criterion in found.criteria] == [
        ('bicycle.state != "scrapped"', "failed"), ("hours > 0", "passed"),
    ]  # fmt: skip
    assert found.criteria[0].message is not None and found.criteria[0].message.ko == "폐기된 자전거입니다."
    with pytest.raises(ActionRefused, match="It was scrapped"):
        proposal(ontology, world, "take_in", bicycle="B1", repair_no=17)


def test_a_criterion_that_is_null_refuses(ontology: ServedOntology, world: FakeWorld) -> None:
    world.objects["bicycle", "B1"] = Found({**BICYCLE, "state": None})
    assert not verdict(ontology, world, "take_in", bicycle="B1", repair_no=17).valid


def test_who_may_not_apply_an_action_learns_nothing_of_objects(ontology: ServedOntology, world: FakeWorld) -> None:
    for key in ("B1", "B9"):
        found = verdict(ontology, world, "take_in", Principal("eve", frozenset({"viewer"})), bicycle=key, repair_no=17)
        assert found.access == Refusal("applying take_in needs one of the roles mechanic, manager")
        assert {finding.outcome for finding in (*found.parameters, *found.criteria)} == {"unknown"}
        with pytest.raises(ActionRefused, match="needs one of the roles"):
            proposal(ontology, world, "take_in", Principal("eve"), bicycle=key)


def test_four_eyes_are_those_of_another_person(ontology: ServedOntology) -> None:
    scrap = ontology.find_action("scrap")
    assert may_approve(scrap, MANAGER, asked_by="ann") == Allowed()
    assert isinstance(may_approve(scrap, MANAGER, asked_by="bob"), Refusal)
    assert may_approve(scrap, MECHANIC, asked_by="bob") == Refusal("approving scrap needs one of the roles manager")


def test_each_step_sees_what_those_before_it_did(ontology: ServedOntology, world: FakeWorld) -> None:
    found = proposal(ontology, world, "scrap", bicycle="B1", lock="L1")
    unlinked, deleted = found.edits
    assert unlinked == ObjectEdit("modify", "bicycle", "B1", {"lock_id": None}, {"lock_id": "L1"}, 3)
    assert isinstance(deleted, ObjectEdit) and (deleted.kind, deleted.version, deleted.previous["lock_id"]) == ("delete", 4, None)
    (change,) = found.changes
    assert change.kind == "deleted" and change.properties["lock_id"] == ("L1", None) and change.properties["maker"] == ("Giant", None)


def test_a_step_on_a_list_is_taken_with_each_object_and_a_criterion_must_hold_of_each(ontology: ServedOntology, world: FakeWorld) -> None:
    world.objects["bicycle", "B2"] = Found({**BICYCLE, "bicycle_id": "B2", "state": "sold"}, 1)
    one = proposal(ontology, world, "take_in_all", bicycles=["B1", "B2"])
    assert [(edit.key, edit.values) for edit in one.edits if isinstance(edit, ObjectEdit)] == [("B1", {"state": "in_repair"})]
    both = proposal(ontology, world, "take_in_all", bicycles=["B1", "B2"], tags=["dear", "urgent"])
    assert [edit.key for edit in both.edits if isinstance(edit, ObjectEdit)] == ["B1", "B2"]
    world.objects["bicycle", "B2"] = Found({**BICYCLE, "bicycle_id": "B2", "state": "scrapped"}, 1)
    (refused,) = verdict(ontology, world, "take_in_all", bicycles=["B1", "B2"]).failures
    assert refused.message is not None and refused.message.en == "One of them was scrapped."


@pytest.mark.parametrize(
    ("bicycles", "why"),
    [
        ([], "is needed"), (None, "is needed"), ("B1", "must be a list of at most 1000"), (["B1"] * 1001, "must be a list of at most 1000"),
        (["B1", "B1"], "value 2: stands twice"), (["B1", "B9"], "value 2: there is no bicycle 'B9'"),
        ([["B1"]], "value 1: must be of type"),
    ],
)  # fmt: skip
def test_a_list_is_judged_value_by_value(ontology: ServedOntology, world: FakeWorld, bicycles: Any, why: str) -> None:
    (refused,) = verdict(ontology, world, "take_in_all", bicycles=bicycles).failures
    assert refused.what == "bicycles" and refused.message is not None and refused.message.en.startswith(why)


def test_a_step_is_taken_only_where_its_condition_is_true(ontology: ServedOntology, world: FakeWorld) -> None:
    for state, taken in (("in_repair", True), ("ready", False), (None, False)):
        world.objects["bicycle", "B1"] = Found({**BICYCLE, "state": state}, 3)
        found = proposal(ontology, world, "fit_lock", bicycle="B1", lock="L2")
        assert [finding.outcome for finding in found.verdict.steps] == ["passed", "passed"]
        states = [edit.values["state"] for edit in found.edits if isinstance(edit, ObjectEdit) and "state" in edit.values]
        assert states == (["ready"] if taken else [])


def test_a_link_by_a_property_sets_that_property(ontology: ServedOntology, world: FakeWorld) -> None:
    (edit,) = proposal(ontology, world, "fit_lock", bicycle="B1", lock="L2").edits
    assert edit == ObjectEdit("modify", "bicycle", "B1", {"lock_id": "L2"}, {"lock_id": "L1"}, 3)


def test_a_link_via_a_table_is_a_pair_of_keys() -> None:
    library = served_ontology(load_ontology(LIBRARY).ontology)
    world = FakeWorld({("book", "B"): Found({"book_id": "B"}), ("author", "7"): Found({"author_id": 7})})
    parameters = {"book": {"type": "object", "object": "book"}, "author": {"type": "object", "object": "author"}}
    step = {"what": "authors", "source": "book", "target": "author"}
    for verb, other in (("link", "unlink"), ("unlink", "link")):
        said = {"name": verb, "label": {"en": verb}, "parameters": parameters, "allow": ["mechanic"]}
        action, opposite = (ServedAction.model_validate({**said, "do": [{**step, "verb": word}]}) for word in (verb, other))
        told = {"book": "B", "author": next(key for of, key in world.objects if of == "author")}
        found = propose(action, told, ontology=library, world=world, caller=MECHANIC, now=NOW)
        assert found.edits == (LinkEdit(verb, "book__authors", "B", told["author"], ("book", "author")),)  # type: ignore[arg-type]  # one of the two
        assert not validate(opposite, told, ontology=library, world=world, caller=MECHANIC, now=NOW).valid
        world.apply(found.edits)


def test_a_batch_is_planned_one_after_the_other_and_all_or_nothing(ontology: ServedOntology, world: FakeWorld) -> None:
    take_in = ontology.find_action("take_in")

    def batch(*numbers: int) -> tuple[Proposal, ...]:
        each = [{"bicycle": "B1", "repair_no": number} for number in numbers]
        return propose_batch(take_in, each, ontology=ontology, world=world, caller=MECHANIC, now=NOW)

    first, second = batch(1, 2)
    assert [edit.version for edit in (*first.edits, *second.edits) if isinstance(edit, ObjectEdit)] == [0, 3, 0, 4]
    assert [change.type for change in second.changes] == ["repair"]  # the bicycle is in repair already
    with pytest.raises(ActionRefused, match="there is a repair '1' already"):
        batch(1, 1)
    world.apply((*first.edits, *second.edits))


def test_what_was_deleted_can_be_created_again_and_its_versions_count_on(ontology: ServedOntology, world: FakeWorld) -> None:
    world.apply(proposal(ontology, world, "scrap", bicycle="B1", lock="L1").edits)
    (edit,) = proposal(ontology, world, "register", MANAGER, number="B1", maker="Trek").edits
    assert isinstance(edit, ObjectEdit) and (edit.kind, edit.version) == ("create", 5)


def test_create_or_modify_does_what_fits(ontology: ServedOntology, world: FakeWorld) -> None:
    new = proposal(ontology, world, "register", MANAGER, number="B2", maker="Trek").edits[0]
    old = proposal(ontology, world, "register", MANAGER, number="B1", maker="Trek").edits[0]
    assert isinstance(new, ObjectEdit) and (new.kind, new.values["state"], new.values["lock_id"]) == ("create", "ready", None)
    assert isinstance(old, ObjectEdit) and (old.kind, old.values) == ("modify", {"maker": "Trek", "wheel_inches": 26.0, "size": "M"})


def test_a_value_that_its_value_type_refuses_is_told(ontology: ServedOntology, world: FakeWorld) -> None:
    register = ontology.find_action("register")
    sized = register.model_copy(update={"do": (register.do[0].model_copy(update={"set": {**register.do[0].set, "size": "XXL"}}),)})
    told = {"number": "B2", "maker": "Trek"}
    found = validate(sized, told, ontology=ontology, world=world, caller=MANAGER, now=NOW)
    assert [failure.message.en for failure in found.failures if failure.message] == ["size must be one of S, M, L, XL"]


@pytest.mark.parametrize(
    "edit",
    [
        ObjectEdit("modify", "bicycle", "B1", {"state": "한"}, {"state": None}, 2, frozenset({"state", ""})),
        LinkEdit("unlink", "book__authors", "A:1", "B", ("book", "author"), restores=True),
    ],
)
def test_an_edit_is_read_again_as_it_was_written(edit: ObjectEdit | LinkEdit) -> None:
    assert from_json(as_json(edit)) == edit


def test_what_is_undone_within_one_action_is_no_difference() -> None:
    made = ObjectEdit("create", "bicycle", "B2", {"maker": "Trek"})
    assert diff([made, ObjectEdit("delete", "bicycle", "B2", {}, {"maker": "Trek"}, 1)]) == ()
    there_and_back = [
        ObjectEdit("modify", "bicycle", "B1", {"maker": "Trek"}, {"maker": "Giant"}),
        ObjectEdit("modify", "bicycle", "B1", {"maker": "Giant"}, {"maker": "Trek"}, 1),
    ]
    assert diff(there_and_back) == ()
