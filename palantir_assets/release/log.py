"""What publishing and serving ask of the ledger: the port. `stores.ledger` implements it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Protocol


class Pointer(Protocol):
    """One row of the release log: which release was made current, when, why and by whom."""

    @property
    def release_no(self) -> int: ...
    @property
    def release_id(self) -> str: ...
    @property
    def content_id(self) -> str: ...
    @property
    def committed_at(self) -> datetime: ...
    @property
    def reason(self) -> str: ...
    @property
    def actor(self) -> str: ...


class ReleaseLog(Protocol):
    """The append-only list of releases; its last row is the release that is served.

    Every method raises LedgerError when the ledger cannot be reached.
    """

    def head(self) -> Pointer | None:
        """The last row, or None before the first release."""

    def list(self) -> Sequence[Pointer]:
        """All rows, oldest first."""

    def commit(
        self,
        release_id: str,
        *,
        content_id: str,
        expected_no: int,
        reason: str,
        actor: str,
        at: datetime,
        notes: Sequence[str] = (),
        declassified: Sequence[Mapping[str, object]] = (),
    ) -> int:
        """Insert row `expected_no + 1` with its audit row, and one for each declassification, in one transaction; return its number.

        Raises ReleaseError if another publisher took that number.
        """

    def audit_head(self) -> str | None:
        """The hash of the last audit row, or None if there is none."""
