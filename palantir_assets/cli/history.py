"""`palantir ledger verify` and `palantir audit who-saw`: what the ledger remembers, told. Nothing is decided here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime

from palantir_assets.cli import console, releases
from palantir_assets.errors import PalantirError, ReleaseError
from palantir_assets.release.manifest import read_manifest
from palantir_assets.settings import Settings

SEEN_AT_MOST = 10_000


def verify(settings: Settings, *, as_json: bool) -> int:
    """Print what is wrong with the history; 1 if anything is."""
    from palantir_assets.stores.ledger import open_ledger

    heads = sorted(set(_heads_in_manifests(settings)))
    with closing(open_ledger(settings.ledger_url, settings.audit_key)) as ledger:
        problems = [str(problem) for problem in ledger.verify_chain(heads)]
        rows = ledger.audit_length()
    if as_json:
        console.answer_json({"rows": rows, "heads_in_manifests": len(heads), "problems": problems})
    elif problems:
        console.answer("\n".join(problems))
        console.say("next: keep a copy of the ledger and of its key folder as they are, then restore both from a backup")
    else:
        console.answer(f"the history is whole: {rows:,} audit rows, {len(heads)} heads in manifests")
    return console.EXIT_REFUSED if problems else 0


def migrate(settings: Settings, to: str, *, rehearse: bool, as_json: bool) -> int:
    """Move the ledger, and say what to set now."""
    from palantir_assets.stores.database import open_database
    from palantir_assets.stores.moving import move

    with closing(open_database(settings.ledger_url, settings.audit_key)) as database:
        moved = move(database, to, at=datetime.now(UTC), actor=f"cli:{releases.user()}", rehearse=rehearse)
    if as_json:
        console.answer_json({"rows": moved.rows, "rehearsed": moved.rehearsed})
        return 0
    console.answer(f"{sum(moved.rows.values()):,} rows of {len(moved.rows)} tables are equal on both sides")
    if rehearse:
        console.answer("this was a rehearsal: the old ledger is still the ledger; the same command without --rehearse goes on from here")
    else:
        console.answer("the old ledger takes no row any more. Now set PALANTIR_LEDGER_URL to the new one")
        console.answer(f"and PALANTIR_AUDIT_KEY_FILE to {settings.audit_key}, then start again")
    return 0


def reopen(settings: Settings) -> int:
    """Go back to the old ledger."""
    from palantir_assets.stores.database import open_database
    from palantir_assets.stores.moving import reopen as reopened

    with closing(open_database(settings.ledger_url, settings.audit_key)) as database:
        reopened(database, at=datetime.now(UTC), actor=f"cli:{releases.user()}")
    console.answer("this is the ledger again; what the other one took since is there alone")
    return 0


def who_saw(settings: Settings, seen: str, *, as_json: bool) -> int:
    """Print every answer that is on record with this object in it, oldest first."""
    from palantir_assets.stores.database import open_database
    from palantir_assets.stores.read_log import ReadLog

    object_type, slash, key = seen.partition("/")
    if not slash or not key:
        raise PalantirError(f"{seen!r} is not TYPE/KEY", next_step="write the object's type, a slash and its key, such as order/17")
    with closing(open_database(settings.ledger_url, settings.audit_key)) as database:
        entries = ReadLog(database).who_saw(object_type, key, limit=SEEN_AT_MOST)
    names = ("answer", "policy", "release_id", "edit_no", "surface")
    told = [
        {"at": entry.at, "who": entry.actor, **{name: entry.detail[name] for name in names}, "audit_row": entry.seq} for entry in entries
    ]
    if as_json:
        console.answer_json(told)
    elif not told:
        console.answer(f"nobody is on record as having seen {seen}")
        console.say("reads are on record where the specs say `sensitive: true`: docs/AUTH.md, Put reads on record")
    else:
        columns = ("at", "who", *names, "audit_row")
        console.answer_table(
            ("when (UTC)", "who", "answer", "policy", "release", "edit", "where", "audit row"),
            [tuple(row[name] for name in columns) for row in told],
        )
    return 0


def _heads_in_manifests(settings: Settings) -> Iterator[str]:
    """The audit heads that releases on the shelf were published with; a damaged release has no say."""
    for folder in sorted(settings.releases.glob("[!.]*")) if settings.releases.is_dir() else ():
        with suppress(ReleaseError):
            if (head := read_manifest(folder).audit_head) is not None:
                yield head
