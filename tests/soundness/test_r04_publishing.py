"""R04: a release is whole or invisible, whichever step of publishing fails, and however.

Every point that sealing and publishing pass is recorded first; then each is made to fail, by an error of
the disk and by a kill. After each failure the head opens and verifies, a retry succeeds, and after the
collector nothing is left over.
"""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from palantir_assets.errors import PalantirError, ReleaseError
from palantir_assets.release.collecting import collect_garbage
from palantir_assets.release.filesystem import FileSystem
from palantir_assets.release.manifest import verify
from palantir_assets.release.publishing import Published, publish
from palantir_assets.release.reading import open_release
from palantir_assets.release.sealing import Shelf
from palantir_assets.stores.ledger import open_ledger
from tests.release.shop import seal_shop
from tests.soundness.conftest import Score

KILLED = 9
OLD, NEW = 4, 6
"""How many orders the release before has, and the one whose publishing fails."""


@dataclass
class Faults:
    """Counts the points passed and fails at one of them; -1 for none."""

    fail_at: int = -1
    fail: Callable[[Path], None] = lambda path: None
    passed: list[str] = field(default_factory=list)

    def reach(self, point: str, path: Path) -> None:
        self.passed.append(point)
        if len(self.passed) - 1 == self.fail_at:
            self.fail(path)


def disk_error(number: int) -> Callable[[Path], None]:
    def fail(path: Path) -> None:
        raise OSError(number, os.strerror(number), str(path))

    return fail


def kill(path: Path) -> None:
    os._exit(KILLED)


EVERY = pytest.mark.parametrize("every", [pytest.param(False, id="commit"), pytest.param(True, id="full", marks=pytest.mark.soundness)])
KINDS = (("kill", kill), ("EIO", disk_error(errno.EIO)), ("ENOSPC", disk_error(errno.ENOSPC)))


@dataclass(frozen=True)
class Site:
    """One place with a shelf and a ledger. Indexes are no truth: all sites share theirs."""

    root: Path

    @property
    def indexes(self) -> Path:
        return self.root.parent / "indexes"

    @property
    def shelf(self) -> Shelf:
        return Shelf(self.root / "releases")

    def publish(self, order_count: int, faults: Faults) -> Published:
        ledger = open_ledger(f"sqlite:///{self.root / 'ledger.db'}")
        fs = FileSystem(faults.reach)
        try:
            candidate = seal_shop(self.shelf, order_count=order_count, fs=fs)
            return publish(candidate, {"checks": {"rows": order_count}}, shelf=self.shelf, log=ledger, reason="r04", actor="test", fs=fs)
        finally:
            ledger.close()

    def publish_in_a_child(self, order_count: int, faults: Faults) -> int:
        """The exit code of a process that published, or was killed at the point."""
        child = os.fork()
        if child == 0:
            try:
                self.publish(order_count, faults)
            finally:
                os._exit(0)
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

    def problems_of_the_head(self, allowed: set[int]) -> list[str]:
        """The head must open and verify, and be the old release or the new one, whole."""
        ledger = open_ledger(f"sqlite:///{self.root / 'ledger.db'}")
        try:
            head = ledger.head()
            chain = [str(problem) for problem in ledger.verify_chain()]
        finally:
            ledger.close()
        if head is None:
            return ["there is no head"]
        folder = self.shelf.release(head.release_id)
        damage = [str(problem) for problem in verify(folder)]
        with_rows = self._rows_served(folder)
        return chain + damage + ([] if with_rows in allowed else [f"the head has {with_rows} orders"])

    def leftovers(self) -> list[str]:
        ledger = open_ledger(f"sqlite:///{self.root / 'ledger.db'}")
        try:
            collect_garbage(self.shelf, self.root / "no-indexes", ledger)
        finally:
            ledger.close()
        temporary = [entry.name for entry in self.shelf.staging.iterdir() if entry.suffix == ".tmp" or "damaged" in entry.name]
        unlinked = [entry.name for entry in self.shelf.blobs.iterdir() if entry.stat().st_nlink == 1]
        return temporary + unlinked

    def _rows_served(self, folder: Path) -> int:
        release = open_release(folder, self.indexes)
        try:
            return release.count("order")
        finally:
            release.close()


