"""What a sign-in needs of whoever keeps identities, and of whoever sends mail. Implemented in `stores`."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Protocol

from palantir_assets.access.principal import Principal
from palantir_assets.identity.accounts import Client, Credential, Kind, User


class Identities(Protocol):
    """Users, clients and what they were given. Every method raises LedgerError when the ledger cannot be reached."""

    def version(self) -> int:
        """A number that has grown whenever anything here, or a revocation, could change an answer. Asked at every request."""
        ...

    def user(self, name: str) -> User | None: ...
    def user_by_email(self, email: str) -> User | None:
        """The user with that verified address."""
        ...

    def client(self, client_id: str) -> Client | None: ...
    def principal(self, subject: str) -> Principal | None:
        """Who a user or service is; None for nobody and for the disabled."""
        ...

    def holders(self, roles: Collection[str]) -> Sequence[str]:
        """The users, not disabled, who hold one of these roles."""
        ...

    def set_password(self, name: str, password_hash: str, *, actor: str, at: datetime) -> None:
        """A new password; everything the user was signed in with is revoked."""
        ...

    def verify_email(self, name: str, email: str, *, actor: str, at: datetime) -> None: ...
    def sign_in_from(self, issuer: str, subject: str, *, display: str, roles: Iterable[str] | None, at: datetime) -> str:
        """The user that a person of a provider is here, made at the first sign-in; `roles` from claims replace earlier ones."""
        ...


class Credentials(Protocol):
    """Secrets that were shown once. Every method raises LedgerError when the ledger cannot be reached."""

    def add(self, credentials: Sequence[Credential], *, actor: str, action: str, at: datetime) -> None: ...
    def find(self, digest: str, kind: Kind) -> Credential | None: ...
    def find_by_code(self, lookup: str) -> Credential | None: ...
    def family(self, family: str) -> Credential | None:
        """The sign-in that a family of tokens came from."""
        ...

    def use(self, digest: str, kind: Kind, *, at: datetime, then: Sequence[Credential] = ()) -> Credential | None:
        """Use a credential once, and add what it is exchanged for in the same transaction.

        None if it proves nothing. A second use revokes its whole family, and is None too.
        """
        ...

    def approve(self, lookup: str, *, subject: str, family: str, at: datetime) -> bool: ...
    def revoke(self, credential_id: str, *, subject: str, actor: str, at: datetime) -> bool: ...
    def revoke_family(self, family: str, *, actor: str, at: datetime) -> None: ...
    def of(self, subject: str, kind: Kind) -> Sequence[Credential]: ...


class Mailer(Protocol):
    """Sends one mail. Raises OSError when it cannot."""

    def send(self, to: str, subject: str, text: str) -> None: ...
