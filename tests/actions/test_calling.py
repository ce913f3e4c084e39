"""Steps that call functions: what these are told, and what they give, judged as any step is: a library in a dict."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from palantir_assets.access.principal import Principal
from palantir_assets.actions.calling import MOST_EDITS
from palantir_assets.actions.edits import Edit, LinkEdit, ObjectEdit, diff
from palantir_assets.actions.planning import Proposal, propose, propose_batch, validate
from palantir_assets.actions.ports import Found
from palantir_assets.actions.verdicts import Verdict, for_others
from palantir_assets.errors import (
    FunctionFailed,
    FunctionResultInvalid,
    FunctionsBusy,
    FunctionTooLarge,
    FunctionTooSlow,
    QueryError,
)
from palantir_assets.ontology.served import ServedOntology
from palantir_assets.ontology.served_actions import ServedAction
from tests.fakes.world import FakeWorld

NOW = datetime(2024, 5, 6, 7, 8, 9)
ANN = Principal("ann", frozenset({"librarian"}))
LIBRARY = ServedOntology.model_validate(
    {
        "types": {
            "book": {
                "name": "book", "label": {"en": "Book"}, "key": "book_id", "title": "{title}",
                "properties": {
                    "book_id": {"type": "string"}, "title": {"type": "string"}, "branch_id": {"type": "string", "optional": True},
                    "price": {"type": "decimal", "digits": (8, 2), "optional": True}, "bought": {"type": "date", "optional": True},
                    "state": {"type": "string", "origin": "edits", "default": "good", "value_type": "state"},
                    "times_lent": {"type": "integer", "origin": "derived"}, "place": {"type": "geopoint", "optional": True},
                    "late": {"type": "double", "origin": "model", "optional": True}, "copies": {"type": "long", "optional": True},
                },
                "links": {
                    "authors": {"to": "author", "reverse": "books", "cardinality": "many_to_many"},
                    "branch": {"to": "branch", "by": "branch_id", "reverse": "books", "cardinality": "many_to_one"},
                },
            },
            "author": {
                "name": "author", "label": {"en": "Author"}, "key": "author_id", "title": "{author_id}",
                "properties": {"author_id": {"type": "long"}},
            },
            "branch": {
                "name": "branch", "label": {"en": "Branch"}, "key": "branch_id", "title": "{branch_id}",
                "properties": {"branch_id": {"type": "string"}, "seats": {"type": "integer", "optional": True}},
            },
        },
        "value_types": {"state": {"type": "string", "one_of": ("good", "worn")}},
        "functions": {
            "moves": {
                "name": "moves", "version": "1.0.0", "entry": "moves", "source": "f.py", "output": {"type": "edits"},
                "parameters": {
                    "branch": {"type": "object", "object": "branch", "optional": True}, "most": {"type": "integer", "optional": True},
                    "books": {"type": "array", "of": "string", "optional": True}, "at": {"type": "timestamp", "optional": True},
                    "day": {"type": "date", "optional": True}, "fee": {"type": "decimal", "optional": True},
                    "whole": {"type": "long", "optional": True},
                },
            }
        },
    }
)  # fmt: skip
ACTION: dict[str, Any] = {
    "name": "rebalance", "label": {"en": "Rebalance"}, "allow": ["librarian"],
    "parameters": {
        "branch": {"type": "object", "object": "branch"}, "most": {"type": "integer", "default": 5},
        "books": {"type": "object", "object": "book", "list": True, "optional": True},
    },
}  # fmt: skip
STEP: dict[str, Any] = {"verb": "function", "what": "moves", "given": {"branch": "$branch"}, "edits": ("book", "book.authors")}


@pytest.fixture
def world() -> FakeWorld:
    books = {("book", key): Found({"book_id": key, "title": key, "state": "good"}, number) for number, key in enumerate("ABC")}
    others = {("branch", "gn"): Found({"branch_id": "gn", "seats": 9}), ("author", "7"): Found({"author_id": 7})}
    return FakeWorld({**books, **others}, {("book__authors", "A", "7")})


def action(*steps: dict[str, Any], **more: Any) -> ServedAction:
    return ServedAction.model_validate({**ACTION, **more, "do": steps or (STEP,)})


def giving(world: FakeWorld, *edits: dict[str, Any]) -> FakeWorld:
    world.functions["moves"] = lambda told, planned: list(edits)
    return world


def verdict(world: FakeWorld, what: ServedAction | None = None, **told: Any) -> Verdict:
    return validate(what or action(), {"branch": "gn", **told}, ontology=LIBRARY, world=world, caller=ANN, now=NOW)


def proposal(world: FakeWorld, what: ServedAction | None = None, **told: Any) -> Proposal:
    return propose(what or action(), {"branch": "gn", **told}, ontology=LIBRARY, world=world, caller=ANN, now=NOW)


def why(world: FakeWorld, *edits: dict[str, Any]) -> tuple[str, str]:
    """Why an action is refused whose function gives these edits, in both languages."""
    (refused,) = verdict(giving(world, *edits)).failures
    assert refused.what == "function moves" and refused.message is not None and refused.message.ko is not None
    return refused.message.en, refused.message.ko


def test_what_a_function_gives_becomes_edits_and_the_exact_difference_they_make(world: FakeWorld) -> None:
    giving(
        world,
        {"modify": "book", "key": "B", "set": {"branch_id": "gn", "price": "3.5", "bought": "2024-01-02", "copies": 4}},
        {"create": "book", "key": "D", "set": {"title": "New"}},
        {"create_or_modify": "book", "key": "D", "set": {"state": "worn"}},
        {"create_or_modify": "book", "key": "E", "set": {"title": "Other"}},
        {"link": "book.authors", "from": "D", "to": "7"},
        {"unlink": "book.authors", "from": "A", "to": 7},
        {"delete": "book", "key": "C"},
    )
    found = proposal(world)
    assert [edit.kind for edit in found.edits] == ["modify", "create", "modify", "create", "link", "unlink", "delete"]
    modified, created, again, _, linked, unlinked, deleted = found.edits
    told = {"branch_id": "gn", "price": "3.50", "bought": "2024-01-02", "copies": "4"}
    assert modified == ObjectEdit("modify", "book", "B", told, dict.fromkeys(told), 1)
    assert isinstance(created, ObjectEdit) and (created.values["state"], created.values["price"], created.values["title"]) == (
        "good",
        None,
        "New",
    )
    assert again == ObjectEdit("modify", "book", "D", {"state": "worn"}, {"state": "good"}, 1)
    assert linked == LinkEdit("link", "book__authors", "D", "7", ("book", "author"))
    assert unlinked == LinkEdit("unlink", "book__authors", "A", "7", ("book", "author"))
    assert isinstance(deleted, ObjectEdit) and deleted.version == 2
    assert [(change.kind, change.key) for change in found.changes] == [
        ("modified", "B"),
        ("created", "D"),
        ("created", "E"),
        ("deleted", "C"),
    ]
    assert [(each.what, each.outcome) for each in found.verdict.steps] == [("function moves", "passed")]


@pytest.mark.parametrize(
    ("edit", "en"),
    [
        ({"modify": "branch", "key": "gn", "set": {"seats": 1}}, "it may not modify 'branch': the step does not list it under `edits`"),
        (
            {"modify": "book.authors", "key": "A", "set": {"title": "x"}},
            "it may not modify 'book.authors': the step does not list",
        ),
        ({"link": "book", "from": "A", "to": "A"}, "it may not link 'book': the step does not list it under `edits`"),
        ({"link": "book.branch", "from": "A", "to": "gn"}, "it may not link 'book.branch': the step does not list it under `edits`"),
        ({"delete": "author", "key": 7}, "it may not delete 'author'"),
        ({"create": "nothing", "key": 7}, "it may not create 'nothing'"),
        ({"modify": "book", "key": "Z", "set": {"title": "x"}}, "there is no book 'Z'"),
        ({"delete": "book", "key": "Z"}, "there is no book 'Z'"),
        ({"create": "book", "key": "A", "set": {"title": "x"}}, "there is a book 'A' already"),
        ({"create": "book", "key": "", "set": {"title": "x"}}, "it has no key"),
        ({"create": "book", "key": "a\0", "set": {"title": "x"}}, "its key holds what no key may"),
        ({"create": "book", "key": 7, "set": {"title": "x"}}, "a key of book must be of type string"),
        ({"create": "book", "key": "D", "set": {"price": "1"}}, "title of book is needed"),
        ({"create_or_modify": "book", "key": "D", "set": {}}, "title of book is needed"),
        ({"modify": "book", "key": "A", "set": {"titel": "x"}}, "book has no property 'titel'; did you mean 'title'?"),
        ({"modify": "book", "key": "A", "set": {"book_id": "B"}}, "book_id is the key of book, and never changes"),
        ({"modify": "book", "key": "A", "set": {"times_lent": 3}}, "times_lent of book cannot be set by an action"),
        ({"modify": "book", "key": "A", "set": {"late": 0.5}}, "late of book cannot be set by an action"),
        ({"modify": "book", "key": "A", "set": {"place": None}}, "place of book cannot be set by an action"),
        ({"modify": "book", "key": "A", "set": {"title": None}}, "title may not be null"),
        ({"modify": "book", "key": "A", "set": {"title": 3}}, "title must be of type string"),
        ({"modify": "book", "key": "A", "set": {"bought": "2024-02-30"}}, "bought must be of type date"),
        ({"modify": "book", "key": "A", "set": {"copies": 1.5}}, "copies must be of type long"),
        ({"modify": "book", "key": "A", "set": {"price": "1234567.00"}}, "price must be a number of 8 digits"),
        ({"modify": "book", "key": "A", "set": {"state": "new"}}, "state must be one of good, worn"),
        ({"link": "book.authors", "from": "A", "to": 7}, "they are linked already"),
        ({"unlink": "book.authors", "from": "B", "to": 7}, "they are not linked"),
        ({"link": "book.authors", "from": "Z", "to": 7}, "there is no book 'Z'"),
        ({"link": "book.authors", "from": "A", "to": 8}, "there is no author '8'"),
        ({"link": "book.authors", "from": "A", "to": "x"}, "a key of author must be of type long"),
    ],
)
def test_what_a_declared_step_may_not_do_a_function_may_not_either(world: FakeWorld, edit: dict[str, Any], en: str) -> None:
    fine = {"modify": "book", "key": "B", "set": {"state": "worn"}}
    told, korean = why(world, fine, edit)
    assert told.startswith(f"edit 2: {en}") and korean.startswith("2번째 변경: ")
    assert any("가" <= sign <= "힣" for sign in korean.removeprefix("2번째 변경: "))


@pytest.mark.parametrize(
    ("closed", "en"),
    [
        ("taken", "edit 1: there is a book 'D' already"),
        ("erased", "edit 1: book 'D' was erased: its key is not used again"),
        ("partly seen", "edit 1: who makes a book must see all that it needs"),
    ],
)
def test_a_key_that_is_closed_is_refused_in_the_words_of_every_step(world: FakeWorld, closed: Any, en: str) -> None:
    world.keys["book", "D"] = closed
    assert why(world, {"create": "book", "key": "D", "set": {"title": "x"}})[0] == en
    (refused,) = verdict(world, action({"verb": "create", "what": "book", "key": "D", "set": {"title": "x"}})).failures
    assert refused.message is not None and f"edit 1: {refused.message.en}" == en


@pytest.mark.parametrize(
    ("raised", "en"),
    [
        (FunctionFailed("moves", "failed: ValueError: the secret of B"), "it failed; the log says why"),
        (FunctionTooSlow("moves", "took longer than 5 s"), "it took longer than it may"),
        (FunctionTooLarge("moves", "asked for more"), "it asked for more memory than it may"),
        (FunctionResultInvalid("moves", "gave 'secret'"), "it gave what is no list of edits; the log says what"),
        (QueryError("'most' of the function moves is missing"), "it cannot be asked: 'most' of the function moves is missing"),
    ],
)
def test_a_function_that_gives_nothing_refuses_the_action_and_keeps_its_own_words(world: FakeWorld, raised: Exception, en: str) -> None:
    def gives(told: Any, planned: Any) -> Any:
        raise raised

    world.functions["moves"] = gives
    (refused,) = verdict(world).failures
    assert refused.message is not None and refused.message.en == en and "secret" not in str(refused)


def test_a_function_that_is_to_be_asked_later_refuses_nothing(world: FakeWorld) -> None:
    def gives(told: Any, planned: Any) -> Any:
        raise FunctionsBusy("moves", "was not run")

    world.functions["moves"] = gives
    with pytest.raises(FunctionsBusy):
        verdict(world)


def test_one_call_gives_so_many_edits_and_no_more(world: FakeWorld) -> None:
    many = [{"create": "book", "key": f"N{number}", "set": {"title": "x"}} for number in range(MOST_EDITS + 1)]
    assert len(proposal(giving(world, *many[:-1])).edits) == MOST_EDITS
    assert why(world, *many)[0] == "it gives 1,001 edits, and at most 1,000 may be"


def test_a_function_that_gives_none_changes_nothing(world: FakeWorld) -> None:
    assert proposal(giving(world)).edits == () and proposal(giving(world, {"modify": "book", "key": "A", "set": {}})).edits == ()


def test_a_function_is_told_values_as_it_takes_them(world: FakeWorld) -> None:
    heard: list[dict[str, Any]] = []

    def gives(told: Any, planned: Any) -> Any:
        heard.append(dict(told))

    world.functions["moves"] = gives
    said = {
        "branch": "$branch", "most": "$most * 2", "books": "$books", "at": "$now", "day": "$today", "fee": "$branch.seats / 2", "whole": 4,
    }  # fmt: skip
    step = {**STEP, "given": said}
    proposal(world, action(step), books=["A", "C"])
    proposal(world, action(step))
    told = {
        "branch": "gn", "most": 10, "books": ["A", "C"], "at": "2024-05-06T07:08:09Z", "day": "2024-05-06", "fee": "4.500000000",
        "whole": "4",
    }  # fmt: skip
    assert heard == [told, {**told, "books": None}]
    assert str(date(2024, 5, 6)) == told["day"]


def test_what_a_function_cannot_be_told_is_named(world: FakeWorld) -> None:
    for said, en in (
        ({"most": "$branch.seats / 2"}, "its most must be a whole number"),
        ({"whole": "$branch.seats / 2"}, "its whole must be a whole number"),
    ):
        (refused,) = verdict(giving(world), action({**STEP, "given": said})).failures
        assert refused.message is not None and refused.message.en == en


def test_a_function_is_called_only_where_its_condition_is_true_and_once_for_a_list(world: FakeWorld) -> None:
    calls: list[Any] = []

    def gives(told: Any, planned: Any) -> Any:
        calls.append(told)

    world.functions["moves"] = gives
    for seats in (8, 10):
        proposal(world, action({**STEP, "when": f"branch.seats < {seats}"}), books=["A", "B"])
    assert len(calls) == 1


def test_nothing_is_called_for_who_may_not_or_where_something_else_does_not_hold(world: FakeWorld) -> None:
    stranger = Principal("eve")
    assert not validate(action(), {"branch": "gn"}, ontology=LIBRARY, world=world, caller=stranger, now=NOW).steps
    assert verdict(world, branch="nowhere").steps == ()
    unmet = action(require=({"that": "branch.seats > 10", "say": {"en": "Too small."}},))
    assert verdict(world, unmet).steps == ()


def test_a_function_sees_what_was_planned_before_it_and_the_steps_after_it_what_it_did(world: FakeWorld) -> None:
    seen: list[tuple[Edit, ...]] = []

    def gives(told: Any, planned: Any) -> Any:
        seen.append(tuple(planned))
        return [{"modify": "book", "key": "N", "set": {"state": "worn"}}] if planned else []

    world.functions["moves"] = gives
    first = {"verb": "create_or_modify", "what": "book", "key": "N", "set": {"title": "$branch"}}
    found = proposal(world, action(first, STEP, first))
    assert [edit.kind for edit in found.edits] == ["create", "modify", "modify"] and seen == [found.edits[:1]]
    seen.clear()
    both = propose_batch(action(STEP, first), [{"branch": "gn"}] * 2, ontology=LIBRARY, world=world, caller=ANN, now=NOW)
    assert seen == [(), both[0].edits] and [edit.kind for each in both for edit in each.edits] == ["create", "modify", "modify"]
    world.apply(edit for each in both for edit in each.edits)


def test_others_learn_that_it_is_refused_and_not_why(world: FakeWorld) -> None:
    told = verdict(
        giving(world, {"modify": "book", "key": "A", "set": {"state": "new"}}), action({**STEP}, {"verb": "delete", "what": "books"})
    )
    for_them = for_others(told)
    assert not for_them.valid and "state" not in str(for_them.steps) and "state" in str(told.steps)
    assert [each.outcome for each in for_them.steps] == ["failed", "unknown"] and for_them.parameters == told.parameters


KEYS = st.sampled_from(["A", "B", "C", "D", "E"])
TITLES = st.fixed_dictionaries({"title": st.sampled_from("xy")})
EDITS = st.one_of(
    st.fixed_dictionaries({"modify": st.just("book"), "key": KEYS, "set": st.fixed_dictionaries({"price": st.integers(0, 9)})}),
    st.fixed_dictionaries({"create": st.just("book"), "key": KEYS, "set": TITLES}),
    st.fixed_dictionaries(
        {"create_or_modify": st.just("book"), "key": KEYS, "set": st.fixed_dictionaries({"title": st.sampled_from("xy")})}
    ),
    st.fixed_dictionaries({"delete": st.just("book"), "key": KEYS}),
    st.fixed_dictionaries({"link": st.just("book.authors"), "from": KEYS, "to": st.just(7)}),
    st.fixed_dictionaries({"unlink": st.just("book.authors"), "from": KEYS, "to": st.just(7)}),
)
AS_STEPS = {"create", "create_or_modify", "modify", "delete", "link", "unlink"}


def declared(edit: dict[str, Any]) -> dict[str, Any]:
    """The same as a step of an action whose parameters are books by their keys, and one author."""
    verb = next(word for word in edit if word in AS_STEPS)
    if verb in ("link", "unlink"):
        return {"verb": verb, "what": "authors", "source": f"book_{edit['from']}".lower(), "target": "author"}
    if verb in ("modify", "delete"):
        return {"verb": verb, "what": f"book_{edit['key']}".lower(), "set": edit.get("set", {})}
    return {"verb": verb, "what": "book", "key": edit["key"], "set": edit["set"]}


@given(st.lists(EDITS, max_size=6))
def test_a_function_does_exactly_what_the_same_steps_declared_would_do(edits: list[dict[str, Any]]) -> None:
    books = {("book", key): Found({"book_id": key, "title": key, "state": "good"}, 1) for key in "ABC"}
    both = [FakeWorld({**books, ("branch", "gn"): Found({"branch_id": "gn"}), ("author", "7"): Found({"author_id": 7})}) for _ in range(2)]
    named = {f"book_{key}".lower(): key for key in "ABC"}
    parameters = {
        **{word: {"type": "object", "object": "book"} for word in named}, "author": {"type": "object", "object": "author"},
        "branch": {"type": "object", "object": "branch"},
    }  # fmt: skip
    same = [edit for edit in edits if edit.get("key", edit.get("from")) in "ABC" or next(iter(edit)).startswith("create")]
    idle = {**STEP, "when": "1 > 2"}
    steps = action(idle, *(declared(edit) for edit in same), parameters=parameters)
    told = verdict(both[0], steps, **named, author=7)
    called = verdict(giving(both[1], *same))
    assert told.valid == called.valid
    if told.valid:
        one, other = proposal(both[0], steps, **named, author=7), proposal(both[1])
        assert one.edits == other.edits and one.changes == other.changes == diff(other.edits)
        both[1].apply(other.edits)
