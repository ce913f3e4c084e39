"""Identities over a real ledger in a temporary folder, with a clock that a test moves."""

from __future__ import annotations

import os
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

from palantir_assets.identity.accounts import Grant
from palantir_assets.identity.flows import Flows
from palantir_assets.identity.keys import SigningKeys, new_key
from palantir_assets.identity.passwords import hashed
from palantir_assets.identity.ports import Mailer
from palantir_assets.identity.providers import Provider
from palantir_assets.identity.tokens import Tokens
from palantir_assets.serving.identified import Identified
from palantir_assets.serving.identity import Identity
from palantir_assets.serving.role_version import SharedVersion
from palantir_assets.stores.credentials import StoredCredentials
from palantir_assets.stores.database import Database, open_database
from palantir_assets.stores.identities import StoredIdentities, open_identities

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
PASSWORD = "correct horse battery"
URL = "http://testserver"


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self, at: datetime = NOON) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def move(self, **by: float) -> None:
        self.at += timedelta(**by)


@dataclass
class World:
    """Kim, a viewer with a password, and everything that recognises her."""

    database: Database
    identities: StoredIdentities
    credentials: StoredCredentials
    tokens: Tokens
    flows: Flows
    clock: Clock
    keys: list[SigningKeys]

    def identity(self, *, provider: Provider | None = None, mailer: Mailer | None = None, url: str = URL) -> Identity:
        recognises = Identified(
            self.identities, self.credentials, self.tokens, self.clock, public_url=url, load_keys=lambda: self.keys[0],
            touch=lambda digest: self.credentials.touch(digest, at=self.clock()),
            version_aside=SharedVersion(self.identities.version) if self.database.is_remote else None,
        )  # fmt: skip
        return Identity(self.identities, self.credentials, self.tokens, self.flows, recognises, self.clock, url, provider, mailer)

    def close(self) -> None:
        self.identities.watch.close()
        self.database.close()


def world(folder: Path, *, url: str | None = None, clock: Clock | None = None) -> World:
    """A ledger with one user, kim, whose role is viewer."""
    clock = clock or Clock()
    database = open_database(url or f"sqlite:///{folder / 'ledger.db'}", folder / "keys" / "audit.key")
    identities, credentials = open_identities(database), StoredCredentials(database)
    ids, keys = count(), [SigningKeys(new_key(clock()))]
    tokens = Tokens(URL, f"{URL}/api", keys[0], clock, lambda: f"token-{next(ids)}")
    flows = Flows(identities, credentials, tokens, clock, os.urandom)
    identities.add_user("kim", display="Kim", grants=[Grant("kim", "role", "viewer")], actor="test", at=clock())
    identities.set_password("kim", HASH, actor="test", at=clock())
    return World(database, identities, credentials, tokens, flows, clock, keys)


HASH = hashed(PASSWORD, user="kim")
