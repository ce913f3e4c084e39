"""A mail effect as a mail: to whom, in which language, how often, and with a link that stops it.

A target is a user's name or an address. Every try of one effect bears the same Message-ID, so that a mailbox can tell a
second copy. How a mail leaves is `stores.mail`'s affair.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.headerregistry import BaseHeader, HeaderRegistry, UnstructuredHeader
from email.message import EmailMessage
from email.policy import Policy, default
from email.utils import format_datetime
from typing import Any, Final, Literal

from palantir_assets.effects.opting_out import OptOuts
from palantir_assets.effects.sending import Left, Outcome, Unwanted, Wait
from palantir_assets.errors import IdentityError, NotSent
from palantir_assets.identity.accounts import check_email
from palantir_assets.identity.ports import Identities
from palantir_assets.stores.mail import Post
from palantir_assets.stores.mail_choices import Language, MailChoices, nobody_known
from palantir_assets.stores.outbox import Effect, Outbox

WINDOW: Final = timedelta(hours=1)
LONGEST_SUBJECT: Final = 200
STOP: Final[Mapping[Language, str]] = {
    "en": "You get this because an action on the platform names you. No more of these mails:",
    "ko": "플랫폼의 작업에서 귀하가 수신자로 지정되어 발송된 메일입니다. 수신 거부:",
}
_CONTROL: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")


@dataclass(frozen=True, slots=True)
class Recipient:
    """Who a mail is for: `id` is what choices are kept under; no language is both."""

    id: str
    address: str
    language: Language | None = None


@dataclass(frozen=True, slots=True)
class Mails:
    """Sends mail effects, up to `per_hour` for one recipient; the rest waits."""

    post: Post
    outbox: Outbox
    identities: Identities
    choices: MailChoices
    opt_outs: OptOuts
    clock: Callable[[], datetime]
    sender: str
    per_hour: int

    def __call__(self, effect: Effect) -> Outcome:
        """Send one. Raises NotSent, final where nobody is to be found under the target."""
        to = self._recipient(effect.target)
        if self.choices.of(to.id).opted_out_at is not None:
            return Unwanted("the recipient has opted out")
        now = self.clock()
        sent = self.outbox.sent_since(effect, now - WINDOW)
        if len(sent) >= self.per_hour:
            return Wait(max(sent[self.per_hour - 1] + WINDOW, now + timedelta(minutes=1)), f"{self.per_hour} mails an hour is the limit")
        message = composed(effect, to, sender=self.sender, stop=self.opt_outs.link(to.id), at=now)
        self.post.send(message, to.address, name=f"effect-{effect.effect_no}")
        return Left(message["Message-ID"])

    def _recipient(self, target: str) -> Recipient:
        user = self.identities.user_by_email(target) if "@" in target else self.identities.user(target)
        if user is None and "@" in target:
            return Recipient(nobody_known(_address(target)), _address(target))
        if user is None or user.disabled_at is not None:
            raise NotSent("there is no such user to write to", final=True)
        if user.email is None:
            raise NotSent("the user has no mail address", final=True, next_step="the user adds one at /sign-in/verify; then retry")
        principal = self.identities.principal(user.name)
        attribute = principal.attributes.get("language") if principal else None
        chosen = self.choices.of(user.name).language
        return Recipient(user.name, _address(user.email), chosen or _language(attribute))


def composed(effect: Effect, to: Recipient, *, sender: str, stop: str, at: datetime) -> EmailMessage:
    """The mail: in the recipient's language, or in both. Raises NotSent, finally, for a payload without words."""
    languages: tuple[Language, ...] = (to.language,) if to.language else ("en", "ko")
    subjects = list(dict.fromkeys(_words(effect, "subject", each) for each in languages))
    texts = dict.fromkeys((_words(effect, "text", each), STOP[each]) for each in languages)
    message = EmailMessage(policy=_policy())
    message["From"], message["To"] = sender, to.address
    message["Subject"] = one_line(" / ".join(subjects))
    message["Date"] = format_datetime(at)
    message["Message-ID"] = f"<effect-{effect.effect_no}.action-{effect.action_no}@{sender.partition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    message["List-Unsubscribe"] = f"<{stop}>"
    message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    message.set_content("\n\n".join(f"{plain(text)}\n\n-- \n{why}\n{stop}" for text, why in texts) + "\n", cte="base64")
    return message


def one_line(text: str) -> str:
    """A text as a header holds it: no line breaks, no control characters, not too long."""
    return " ".join(_CONTROL.sub(" ", text).split())[:LONGEST_SUBJECT]


def plain(text: str) -> str:
    """A text as a mail holds it: line breaks and tabs are all that it has of control characters."""
    return _CONTROL.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


class _OneLine(UnstructuredHeader, BaseHeader):
    """A header that is never folded: a long link would be encoded, and no mail program follows one that is."""

    def fold(self, *, policy: Policy) -> str:
        return f"{self.name}: {self}{policy.linesep}"


def _policy() -> Policy:
    headers = HeaderRegistry()
    headers.map_to_type("list-unsubscribe", _OneLine)
    return default.clone(header_factory=headers)


def _words(effect: Effect, which: Literal["subject", "text"], language: Language) -> str:
    said: Any = effect.payload.get(which)
    told = (said.get(language) or said.get("en") or said.get("ko")) if isinstance(said, Mapping) else said
    if not isinstance(told, str) or not told:
        raise NotSent(f"the effect has no {which}", final=True)
    return told


def _language(value: object) -> Language | None:
    return "ko" if value == "ko" else "en" if value == "en" else None


def _address(text: str) -> str:
    try:
        address = check_email(text)
    except IdentityError as error:
        raise NotSent("the address is none", final=True) from error
    if not address.isascii():
        raise NotSent("the address has letters that a mail server may not know", final=True)
    return address
