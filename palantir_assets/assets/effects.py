"""Assets and jobs that actions ask for: which of them are to be made now, as one run each, and what became of earlier ones.

A run bears the number of its effect as a tag, and that is what is looked at: whoever asks twice finds the first run. The
sensor in `automation` asks while the daemon runs, and `rounds` before each build. How often a failure is tried again is
the outbox's affair.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import dagster as dg

from palantir_assets.errors import did_you_mean
from palantir_assets.settings import Settings
from palantir_assets.stores.database import open_database
from palantir_assets.stores.outbox import Effect, Outbox

KINDS: Final = ("materialize", "job")
TAG: Final = "palantir/effect"
ACTOR: Final = "dagster"
LOOK_AGAIN: Final = timedelta(seconds=15)
AT_ONCE: Final = 20
ENDED_BADLY: Final = (dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.CANCELED)


Resolve = Callable[[dg.AssetSelection], Iterable[dg.AssetKey]]
"""Which assets of a location a selection means."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A run that an effect asks for, exactly once under its `run_key`: a job as a whole, or of `refresh` these assets."""

    effect: Effect
    run_key: str
    job: str
    assets: tuple[dg.AssetKey, ...] = ()

    @property
    def tags(self) -> dict[str, str]:
        """What the run is found by."""
        return {TAG: str(self.effect.effect_no)}


@contextmanager
def outbox_of(settings: Settings) -> Iterator[Outbox]:
    """The outbox, open. Raises LedgerError."""
    with closing(open_database(settings.ledger_url, settings.audit_key)) as database:
        yield Outbox(database)


def wanted(outbox: Outbox, instance: dg.DagsterInstance, resolve: Resolve, jobs: Sequence[str], now: datetime) -> Iterator[Wanted]:
    """What is to be made now, each claimed. What was made, or failed, since it was asked for is settled on the way."""
    for effect in outbox.take_due(now, AT_ONCE, kinds=KINDS):
        runs = instance.get_runs(dg.RunsFilter(tags={TAG: str(effect.effect_no)}))  # the newest first
        succeeded = [run for run in runs if run.status is dg.DagsterRunStatus.SUCCESS]
        failed = [run for run in runs if run.status in ENDED_BADLY]
        told = f"run {failed[0].run_id} failed" if failed else ""
        if succeeded:
            outbox.done(effect, at=now, actor=ACTOR, proof=succeeded[0].run_id)
        elif len(failed) < len(runs):
            outbox.postponed(effect, now + LOOK_AGAIN, effect.last_error or "its run is on its way")
        elif told and effect.last_error != told:
            outbox.failed(effect, told, at=now, actor=ACTOR)
        else:
            yield from _asked_for(outbox, effect, len(failed), resolve, jobs, now)


def asked_for(outbox: Outbox, asked: Wanted, now: datetime) -> None:
    """A run was asked for, and begins when Dagster likes: look at it again soon."""
    outbox.postponed(asked.effect, now + LOOK_AGAIN, asked.effect.last_error or "its run was asked for")


def settled(outbox: Outbox, asked: Wanted, run_id: str, *, failed: bool, now: datetime) -> None:
    """The run has ended. If the claim was over by then, whoever holds the next one finds the run."""
    if failed:
        outbox.failed(asked.effect, f"run {run_id} failed", at=now, actor=ACTOR)
    else:
        outbox.done(asked.effect, at=now, actor=ACTOR, proof=run_id)


def keys_of(effect: Effect) -> tuple[dg.AssetKey, ...]:
    """The assets that an effect names, such as `objects.order`."""
    named = effect.payload.get("assets")
    names = [str(each) for each in named] if isinstance(named, (list, tuple)) else effect.target.split(",")
    return tuple(dg.AssetKey(name.strip().replace("/", ".").split(".")) for name in names)


def _asked_for(outbox: Outbox, effect: Effect, failures: int, resolve: Resolve, jobs: Sequence[str], now: datetime) -> Iterator[Wanted]:
    run_key = f"effect-{effect.effect_no}" + (f"-{failures}" if failures else "")
    if effect.kind == "job":
        if effect.target not in jobs:
            outbox.failed(
                effect, f"there is no job {effect.target!r}; {did_you_mean(effect.target, jobs)}", at=now, actor=ACTOR, final=True
            )
            return
        yield Wanted(effect, run_key, effect.target)
    else:
        keys = keys_of(effect)
        known = {key.to_user_string() for key in resolve(dg.AssetSelection.all())}
        if lost := [key.to_user_string() for key in keys if key.to_user_string() not in known]:
            outbox.failed(effect, f"there is no asset {lost[0]!r}; {did_you_mean(lost[0], known)}", at=now, actor=ACTOR, final=True)
            return
        together = resolve(dg.AssetSelection.assets(*keys).required_multi_asset_neighbors())
        yield Wanted(effect, run_key, "refresh", tuple(sorted(together)))
