"""`palantir explain`: which rule hides or shows an object, for a user or a role, in the current release with every edit."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime

from palantir_assets.access.explaining import Reason
from palantir_assets.access.principal import Principal
from palantir_assets.cli import console
from palantir_assets.errors import PalantirError
from palantir_assets.settings import Settings


def command(settings: Settings, seen: str, *, who: str, as_json: bool) -> int:
    """Print why; 1 where the object is hidden. Raises PalantirError, LedgerError, ReleaseError, UnknownName."""
    from palantir_assets.engine.explaining import erased, explained
    from palantir_assets.release.reading import open_release
    from palantir_assets.serving.following_edits import FollowedEdits
    from palantir_assets.stores.edits import EditLog
    from palantir_assets.stores.ledger import open_ledger

    object_type, slash, key = seen.partition("/")
    if not slash or not key:
        raise PalantirError(f"{seen!r} is not TYPE/KEY", next_step="write the object's type, a slash and its key, such as order/17")
    with closing(open_ledger(settings.ledger_url, settings.audit_key)) as ledger:
        head = ledger.head()
        if head is None:
            raise PalantirError("nothing has been released yet", next_step="run `palantir build`")
        release = open_release(settings.releases / head.release_id, settings.indexes)
        try:
            edits = FollowedEdits(EditLog(ledger.database))
            now = edits.over(edits.prepared(release))
            found = explained(now, _principal(settings, ledger.database, release, who), object_type, key)
            if found.missing and EditLog(ledger.database).erased_among({(object_type, key)}):
                found = erased()
        finally:
            release.close()
    hidden = {prop: [_both(reason) for reason in why] for prop, why in found.hidden.items()}
    if as_json:
        told = {"visible": found.visible, "because": [_both(each) for each in found.because], "shown": list(found.shown), "hidden": hidden}
        console.answer_json(told)
    else:
        console.answer(f"{who} {'sees' if found.visible else 'does not see'} {seen}")
        for reason in found.because:
            console.answer(f"  {reason.en}\n  {reason.ko}")
        for prop, why in found.hidden.items():
            console.answer("\n".join([f"hidden: {prop}", *(f"  {reason.en}\n  {reason.ko}" for reason in why)]))
    return 0 if found.visible else console.EXIT_REFUSED


def _principal(settings: Settings, database: object, release: object, who: str) -> Principal:
    from palantir_assets.release.reading import Release
    from palantir_assets.serving.explaining import in_role
    from palantir_assets.stores.database import Database
    from palantir_assets.stores.identity_opening import open_flows

    assert isinstance(database, Database) and isinstance(release, Release)
    with closing(open_flows(settings, database, lambda: datetime.now(UTC))) as opened:
        found = opened.identities.principal(who) or in_role(who, release.access)
    if found is None:
        raise PalantirError(f"there is no user, client or role {who!r}", next_step="`palantir user list` names the users")
    return found


def _both(reason: Reason) -> dict[str, str]:
    return {"en": reason.en, "ko": reason.ko}
