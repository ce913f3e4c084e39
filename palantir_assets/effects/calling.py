"""A webhook effect as a call: what is said, and the signature by which its receiver knows that we say it.

The headers are those of Standard Webhooks (standardwebhooks.com): an id that is the same at every try, the time, and
`v1,` with the base64 of the HMAC-SHA256 of `id.time.body`. Where a webhook is, is `stores.webhooks`' affair.
"""

from __future__ import annotations

import hmac
import json
from base64 import b64encode
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from palantir_assets.effects.sending import Left, Outcome
from palantir_assets.stores.outbox import Effect
from palantir_assets.stores.webhooks import Webhooks

Call = Callable[[str, bytes, Mapping[str, str]], None]
"""POST to a URL; raises NotSent."""


@dataclass(frozen=True, slots=True)
class Calls:
    """Sends webhook effects."""

    webhooks: Webhooks
    call: Call
    clock: Callable[[], datetime]

    def __call__(self, effect: Effect) -> Outcome:
        """Call one. Raises NotSent."""
        hook = self.webhooks.find(effect.target)
        body = said(effect)
        self.call(hook.url, body, signed(body, f"effect-{effect.effect_no}", hook.secret, self.clock()))
        return Left(f"effect-{effect.effect_no}")


def said(effect: Effect) -> bytes:
    """The body: the effect's payload, and which action it follows. The same at every try."""
    told = {"id": f"effect-{effect.effect_no}", "webhook": effect.target, "action_no": effect.action_no, **effect.payload}
    return json.dumps(told, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def signed(body: bytes, message_id: str, secret: bytes, at: datetime) -> dict[str, str]:
    """The headers of a body.

    >>> from datetime import UTC
    >>> signed(b"{}", "effect-1", b"s" * 24, datetime(2024, 5, 1, tzinfo=UTC))["webhook-timestamp"]
    '1714521600'
    """
    moment = str(int(at.timestamp()))
    signature = b64encode(hmac.digest(secret, b".".join((message_id.encode(), moment.encode(), body)), "sha256")).decode()
    return {
        "content-type": "application/json", "user-agent": "palantir-assets", "webhook-id": message_id, "webhook-timestamp": moment,
        "webhook-signature": f"v1,{signature}",
    }  # fmt: skip
