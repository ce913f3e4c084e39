"""Users, clients and grants in the ledger: every change with its audit row, and the role version grown, in one transaction.

What names and grants may be is decided in `identity.accounts`; secrets are kept by `credentials`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from hashlib import sha256
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy.orm import Session

from palantir_assets.access.principal import Principal
from palantir_assets.errors import IdentityError, did_you_mean
from palantir_assets.identity.accounts import GROUP, SERVICE, Client, Grant, User, check_email, check_grant, check_name, principal_of
from palantir_assets.stores.database import Database
from palantir_assets.stores.identity_changes import VersionWatch, changed
from palantir_assets.stores.migrations.schema_identities import ClientRow, CredentialRow, GrantRow, LoginRow, UserRow

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class StoredIdentities:
    """Identities over an open database; safe to share between threads. Every method raises LedgerError without one."""

    database: Database
    watch: VersionWatch = field(repr=False)

    def version(self) -> int:
        """Grows with every change that could change what a caller may."""
        return self.watch.read()

    def user(self, name: str) -> User | None:
        return _first(self.database.select(sa.select(UserRow).where(UserRow.name == name)), _user)

    def user_by_email(self, email: str) -> User | None:
        """The user with that verified address, who is not disabled."""
        query = sa.select(UserRow).where(
            UserRow.email == email.lower(), UserRow.email_verified_at.is_not(None), UserRow.disabled_at.is_(None)
        )
        return _first(self.database.select(query), _user)

    def users(self) -> Sequence[User]:
        return [_user(row) for row in self.database.select(sa.select(UserRow).order_by(UserRow.name))]

    def client(self, client_id: str) -> Client | None:
        return _first(self.database.select(sa.select(ClientRow).where(ClientRow.client_id == client_id)), _client)

    def grants(self, subject: str) -> Sequence[Grant]:
        """What a subject and its groups were given, directly and from claims."""
        groups = sa.select(sa.literal(GROUP).concat(GrantRow.name)).where(GrantRow.subject == subject, GrantRow.kind == "group")
        query = sa.select(GrantRow).where(sa.or_(GrantRow.subject == subject, GrantRow.subject.in_(groups)))
        return [_grant(row) for row in self.database.select(query.order_by(GrantRow.subject, GrantRow.kind, GrantRow.name))]

    def principal(self, subject: str) -> Principal | None:
        """Who a user or service is; None for nobody and for the disabled."""
        known: User | Client | None
        known = self.client(subject.removeprefix(SERVICE)) if subject.startswith(SERVICE) else self.user(subject)
        return None if known is None or known.disabled_at is not None else principal_of(subject, self.grants(subject))

    def holders(self, roles: Collection[str]) -> Sequence[str]:
        """The users, not disabled, who hold one of these roles, directly or through a group."""
        wanted = sa.and_(GrantRow.kind == "role", GrantRow.name.in_(sorted(roles)))
        groups = sa.select(GrantRow.subject).where(wanted)
        through = sa.and_(GrantRow.kind == "group", sa.literal(GROUP).concat(GrantRow.name).in_(groups))
        subjects = sa.select(GrantRow.subject).where(sa.or_(wanted, through))
        query = sa.select(UserRow.name).where(UserRow.name.in_(subjects), UserRow.disabled_at.is_(None))
        return self.database.select(query.order_by(UserRow.name))

    def add_user(
        self, name: str, *, display: str = "", email: str | None = None, grants: Sequence[Grant] = (), actor: str, at: datetime
    ) -> None:
        """A new user without a password, in one transaction with what it is given. Raises IdentityError."""
        address = check_email(email) if email else None
        check_name(name)

        def write(session: Session) -> None:
            if session.get(UserRow, name) is not None:
                raise IdentityError(f"there is a user {name} already")
            if address and session.scalar(sa.select(UserRow.name).where(UserRow.email == address)):
                raise IdentityError("another user has this mail address")
            session.add(UserRow(name=name, display=display or name, email=address, created_at=at))
            for grant in grants:
                _give(session, check_grant(grant))
            told = [f"{grant.kind}:{grant.name}" for grant in grants]
            changed(session, at=at, actor=actor, action="identity.user.add", subject=name, detail={"grants": told})

        self.database.write(write)

    def add_client(self, client: Client, *, grants: Sequence[Grant] = (), actor: str, at: datetime) -> None:
        """A new client. Raises IdentityError."""
        check_name(client.client_id, what="client")

        def write(session: Session) -> None:
            if session.get(ClientRow, client.client_id) is not None:
                raise IdentityError(f"there is a client {client.client_id} already")
            uris = json.dumps(client.redirect_uris)
            session.add(
                ClientRow(
                    client_id=client.client_id, display=client.display, secret_hash=client.secret_hash, redirect_uris=uris, created_at=at
                )
            )
            for grant in grants:
                _give(session, check_grant(grant))
            told = {"redirect_uris": list(client.redirect_uris), "grants": [f"{grant.kind}:{grant.name}" for grant in grants]}
            changed(session, at=at, actor=actor, action="identity.client.add", subject=client.client_id, detail=told)

        self.database.write(write)

    def grant(self, grant: Grant, *, actor: str, at: datetime) -> None:
        """Give something to a user, a service or a group; again is no error. Raises IdentityError for nobody."""
        check_grant(grant)

        def write(session: Session) -> None:
            _known(session, grant.subject)
            _give(session, grant)
            changed(session, at=at, actor=actor, action="identity.grant", subject=grant.subject, detail=_told(grant))

        self.database.write(write)

    def revoke(self, grant: Grant, *, actor: str, at: datetime) -> None:
        """Take something back, whatever gave it. Raises IdentityError if it was not given."""
        where = (GrantRow.subject == grant.subject, GrantRow.kind == grant.kind, GrantRow.name == grant.name)

        def write(session: Session) -> None:
            if not session.scalars(sa.select(GrantRow).where(*where)).all():
                raise IdentityError(f"{grant.subject} does not have the {grant.kind} {grant.name}")
            session.execute(sa.delete(GrantRow).where(*where))
            changed(session, at=at, actor=actor, action="identity.revoke", subject=grant.subject, detail=_told(grant))

        self.database.write(write)

    def disable(self, name: str, *, actor: str, at: datetime) -> None:
        """Nobody is this user from now on, and nothing the user holds proves anything. Raises IdentityError for nobody."""

        def write(session: Session) -> None:
            _known(session, name)
            session.execute(sa.update(UserRow).where(UserRow.name == name).values(disabled_at=at))
            _revoke_all(session, name, at)
            changed(session, at=at, actor=actor, action="identity.user.disable", subject=name, detail={})

        self.database.write(write)

    def keys_rotated(self, key_id: str, *, actor: str, at: datetime) -> None:
        """Another key signs: every process reads the keys again."""
        self.database.write(lambda session: changed(session, at=at, actor=actor, action="identity.keys", subject=key_id, detail={}))

    def set_password(self, name: str, password_hash: str, *, actor: str, at: datetime) -> None:
        """A new password; everything the user was signed in with is revoked."""

        def write(session: Session) -> None:
            _known(session, name)
            session.execute(sa.update(UserRow).where(UserRow.name == name).values(password_hash=password_hash))
            _revoke_all(session, name, at)
            changed(session, at=at, actor=actor, action="identity.password", subject=name, detail={})

        self.database.write(write)

    def verify_email(self, name: str, email: str, *, actor: str, at: datetime) -> None:
        """The user has shown that mail to this address arrives. Raises IdentityError if another user has it."""

        def write(session: Session) -> None:
            _known(session, name)
            if session.scalar(sa.select(UserRow.name).where(UserRow.email == email, UserRow.name != name)):
                raise IdentityError("another user has this mail address")
            session.execute(sa.update(UserRow).where(UserRow.name == name).values(email=email, email_verified_at=at))
            changed(session, at=at, actor=actor, action="identity.email", subject=name, detail={})

        self.database.write(write)

    def sign_in_from(self, issuer: str, subject: str, *, display: str, roles: Iterable[str] | None, at: datetime) -> str:
        """The user that a person of a provider is here, made at the first sign-in.

        A name is made of issuer and subject, never of a name or address that the person could choose. `roles` from
        claims replace those from earlier claims; None leaves them. Raises IdentityError for a disabled user.
        """
        name = "oidc-" + sha256(f"{issuer}\n{subject}".encode()).hexdigest()[:16]
        given = None if roles is None else sorted(set(roles))

        def write(session: Session) -> None:
            user = session.get(UserRow, name)
            if user is not None and user.disabled_at is not None:
                raise IdentityError("this user is disabled")
            if user is None:
                session.add(UserRow(name=name, display=display[:200], created_at=at))
                session.add(LoginRow(issuer=issuer, subject=subject, user=name))
            held = session.scalars(sa.select(GrantRow.name).where(GrantRow.subject == name, GrantRow.source == "claims")).all()
            if user is not None and (given is None or given == sorted(held)):
                return
            if given is not None:
                session.execute(sa.delete(GrantRow).where(GrantRow.subject == name, GrantRow.source == "claims"))
                session.add_all(GrantRow(subject=name, kind="role", name=role, source="claims", value="") for role in given)
            detail: Mapping[str, object] = {"issuer": issuer, "roles": given}
            changed(session, at=at, actor=name, action="identity.claims", subject=name, detail=detail)

        self.database.write(write)
        return name


def open_identities(database: Database) -> StoredIdentities:
    """Identities over a database that is open."""
    return StoredIdentities(database, VersionWatch(database.engine))


def _known(session: Session, subject: str) -> None:
    """Raises IdentityError unless there is such a user or client; a group is whatever somebody names."""
    if subject.startswith(GROUP):
        check_name(subject.removeprefix(GROUP), what="group")
        return
    if subject.startswith(SERVICE):
        if session.get(ClientRow, subject.removeprefix(SERVICE)) is None:
            raise IdentityError(f"there is no client {subject.removeprefix(SERVICE)[:80]!r}", next_step="`palantir client add` makes one")
        return
    if session.get(UserRow, subject) is None:
        hint = did_you_mean(subject[:80], session.scalars(sa.select(UserRow.name)).all())
        raise IdentityError(f"there is no user {subject[:80]!r}" + (f"; {hint}" if hint else ""))


def _give(session: Session, grant: Grant) -> None:
    session.merge(GrantRow(subject=grant.subject, kind=grant.kind, name=grant.name, source=grant.source, value=grant.value))


def _revoke_all(session: Session, subject: str, at: datetime) -> None:
    query = sa.update(CredentialRow).where(CredentialRow.subject == subject, CredentialRow.revoked_at.is_(None))
    session.execute(query.values(revoked_at=at))


def _told(grant: Grant) -> dict[str, object]:
    """What the audit says; the value of an attribute stays out: it may be personal."""
    return {"kind": grant.kind, "name": grant.name}


def _first(rows: Sequence[Any], made: Callable[[Any], T]) -> T | None:
    return made(rows[0]) if rows else None


def _user(row: UserRow) -> User:
    return User(row.name, row.display, row.created_at, row.email, row.email_verified_at, row.password_hash, row.disabled_at)


def _client(row: ClientRow) -> Client:
    return Client(row.client_id, row.display, row.created_at, tuple(json.loads(row.redirect_uris)), row.secret_hash, row.disabled_at)


def _grant(row: GrantRow) -> Grant:
    return Grant(row.subject, row.kind, row.name, row.value, row.source)  # type: ignore[arg-type]
