"""Mails about an account itself: a code, sent at once and to nobody's limit or choice.

They do not stand in the outbox: a code is kept nowhere as it is, and so not in the ledger. What does not leave after
a few tries is told to the log, and its recipient asks for another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Final

from palantir_assets.effects.mailing import one_line, plain
from palantir_assets.errors import NotSent
from palantir_assets.stores.mail import Post

PAUSES: Final = (1.0, 4.0)
"""Seconds before the second and the third try."""


@dataclass(frozen=True, slots=True)
class Codes:
    """A `Mailer` for sign-ins. `new_id` gives a text that no other mail has."""

    post: Post
    sender: str
    clock: Callable[[], datetime]
    new_id: Callable[[], str]
    sleep: Callable[[float], None]

    def send(self, to: str, subject: str, text: str) -> None:
        """Send one mail. Raises OSError when it cannot be sent."""
        name = f"account-{self.new_id()}"
        message = EmailMessage()
        message["From"], message["To"], message["Subject"] = self.sender, to, one_line(subject)
        message["Date"] = format_datetime(self.clock())
        message["Message-ID"] = f"<{name}@{self.sender.partition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"
        message.set_content(plain(text), cte="base64")
        for pause in (*PAUSES, None):
            try:
                self.post.send(message, to, name=name)
                return
            except NotSent as error:
                if error.final or pause is None:
                    raise OSError(error.message) from error
            self.sleep(pause)