def copy_of(site: Site, root: Path) -> Site:
    """The same place again, with its hard links."""
    assert os.system(f"cp -a '{site.root}' '{root}'") == 0  # noqa: S605 - two paths of our own
    return Site(root)


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder in memory where there is one: what is tested is the order of steps, not the disk."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None) as folder:
        yield Path(folder)


@pytest.fixture
def before(place: Path) -> Site:
    """A place where a first release is served, and its indexes are built."""
    site = Site(place / "before")
    site.root.mkdir()
    site.publish(OLD, Faults())
    assert site.problems_of_the_head({OLD}) == []
    return site


def violations(site: Site, fault: str, *, first_publish: bool = False) -> list[str]:
    allowed = {OLD, NEW}
    found = [] if first_publish else site.problems_of_the_head(allowed)
    retried = site.publish(NEW, Faults())
    if retried.outcome not in ("published", "unchanged"):
        found.append("the retry did not succeed")
    found += [f"left over: {name}" for name in site.leftovers()]
    found += [str(problem) for problem in verify(retried.folder)]
    return [f"{fault}: {problem}" for problem in found]


@EVERY
def test_r04_a_release_is_whole_or_invisible_at_every_point(before: Site, place: Path, every: bool, score: Score) -> None:
    """On each commit every named point sees a kill, EIO and ENOSPC where it is first passed; in the long tier wherever it is."""
    record = Faults()
    copy_of(before, place / "record").publish(NEW, record)
    assert {"seal.rename", "publish.rename", "publish.parent.fsync", "blob.link", "commit.before", "commit.after"} <= set(record.passed)
    found: list[str] = []
    cases = 0
    for number, point in enumerate(record.passed):
        for kind, fail in KINDS if every or point not in record.passed[:number] else ():
            site = copy_of(before, place / f"{number}-{kind}")
            _run_into(site, number, point, kind, fail)
            found += violations(site, f"{kind} at {number} ({point})")
            shutil.rmtree(site.root)
            cases += 1
    print(f"\nR04: {len(record.passed)} points, {cases} failures, {len(found)} violations", *found, sep="\n  ")
    score("R04", cases, len(found))


def _run_into(site: Site, number: int, point: str, kind: str, fail: Callable[[Path], None]) -> None:
    """Run into the fault; where cleaning up or a mere cache fails, the publishing itself succeeds."""
    faults = Faults(number, fail)
    if kind == "kill":
        assert site.publish_in_a_child(NEW, faults) == KILLED
        return
    try:
        site.publish(NEW, faults)
    except PalantirError as error:
        assert isinstance(error, ReleaseError)
        assert ("the disk is full" in str(error)) == (kind == "ENOSPC")
    else:
        assert point.endswith(".remove") or point.startswith("current."), point


@EVERY
def test_r04_the_very_first_release_is_whole_or_invisible_too(place: Path, every: bool, score: Score) -> None:
    """On each commit every named point sees a kill where it is first passed; in the long tier wherever it is passed."""
    record = Faults()
    (place / "record").mkdir()
    Site(place / "record").publish(NEW, record)
    found: list[str] = []
    numbers = [number for number, point in enumerate(record.passed) if every or point not in record.passed[:number]]
    for number in numbers:
        point = record.passed[number]
        site = Site(place / f"{number}")
        site.root.mkdir()
        assert site.publish_in_a_child(NEW, Faults(number, kill)) == KILLED
        found += violations(site, f"kill at {number} ({point})", first_publish=True)
        shutil.rmtree(site.root)
    print(f"\nR04, first release: {len(numbers)} of {len(record.passed)} points, {len(found)} violations", *found, sep="\n  ")
    score("R04", len(numbers), len(found))
