"""The link at the end of a mail: whoever holds it may stop the mails of one recipient, and needs no sign-in.

It names the recipient and is signed; it stops mails and starts none, and never expires, like the mail it stands in.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from palantir_assets.identity.opaque import same

PATH: Final = "/mail/opt-out"
LONGEST: Final = 400


@dataclass(frozen=True, slots=True)
class OptOuts:
    """Links under the platform's own URL. `sign` gives the HMAC of a text in hex."""

    sign: Callable[[bytes], str]
    public_url: str

    def link(self, recipient: str) -> str:
        """The link for a recipient's mails."""
        return f"{self.public_url}{PATH}?proof={self.token(recipient)}"

    def token(self, recipient: str) -> str:
        """What the link proves itself with."""
        named = recipient.encode()
        return f"{urlsafe_b64encode(named).rstrip(b'=').decode()}.{self._signed(named)}"

    def recipient(self, token: str) -> str | None:
        """Whose mails a token stops; None for one that is not ours."""
        named, _, signature = token.partition(".")
        if len(token) > LONGEST or not token.isascii():
            return None
        try:
            recipient = urlsafe_b64decode(named + "=" * (-len(named) % 4))
            found = recipient.decode()
        except (Error, ValueError):
            return None
        return found if same(signature, self._signed(recipient)) and self.token(found) == token else None

    def _signed(self, recipient: bytes) -> str:
        return self.sign(b"mail opt-out\0" + recipient)
