"""Everything that sends, put together over an open ledger and the settings; for the worker and for the service alike."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from palantir_assets.effects.calling import Calls
from palantir_assets.effects.codes import Codes
from palantir_assets.effects.mailing import Mails
from palantir_assets.effects.opting_out import OptOuts
from palantir_assets.effects.rules import Watch
from palantir_assets.effects.sending import Worker, no_fault
from palantir_assets.settings import Settings
from palantir_assets.stores.audit_key import load_or_make_key
from palantir_assets.stores.database import Database
from palantir_assets.stores.edits import EditLog
from palantir_assets.stores.identities import StoredIdentities
from palantir_assets.stores.ledger import Ledger
from palantir_assets.stores.mail import Post, open_post
from palantir_assets.stores.mail_choices import MailChoices
from palantir_assets.stores.outbox import Outbox
from palantir_assets.stores.rules import ArmedRules
from palantir_assets.stores.webhooks import Webhooks, call

KEY_FILE: Final = "opt-out.key"
"""In the folder of keys: what signs the links that stop mails."""


@dataclass(frozen=True, slots=True)
class Effects:
    """What leaves, who wants it, and the mails of sign-ins."""

    outbox: Outbox
    choices: MailChoices
    opt_outs: OptOuts
    codes: Codes
    post: Post


def open_effects(settings: Settings, database: Database, clock: Callable[[], datetime]) -> Effects:
    """Over an open ledger; makes the key of the links at the first start. Raises LedgerError if that cannot be read."""
    key, post = load_or_make_key(settings.keys / KEY_FILE), open_post(settings)
    codes = Codes(post, settings.mail.sender, clock, lambda: os.urandom(8).hex(), time.sleep)
    return Effects(Outbox(database), MailChoices(database), OptOuts(key.sign, settings.public_url), codes, post)


def watch_of(
    settings: Settings, effects: Effects, database: Database, clock: Callable[[], datetime], *, reach: Callable[[str], None] = no_fault
) -> Watch:
    """What looks on for armed rules."""
    return Watch(ArmedRules(database, reach), Ledger(database), EditLog(database), effects.choices, settings.releases, clock)


def worker_of(
    settings: Settings, effects: Effects, identities: StoredIdentities, clock: Callable[[], datetime],
    *, reach: Callable[[str], None] = no_fault,
) -> Worker:  # fmt: skip
    """The worker that sends mails and calls webhooks."""
    mails = Mails(
        effects.post, effects.outbox, identities, effects.choices, effects.opt_outs, clock, settings.mail.sender, settings.mail.per_hour
    )
    return Worker(effects.outbox, {"mail": mails, "webhook": Calls(Webhooks(settings.webhooks_file), call, clock)}, clock, reach=reach)
