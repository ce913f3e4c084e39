"""`palantir erase TYPE/KEY`: an object is erased, and where it still lies is told, with the command that makes it expire."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

from palantir_assets.cli import console, releases
from palantir_assets.errors import Erased, NotFound, PalantirError, UnknownName
from palantir_assets.ontology.loading import load_ontology
from palantir_assets.ontology.spec import Ontology
from palantir_assets.release.sealing import Shelf
from palantir_assets.settings import Settings

if TYPE_CHECKING:
    from palantir_assets.release.leftovers import Holder
    from palantir_assets.stores.erasing import Erasure

ALL_FILES: Final = "may hold it, since none of its values was found in a raw row"


@dataclass(frozen=True, slots=True)
class Leftover:
    """One thing that must expire: what it is, where it lies, and what to do."""

    what: str
    where: str
    next: str


def command(settings: Settings, named: str, *, reason: str, dry_run: bool, expire: bool, as_json: bool) -> int:
    """Erase, and say what is left. Raises UnknownName or NotFound for what is nowhere."""
    from palantir_assets.release.leftovers import expire as expired
    from palantir_assets.release.leftovers import holders

    object_type, key = _parsed(named)
    ontology, shelf = load_ontology(settings.specs_dir).ontology, Shelf(settings.releases)
    found = holders(shelf, object_type, key)
    done = _erased(settings, ontology, object_type, key, found, reason=reason, dry_run=dry_run)
    served = _served(settings)
    gone = expired(shelf, settings.indexes, found, served=served) if expire and not dry_run else []
    left = _left(
        settings,
        ontology,
        object_type,
        key,
        [holder for holder in found if holder not in gone],
        served,
        moved=done.moved if done else False,
    )
    if as_json:
        console.answer_json(
            {
                "object": named, "dry_run": dry_run, "erased_before": done is None, "erasure": asdict(done) if done else None,
                "expired": [holder.id for holder in gone], "left": [asdict(each) for each in left],
            }
        )  # fmt: skip
        return 0
    for line in [*_told(named, done, dry_run=dry_run), *(f"removed release {holder.id}" for holder in gone)]:
        console.answer(line)
    console.answer_table(("must expire", "where", "next"), [(each.what, each.where, each.next) for each in left])
    return 0


def _parsed(named: str) -> tuple[str, str]:
    object_type, slash, key = named.partition("/")
    if not slash or not key:
        raise PalantirError(f"{named!r} is not TYPE/KEY", next_step="write the object's type, a slash and its key, such as order/17")
    return object_type, key


def _erased(
    settings: Settings, ontology: Ontology, object_type: str, key: str, found: Sequence[Holder], *, reason: str, dry_run: bool
) -> Erasure | None:
    """What was done, or would be; None for what was erased before."""
    from palantir_assets.stores.database import open_database
    from palantir_assets.stores.erasing import erase, foreseen

    def personal(name: str) -> frozenset[str]:
        kind = ontology.objects.get(name)
        return frozenset(word for word, prop in kind.properties.items() if prop.personal) if kind else frozenset()

    with closing(open_database(settings.ledger_url, settings.audit_key)) as database, suppress(Erased):
        expected = foreseen(database, object_type, key, personal=personal)
        if not expected.edits and not found:
            if object_type not in ontology.objects:
                raise UnknownName("object type", object_type, ontology.objects)
            raise NotFound(object_type, key)
        if dry_run:
            return expected
        who = f"cli:{releases.user()}"
        return erase(database, object_type, key, at=datetime.now(UTC), actor=who, reason=reason, personal=personal)
    return None


def _served(settings: Settings) -> frozenset[str]:
    head = releases.head(settings)
    return frozenset({str(head["release_id"])}) if head else frozenset()


def _told(named: str, done: Erasure | None, *, dry_run: bool) -> list[str]:
    if done is None:
        return [f"{named} was erased before; no read shows it"]
    sealed = f"{done.edits} edits of it in the history, {len(done.effects)} messages that wait"
    if dry_run:
        return [f"{named} would be erased: {sealed}", "nothing was done; the same command without --dry-run does it, for ever"]
    lines = [f"{named} is erased with edit {done.edit_no}: {sealed}; no read shows it, and no build will"]
    if done.plain_edits:
        numbers = ", ".join(map(str, done.plain_edits))
        lines.append(f"edits {numbers} were written before these properties were personal: their values stay in the ledger in plain text")
    return lines


def _left(
    settings: Settings, ontology: Ontology, object_type: str, key: str, found: Sequence[Holder], served: frozenset[str], *, moved: bool
) -> list[Leftover]:
    again = f"palantir erase {object_type}/{key} --expire"
    left = [
        Leftover("the served release", str(holder.folder), f"palantir build, then {again}")
        if holder.id in served
        else Leftover("a candidate" if holder.is_candidate else "a release", str(holder.folder), again)
        for holder in found
    ]
    if settings.warehouse.exists():
        left.append(Leftover("the tables of the last build", str(settings.warehouse), "palantir build"))
    left += _raw_files(settings, key)
    for name, model in ontology.models.items():
        if model.object == object_type:
            where = settings.experiments_url.removeprefix("sqlite:///")
            left.append(Leftover(f"runs of the model {name}", where, "palantir build, then delete its earlier runs in MLflow"))
    left.append(
        Leftover("backups", f"of {settings.state} and of the ledger", "delete those made before now; erase again after restoring one")
    )
    if moved:
        left.append(Leftover("the database that the ledger came from", "see the ledger.moved row of the audit log", "delete it"))
    return left


def _raw_files(settings: Settings, key: str) -> list[Leftover]:
    """The kept files that hold its key; all of them where none is known to."""
    from palantir_assets.stores.raw_bytes import files_with
    from palantir_assets.stores.warehouse import Warehouse

    known: list[str] = []
    with suppress(PalantirError):  # no warehouse yet, or a build has it: then every file may hold it
        known = files_with(Warehouse(settings.warehouse), key)
    step = "take it out at the source, then palantir build, then delete this file"
    files = sorted(path for path in settings.raw_files.iterdir() if path.is_file()) if settings.raw_files.is_dir() else []
    if known:
        return [Leftover("a raw file", str(settings.raw_files / sha256), step) for sha256 in known]
    return [Leftover(f"{len(files)} raw files", str(settings.raw_files), f"{ALL_FILES}: {step}")] if files else []
