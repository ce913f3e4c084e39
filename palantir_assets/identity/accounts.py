"""Users, clients, what they were given and what proves them: the nouns, their rules, and the Principal they make.

Where they are kept is `stores.identities`' and `stores.credentials`' affair; how a sign-in goes, `flows`'.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final, Literal

from palantir_assets.access.principal import Attribute, Principal
from palantir_assets.errors import IdentityError, did_you_mean

Kind = Literal["grant", "session", "refresh", "pat", "code", "device", "login", "reset", "verify", "provider"]
GrantKind = Literal["role", "marking", "attribute", "group"]
Source = Literal["ledger", "claims"]

LIVES: Final[Mapping[Kind, timedelta]] = MappingProxyType(
    {
        "grant": timedelta(days=30), "session": timedelta(hours=12), "refresh": timedelta(days=7), "pat": timedelta(days=90),
        "code": timedelta(seconds=60), "device": timedelta(minutes=10), "login": timedelta(hours=1), "reset": timedelta(minutes=30),
        "verify": timedelta(hours=24), "provider": timedelta(minutes=10),
    }
)  # fmt: skip
"""How long each kind of credential lives, at most; a personal token may be asked for up to a year."""
LONGEST_PERSONAL: Final = timedelta(days=366)
SCOPES: Final = ("read", "write", "account")
"""What a token may be for: reading, changing the ontology, and managing one's own account."""
COMMAND_LINE: Final = "palantir-cli"
"""The client that `palantir login` is: known everywhere, without a secret."""
GROUP: Final = "group:"
SERVICE: Final = "client:"

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_WORD: Final = re.compile(r"[a-z][a-z0-9_]{0,62}")
_EMAIL: Final = re.compile(r"[^@\s\x00-\x1f<>,;:\"\\]{1,64}@[A-Za-z0-9.-]{1,189}")


@dataclass(frozen=True, slots=True)
class User:
    """A person. `password_hash` never leaves the process: it stands in no repr."""

    name: str
    display: str
    created_at: datetime
    email: str | None = None
    email_verified_at: datetime | None = None
    password_hash: str | None = field(default=None, repr=False)
    disabled_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Client:
    """A program. With a secret it may act as the service `client:<id>`; with redirect URIs, for people."""

    client_id: str
    display: str
    created_at: datetime
    redirect_uris: tuple[str, ...] = ()
    secret_hash: str | None = field(default=None, repr=False)
    disabled_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """Something given to a user, a service or a group; the value is JSON, of an attribute only."""

    subject: str
    kind: GrantKind
    name: str
    value: str = ""
    source: Source = "ledger"


@dataclass(frozen=True, slots=True)
class Credential:
    """What proves somebody, as it is kept. `detail` is JSON; `lookup` is the hash of a second, shorter code."""

    digest: str = field(repr=False)
    kind: Kind
    id: str
    subject: str
    family: str
    authenticated_at: datetime
    created_at: datetime
    expires_at: datetime
    client_id: str = ""
    scopes: str = ""
    label: str = ""
    detail: str = field(default="{}", repr=False)
    lookup: str | None = field(default=None, repr=False)
    used_at: datetime | None = None
    revoked_at: datetime | None = None

    def lives(self, at: datetime) -> bool:
        """Whether it proves anything at that time; whether it was used already is another matter."""
        return self.revoked_at is None and at < self.expires_at

    def told(self, name: str) -> str:
        """A text of its detail, or an empty one."""
        return str(json.loads(self.detail).get(name, ""))


def check_name(name: str, *, what: str = "user") -> str:
    """The name itself. Raises IdentityError unless it is lower-case letters, digits, dots, dashes and underscores."""
    if not _NAME.fullmatch(name):
        raise IdentityError(
            f"{name[:80]!r} is no name for a {what}", next_step="use 1 to 63 of a-z, 0-9, '.', '_', '-', a letter or digit first"
        )
    return name


def check_email(email: str) -> str:
    """The address in lower case. Raises IdentityError for what is none."""
    if not _EMAIL.fullmatch(email):
        raise IdentityError("this is no mail address", next_step="write it as name@example.org")
    return email.lower()


def check_grant(grant: Grant) -> Grant:
    """The grant itself. Raises IdentityError for a name that no spec could hold or a value that is none."""
    if not _WORD.fullmatch(grant.name):
        raise IdentityError(f"{grant.name[:80]!r} is no name of a {grant.kind}", next_step="use a-z, 0-9 and '_', a letter first")
    if grant.kind == "group" and grant.subject.startswith(GROUP):
        raise IdentityError("a group cannot be in a group", next_step="grant its members the other group as well")
    if (grant.kind == "attribute") != bool(grant.value) or (grant.value and _attribute(grant.value) is None):
        raise IdentityError(
            f"the {grant.kind} {grant.name} has no proper value", next_step='write such as region="west" or sites=["A","B"]'
        )
    return grant


def check_scopes(scopes: Iterable[str]) -> frozenset[str]:
    """The scopes as a set. Raises IdentityError for an unknown one, and for none."""
    found = frozenset(scopes)
    if unknown := sorted(found - set(SCOPES)):
        raise IdentityError(
            f"unknown scope {unknown[0][:80]!r}; {did_you_mean(unknown[0][:80], SCOPES)}", next_step=f"use of {', '.join(SCOPES)}"
        )
    if not found:
        raise IdentityError("a token needs a scope", next_step=f"use of {', '.join(SCOPES)}")
    return found


def principal_of(subject: str, grants: Iterable[Grant]) -> Principal:
    """Who a subject is with its own grants and those of its groups.

    An attribute of one's own wins over a group's. Lists of several groups are joined; where groups disagree about
    anything else there is no attribute, and a policy that reads it denies.
    """
    found = list(grants)
    own = {grant.name: value for grant in found if grant.subject == subject and (value := _attribute(grant.value)) is not None}
    shared: dict[str, list[Attribute]] = {}
    for grant in found:
        if grant.subject != subject and (value := _attribute(grant.value)) is not None:
            shared.setdefault(grant.name, []).append(value)
    joined = {name: value for name, values in shared.items() if (value := _joined(values)) is not None}
    return Principal(subject, _named(found, "role"), MappingProxyType({**joined, **own}), _named(found, "marking"))


def _named(grants: Iterable[Grant], kind: GrantKind) -> frozenset[str]:
    return frozenset(grant.name for grant in grants if grant.kind == kind)


def _joined(values: list[Attribute]) -> Attribute | None:
    lists = [value for value in values if isinstance(value, tuple)]
    if len(lists) == len(values):
        return tuple(sorted({item for value in lists for item in value}))
    return values[0] if all(value == values[0] and type(value) is type(values[0]) for value in values) else None


def _attribute(text: str) -> Attribute | None:
    try:
        value = json.loads(text) if text else None
    except ValueError:
        return None
    if isinstance(value, list):
        return tuple(value) if all(isinstance(item, str) for item in value) else None
    return value if isinstance(value, str | int | float | bool) else None
