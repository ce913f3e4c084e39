"""Actions: what there is, validating, applying alone and in a batch, and the history of edits."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from foundry_sdk import BadRequestError, NotFoundError

from tests.conformance.cases import ONTOLOGY, Asking, case, m, same
from tests.conformance.refusals import refused
from tests.conformance.world import ACTIONS

KNOWN = [name for name in ACTIONS if name != "burn"]
RID = "ri.actions.main.action-type."
FUNCTION = "ri.function-registry.main.function.reshelves"
VALID, DELETIONS = "VALIDATE_ONLY", "ALL_V2_WITH_DELETIONS"


def options(**told: Any) -> Any:
    return m.ApplyActionRequestOptions(**told)


def applied(asking: Asking, action: str, returned: str = "ALL", **parameters: Any) -> Any:
    return asking.client.Action.apply(ONTOLOGY, action, parameters=parameters, options=options(return_edits=returned))


@case("ActionType.list", "plain", "pageSize, pageToken", "labels in ko")
def every_action_that_may_be_applied_is_listed(asking: Asking) -> None:
    same([each.api_name for each in asking.client.Ontology.ActionType.list(ONTOLOGY)], KNOWN)
    same([each.api_name for each in asking.client.Ontology.ActionType.list(ONTOLOGY, page_size=2)], KNOWN)
    korean = asking.speaking("ko").client.Ontology.ActionType.list(ONTOLOGY)
    same([each.display_name for each in korean], [ACTIONS[name]["label"]["ko"] for name in KNOWN])


@case("ActionType.get", "plain", "parameters", "operations")
def an_action_is_told(asking: Asking) -> None:
    lend = asking.client.Ontology.ActionType.get(ONTOLOGY, "lend")
    same((lend.display_name, lend.description, lend.status, lend.rid), ("Lend a book", "Opens a loan.", "ACTIVE", f"{RID}lend"))
    told = {name: (each.data_type.type, each.required) for name, each in lend.parameters.items()}
    same(told, {"loan_no": ("long", True), "member": ("object", True), "book": ("object", True), "fee": ("decimal", False)})
    same((lend.parameters["loan_no"].display_name, lend.parameters["book"].description), ("Number", "The copy."))
    same([(rule.type, rule.object_type_api_name) for rule in lend.operations], [("createObject", "loan"), ("modifyObject", "book")])
    (credit,) = asking.client.Ontology.ActionType.get(ONTOLOGY, "credit").operations
    same((credit.type, credit.link_type_api_name_ato_b, credit.link_type_api_name_bto_a), ("createLink", "authors", "books"))
    same((credit.a_side_object_type_api_name, credit.b_side_object_type_api_name), ("book", "author"))
    same(asking.client.Ontology.ActionType.get(ONTOLOGY, "retitle").status, "EXPERIMENTAL")


@case("ActionType.get", "ActionTypeNotFound")
def an_action_that_is_not_there_or_not_the_callers(asking: Asking) -> None:
    for name in ("x", "burn"):
        get = lambda name=name: asking.client.Ontology.ActionType.get(ONTOLOGY, name)  # noqa: E731
        refused(get, NotFoundError, "ActionTypeNotFound", {"actionType": name})


@case("ActionType.get_by_rid", "plain")
def an_action_is_found_by_its_rid(asking: Asking) -> None:
    same(asking.client.Ontology.ActionType.get_by_rid(ONTOLOGY, f"{RID}lend").api_name, "lend")


@case("ActionType.get_by_rid_batch", "plain")
def actions_are_found_by_their_rids(asking: Asking) -> None:
    requests = [m.GetActionTypeByRidBatchRequestElement(action_type_rid=f"{RID}{name}") for name in ("credit", "burn", "lend")]
    found = asking.client.Ontology.ActionType.get_by_rid_batch(ONTOLOGY, requests=requests)
    same([each.api_name for each in found.data], ["credit", "lend"])


def search_cases() -> list[tuple[Any, list[str]]]:
    def contains(text: str) -> Any:
        return m.FullTextStringContainsPredicate(value=text)

    book, absent = "ri.ontology.main.object-type.book", m.SectionRidActionTypesQueryV2(value=f"{RID}x")
    return [
        (m.ActionTypeApiNameActionTypesQueryV2(value=contains("ret")), ["retitle"]),
        (m.ActionTypeApiNameActionTypesQueryV2(value=m.FullTextStringExactPredicate(value="lend")), ["lend"]),
        (m.ActionTypeDisplayNameActionTypesQueryV2(value=contains("book")), ["lend"]),
        (m.ActionTypeDescriptionActionTypesQueryV2(value=contains("loan opens")), ["lend"]),
        (m.ParameterNameActionTypesQueryV2(value=contains("branch")), ["move"]),
        (m.ActionTypeRidActionTypesQueryV2(value=f"{RID}move"), ["move"]),
        (m.StatusActionTypesQueryV2(value="EXPERIMENTAL"), ["retitle"]),
        (m.AffectedObjectTypeRidActionTypesQueryV2(value=book), ["lend", "retitle"]),
        (m.AffectedLinkTypeRidActionTypesQueryV2(value="ri.ontology.main.relation.book__authors"), ["credit"]),
        (m.InputObjectTypeRidActionTypesQueryV2(value=book), ["lend", "retitle", "credit"]),
        (m.LogicRuleActionTypesQueryV2(value="DELETE_OBJECT"), ["withdraw", "reshelve"]),
        (m.FunctionRidActionTypesQueryV2(value=FUNCTION), ["reshelve"]),
        (m.HasNotificationActionTypesQueryV2(value=True), ["lend"]),
        (m.HasWebhookActionTypesQueryV2(value=True), []),
        (m.RevertActionEnabledActionTypesQueryV2(value=True), KNOWN),
        (m.AndActionTypesQueryV2(value=[m.StatusActionTypesQueryV2(value="ACTIVE"), m.LogicRuleActionTypesQueryV2(value="MODIFY_OBJECT")]),
         ["lend", "move", "reshelve"]),
        (m.OrActionTypesQueryV2(value=[m.ActionTypeRidActionTypesQueryV2(value=f"{RID}lend"), absent]),
         ["lend"]),
    ]  # fmt: skip


@case("ActionType.search", "plain", "where", "orderBy", "pageSize, pageToken")
def actions_are_searched(asking: Asking) -> None:
    search = asking.client.Ontology.ActionType.search
    for where, expected in search_cases():
        found = search(ONTOLOGY, where=where)
        same(([each.api_name for each in found.data], found.total_count), (expected, len(expected)))
    by_name = search(ONTOLOGY, order_by=m.SearchActionTypesOrderByV2(field="actionTypeDisplayName", direction="desc"))
    same([each.api_name for each in by_name.data], sorted(KNOWN, key=lambda name: ACTIONS[name]["label"]["en"].casefold(), reverse=True))
    first = search(ONTOLOGY, page_size=3)
    rest = search(ONTOLOGY, page_size=3, page_token=first.next_page_token)
    same([each.api_name for each in (*first.data, *rest.data)], KNOWN)


@case("ActionTypeFullMetadata.get", "plain")
def what_an_action_sets_is_told(asking: Asking) -> None:
    full = asking.client.ActionTypeFullMetadata.get(ONTOLOGY, "lend")
    create, modify = full.full_logic_rules
    told = {name: argument.type for name, argument in create.property_arguments.items()}
    same(told, dict.fromkeys(("loan_id", "member_id", "book_id", "fee"), "parameterId") | {"lent_at": "currentTime"})
    same((modify.object_to_modify, modify.property_arguments["lent"].value), ("book", True))
    (retitle,) = asking.client.ActionTypeFullMetadata.get(ONTOLOGY, "retitle").full_logic_rules
    same(retitle.property_arguments["sequel_to"].property_type_api_name, "sequel_to")
    (credit,) = asking.client.ActionTypeFullMetadata.get(ONTOLOGY, "credit").full_logic_rules
    same((credit.link_type_api_name, credit.source_object, credit.target_object), ("authors", "book", "author"))


@case("ActionTypeFullMetadata.get", "function")
def which_function_an_action_calls_is_told(asking: Asking) -> None:
    (rule,) = asking.client.ActionTypeFullMetadata.get(ONTOLOGY, "reshelve").full_logic_rules
    same((rule.type, rule.function_rid, rule.function_version), ("function", FUNCTION, "1.1.0"))
    same((rule.function_input_values["place"].parameter_id, rule.function_input_values["most"].value), ("place", 2))


@case("ActionTypeFullMetadata.list", "plain")
def every_action_is_told_in_full(asking: Asking) -> None:
    same([each.action_type.api_name for each in asking.client.ActionTypeFullMetadata.list(ONTOLOGY)], KNOWN)


@case("ActionTypeFullMetadata.get_full_metadata_batch", "plain")
def actions_are_told_in_full_by_name(asking: Asking) -> None:
    requests = [m.GetActionTypeFullMetadataBatchRequestElement(action_type=name) for name in ("move", "burn", "credit")]
    found = asking.client.ActionTypeFullMetadata.get_full_metadata_batch(ONTOLOGY, requests=requests)
    same([each.action_type.api_name for each in found.data], ["move", "credit"])


@case("ActionTypeFullMetadata.search", "plain", "where")
def actions_are_searched_in_full(asking: Asking) -> None:
    for where, expected in search_cases():
        found = asking.client.ActionTypeFullMetadata.search(ONTOLOGY, where=where)
        same([each.action_type.api_name for each in found.data], expected)


@case("Action.apply", "mode: VALIDATE_ONLY")
def validating_tells_every_criterion_and_does_nothing(asking: Asking) -> None:
    def validated(action: str, **parameters: Any) -> Any:
        told = asking.client.Action.apply(ONTOLOGY, action, parameters=parameters, options=options(mode=VALID))
        same((told.operation_id, told.edits), (None, None))
        return told.validation

    good = validated("retitle", book="bk-000", title="A new title")
    same((good.result, {name: each.result for name, each in good.parameters.items()}),
         ("VALID", dict.fromkeys(("book", "title", "language"), "VALID")))  # fmt: skip
    bad = validated("retitle", book="bk-nothing", title="!", language="la")
    same((bad.result, [each.result for each in bad.parameters.values()]), ("INVALID", ["INVALID"] * 3))
    constraints = [each.type for parameter in bad.parameters.values() for each in parameter.evaluated_constraints]
    same(constraints, ["objectQueryResult", "stringLength", "stringRegexMatch", "oneOf"])
    same([option.value for option in bad.parameters["language"].evaluated_constraints[0].options], ["en", "ko", "de"])


@case("Action.apply", "submissionCriteria")
def a_criterion_that_does_not_hold_is_told_in_the_callers_language(asking: Asking) -> None:
    lent = next(each["book_id"] for each in asking.load(m.ObjectSetBaseType(object_type="book")).data if each.get("lent"))
    for language, words in (("en", "It is lent already."), ("ko", "이미 대출 중입니다.")):
        told = applied(asking.speaking(language), "lend", loan_no=5000, member=1, book=lent)
        same((told.validation.result, told.operation_id), ("INVALID", None))
        same([each.configured_failure_message for each in told.validation.submission_criteria], [words])


@case("Action.apply", "plain", "returnEdits: ALL", "returnEdits: NONE", "objects created and modified")
def an_action_is_applied(asking: Asking) -> None:
    free = [each["book_id"] for each in asking.load(m.ObjectSetBaseType(object_type="book")).data if not each.get("lent")]
    told = applied(asking, "lend", loan_no=5001, member=1, book=free[0], fee="1.50")
    same(told.validation.result, "VALID")
    assert told.operation_id.startswith("ri.actions.main.action.")
    added, modified = told.edits.edits
    same((added.type, added.object_type, str(added.primary_key)), ("addObject", "loan", "5001"))
    same((modified.type, modified.object_type, modified.primary_key), ("modifyObject", "book", free[0]))
    same((told.edits.added_object_count, told.edits.modified_objects_count, told.edits.deleted_objects_count), (1, 1, 0))
    quiet = applied(asking, "retitle", "NONE", book=free[1], title="Quietly")
    same((quiet.validation.result, quiet.edits), ("VALID", None))


@case("Action.apply", "returnEdits: ALL_V2_WITH_DELETIONS", "objects deleted")
def a_deletion_is_told_where_it_is_asked_for(asking: Asking) -> None:
    films = sorted(each["film_id"] for each in asking.load(m.ObjectSetBaseType(object_type="film")).data)
    told = applied(asking, "withdraw", DELETIONS, film=films[0]).edits
    same([(each.type, each.object_type, each.primary_key) for each in told.edits], [("deleteObject", "film", films[0])])
    without = applied(asking, "withdraw", "ALL", film=films[1]).edits
    same((without.edits, without.deleted_objects_count), ([], 1))


@case("Action.apply", "links created")
def a_link_is_made(asking: Asking) -> None:
    (link,) = applied(asking, "credit", book="bk-000", author=_not_yet(asking)).edits.edits
    same((link.type, link.link_type_api_name_ato_b, link.link_type_api_name_bto_a), ("addLink", "authors", "books"))
    same((link.a_side_object.object_type, link.a_side_object.primary_key, link.b_side_object.object_type), ("book", "bk-000", "author"))


@case("Action.apply", "edits by a function")
def a_function_says_what_is_edited(asking: Asking) -> None:
    told = applied(asking, "reshelve", place="br-1").edits
    same([(each.type, each.object_type) for each in told.edits], [("modifyObject", "film")] * 2)
    films = asking.load(m.ObjectSetBaseType(object_type="film")).data
    moved = {each["film_id"]: each["branch_id"] for each in films if each["film_id"] in {edit.primary_key for edit in told.edits}}
    same(set(moved.values()), {"br-1"})


@case("Action.apply", "approval")
def an_action_that_others_approve_is_only_asked_for(asking: Asking) -> None:
    film = max(each["film_id"] for each in asking.load(m.ObjectSetBaseType(object_type="film")).data)
    told = applied(asking, "move", film=film, branch="br-1")
    same((told.validation.result, told.edits), ("VALID", None))
    assert told.operation_id is not None


@case("Action.apply", "ActionTypeNotFound")
def an_action_that_may_not_be_applied_is_not_there(asking: Asking) -> None:
    for name in ("x", "burn"):
        ask = lambda name=name: asking.client.Action.apply(ONTOLOGY, name, parameters={})  # noqa: E731
        refused(ask, NotFoundError, "ActionTypeNotFound", {"actionType": name})


@case("Action.apply_batch", "plain", "returnEdits: ALL", "ActionValidationFailed")
def a_batch_is_all_or_nothing(asking: Asking) -> None:
    def batch(*told: dict[str, Any]) -> Callable[[], Any]:
        requests = [m.BatchApplyActionRequestItem(parameters=each) for each in told]
        how = m.BatchApplyActionRequestOptions(return_edits="ALL")
        return lambda: asking.client.Action.apply_batch(ONTOLOGY, "retitle", requests=requests, options=how)

    done = batch({"book": "bk-002", "title": "One"}, {"book": "bk-003", "title": "Two"})()
    same([each.primary_key for each in done.edits.edits], ["bk-002", "bk-003"])
    same(done.edits.modified_objects_count, 2)
    wrong = batch({"book": "bk-004", "title": "One"}, {"book": "bk-004", "title": "!"})
    refused(wrong, BadRequestError, "ActionValidationFailed", {"actionType": "retitle"})


@case("ObjectType.get_edits_history", "plain", "objectPrimaryKey", "sortOrder", "filters", "pageSize, pageToken")
def the_history_of_edits_is_told(asking: Asking) -> None:
    history = asking.client.Ontology.ObjectType.get_edits_history
    began = datetime.now(UTC) - timedelta(seconds=5)
    ids = [applied(asking, "retitle", "NONE", book="bk-005", title=title).operation_id for title in ("First", "Second", "Third")]
    of_one = {"object_primary_key": {"book_id": m.StringValue(value="bk-005")}}
    found = history(ONTOLOGY, "book", **of_one).data
    same([each.operation_id for each in found], ids[::-1])
    same({each.object_primary_key["book_id"].value for each in found}, {"bk-005"})
    same([(each.user_id, each.action_type_rid, each.edit.type) for each in found], [("reader", f"{RID}retitle", "modifyEdit")] * 3)
    same([each.edit.properties["title"] for each in found], ["Third", "Second", "First"])
    same([each.operation_id for each in history(ONTOLOGY, "book", sort_order="oldest_first", **of_one).data], ids)
    only = m.EditsHistoryOperationIdsFilter(operation_ids=ids[:1])
    same([each.operation_id for each in history(ONTOLOGY, "book", filters=only).data], ids[:1])
    same(history(ONTOLOGY, "book", filters=m.EditsHistoryTimestampFilter(end_time=began), **of_one).data, [])
    first = history(ONTOLOGY, "book", page_size=2, **of_one)
    rest = history(ONTOLOGY, "book", page_size=2, page_token=first.next_page_token, **of_one)
    same([each.operation_id for each in (*first.data, *rest.data)], ids[::-1])
    same(rest.next_page_token, None)


def _not_yet(asking: Asking) -> int:
    """An author that the first book does not have."""
    there = {each["author_id"] for each in asking.client.LinkedObject.list_linked_objects(ONTOLOGY, "book", "bk-000", "authors")}
    every = [each["author_id"] for each in asking.load(m.ObjectSetBaseType(object_type="author")).data]
    return int(next(each for each in every if each not in there))
