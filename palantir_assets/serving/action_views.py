"""Actions as Foundry tells them: types with parameters and operations, verdicts, edits. Shapes here, routes elsewhere.

What Foundry has no form for is told as near as it has: an expression that is no parameter, object's property, moment
or caller stands as the text that it is.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import product
from typing import Any, Final, Literal

from palantir_assets.access.policy import Allowed
from palantir_assets.actions.parameters import MOST_LISTED
from palantir_assets.actions.verdicts import Finding, Verdict
from palantir_assets.ontology.criteria import expression_of, plain_of
from palantir_assets.ontology.served import ServedOntology
from palantir_assets.ontology.served_actions import ServedAction, ServedActionParameter, ServedStep
from palantir_assets.ontology.served_parts import Status
from palantir_assets.serving.datatypes import Json
from palantir_assets.serving.languages import Language, said
from palantir_assets.serving.rids import rid
from palantir_assets.serving.views import ReleaseStatus, View

_STATUS: Final[dict[Status, ReleaseStatus]] = {"active": "ACTIVE", "experimental": "EXPERIMENTAL", "deprecated": "DEPRECATED"}
_RULES: Final = {
    "create": ("createObject",), "modify": ("modifyObject",), "create_or_modify": ("createObject", "modifyObject"),
    "delete": ("deleteObject",), "link": ("createLink",), "unlink": ("deleteLink",),
}  # fmt: skip
_OF_OBJECTS: Final = ("createObject", "modifyObject", "deleteObject")


class ActionParameterView(View):
    display_name: str
    description: str | None = None
    data_type: Json
    required: bool


class ActionTypeView(View):
    api_name: str
    description: str | None = None
    display_name: str
    status: ReleaseStatus
    parameters: dict[str, ActionParameterView]
    rid: str
    operations: list[Json]


class ActionTypeList(View):
    data: list[ActionTypeView]
    next_page_token: str | None = None


class ActionTypeFound(ActionTypeList):
    """`total_count` is text, as Foundry writes every long."""

    total_count: str


class ActionTypeFullView(View):
    action_type: ActionTypeView
    full_logic_rules: list[Json]


class ActionTypeFullList(View):
    data: list[ActionTypeFullView]
    next_page_token: str | None = None


class ActionTypeFullFound(ActionTypeFullList):
    """`total_count` is text, as Foundry writes every long."""

    total_count: str


def action_type_view(ontology: ServedOntology, action: ServedAction, language: Language) -> ActionTypeView:
    """An action type. `ontology` is what the caller sees."""
    return ActionTypeView(
        api_name=action.name,
        description=action.description or None,
        display_name=said(action.label, language, action.name),
        status=_STATUS[action.status],
        parameters={name: _parameter(name, parameter, language) for name, parameter in action.parameters.items()},
        rid=rid("action-type", action.name),
        operations=[rule for step in action.do for rule in _operations(ontology, action, step)],
    )


def action_type_full(ontology: ServedOntology, action: ServedAction, language: Language) -> ActionTypeFullView:
    """An action type with what each of its steps sets, and to what."""
    return ActionTypeFullView(
        action_type=action_type_view(ontology, action, language), full_logic_rules=[_logic(ontology, action, step) for step in action.do]
    )


def verdict_view(action: ServedAction, verdict: Verdict, language: Language) -> Json:
    """A `ValidateActionResponseV2`. Steps that cannot be taken stand among the criteria; a parameter's words, in `message`."""
    outcomes = {finding.what: finding for finding in verdict.parameters}
    declared: dict[str, ServedActionParameter | None] = {**dict.fromkeys(outcomes), **action.parameters}
    criteria = [*verdict.criteria, *(finding for finding in verdict.steps if finding.outcome == "failed")]
    return {
        "result": _result(verdict.valid),
        "submissionCriteria": [_criterion(finding, language) for finding in criteria],
        "parameters": {name: _evaluated(outcomes.get(name), parameter, language) for name, parameter in declared.items()},
        **({} if isinstance(verdict.access, Allowed) else {"message": verdict.access.reason}),
    }


def edits_view(ontology: ServedOntology, shown: Mapping[str, Any], *, deletions: bool) -> Json:
    """An `ObjectEdits` of the difference that a caller sees; counts are of everything, deletions in the list or not."""
    kinds = {"created": "addObject", "modified": "modifyObject", "deleted": "deleteObject"}
    objects = [{"type": kinds[change["kind"]], **_object(ontology, change["object_type"], change["key"])} for change in shown["changes"]]
    links = [_link_edit(ontology, link) for link in shown["links"]]
    every = [*objects, *links]

    def count(kind: str) -> int:
        return sum(edit["type"] == kind for edit in every)

    return {
        "type": "edits",
        "edits": [edit for edit in every if deletions or edit["type"] not in ("deleteObject", "deleteLink")],
        "addedObjectCount": count("addObject"), "modifiedObjectsCount": count("modifyObject"), "deletedObjectsCount": count("deleteObject"),
        "addedLinksCount": count("addLink"), "deletedLinksCount": count("deleteLink"),
    }  # fmt: skip


def key_value(ontology: ServedOntology, object_type: str, key: str) -> str | int:
    """A key as a value of its property: an integer is a number, everything else text."""
    kind = ontology.types.get(object_type)
    return int(key) if kind is not None and kind.properties[kind.key].type == "integer" and key.lstrip("-").isdigit() else key


def _parameter(name: str, parameter: ServedActionParameter, language: Language) -> ActionParameterView:
    if parameter.object is not None:
        kind: Json = {"type": "object", "objectApiName": parameter.object, "objectTypeApiName": parameter.object}
    else:
        kind = {"type": parameter.type}
    if parameter.list:
        kind = {"type": "array", "subType": kind}
    return ActionParameterView(
        display_name=said(parameter.label, language, name),
        description=parameter.description or None,
        data_type=kind,
        required=_required(parameter),
    )


