"""What the tests of effects share: an outbox with effects in it, a post that keeps what it was given, and a worker."""

from __future__ import annotations

import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

from palantir_assets.effects.calling import Calls
from palantir_assets.effects.mailing import Mails
from palantir_assets.effects.opting_out import OptOuts
from palantir_assets.effects.sending import Sender, Worker
from palantir_assets.errors import NotSent
from palantir_assets.identity.ports import Identities
from palantir_assets.stores.database import Database
from palantir_assets.stores.edit_rows import NewEffect
from palantir_assets.stores.edits import EditLog
from palantir_assets.stores.mail_choices import MailChoices
from palantir_assets.stores.outbox import Outbox
from palantir_assets.stores.webhooks import Webhooks
from tests.fakes.identity import URL, World
from tests.stores.ledgers import batch

WORDS = {"subject": {"en": "Taken in", "ko": "접수됨"}, "text": {"en": "It is here.", "ko": "도착했습니다."}}


@dataclass
class Letters:
    """A post that keeps what it was given; `refusals` are raised first, one a try."""

    sent: list[tuple[str, EmailMessage]] = field(default_factory=list)
    refusals: list[Exception] = field(default_factory=list)

    def send(self, message: EmailMessage, to: str, *, name: str) -> None:
        if self.refusals:
            raise self.refusals.pop(0)
        self.sent.append((to, message))


@dataclass
class Calling:
    """Keeps what was posted where; answers with the refusals first."""

    made: list[tuple[str, bytes, Mapping[str, str]]] = field(default_factory=list)
    refusals: list[NotSent] = field(default_factory=list)

    def __call__(self, url: str, body: bytes, headers: Mapping[str, str]) -> None:
        if self.refusals:
            raise self.refusals.pop(0)
        self.made.append((url, body, headers))


def sign(text: bytes) -> str:
    """What signs the links of these tests."""
    return hmac.new(b"k" * 32, text, "sha256").hexdigest()


def senders(
    database: Database, identities: Identities, clock: Callable[[], datetime], post: Any, *,
    calling: Any = None, webhooks: Path | None = None, per_hour: int = 20,
) -> dict[str, Sender]:  # fmt: skip
    """Senders over a ledger."""
    stops = OptOuts(sign, URL)
    mails = Mails(post, Outbox(database), identities, MailChoices(database), stops, clock, "platform@example.org", per_hour)
    return {"mail": mails, "webhook": Calls(Webhooks(webhooks), calling, clock)}


def worker(world: World, post: Any, *, calling: Any = None, webhooks: Path | None = None, per_hour: int = 20) -> Worker:
    """A worker over a world's ledger."""
    sending = senders(world.database, world.identities, world.clock, post, calling=calling, webhooks=webhooks, per_hour=per_hour)
    return Worker(Outbox(world.database), sending, world.clock)


def put(world: World, *effects: NewEffect) -> int:
    """Effects of one action; its number."""
    return EditLog(world.database).append(batch("a", at=world.clock(), effects=list(effects))).action_no


def mail(target: str, **words: Any) -> NewEffect:
    return NewEffect("mail", target, {"template": "taken_in", **WORDS, **words})


def hooks(folder: Path, name: str, url: str, secret: str = "s" * 32) -> Path:
    """A file of webhooks."""
    (folder / f"{name}.secret").write_text(secret + "\n")
    file = folder / "webhooks.toml"
    file.write_text(f'[{name}]\nurl = "{url}"\nsecret_file = "{name}.secret"\n')
    return file
