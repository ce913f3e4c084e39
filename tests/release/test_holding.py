"""The release served is exchanged without a request noticing, and kept when anything goes wrong."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from palantir_assets.errors import LedgerError, NoRelease
from palantir_assets.ontology.served_access import ServedAccess
from palantir_assets.release.holding import KEPT_FOR, ReleaseHolder
from palantir_assets.release.log import Pointer
from palantir_assets.release.publishing import activate, publish
from palantir_assets.release.reading import Release, open_release, read_access
from palantir_assets.release.sealing import Shelf
from palantir_assets.stores.ledger import Ledger
from tests.release.shop import NOW, seal_shop


class Site:
    """A shelf, a ledger and the releases opened from them."""

    def __init__(self, shelf: Shelf, ledger: Ledger, indexes: Path) -> None:
        self.shelf, self.ledger, self.indexes = shelf, ledger, indexes
        self.opened: list[Release] = []

    def publish(self, order_count: int) -> str:
        candidate = seal_shop(self.shelf, order_count=order_count)
        return publish(candidate, {"n": order_count}, shelf=self.shelf, log=self.ledger, reason="t", actor="t").release_id

    def open(self, pointer: Pointer) -> Release:
        self.opened.append(open_release(self.shelf.release(pointer.release_id), self.indexes))
        return self.opened[-1]

    def is_open(self, number: int) -> bool:
        try:
            with self.opened[number].sql() as cursor:
                cursor.execute("SELECT 1").fetchall()
        except Exception:
            return False
        return True


@pytest.fixture
def site(shelf: Shelf, ledger: Ledger, indexes: Path) -> Site:
    return Site(shelf, ledger, indexes)


@pytest.fixture
def holder(site: Site, ledger: Ledger) -> Iterator[ReleaseHolder]:
    holder = ReleaseHolder(ledger, site.open, clock=lambda: NOW, keep=0)
    yield holder
    holder.close()


def served(holder: ReleaseHolder) -> int:
    with holder.acquire() as release:
        return release.count("order")


def test_before_the_first_release_there_is_nothing_to_hold(holder: ReleaseHolder) -> None:
    assert holder.refresh() is False
    with pytest.raises(NoRelease, match="nothing has been released yet"), holder.acquire():
        pass


def test_a_refresh_follows_the_head_forward_and_back(site: Site, holder: ReleaseHolder) -> None:
    first = site.publish(3)
    assert holder.refresh() is True
    assert served(holder) == 3
    site.publish(4)
    assert (holder.refresh(), served(holder)) == (True, 4)
    activate(first, shelf=site.shelf, log=site.ledger, reason="rollback", actor="t")
    assert (holder.refresh(), served(holder)) == (True, 3)
    assert holder.refresh() is False
    assert (holder.status.release_no, holder.status.release_id, holder.status.loaded_at) == (3, first, NOW)


def test_a_request_keeps_its_release_to_the_end_and_the_last_one_closes_it(site: Site, holder: ReleaseHolder) -> None:
    site.publish(3)
    holder.refresh()
    with holder.acquire() as mine:
        site.publish(4)
        holder.refresh()
        assert mine.count("order") == 3
        assert served(holder) == 4
        assert site.is_open(0)
    assert not site.is_open(0)
    assert site.is_open(1)


def test_a_damaged_new_release_leaves_the_old_one_served_and_is_told(site: Site, holder: ReleaseHolder) -> None:
    site.publish(3)
    holder.refresh()
    damaged = site.publish(4)
    (site.shelf.release(damaged) / "ontology.json").unlink()
    assert holder.refresh() is False
    assert served(holder) == 3
    assert "lacks ontology.json" in (holder.status.last_reload_error or "")
    site.publish(5)
    assert holder.refresh() is True
    assert holder.status.last_reload_error is None


def test_a_silent_ledger_leaves_the_release_served(site: Site, holder: ReleaseHolder, monkeypatch: pytest.MonkeyPatch) -> None:
    site.publish(3)
    holder.refresh()

    def silent(self: Ledger) -> None:
        raise LedgerError("the ledger does not answer")

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "head", silent)
        assert holder.refresh() is False
    assert served(holder) == 3
    assert "does not answer" in (holder.status.last_reload_error or "")
    holder.refresh()
    assert holder.status.last_reload_error is None


def test_readers_never_see_a_mixture_while_releases_change(site: Site, holder: ReleaseHolder) -> None:
    names = [site.publish(count) for count in (3, 4)]
    holder.refresh()
    counts = dict(zip(names, (3, 4), strict=True))
    wrong: list[object] = []
    done = threading.Event()
    reads = 0

    def read() -> None:
        nonlocal reads
        while not done.is_set():
            with holder.acquire() as release, release.sql() as cursor:
                (found,) = cursor.execute('SELECT count(*) FROM "order"').fetchall()
                if not found[0] == release.count("order") == counts[release.id]:
                    wrong.append((release.id, found))
            reads += 1

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for turn in range(6):
        activate(names[turn % 2], shelf=site.shelf, log=site.ledger, reason="turn", actor="t")
        holder.refresh()
    done.set()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert reads > 10
    assert sum(site.is_open(number) for number in range(len(site.opened))) == 1


def test_a_replaced_release_can_be_asked_for_until_its_time_is_over(site: Site, ledger: Ledger) -> None:
    now = [NOW]
    holder = ReleaseHolder(ledger, site.open, clock=lambda: now[0])
    names = []
    for count in (3, 4, 5, 6):
        names.append(site.publish(count))
        holder.refresh()
    try:
        for name, counted in zip([None, *names], (6, 6, 4, 5, 6), strict=True):  # the first is one too many
            with holder.acquire(name) as release:
                assert release.count("order") == counted
        assert [site.is_open(number) for number in range(4)] == [False, True, True, True]
        now[0] += KEPT_FOR
        holder.refresh()
        with holder.acquire(names[1]) as release:
            assert release.count("order") == 6
        assert [site.is_open(number) for number in range(4)] == [False, False, False, True]
    finally:
        holder.close()


def test_a_rollback_takes_back_data_and_never_a_permission(site: Site, ledger: Ledger) -> None:
    rules = {3: ("everybody",), 4: ("staff",), 5: ()}
    seen: list[str] = []

    def of_orders(pointer: Pointer) -> ServedAccess:
        seen.append(pointer.release_id)
        return ServedAccess(anonymous=rules[counts[pointer.release_id]])

    held = ReleaseHolder(ledger, site.open, clock=lambda: NOW, keep=1, rules=of_orders)
    counts = {(first := site.publish(3)): 3}
    held.refresh()
    with held.acquire() as release:
        assert release.access.anonymous == ("everybody",)
    counts |= {(second := site.publish(4)): 4}
    held.refresh()
    activate(first, shelf=site.shelf, log=site.ledger, reason="rollback", actor="t")
    held.refresh()
    for wanted, count in ((first, 3), (second, 4)):
        with held.acquire(wanted) as release:
            assert (release.count("order"), release.access.anonymous) == (count, ("staff",))
    assert seen == [first, second, second]
    held.close()


def test_rules_that_cannot_be_read_leave_the_old_state(site: Site, ledger: Ledger) -> None:
    held = ReleaseHolder(ledger, site.open, clock=lambda: NOW, rules=lambda pointer: read_access(site.shelf.release(pointer.release_id)))
    site.publish(3)
    held.refresh()
    damaged = site.publish(4)
    (site.shelf.release(damaged) / "access.json").write_text("{")
    assert held.refresh() is False
    with held.acquire() as release:
        assert (release.count("order"), release.access) == (3, ServedAccess())  # nothing was declared: nobody reads
    assert "access.json cannot be read" in (held.status.last_reload_error or "")
    held.close()