def _required(parameter: ServedActionParameter) -> bool:
    return not parameter.optional and parameter.default is None


def _operations(ontology: ServedOntology, action: ServedAction, step: ServedStep) -> Iterable[Json]:
    """What it may do, as far as it is known beforehand; of a function, all that it may change."""
    if step.verb == "function":
        for name, rule in product(step.types, _OF_OBJECTS):
            yield {"type": rule, "objectTypeApiName": name}
        yield from ({"type": rule, **_link_sides(ontology, *link)} for link in step.links for rule in ("createLink", "deleteLink"))
        return
    for rule in _RULES[step.verb]:
        if step.source is not None:
            yield {"type": rule, **_link_sides(ontology, action.parameters[step.source].object or "", step.what)}
        else:
            yield {"type": rule, "objectTypeApiName": _owner(action, step)}


def _owner(action: ServedAction, step: ServedStep) -> str | None:
    return step.what if step.verb in ("create", "create_or_modify") else action.parameters[step.what].object


def _link_sides(ontology: ServedOntology, source: str, name: str) -> Json:
    link = ontology.types[source].links[name]
    return {
        "linkTypeApiNameAtoB": name, "linkTypeApiNameBtoA": link.reverse, "aSideObjectTypeApiName": source,
        "bSideObjectTypeApiName": link.to,
    }  # fmt: skip


def _logic(ontology: ServedOntology, action: ServedAction, step: ServedStep) -> Json:
    if step.verb == "function":
        told = {word: _argument(action, value) for word, value in step.given.items()}
        called = {"functionRid": rid("function", step.what), "functionVersion": ontology.functions[step.what].version}
        return {"type": "function", **called, "functionInputValues": told}
    if step.source is not None:
        kind: Literal["createLink", "deleteLink"] = "createLink" if step.verb == "link" else "deleteLink"
        return {"type": kind, "linkTypeApiName": step.what, "sourceObject": step.source, "targetObject": step.target}
    if step.verb == "delete":
        return {"type": "deleteObject", "objectToDelete": step.what}
    values = {name: _argument(action, value) for name, value in step.set.items()}
    if step.verb == "modify":
        return {"type": "modifyObject", "objectToModify": step.what, "propertyArguments": values, "structPropertyArguments": {}}
    key = ontology.types[step.what].key
    kind_of = "createObject" if step.verb == "create" else "createOrModifyObject"
    made = {key: _argument(action, step.key), **values}
    return {"type": kind_of, "objectTypeApiName": step.what, "propertyArguments": made, "structPropertyArguments": {}}


def _argument(action: ServedAction, value: object) -> Json:
    text = expression_of(value)
    if text is None:
        return {"type": "staticValue", "value": plain_of(value)}
    word, _, prop = text.partition(".")
    if text in ("now", "caller.id"):
        return {"type": "currentTime" if text == "now" else "currentUser"}
    if text in action.parameters:
        return {"type": "parameterId", "parameterId": text}
    if word in action.parameters and prop.isidentifier():
        return {"type": "objectParameterPropertyValue", "parameterId": word, "propertyTypeApiName": prop}
    return {"type": "staticValue", "value": value}


def _result(passed: bool) -> str:
    return "VALID" if passed else "INVALID"


def _criterion(finding: Finding, language: Language) -> Json:
    words = said(finding.message, language, finding.what)
    return {"result": _result(finding.outcome == "passed"), **({"configuredFailureMessage": words} if finding.outcome == "failed" else {})}


def _evaluated(finding: Finding | None, parameter: ServedActionParameter | None, language: Language) -> Json:
    found: Json = {
        "result": _result(finding is not None and finding.outcome == "passed"),
        "evaluatedConstraints": [] if parameter is None else list(_constraints(parameter)),
        "required": parameter is not None and _required(parameter),
    }
    if finding is not None and finding.message is not None:
        found["message"] = said(finding.message, language, "")
    return found


def _constraints(parameter: ServedActionParameter) -> Iterable[Json]:
    if parameter.list:
        yield {"type": "arraySize", "gte": 0 if parameter.optional else 1, "lte": MOST_LISTED}
    if parameter.object is not None:
        yield {"type": "objectQueryResult"}
    if parameter.choices is not None:
        yield {"type": "objectPropertyValue"}
    if parameter.one_of is not None:
        yield {
            "type": "oneOf",
            "options": [{"displayName": str(each), "value": each} for each in parameter.one_of],
            "otherValuesAllowed": False,
        }
    if parameter.length is not None:
        yield {"type": "stringLength", "gte": parameter.length[0], "lte": parameter.length[1]}
    if parameter.min is not None or parameter.max is not None:
        yield {"type": "range", **{name: bound for name, bound in (("gte", parameter.min), ("lte", parameter.max)) if bound is not None}}
    if parameter.matches is not None:
        yield {"type": "stringRegexMatch", "regex": parameter.matches}


def _object(ontology: ServedOntology, object_type: str, key: str) -> Json:
    return {"objectType": object_type, "primaryKey": key_value(ontology, object_type, key)}


def _link_edit(ontology: ServedOntology, link: Mapping[str, Any]) -> Json:
    source, _, name = link["link"].partition("__")
    end = ontology.types[source].links[name]
    return {
        "type": "addLink" if link["kind"] == "linked" else "deleteLink", "linkTypeApiNameAtoB": name, "linkTypeApiNameBtoA": end.reverse,
        "aSideObject": _object(ontology, source, link["source"]), "bSideObject": _object(ontology, end.to, link["target"]),
    }  # fmt: skip
