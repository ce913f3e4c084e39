"""The worker: takes effects that are due, gives each to who sends its kind, and writes down what became of it.

A process that ends between sending and writing sends once more when its lease is over, under the same id: at least once,
and never silently not at all. How one kind is sent is decided by the senders.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from palantir_assets.errors import LedgerError, NotSent
from palantir_assets.stores.outbox import Effect, Outbox

LOG: Final = logging.getLogger(__name__)

IDLE_SECONDS: Final = 1.0
LONGEST_IDLE: Final = 30.0


@dataclass(frozen=True, slots=True)
class Left:
    """It left; `proof` is the id it left under."""

    proof: str


@dataclass(frozen=True, slots=True)
class Wait:
    """It is not its time yet; this was no try."""

    until: datetime
    why: str


@dataclass(frozen=True, slots=True)
class Unwanted:
    """Who it is for does not want it."""

    why: str


Outcome = Left | Wait | Unwanted
Sender = Callable[[Effect], Outcome]
"""Sends one effect. Raises NotSent; anything else that it raises is a failure too."""


def no_fault(point: str) -> None:
    """The hook outside tests: nothing fails."""


@dataclass(frozen=True, slots=True)
class Worker:
    """Sends what is due of the kinds it has senders for.

    `reach(point)` is called at `effect.taken`, `effect.sent` and `effect.settled`, for each effect.
    """

    outbox: Outbox
    senders: Mapping[str, Sender]
    clock: Callable[[], datetime]
    actor: str = "outbox"
    reach: Callable[[str], None] = field(default=no_fault)

    def send_due(self) -> int:
        """Take and send one, so that the whole lease is its own; how many were taken.

        Raises LedgerError, and what was taken comes back by itself.
        """
        taken = self.outbox.take_due(self.clock(), 1, kinds=tuple(self.senders))
        for effect in taken:
            self.reach("effect.taken")
            self._send(effect)
            self.reach("effect.settled")
        return len(taken)

    def run(self, stopped: Callable[[float], bool], also: Callable[[], int] = lambda: 0) -> None:
        """Send until `stopped(seconds)`, which waits so long, says that it is enough; one that is begun is brought to its end.

        `also` is done in every round and says how much it did. A ledger that is away is asked less and less often.
        """
        pause = 0.0
        while not stopped(pause):
            try:
                busy = self.send_due() + also()
                pause = 0.0 if busy else IDLE_SECONDS
            except LedgerError as error:
                pause = min(max(IDLE_SECONDS, pause * 2), LONGEST_IDLE)
                LOG.error("the outbox waits for the ledger: %s", error.message)

    def _send(self, effect: Effect) -> None:
        if effect.erased:  # taken before, and tried again after
            self._settle(effect, Unwanted("what it says was erased"))
            return
        try:
            outcome = self.senders[effect.kind](effect)
        except LedgerError:
            raise
        except NotSent as error:
            self._failed(effect, _why(error), final=error.final)
        except Exception as error:  # a sender's mistake is no reason to stop, nor to lose an effect
            LOG.exception("effect %s of kind %s could not be sent", effect.effect_no, effect.kind)
            self._failed(effect, f"unexpected: {type(error).__name__}", final=False)
        else:
            self.reach("effect.sent")
            self._settle(effect, outcome)

    def _settle(self, effect: Effect, outcome: Outcome) -> None:
        if isinstance(outcome, Wait):
            self.outbox.postponed(effect, outcome.until, outcome.why)
        elif isinstance(outcome, Unwanted):
            self.outbox.unwanted(effect, outcome.why, at=self.clock(), actor=self.actor)
        elif not self.outbox.done(effect, at=self.clock(), actor=self.actor, proof=outcome.proof):
            LOG.warning("effect %s was sent by two workers: the lease of this one was over", effect.effect_no)

    def _failed(self, effect: Effect, why: str, *, final: bool) -> None:
        LOG.warning("effect %s of kind %s was not sent: %s", effect.effect_no, effect.kind, why)
        self.outbox.failed(effect, why, at=self.clock(), actor=self.actor, final=final)


def _why(error: NotSent) -> str:
    """What whoever looks at the outbox reads: what happened, and what helps where that is known."""
    return error.message if error.advice == NotSent.next_step else f"{error.message}; {error.advice}"
