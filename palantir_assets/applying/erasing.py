"""An administrator erases an object: at the desk at which actions are applied, under a name. How, is told in `stores.erasing`."""

from __future__ import annotations

from palantir_assets.actions.values import storable
from palantir_assets.applying.desk import Desk
from palantir_assets.engine.ports import Released
from palantir_assets.errors import NotFound
from palantir_assets.stores.edit_rows import Subject
from palantir_assets.stores.erasing import Erasure, erase, foreseen
from palantir_assets.stores.personal import personal_in


def erase_object(
    desk: Desk, release: Released, subject: Subject, *, actor: str, reason: str, there: bool, dry_run: bool = False
) -> Erasure:  # fmt: skip
    """Erase an object that is `there` in a release on disk, or was ever edited; with `dry_run`, only what that would do.

    Raises UnknownName, NotFound for what never was, Erased for what was erased before, LedgerError.
    """
    object_type, key = release.ontology.find_type(subject[0]).name, subject[1]
    if not storable(key):
        raise NotFound(object_type, key)
    database, personal = desk.log.database, personal_in(release.ontology)
    expected = foreseen(database, object_type, key, personal=personal)
    if not (there or expected.edits):
        raise NotFound(object_type, key)
    if dry_run:
        return expected
    return erase(database, object_type, key, at=desk.now(), actor=actor, reason=reason, personal=personal)
