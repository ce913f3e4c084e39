"""Where actions are applied: the ledger they go to, the people they are told to, the clock; and where a caller stands.

What an action does is planned in `actions`, over the world that `engine` shows; who may ask what over HTTP is
`serving`'s affair.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final, Protocol, cast

from palantir_assets.access.principal import Principal
from palantir_assets.access.views import View, actor
from palantir_assets.actions.edits import Edit
from palantir_assets.engine.asking import Asking
from palantir_assets.engine.ports import Released
from palantir_assets.engine.visibility import seen_by
from palantir_assets.engine.world import Gives, SeenWorld, runs_nothing, world_of
from palantir_assets.errors import FunctionError
from palantir_assets.release.editing import Opened
from palantir_assets.stores.edits import EditLog

LOG: Final = logging.getLogger(__name__)
ADMIN: Final = "admin"
"""The role that may take any action back, as far as its holder sees what it touched."""

Json = dict[str, Any]


class People(Protocol):
    """Who there is. `stores.identities` fulfils it. Each raises LedgerError without the ledger."""

    def principal(self, subject: str) -> Principal | None:
        """Who a user or service is; None for nobody and for the disabled."""
        ...

    def holders(self, roles: Collection[str]) -> Sequence[str]:
        """The users who hold one of these roles."""
        ...


class NobodyKnown:
    """No people at all: mails to roles go nowhere, and nothing that waits for others can be agreed to."""

    def principal(self, subject: str) -> Principal | None:
        return None

    def holders(self, roles: Collection[str]) -> Sequence[str]:
        return ()


class Runs(Protocol):
    """Runs functions of a release with a caller's rights. `functions.running` fulfils it."""

    def call(self, release: Opened, view: View, name: str, parameters: Mapping[str, object], *, planned: Sequence[Edit] = ()) -> object:
        """What a function gives, over a release with edits that are only planned. Raises FunctionError or QueryError."""
        ...


@dataclass(frozen=True, slots=True)
class Desk:
    """Everything that applying needs. Without anybody who runs functions, an action that calls one is refused."""

    log: EditLog
    people: People
    clock: Callable[[], datetime]
    runs: Runs | None = None

    def now(self) -> datetime:
        """The moment, in UTC."""
        return self.clock().astimezone(UTC)


@dataclass(frozen=True, slots=True)
class Standpoint:
    """A caller before one release, with the edits that it shows."""

    release: Released
    view: View

    @property
    def caller(self) -> Principal:
        """The caller as actions know one."""
        return actor(self.view)

    @property
    def asking(self) -> Asking:
        return Asking(self.view, self.release)

    def world(self, desk: Desk) -> SeenWorld:
        """What the caller finds. Versions are as of the last edit that the release shows; without edits in it, as of now."""
        shown: int | None = getattr(self.release, "edit_no", None)
        functions = runs_nothing if desk.runs is None else self._running(desk.runs)
        versions = partial(desk.log.versions, up_to=shown)
        return world_of(self.release, self.view, versions, erased=desk.log.erased_among, functions=functions)

    def of(self, principal: Principal) -> Standpoint:
        """Somebody else before the same release."""
        return Standpoint(self.release, seen_by(principal, self.release))

    def _running(self, runs: Runs) -> Gives:
        opened = cast(Opened, self.release)  # whoever runs functions is given a release from disk

        def gives(name: str, told: Mapping[str, Any], planned: Sequence[Edit]) -> Any:
            try:
                return runs.call(opened, self.view, name, told, planned=planned)
            except FunctionError as error:  # who applies the action is told less
                LOG.warning("a function gave an action no edits: %s", error.message)
                raise

        return gives


def naive(moment: datetime) -> datetime:
    """UTC without an offset, as expressions know times."""
    return moment.astimezone(UTC).replace(tzinfo=None)
