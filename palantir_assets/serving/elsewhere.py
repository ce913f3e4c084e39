"""Parameters that ask for other data than the release's: branches, scenarios and transactions, none of which there are.

To ignore one would answer another question than was asked, so it is refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from palantir_assets.errors import UnknownName

_KINDS: Final = {"branch": "branch", "scenarioRid": "scenario", "transactionId": "transaction"}


def refuse_elsewhere(params: Mapping[str, object]) -> None:
    """Raises UnknownName for a parameter of those. `params` has lists of texts, or texts, by name."""
    for name, kind in _KINDS.items():
        if name in params:
            value = params[name]
            raise UnknownName(kind, str(value[-1] if isinstance(value, list) else value))
