"""What HTTP says of an action that was not applied: who may not, what does not hold, what was changed in between."""

from __future__ import annotations

from typing import Final

from palantir_assets.access.policy import Refusal
from palantir_assets.actions.verdicts import ActionRefused, Finding
from palantir_assets.applying.differences import Differs
from palantir_assets.applying.reversing import NotRevertible
from palantir_assets.errors import (
    AnswerErased,
    BeingAnswered,
    EditRefused,
    Erased,
    KeyReused,
    NotDecidable,
    NotPermitted,
    Outrun,
    PalantirError,
    StaleVersion,
)
from palantir_assets.serving.languages import Language, said
from palantir_assets.serving.told import Told

_CONFLICTS: Final[dict[type[EditRefused], str]] = {
    StaleVersion: "StaleVersion", BeingAnswered: "BeingAnswered", NotDecidable: "NotDecidable", Outrun: "Outrun",
    NotRevertible: "NotRevertible", Differs: "DifferenceChanged",
}  # fmt: skip


def told_of_action(error: PalantirError, language: Language) -> Told | None:
    """What is told of an error about actions; None of any other."""
    match error:
        case NotPermitted():
            return Told(403, "PermissionDenied", error.message, error.advice)
        case ActionRefused():
            return _refused(error, language)
        case KeyReused():
            return Told(422, "KeyReused", error.message, error.advice)
        case Differs():
            return Told(409, "DifferenceChanged", error.message, error.advice, more={**error.shown, "digest": error.digest})
        case StaleVersion():
            stale = {"objectType": error.object_type, "primaryKey": error.key, "expected": error.expected, "actual": error.actual}
            return Told(409, "StaleVersion", error.message, error.advice, stale, more=stale)
        case AnswerErased():
            return Told(410, "AnswerErased", "what was answered to this request was erased", error.advice)
        case Erased():
            erased = {"objectType": error.object_type, "primaryKey": error.key}
            return Told(409, "ObjectErased", error.message, error.advice, erased, more=erased)
        case EditRefused():
            name = _CONFLICTS.get(type(error))
            headers = {"Retry-After": "1"} if isinstance(error, BeingAnswered) else None
            return Told(409 if name else 400, name or "EditRefused", error.message, error.advice, headers=headers)
        case _:
            return None


def findings(found: tuple[Finding, ...], language: Language) -> list[dict[str, object]]:
    """Findings as JSON, with their words in a language."""
    return [
        {"what": each.what, "outcome": each.outcome, **({"message": said(each.message, language, "")} if each.message else {})}
        for each in found
    ]


def _refused(error: ActionRefused, language: Language) -> Told:
    verdict = error.verdict
    if isinstance(verdict.access, Refusal):
        return Told(403, "PermissionDenied", verdict.access.reason, error.advice)
    words = [f"{each.what}: {said(each.message, language, 'does not hold')}" for each in verdict.failures]
    found = (*verdict.parameters, *verdict.criteria, *verdict.steps)
    told = {"findings": findings(found, language)}
    detail = f"the action {error.action} is refused: {'; '.join(words)}"
    return Told(400, "ActionValidationFailed", detail, error.advice, {"actionType": error.action, **told}, more=told)
