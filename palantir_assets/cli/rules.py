"""`palantir rules`: what rules there are, when they would have fired, and which of them may. Nothing is decided here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from palantir_assets.cli import console, releases
from palantir_assets.errors import PalantirError, did_you_mean
from palantir_assets.settings import Settings, load_settings

if TYPE_CHECKING:
    from palantir_assets.actions.automations import Firing
    from palantir_assets.ontology.served_rules import ServedRule
    from palantir_assets.release.log import Pointer
    from palantir_assets.stores.database import Database

rules = typer.Typer(help="What is looked for in every change, and what follows.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The rule's name.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for a program.")]
SHOWN = 20
"""Objects of a firing that are printed as a table; --json prints them all."""


@rules.command("list")
def list_rules(as_json: Json = False) -> None:
    """Every rule of the specs, and whether it is armed as it stands."""
    with _opened() as (settings, database):
        told = [_standing(rule, database) for rule in _declared(settings).values()]
    if as_json:
        console.answer_json(told)
    elif not told:
        console.answer("no rules; docs/specs.md#rule shows one")
    else:
        names = ("rule", "looks_for", "state", "armed_at", "looked_at_release", "looked_at_edit")
        rows = [tuple(each[name] for name in names) for each in told]
        console.answer_table(("rule", "looks for", "state", "armed (UTC)", "up to release", "up to edit"), rows)


@rules.command("backtest")
def backtest(
    name: Name, since: Annotated[int, typer.Option("--since", min=0, help="Only releases with a higher number.")] = 0, as_json: Json = False
) -> None:
    """When a rule would have fired over the releases on disk, and on what. Nothing is sent."""
    with _opened() as (settings, database):
        told = _tried(settings, database, _found(settings, name), since)
    if as_json:
        console.answer_json(told)
        return
    console.answer(_sentence(name, told))
    shown = [(firing["release_no"], each) for firing in told["firings"] for each in firing["evidence"][:SHOWN]]
    rows = [(number, each["kind"], each["key"], each["changed"]) for number, each in shown]
    if rows:
        console.answer_table(("release", "what", "key", "properties (before → after)"), rows)


@rules.command("arm")
def arm(name: Name) -> None:
    """Backtest a rule, and let it fire from now on, as it stands. A rule that is changed afterwards is no longer armed."""
    from palantir_assets.stores.edits import EditLog
    from palantir_assets.stores.ledger import Ledger
    from palantir_assets.stores.rules import Armed, ArmedRules

    with _opened() as (settings, database):
        rule = _found(settings, name)
        told = _tried(settings, database, rule, 0)
        if not told["releases"]:
            step = "`palantir build` makes one when data changed"
            raise PalantirError("there are no two releases on disk to test a rule on", next_step=step)
        head = Ledger(database).head()
        summary = {"releases": told["releases"], "firings": len(told["firings"])}
        assert head is not None, "there are two releases"
        actor = f"cli:{releases.user()}"
        ArmedRules(database).arm(Armed(name, rule.digest, summary, _now(), actor, head.release_no, EditLog(database).head()))
    console.answer(_sentence(name, told))
    console.answer(f"{name} is armed: it fires on what changes from now on, once a release holds it as it stands")


@rules.command("disarm")
def disarm(name: Name) -> None:
    """Let a rule fire no more."""
    from palantir_assets.stores.rules import ArmedRules

    with _opened() as (_, database):
        if not ArmedRules(database).disarm(name, actor=f"cli:{releases.user()}", at=_now()):
            raise PalantirError(f"the rule {name!r} is not armed", next_step="`palantir rules list` shows which are")
    console.answer(f"{name} fires no more")


@rules.command("firings")
def firings(name: Annotated[str | None, typer.Argument(help="Of this rule only.")] = None, as_json: Json = False) -> None:
    """The last hundred firings, newest first, with the objects that were met."""
    from palantir_assets.stores.rules import ArmedRules

    with _opened() as (_, database):
        found = ArmedRules(database).firings(name)
    if as_json:
        names = ("action_no", "rule", "span", "objects", "evidence", "at")
        console.answer_json([{each: getattr(row, each) for each in names} for row in found])
    elif not found:
        console.answer("no rule has fired")
    else:
        such = [", ".join(str(each["key"]) for each in row.evidence[:5]) for row in found]
        rows = [
            (row.at.isoformat(timespec="seconds"), row.rule, row.span, row.objects, keys) for row, keys in zip(found, such, strict=True)
        ]
        console.answer_table(("when (UTC)", "rule", "on", "objects", "such as"), rows)


def _tried(settings: Settings, database: Database, rule: ServedRule, since: int) -> dict[str, Any]:
    from palantir_assets.effects.rules import backtest
    from palantir_assets.stores.ledger import Ledger

    pointers = [pointer for pointer in Ledger(database).list() if pointer.release_no >= since]
    looked = list(backtest(rule, pointers, settings.releases))
    fired = [_fired(pointer, firing) for pointer, firing in looked if firing is not None]
    return {"rule": rule.name, "digest": rule.digest, "releases": len(looked), "firings": fired}


def _fired(pointer: Pointer, firing: Firing) -> dict[str, Any]:
    at = pointer.committed_at.isoformat(timespec="seconds")
    evidence = []
    for each in firing.evidence:
        changed = ", ".join(f"{name}: {_shown(was)} → {_shown(now)}" for name, (was, now) in each.change.properties.items())
        evidence.append({"key": each.change.key, "kind": each.change.kind, "changed": changed})
    return {"release_no": pointer.release_no, "release_id": pointer.release_id, "committed_at": at, "evidence": evidence}


def _shown(value: object) -> str:
    return "nothing" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def _sentence(name: str, told: dict[str, Any]) -> str:
    times, looked = len(told["firings"]), told["releases"]
    if not looked:
        return f"{name} was asked of nothing: no two releases on disk follow each other; `palantir build` makes the next one"
    changes = "change" if looked == 1 else "changes"
    return f"{name} would have fired {times} time{'s' if times != 1 else ''} over {looked} {changes} of release on disk"


def _standing(rule: ServedRule, database: Database) -> dict[str, Any]:
    from palantir_assets.stores.rules import ArmedRules

    armed = ArmedRules(database).all().get(rule.name)
    state = "not armed" if armed is None else "armed" if armed.digest == rule.digest else "changed since it was armed: arm it again"
    return {
        "rule": rule.name, "looks_for": f"{rule.object} {rule.on}", "state": state if rule.status != "deprecated" else "deprecated",
        "armed_at": armed.armed_at.isoformat(timespec="seconds") if armed else None, "backtest": dict(armed.backtest) if armed else None,
        "looked_at_release": armed.release_no if armed else None, "looked_at_edit": armed.edit_no if armed else None,
    }  # fmt: skip


def _found(settings: Settings, name: str) -> ServedRule:
    declared = _declared(settings)
    if name not in declared:
        hint = did_you_mean(name, declared) or "`palantir rules list` shows which there are"
        raise PalantirError(f"there is no rule {name!r}", next_step=hint)
    return declared[name]


def _declared(settings: Settings) -> dict[str, ServedRule]:
    from palantir_assets.ontology.loading import load_ontology
    from palantir_assets.ontology.served_rules import served_rules

    return served_rules(load_ontology(settings.specs_dir).ontology)


@contextmanager
def _opened() -> Iterator[tuple[Settings, Database]]:
    from palantir_assets.stores.database import open_database

    settings = load_settings()
    with closing(open_database(settings.ledger_url, settings.audit_key)) as database:
        yield settings, database


def _now() -> datetime:
    return datetime.now(UTC)
