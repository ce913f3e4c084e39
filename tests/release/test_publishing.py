"""A candidate becomes a release by one ledger row; everything before it leaves what is served alone."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import pytest

from palantir_assets.errors import LedgerError, ReleaseError
from palantir_assets.release.collecting import collect_garbage
from palantir_assets.release.filesystem import FileSystem
from palantir_assets.release.log import Pointer
from palantir_assets.release.manifest import read_manifest, verify
from palantir_assets.release.publishing import Published, activate, publish
from palantir_assets.release.sealing import Candidate, Shelf, find_candidate, seal_candidate, staging
from palantir_assets.stores.ledger import Ledger, LedgerAt
from tests.release.shop import NOW, PROVENANCE, VERSIONS, seal_shop, write_content

REPORTS = {"checks": {"passed": 12, "failed": 0}, "evals": {"search": 0.95}}


def publish_shop(shelf: Shelf, ledger: Ledger, candidate: Candidate | None = None, reports: dict[str, object] | None = None) -> Published:
    candidate = candidate or seal_shop(shelf)
    return publish(candidate, reports or dict(REPORTS), shelf=shelf, log=ledger, reason="test", actor="tester", clock=lambda: NOW)


class DeafLog:
    """A ledger that cannot be reached."""

    def head(self) -> Pointer | None:
        raise LedgerError("the ledger does not answer")

    def list(self) -> Sequence[Pointer]:
        raise LedgerError("the ledger does not answer")

    def commit(
        self, release_id: str, *, content_id: str, expected_no: int, reason: str, actor: str, at: datetime, notes: Sequence[str] = (),
        declassified: Sequence[Mapping[str, object]] = (),
    ) -> int:  # fmt: skip
        raise LedgerError("the ledger does not answer")

    def audit_head(self) -> str | None:
        raise LedgerError("the ledger does not answer")


def test_what_is_declassified_stands_in_the_release_and_in_the_audit_one_row_each(shelf: Shelf, ledger: Ledger) -> None:
    said = [{"property": f"customer.{name}", "removes": ["personal"], "because": "a test", "by": "team:test"} for name in ("a", "b")]
    published = publish(seal_shop(shelf), {"declassifications": said}, shelf=shelf, log=ledger, reason="a test", actor="test")
    assert "reports/declassifications.json" in read_manifest(published.folder).files
    rows = [row for row in ledger.audit() if row.action == "declassified"]
    assert [(row.subject, row.detail["because"], row.detail["release_id"]) for row in rows] == [
        (one["property"], "a test", published.release_id) for one in said
    ]
    assert list(ledger.verify_chain()) == []


def test_a_release_holds_content_and_reports_and_verifies(shelf: Shelf, ledger: Ledger) -> None:
    candidate = seal_shop(shelf)
    published = publish_shop(shelf, ledger, candidate)
    assert verify(published.folder) == []
    manifest = read_manifest(published.folder)
    assert manifest.release_id == published.release_id == published.folder.name
    assert manifest.content == candidate.manifest.files
    assert set(manifest.reports) == {"reports/checks.json", "reports/evals.json"}
    assert json.loads((published.folder / "reports" / "checks.json").read_bytes()) == REPORTS["checks"]
    head = ledger.head()
    assert head is not None
    assert (head.release_no, head.release_id, head.content_id) == (1, published.release_id, candidate.content_id)
    assert shelf.current.read_text().strip() == published.release_id


def test_equal_content_is_linked_not_copied(shelf: Shelf, ledger: Ledger) -> None:
    published = publish_shop(shelf, ledger)
    second = publish_shop(shelf, ledger, reports={"checks": {"passed": 13}})
    assert second.release_id != published.release_id
    path = "objects/order/part-00000.parquet"
    assert (published.folder / path).samefile(second.folder / path)


def test_the_same_content_and_reports_make_no_new_row(shelf: Shelf, ledger: Ledger) -> None:
    first = publish_shop(shelf, ledger)
    again = publish_shop(shelf, ledger)
    assert (first.outcome, again.outcome) == ("published", "unchanged")
    assert again.release_no == 1
    assert len(ledger.list()) == 1


def test_ids_do_not_depend_on_run_time_or_versions(shelf: Shelf, tmp_path: Path) -> None:
    one = seal_shop(shelf)
    other = Shelf(tmp_path / "elsewhere")
    with staging(other) as folder:
        rows = write_content(folder)
        provenance = PROVENANCE.model_copy(update={"run_id": "another", "created_at": NOW.replace(year=2030)})
        versions = VERSIONS.model_copy(update={"code_version": "77"})
        two = seal_candidate(folder, other, versions=versions, provenance=provenance, rows=rows)
    assert one.content_id == two.content_id
    assert seal_shop(shelf, order_count=11).content_id != one.content_id


def test_a_sealed_candidate_is_adopted_and_a_damaged_one_rebuilt(shelf: Shelf) -> None:
    first = seal_shop(shelf)
    assert seal_shop(shelf).adopted
    piece = first.folder / "ontology.json"
    piece.chmod(0o644)
    piece.write_text("{}")  # the blob is the same file, so the pool is damaged too
    second = seal_shop(shelf)
    assert not second.adopted
    assert verify(second.folder) == []
    assert [path.name for path in shelf.staging.iterdir() if path.name.startswith("damaged-")]
    assert find_candidate(shelf, first.content_id).manifest == first.manifest


def test_a_release_folder_left_by_a_crash_is_adopted(shelf: Shelf, ledger: Ledger) -> None:
    candidate = seal_shop(shelf)
    with pytest.raises(LedgerError):
        publish(candidate, REPORTS, shelf=shelf, log=DeafLog(), reason="test", actor="tester")
    published = publish_shop(shelf, ledger, candidate)
    assert (published.outcome, published.notes) == ("published", ())


def test_a_damaged_release_folder_is_moved_aside_rebuilt_and_noted(shelf: Shelf, ledger: Ledger) -> None:
    candidate = seal_shop(shelf)
    first = publish_shop(shelf, ledger, candidate)
    (first.folder / "reports" / "checks.json").chmod(0o644)
    (first.folder / "reports" / "checks.json").write_text("{}")
    second = publish_shop(shelf, ledger, candidate)
    assert second.release_id == first.release_id
    assert second.release_no == 2
    assert verify(second.folder) == []
    assert "was damaged" in second.notes[0]
    assert ledger.audit()[-1].detail["notes"] == list(second.notes)


def test_a_damaged_candidate_is_not_released(shelf: Shelf, ledger: Ledger) -> None:
    candidate = seal_shop(shelf)
    (candidate.folder / "ontology.json").unlink()
    with pytest.raises(ReleaseError, match=r"is damaged and was not released:\n.*ontology.json: missing"):
        publish_shop(shelf, ledger, candidate)
    assert ledger.head() is None


def test_an_unreachable_ledger_leaves_a_release_that_activate_commits(shelf: Shelf, ledger: Ledger) -> None:
    candidate = seal_shop(shelf)
    with pytest.raises(LedgerError, match=r"palantir release activate ([0-9a-f]{32})") as told:
        publish(candidate, REPORTS, shelf=shelf, log=DeafLog(), reason="test", actor="tester")
    release = told.value.advice.split()[-1].rstrip("`")
    activated = activate(release, shelf=shelf, log=ledger, reason="by hand", actor="tester")
    assert (activated.release_no, activated.outcome) == (1, "published")


def test_a_ledger_that_cannot_even_be_opened_leaves_a_release_too(shelf: Shelf, ledger: Ledger, tmp_path: Path) -> None:
    (tmp_path / "no-folder").write_text("")
    away = LedgerAt(f"sqlite:///{tmp_path / 'no-folder' / 'ledger.db'}")
    with pytest.raises(LedgerError, match=r"is complete on disk and waits.*\n.*palantir release activate"):
        publish(seal_shop(shelf), REPORTS, shelf=shelf, log=away, reason="test", actor="tester")
    (folder,) = [entry for entry in shelf.root.iterdir() if len(entry.name) == 32]
    here = LedgerAt(str(ledger.database.engine.url))
    assert activate(folder.name, shelf=shelf, log=here, reason="by hand", actor="tester").release_no == 1
    assert (here.head(), list(here.list()), here.audit_head()) == (ledger.head(), ledger.list(), ledger.audit_head())


def test_of_two_publishers_one_wins_and_the_other_is_told(shelf: Shelf, ledger: Ledger) -> None:
    mine, theirs = seal_shop(shelf), seal_shop(shelf, order_count=5)

    def overtake(point: str, path: Path) -> None:
        if point == "commit.before":
            publish_shop(shelf, ledger, theirs)

    with pytest.raises(ReleaseError, match="another publisher made release number 1 current"):
        publish(mine, REPORTS, shelf=shelf, log=ledger, reason="test", actor="tester", fs=FileSystem(overtake))
    head = ledger.head()
    assert head is not None
    assert head.content_id == theirs.content_id
    assert len(ledger.list()) == 1


def test_rollback_is_a_new_row_that_points_at_an_old_folder(shelf: Shelf, ledger: Ledger) -> None:
    old = publish_shop(shelf, ledger)
    publish_shop(shelf, ledger, seal_shop(shelf, order_count=11))
    back = activate(old.release_id, shelf=shelf, log=ledger, reason="rollback", actor="tester")
    assert back.release_no == 3
    assert [row.release_id for row in ledger.list()][::2] == [old.release_id, old.release_id]
    assert activate(old.release_id, shelf=shelf, log=ledger, reason="again", actor="tester").outcome == "unchanged"


@pytest.mark.parametrize("name", ["f" * 32, "..", "../releases", "", ".staging"])
def test_what_is_no_release_cannot_be_activated(shelf: Shelf, ledger: Ledger, name: str) -> None:
    publish_shop(shelf, ledger)
    with pytest.raises(ReleaseError, match="there is no release"):
        activate(name, shelf=shelf, log=ledger, reason="test", actor="tester")


def test_a_damaged_release_cannot_be_activated(shelf: Shelf, ledger: Ledger) -> None:
    old = publish_shop(shelf, ledger)
    publish_shop(shelf, ledger, seal_shop(shelf, order_count=11))
    (old.folder / "extra.txt").write_text("planted")
    with pytest.raises(ReleaseError, match=r"extra\.txt: not in the manifest"):
        activate(old.release_id, shelf=shelf, log=ledger, reason="rollback", actor="tester")


def test_a_full_disk_is_told_with_the_place(shelf: Shelf, ledger: Ledger) -> None:
    def full(point: str, path: Path) -> None:
        if point == "blob.link":
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))

    with pytest.raises(ReleaseError, match=r"the disk is full while sealing the candidate at .*what was served is served still"):
        seal_shop(shelf, fs=FileSystem(full))


def test_where_files_cannot_be_linked_they_are_copied(shelf: Shelf, ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(source: Path, target: Path) -> None:
        raise OSError(errno.EPERM, os.strerror(errno.EPERM))

    monkeypatch.setattr(os, "link", refuse)
    published = publish_shop(shelf, ledger)
    assert verify(published.folder) == []
    assert not (published.folder / "ontology.json").samefile(shelf.blobs / read_manifest(published.folder).files["ontology.json"].sha256)


def test_content_may_hold_neither_links_nor_reports(shelf: Shelf) -> None:
    with staging(shelf) as folder:
        (folder / "passwd").symlink_to("/etc/passwd")
        with pytest.raises(ReleaseError, match="not a plain file"):
            seal_candidate(folder, shelf, versions=VERSIONS, provenance=PROVENANCE, rows={})
    with staging(shelf) as folder:
        (folder / "reports").mkdir()
        (folder / "reports" / "checks.json").write_text("{}")
        with pytest.raises(ReleaseError, match="may not lie in reports/"):
            seal_candidate(folder, shelf, versions=VERSIONS, provenance=PROVENANCE, rows={})


def test_everything_renamed_was_synced_before_and_its_parent_after(shelf: Shelf, ledger: Ledger) -> None:
    """R07 in small: nothing that a power cut may drop stands under a final name."""
    synced: set[tuple[int, int]] = set()
    steps: list[tuple[str, Path]] = []
    real_sync = os.fsync

    def remember(handle: int) -> None:
        facts = os.fstat(handle)
        synced.add((facts.st_dev, facts.st_ino))
        real_sync(handle)

    def check(point: str, path: Path) -> None:
        steps.append((point, path))
        if point in ("seal.rename", "publish.rename"):
            source = next(entry for entry in shelf.staging.iterdir() if (entry / "manifest.json").exists() and entry.suffix == ".tmp")
            inside = [source, *source.rglob("*")]
            unsynced = [entry for entry in inside if (entry.stat().st_dev, entry.stat().st_ino) not in synced]
            assert unsynced == []

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", remember)
        publish(seal_shop(shelf, fs=FileSystem(check)), REPORTS, shelf=shelf, log=ledger, reason="t", actor="t", fs=FileSystem(check))
    points = [point for point, _ in steps]
    for rename, after in (("seal.rename", "seal.parent.fsync"), ("publish.rename", "publish.parent.fsync")):
        assert points.index(after) == points.index(rename) + 1
    assert points.index("publish.parent.fsync") < points.index("commit.before")


def test_garbage_is_what_no_release_and_no_living_writer_needs(shelf: Shelf, ledger: Ledger, indexes: Path) -> None:
    published = [publish_shop(shelf, ledger, seal_shop(shelf, order_count=count)) for count in range(1, 6)]
    for name in [row.content_id for row in ledger.list()]:
        (indexes / name).mkdir(parents=True)
    (shelf.staging / "dead.tmp" / "objects").mkdir(parents=True)
    (shelf.blobs / ("0" * 64)).write_text("nobody's")
    with staging(shelf) as living:
        collected = collect_garbage(shelf, indexes, ledger, keep=3)
        assert living.exists()
    assert (collected.orphans, collected.blobs, collected.candidates, collected.indexes) == (1, 1, 2, 2)
    assert [verify(one.folder) for one in published] == [[]] * 5
    assert {entry.name for entry in indexes.iterdir()} == {row.content_id for row in ledger.list()[-3:]}


def test_nothing_is_collected_while_the_ledger_is_silent(shelf: Shelf, indexes: Path) -> None:
    (shelf.staging / "dead.tmp").mkdir(parents=True)
    with pytest.raises(LedgerError):
        collect_garbage(shelf, indexes, DeafLog())
    assert (shelf.staging / "dead.tmp").exists()
