"""How a sign-in goes: from a password or a code to a session, from a session to tokens, from a refresh token to the next.

RFC 6749 with PKCE for everybody (7636), device codes (8628), refresh tokens that turn at each use and take their whole
family with them when one is used twice (9700). What HTTP says of it is decided in `serving`.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from palantir_assets.errors import IdentityError
from palantir_assets.identity import opaque
from palantir_assets.identity.accounts import COMMAND_LINE, LIVES, LONGEST_PERSONAL, SERVICE, Client, Credential, Kind, check_scopes
from palantir_assets.identity.passwords import fits
from palantir_assets.identity.ports import Credentials, Identities
from palantir_assets.identity.tokens import LIFE, Tokens

POLL_SECONDS: Final = 5
MAX_PERSONAL: Final = 50
"""Personal tokens that one user may hold at a time."""


class FlowRefused(IdentityError):
    """A flow that does not go on. `code` is one of RFC 6749 (5.2) or RFC 8628 (3.5)."""

    next_step = "begin again"

    def __init__(self, code: str, message: str) -> None:
        self.code = code
        super().__init__(message)


@dataclass(frozen=True, slots=True)
class Issued:
    """Tokens as they are handed out, once."""

    access_token: str = field(repr=False)
    refresh_token: str | None = field(repr=False)
    scopes: frozenset[str]
    expires_in: int = LIFE


@dataclass(frozen=True, slots=True)
class Flows:
    """The flows over stores, keys, a clock and randomness. Every method raises LedgerError when the ledger cannot be reached."""

    identities: Identities
    credentials: Credentials
    tokens: Tokens
    clock: Callable[[], datetime]
    random: opaque.Random

    def password(self, name: str, password: str) -> str | None:
        """The user of that name, or of that verified address, if the password fits: in the same time for any name."""
        user = self.identities.user_by_email(name) if "@" in name else self.identities.user(name)
        right = fits(password, user.password_hash if user else None)
        return user.name if user and right and user.disabled_at is None else None

    def session(self, subject: str) -> str:
        """A browser session: the secret for its cookie."""
        made, secret = self._made("session", opaque.SESSION, subject, scopes=frozenset(("read", "write", "account")))
        self.credentials.add([made], actor=subject, action="identity.signed_in", at=made.created_at)
        return secret

    def personal(self, subject: str, *, scopes: frozenset[str], label: str, life: timedelta, actor: str) -> tuple[Credential, str]:
        """A personal token and what is kept of it. Raises IdentityError for a life too long, or one token too many."""
        if not timedelta(0) < life <= LONGEST_PERSONAL:
            raise IdentityError(f"a personal token lives up to {LONGEST_PERSONAL.days} days", next_step="ask for fewer days")
        if len(self.credentials.of(subject, "pat")) >= MAX_PERSONAL:
            raise IdentityError(f"a user holds up to {MAX_PERSONAL} personal tokens", next_step="revoke one that is not needed")
        made, secret = self._made("pat", opaque.PERSONAL, subject, scopes=check_scopes(scopes), label=label[:200], life=life)
        self.credentials.add([made], actor=actor, action="identity.pat.made", at=made.created_at)
        return made, secret

    def one_time(self, kind: Kind, subject: str, *, actor: str, detail: str = "{}") -> str:
        """A one-time code: the first sign-in, a new password, a mail address to be verified."""
        made, secret = self._made(kind, "", subject, detail=detail)
        self.credentials.add([made], actor=actor, action=f"identity.{kind}.made", at=made.created_at)
        return secret

    def code(self, client: Client, session: Credential, *, redirect_uri: str, challenge: str, scopes: frozenset[str]) -> str:
        """An authorization code for a client and a person who is signed in."""
        detail = json.dumps({"redirect_uri": redirect_uri, "challenge": challenge})
        at = session.authenticated_at
        made, secret = self._made("code", "", session.subject, client=client.client_id, scopes=scopes, detail=detail, authenticated_at=at)
        self.credentials.add([made], actor=session.subject, action="identity.code.made", at=made.created_at)
        return secret

    def exchange(self, code: str, *, client_id: str, redirect_uri: str, verifier: str) -> Issued:
        """Tokens for a code. A code is good for one try, right or wrong. Raises FlowRefused."""
        kept = self.credentials.find(opaque.digest(code), "code")
        if kept is None:
            raise FlowRefused("invalid_grant", "the code is not valid")
        right = (
            kept.client_id == client_id and kept.told("redirect_uri") == redirect_uri and opaque.proves(verifier, kept.told("challenge"))
        )
        return self._begun(kept, right=right)

    def refresh(self, secret: str, *, client_id: str) -> Issued:
        """The next tokens of a family. Raises FlowRefused; a refresh token that was used before ends its family."""
        kept = self.credentials.find(opaque.digest(secret), "refresh")
        if kept is None or kept.client_id != client_id:
            raise FlowRefused("invalid_grant", "the refresh token is not valid")
        grant = self.credentials.family(kept.family)
        now = self.clock()
        if grant is None or not grant.lives(now) or self.identities.principal(kept.subject) is None:
            raise FlowRefused("invalid_grant", "the sign-in has ended")
        following, text = self._next(kept, until=grant.expires_at)
        if self.credentials.use(kept.digest, "refresh", at=now, then=[following]) is None:
            raise FlowRefused("invalid_grant", "the refresh token is not valid")
        return self._issued(kept, text)

    def service(self, client_id: str, secret: str, scopes: frozenset[str]) -> Issued:
        """Tokens for a service in its own name. Raises FlowRefused."""
        subject = SERVICE + self.proved(client_id, secret).client_id
        if self.identities.principal(subject) is None:
            raise FlowRefused("invalid_client", "the client or its secret is wrong")
        grant, _ = self._made("grant", "", subject, client=client_id, scopes=scopes, life=timedelta(seconds=LIFE))
        self.credentials.add([grant], actor=subject, action="identity.service.signed_in", at=grant.created_at)
        return self._issued(grant, None)

    def proved(self, client_id: str, secret: str) -> Client:
        """The client that has this secret. Raises FlowRefused, in the same time for any id."""
        client = self.identities.client(client_id)
        kept = client.secret_hash if client and client.secret_hash and client.disabled_at is None else ""
        if not opaque.same(opaque.digest(secret), kept or opaque.digest("")) or client is None or not kept:
            raise FlowRefused("invalid_client", "the client or its secret is wrong")
        return client

    def device(self, client_id: str, scopes: frozenset[str]) -> tuple[str, str]:
        """A device code and the short code that a person types. Raises FlowRefused."""
        if client_id != COMMAND_LINE:
            raise FlowRefused("unauthorized_client", "this client may not use device codes")
        user_code = opaque.new_user_code(self.random)
        made, secret = self._made("device", "", "", client=client_id, scopes=scopes, lookup=opaque.digest(user_code))
        self.credentials.add([made], actor=client_id, action="identity.device.made", at=made.created_at)
        return secret, user_code

    def approve(self, user_code: str, session: Credential) -> bool:
        """Let the device with that short code act for a person who is signed in."""
        lookup = opaque.digest(opaque.plain_user_code(user_code))
        return self.credentials.approve(lookup, subject=session.subject, family=session.family, at=self.clock())

    def polled(self, device_code: str, *, client_id: str) -> Issued:
        """Tokens for a device once somebody approved it. Raises FlowRefused: `authorization_pending` until then."""
        kept = self.credentials.find(opaque.digest(device_code), "device")
        if kept is None or kept.client_id != client_id:
            raise FlowRefused("invalid_grant", "the device code is not valid")
        if kept.revoked_at is None and not kept.lives(self.clock()):
            raise FlowRefused("expired_token", "the device code has expired")
        if not kept.subject:
            raise FlowRefused("authorization_pending", "nobody has typed the code yet")
        return self._begun(kept, right=True)

    def revoke(self, secret: str) -> None:
        """End the sign-in that a refresh, access or personal token came from; an unknown one is no error (RFC 7009)."""
        for kind in ("refresh", "pat", "session"):
            kept = self.credentials.find(opaque.digest(secret), kind)
            if kept is not None and kept.revoked_at is None:
                self.credentials.revoke_family(kept.family, actor=kept.subject, at=self.clock())

    def _begun(self, kept: Credential, *, right: bool) -> Issued:
        """The first tokens of a family, for a code that is used up by this."""
        at = kept.authenticated_at
        grant, _ = self._made(
            "grant", "", kept.subject, client=kept.client_id, scopes=frozenset(kept.scopes.split()), family=kept.family, authenticated_at=at
        )
        following, text = self._next(kept, until=grant.expires_at)
        used = self.credentials.use(kept.digest, kept.kind, at=self.clock(), then=[grant, following] if right else ())
        if used is None or not right or self.identities.principal(kept.subject) is None:
            raise FlowRefused("invalid_grant", "the code is not valid")
        return self._issued(kept, text)

    def _next(self, kept: Credential, *, until: datetime) -> tuple[Credential, str]:
        life = min(LIVES["refresh"], until - self.clock())
        return self._made(
            "refresh", opaque.REFRESH, kept.subject, client=kept.client_id, scopes=frozenset(kept.scopes.split()),
            family=kept.family, life=life, authenticated_at=kept.authenticated_at,
        )  # fmt: skip

    def _issued(self, kept: Credential, refresh_token: str | None) -> Issued:
        scopes = frozenset(kept.scopes.split())
        access = self.tokens.issue(
            subject=kept.subject, client_id=kept.client_id, family=kept.family, scopes=scopes, authenticated_at=kept.authenticated_at
        )
        return Issued(access, refresh_token, scopes)

    def _made(
        self,
        kind: Kind,
        prefix: str,
        subject: str,
        *,
        client: str = "",
        scopes: frozenset[str] = frozenset(),
        family: str = "",
        label: str = "",
        detail: str = "{}",
        lookup: str | None = None,
        life: timedelta | None = None,
        authenticated_at: datetime | None = None,
    ) -> tuple[Credential, str]:
        """A new credential as it is kept, and its secret. A `grant` is known by the id of the family that it begins."""
        now, secret, own = self.clock(), opaque.new_secret(prefix, self.random), self.random(16).hex()
        family = family or (self.random(16).hex() if kind in ("code", "device") else own)
        made = Credential(
            opaque.digest(secret), kind, family if kind == "grant" else own, subject, family, authenticated_at or now,
            now, now + (life or LIVES[kind]), client, " ".join(sorted(scopes)), label, detail, lookup,
        )  # fmt: skip
        return made, secret
