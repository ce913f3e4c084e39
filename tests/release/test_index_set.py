"""Opening takes as long as building; what is done with meanwhile is given back at once."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import cast

from palantir_assets.release.index_set import IndexRegistry, IndexSet


class Closing:
    def __init__(self) -> None:
        self.closed = False

    def close(self) -> None:
        self.closed = True


def test_an_index_set_is_opened_once_and_closed_by_the_last_who_gives_it_back() -> None:
    registry, one = IndexRegistry(), Closing()
    for _ in range(2):
        assert registry.take(Path("a"), lambda: cast(IndexSet, one)) is one
    registry.give_back(Path("a"))
    assert not one.closed
    registry.give_back(Path("a"))
    assert one.closed


def test_what_is_given_back_does_not_wait_for_what_is_being_opened() -> None:
    registry, one, begun, go_on = IndexRegistry(), Closing(), threading.Event(), threading.Event()

    def opening() -> IndexSet:
        begun.set()
        assert go_on.wait(30)
        return cast(IndexSet, Closing())

    registry.take(Path("a"), lambda: cast(IndexSet, one))
    other = threading.Thread(target=registry.take, args=(Path("b"), opening))
    other.start()
    assert begun.wait(30)
    giving = threading.Thread(target=registry.give_back, args=(Path("a"),))
    giving.start()
    giving.join(5)
    assert not giving.is_alive() and one.closed
    go_on.set()
    other.join()
