"""A search among action types, in Foundry's JSON. What no action here has, such as a section, nothing is found by."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, Literal

from pydantic import Field, StrictInt, StrictStr

from palantir_assets.errors import QueryError
from palantir_assets.ontology.served_actions import ServedAction
from palantir_assets.serving.action_views import ActionTypeView
from palantir_assets.serving.bodies import Body
from palantir_assets.serving.datatypes import Json
from palantir_assets.serving.rids import rid

MAX_DEPTH: Final = 20
Test = Callable[[ServedAction, ActionTypeView], bool]
_OPERATIONS: Final = {
    "ADD_OBJECT": "createObject", "MODIFY_OBJECT": "modifyObject", "DELETE_OBJECT": "deleteObject", "ADD_LINK": "createLink",
    "DELETE_LINK": "deleteLink",
}  # fmt: skip
_ABSENT: Final = frozenset({"webhookRid", "sectionRid", "parameterRid", "permissionModel", "typeClasses", "affectedInterfaceTypeRid"})


class ActionOrder(Body):
    field: Literal["actionTypeDisplayName"]
    direction: Literal["asc", "desc"] | None = None


class ActionSearch(Body):
    """The body of a search. `fuzziness` changes nothing: words are found as they begin, whatever the case."""

    where: Json | None = Field(None, examples=[{"type": "actionTypeApiName", "value": {"type": "contains", "value": "lend"}}])
    order_by: ActionOrder | None = None
    fuzziness: Json | None = None
    page_size: StrictInt | None = None
    page_token: StrictStr | None = None


def searched(body: ActionSearch, known: Sequence[tuple[ServedAction, ActionTypeView]]) -> list[ServedAction]:
    """The actions that are meant, in declared order or by their names. Raises QueryError for a form that there is not."""
    found = [pair for pair in known if body.where is None or _holds(body.where, *pair)]
    if body.order_by is not None:
        found.sort(key=lambda pair: (pair[1].display_name.casefold(), pair[0].name), reverse=body.order_by.direction == "desc")
    return [action for action, _ in found]


def _holds(where: Json, action: ServedAction, view: ActionTypeView, depth: int = 0) -> bool:
    if depth > MAX_DEPTH or not isinstance(where, dict):
        raise QueryError(f"where: forms within forms, at most {MAX_DEPTH} deep")
    kind, value = where.get("type"), where.get("value")
    if kind in ("and", "or"):
        if not isinstance(value, list):
            raise QueryError(f"where: `{kind}` takes a list")
        each = [_holds(part, action, view, depth + 1) for part in value]
        return all(each) if kind == "and" else any(each)
    if kind in _ABSENT:
        return False
    test = _TESTS.get(str(kind))
    if test is None:
        raise QueryError(f"where: there is no form {str(kind)[:80]!r}; such as actionTypeApiName, status, affectedObjectTypeRid, and, or")
    return test(value, action, view)


def _text(value: Any, texts: Iterable[str]) -> bool:
    """Foundry's predicate over texts: all of a text, or words that it has, by their beginnings."""
    if not isinstance(value, dict) or not isinstance(value.get("value"), str):
        raise QueryError('where: a text is sought as {"type": "contains", "value": "…"}, or "exact"')
    sought = value["value"].casefold()
    folded = [text.casefold() for text in texts]
    if value.get("type") == "exact":
        return sought in folded
    return any(all(any(word.startswith(part) for word in _words(text)) for part in _words(sought)) for text in folded)


def _words(text: str) -> list[str]:
    return "".join(sign if sign.isalnum() else " " for sign in text).split()


def _rules(view: ActionTypeView) -> set[object]:
    return {rule["type"] for rule in view.operations}


def _types(view: ActionTypeView) -> set[str]:
    return {rid("object-type", str(rule["objectTypeApiName"])) for rule in view.operations if "objectTypeApiName" in rule}


def _links(view: ActionTypeView) -> set[str]:
    links = [rule for rule in view.operations if "linkTypeApiNameAtoB" in rule]
    return {rid("relation", f"{rule['aSideObjectTypeApiName']}__{rule['linkTypeApiNameAtoB']}") for rule in links}


def _inputs(action: ServedAction) -> set[str]:
    return {rid("object-type", parameter.object) for parameter in action.parameters.values() if parameter.object}


def _functions(action: ServedAction) -> set[str]:
    return {rid("function", step.what) for step in action.do if step.verb == "function"}


def _effects(action: ServedAction, kind: str) -> bool:
    return any(effect.kind == kind for effect in action.then)


_TESTS: Final[dict[str, Callable[[Any, ServedAction, ActionTypeView], bool]]] = {
    "actionTypeApiName": lambda value, action, view: _text(value, [action.name]),
    "actionTypeDisplayName": lambda value, action, view: _text(value, [view.display_name]),
    "actionTypeDescription": lambda value, action, view: _text(value, [action.description]),
    "parameterName": lambda value, action, view: _text(value, [each.display_name for each in view.parameters.values()]),
    "actionTypeRid": lambda value, action, view: bool(value == view.rid),
    "status": lambda value, action, view: bool(value == view.status),
    "affectedObjectTypeRid": lambda value, action, view: value in _types(view),
    "affectedLinkTypeRid": lambda value, action, view: value in _links(view),
    "inputObjectTypeRid": lambda value, action, view: value in _inputs(action),
    "functionRid": lambda value, action, view: value in _functions(action),
    "logicRule": lambda value, action, view: _OPERATIONS.get(str(value)) in _rules(view),
    "hasNotification": lambda value, action, view: value is _effects(action, "mail"),
    "hasWebhook": lambda value, action, view: value is _effects(action, "webhook"),
    "hasActionLog": lambda value, action, view: value is True,
    "revertActionEnabled": lambda value, action, view: value is True,
}
