"""What follows an action, ready to leave: mails filled in both languages, their recipients by name, calls with what happened.

What is in a mail is what whoever applied the action sees, without what its recipient may not see (`masking`). Sending
is the outbox's affair.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from palantir_assets.applying.desk import Json, People, Standpoint
from palantir_assets.applying.masking import MASK, Recipient, difference_for, hidden_parameters, names_for, outside, user
from palantir_assets.ontology.paths import split_template
from palantir_assets.ontology.served_access import ServedAccess
from palantir_assets.ontology.served_actions import ServedAction, ServedEffect, ServedMail
from palantir_assets.stores.edit_rows import NewEffect

_ROLE = "role:"


@dataclass(frozen=True, slots=True)
class Occasion:
    """What effects are made of: who asked, what was told, what changed, and the values that mails are filled with."""

    action: ServedAction
    caller: str
    parameters: Mapping[str, Any]
    shown: Json
    names: Mapping[str, Any]


def following(
    effects: Iterable[ServedEffect], occasion: Occasion, at: Standpoint, *, mails: Mapping[str, ServedMail], people: People
) -> tuple[NewEffect, ...]:
    """The effects of one action, each mail once for each recipient. `at` is where the action was planned."""
    return tuple(each for effect in effects for each in _ready(effect, occasion, at, mails, people))


def once(effects: Iterable[NewEffect]) -> tuple[NewEffect, ...]:
    """Effects without those that would only do again what another does: assets are made and jobs started once a batch."""
    kept: list[NewEffect] = []
    for effect in effects:
        if effect.kind not in ("materialize", "job") or effect not in kept:
            kept.append(effect)
    return tuple(kept)


def _ready(
    effect: ServedEffect, occasion: Occasion, at: Standpoint, mails: Mapping[str, ServedMail], people: People
) -> Iterator[NewEffect]:
    match effect.kind:
        case "mail":
            for recipient in _recipients(effect.to or "", occasion.caller, at.release.access, people):
                names = names_for(_whom(at, people, recipient), occasion.action, occasion.parameters, occasion.names)
                yield NewEffect("mail", recipient, _mail(effect.names[0], mails[effect.names[0]], names))
        case "webhook":
            masked = set(hidden_parameters(outside(at), occasion.action, occasion.parameters))
            parameters = {word: MASK if word in masked else value for word, value in occasion.parameters.items()}
            told = {"action": occasion.action.name, "parameters": parameters, **difference_for(outside(at), occasion.shown)}
            yield NewEffect("webhook", effect.names[0], told)
        case "materialize":
            yield NewEffect("materialize", ",".join(effect.names), {"assets": list(effect.names)})
        case "job":
            yield NewEffect("job", effect.names[0])


def _whom(at: Standpoint, people: People, recipient: str) -> Recipient:
    known = None if "@" in recipient else at.view.principal if recipient == at.view.principal.id else people.principal(recipient)
    return outside(at) if known is None else user(at, known)


def _recipients(to: str, caller: str, access: ServedAccess, people: People) -> list[str]:
    """Principals, or the address itself. Who holds a role that includes another holds both."""
    if to == "caller":
        return [caller]
    if not to.startswith(_ROLE):
        return [to]
    return list(people.holders(access.holding(to.removeprefix(_ROLE))))


def _mail(template: str, mail: ServedMail, names: Mapping[str, Any]) -> Json:
    words = {"subject": mail.subject, "text": mail.text}
    told = {part: {"en": _filled(label.en, names), "ko": _filled(label.ko or label.en, names)} for part, label in words.items()}
    return {"template": template, **told}


def _filled(text: str, names: Mapping[str, Any]) -> str:
    return "".join(words + (_text(names.get(path)) if path else "") for words, path in split_template(text))


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ", timespec="minutes")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, bool):
        return "yes" if value else "no"
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)
