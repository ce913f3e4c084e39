"""`palantir outbox`: the worker that sends what follows actions, and the list that on-call looks at. Nothing is decided here."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from palantir_assets.cli import console, releases
from palantir_assets.errors import NotSent
from palantir_assets.settings import Settings, load_settings

if TYPE_CHECKING:
    from palantir_assets.stores.outbox import Effect, Outbox

outbox = typer.Typer(help="What follows actions and leaves: mails, webhooks, assets, jobs.", no_args_is_help=True)

Number = Annotated[int, typer.Argument(help="The effect's number.", metavar="EFFECT")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for a program.")]
SHOWN = 500


@outbox.command("run")
def run(once: Annotated[bool, typer.Option("--once", help="Send what is due now, then end.")] = False) -> None:
    """Send mails, call webhooks and ask armed rules, until a signal ends it. `palantir up` runs this."""
    work(load_settings(), once=once)


def work(settings: Settings, *, once: bool, reach: Callable[[str], None] = lambda point: None) -> None:
    """The worker. `reach` is called at the points of every effect and of every rule that looks on."""
    from contextlib import closing

    from palantir_assets.effects.opening import open_effects, watch_of, worker_of
    from palantir_assets.stores.database import open_database
    from palantir_assets.stores.identities import open_identities
    from palantir_assets.stores.log_lines import told_by

    told_by(settings, "outbox")
    with closing(open_database(settings.ledger_url, settings.audit_key)) as database, _stop_asked_for() as stop:
        identities = open_identities(database)
        effects = open_effects(settings, database, _now)
        worker = worker_of(settings, effects, identities, _now, reach=reach)
        watch = watch_of(settings, effects, database, _now, reach=reach)
        try:
            if not once:
                return worker.run(stop.wait, watch.look)
            while (watch.look() or worker.send_due()) and not stop.is_set():
                pass
        finally:
            identities.watch.close()


@outbox.command("list")
def list_effects(
    state: Annotated[str | None, typer.Option("--state", help="waiting, taken, done, dead or dropped.")] = None,
    after: Annotated[int, typer.Option("--after", min=0, help="Only effects with a higher number.")] = 0,
    as_json: Json = False,
) -> None:
    """Effects in their order, up to 500; without --state, those that are neither done nor dropped."""
    with _opened() as box:
        wanted = [_known(state)] if state else ["waiting", "taken", "dead"]
        found = sorted((each for one in wanted for each in box.list(one, after=after, limit=SHOWN)), key=lambda each: each.effect_no)[
            :SHOWN
        ]
    if as_json:
        console.answer_json([_told(each) for each in found])
    elif not found:
        console.answer("nothing waits, and nothing is dead" if state is None else f"nothing is {state}")
    else:
        names = ("effect_no", "action_no", "kind", "target", "state", "attempts", "next_try_at", "last_error")
        waiting = [{**_told(each), **({} if each.state in ("waiting", "taken") else {"next_try_at": ""})} for each in found]
        console.answer_table(
            ("effect", "action", "kind", "to", "state", "tries", "next try (UTC)", "why"),
            [tuple(each[name] for name in names) for each in waiting],
        )


@outbox.command("show")
def show(effect_no: Number) -> None:
    """One effect, with all that is to leave, as JSON."""
    with _opened() as box:
        found = box.find(effect_no)
    if found is None:
        raise NotSent(f"there is no effect {effect_no}")
    console.answer_json({**_told(found), "payload": found.payload})


@outbox.command("retry")
def retry(effect_no: Number) -> None:
    """Try a dead effect again, from the start."""
    with _opened() as box:
        if not box.revive(effect_no, at=_now(), actor=f"cli:{releases.user()}"):
            raise NotSent(f"effect {effect_no} is not dead")
    console.answer(f"effect {effect_no} is tried again; `palantir outbox show {effect_no}` tells what becomes of it")


@outbox.command("drop")
def drop(effect_no: Number) -> None:
    """Let an effect that waits or is dead never leave."""
    with _opened() as box:
        if not box.drop(effect_no, at=_now(), actor=f"cli:{releases.user()}"):
            raise NotSent(f"effect {effect_no} neither waits nor is dead")
    console.answer(f"effect {effect_no} will never leave")


@contextmanager
def _opened() -> Iterator[Outbox]:
    from palantir_assets.stores.database import open_database
    from palantir_assets.stores.outbox import Outbox

    settings = load_settings()
    database = open_database(settings.ledger_url, settings.audit_key)
    try:
        yield Outbox(database)
    finally:
        database.close()


@contextmanager
def _stop_asked_for() -> Iterator[threading.Event]:
    """An event that SIGTERM or Ctrl-C sets: what is being sent is brought to its end."""
    stop = threading.Event()
    before: list[tuple[int, Any]] = [(number, signal.signal(number, lambda *_: stop.set())) for number in (signal.SIGTERM, signal.SIGINT)]
    try:
        yield stop
    finally:
        for number, handler in before:
            signal.signal(number, handler)


def _known(state: str) -> Literal["waiting", "taken", "done", "dead", "dropped"]:
    match state:
        case "waiting" | "taken" | "done" | "dead" | "dropped":
            return state
    raise NotSent(f"{state!r} is no state of an effect", next_step="say --state waiting, taken, done, dead or dropped")


def _told(effect: Effect) -> dict[str, Any]:
    told = {"effect_no": effect.effect_no, "action_no": effect.action_no, "kind": effect.kind, "target": effect.target}
    return {
        **told, "state": effect.state, "attempts": effect.attempt, "next_try_at": effect.next_try_at.isoformat(timespec="seconds"),
        "last_error": effect.last_error,
    }  # fmt: skip


def _now() -> datetime:
    return datetime.now(UTC)
