"""What follows an action, ready to leave: mails filled in both languages, their recipients by name, calls with what happened.

What is in a mail is what whoever applied the action sees. Sending is the outbox's affair.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from palantir_assets.applying.desk import Json, People
from palantir_assets.ontology.paths import split_template
from palantir_assets.ontology.served_access import ServedAccess
from palantir_assets.ontology.served_actions import ServedEffect, ServedMail
from palantir_assets.stores.edit_rows import NewEffect

_ROLE = "role:"


@dataclass(frozen=True, slots=True)
class Occasion:
    """What effects are made of: who asked, what was told, what changed, and the values that mails are filled with."""

    action: str
    caller: str
    parameters: Mapping[str, Any]
    shown: Json
    names: Mapping[str, Any]


def following(
    effects: Iterable[ServedEffect], occasion: Occasion, *, mails: Mapping[str, ServedMail], access: ServedAccess, people: People
) -> tuple[NewEffect, ...]:
    """The effects of one action, each mail once for each recipient."""
    return tuple(each for effect in effects for each in _ready(effect, occasion, mails, access, people))


def once(effects: Iterable[NewEffect]) -> tuple[NewEffect, ...]:
    """Effects without those that would only do again what another does: assets are made and jobs started once a batch."""
    kept: list[NewEffect] = []
    for effect in effects:
        if effect.kind not in ("materialize", "job") or effect not in kept:
            kept.append(effect)
    return tuple(kept)


def _ready(
    effect: ServedEffect, occasion: Occasion, mails: Mapping[str, ServedMail], access: ServedAccess, people: People
) -> Iterator[NewEffect]:
    match effect.kind:
        case "mail":
            payload = _mail(effect.names[0], mails[effect.names[0]], occasion.names)
            for recipient in _recipients(effect.to or "", occasion.caller, access, people):
                yield NewEffect("mail", recipient, payload)
        case "webhook":
            told = {"action": occasion.action, "parameters": dict(occasion.parameters), **occasion.shown}
            yield NewEffect("webhook", effect.names[0], told)
        case "materialize":
            yield NewEffect("materialize", ",".join(effect.names), {"assets": list(effect.names)})
        case "job":
            yield NewEffect("job", effect.names[0])


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
