"""Identity on top of an open ledger and a folder of keys: the stores, the tokens and the flows over them.

For the service and for the command line alike; how a request is recognised is added by `serving`.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from palantir_assets.identity.flows import Flows
from palantir_assets.identity.tokens import Tokens
from palantir_assets.settings import Settings
from palantir_assets.stores.credentials import StoredCredentials
from palantir_assets.stores.database import Database
from palantir_assets.stores.identities import StoredIdentities, open_identities
from palantir_assets.stores.signing_keys import load_or_make


@dataclass(frozen=True, slots=True)
class Opened:
    """Stores and flows over one database."""

    identities: StoredIdentities
    credentials: StoredCredentials
    flows: Flows

    def close(self) -> None:
        """Give the watching connection back; the database is its opener's to close."""
        self.identities.watch.close()


def open_flows(settings: Settings, database: Database, clock: Callable[[], datetime]) -> Opened:
    """Open what a sign-in needs; makes the signing keys at the first start. Raises SettingsError, LedgerError."""
    keys, url = load_or_make(settings.keys, clock()), settings.public_url
    tokens = Tokens(url, f"{url}/api", keys, clock, lambda: os.urandom(16).hex())
    identities, credentials = open_identities(database), StoredCredentials(database)
    return Opened(identities, credentials, Flows(identities, credentials, tokens, clock, os.urandom))
