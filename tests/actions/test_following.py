"""Who follows from nothing and applies all events has exactly the caller's view, wherever it stopped, and whatever was hidden."""

from __future__ import annotations

import random
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from palantir_assets.actions.cursors import Cursor, CursorExpired, CursorInvalid, Point
from palantir_assets.actions.edits import Edit, LinkEdit, ObjectEdit
from palantir_assets.actions.following import Event, Sight, changes
from palantir_assets.actions.overlay import APPENDED, Overlay, fold

SEQUENCES = 600
TYPES, KEYS, NAMES = ("bike", "lock"), tuple("abcdef"), ("p", "q", "r")
Objects = dict[tuple[str, str], dict[str, Any]]


@dataclass
class Caller:
    """A caller: what is hidden, and which objects are, by the value of a property."""

    types: tuple[str, ...] = TYPES
    hidden: frozenset[str] = frozenset()
    rule: tuple[str, int] | None = None

    def view(self, objects: Objects) -> Objects:
        return {
            here: {name: value for name, value in values.items() if name not in self.hidden and value is not None}
            for here, values in objects.items()
            if here[0] in self.types and (self.rule is None or (values.get(self.rule[0]) or 0) < self.rule[1])
        }


@dataclass
class Looking(Sight):
    objects: Objects
    caller: Caller

    @property
    def types(self) -> Collection[str]:
        return self.caller.types

    def keys(self, object_type: str) -> Sequence[str]:
        return [key for kind, key in self.objects if kind == object_type]

    def seen(self, object_type: str, keys: Sequence[str]) -> Mapping[str, Any]:
        view = self.caller.view(self.objects)
        return {key: view[object_type, key] for key in keys if (object_type, key) in view}


@dataclass
class World:
    """Releases with their objects and watermarks, and one log of edits."""

    caller: Caller
    releases: dict[str, tuple[Objects, int]] = field(default_factory=dict)
    log: list[Edit] = field(default_factory=list)
    current: str = ""
    rights: str = "aaaaaaaa"

    @property
    def erased(self) -> set[tuple[str, str]]:
        return {(edit.type, edit.key) for edit in self.log if isinstance(edit, ObjectEdit) and edit.kind == "erase"}

    def now(self) -> Point:
        return Point(self.current, len(self.log))

    def watermark(self, release_id: str) -> int:
        return self.releases[release_id][1]

    def edits(self, after: int, most: int) -> Sequence[tuple[int, Edit]]:
        return [(number, edit) for number, edit in enumerate(self.log, 1) if number > after][:most]

    def at(self, point: Point) -> Looking:
        return Looking(self.objects(point), self.caller)

    def objects(self, point: Point) -> Objects:
        base, watermark = self.releases[point.release_id]
        overlay = fold(Overlay(watermark), [(number, edit) for number, edit in self.edits(watermark, 10**6) if number <= point.edit_no])
        found = {here: dict(values) for here, values in base.items()}
        for kind, states in overlay.objects.items():
            for key, state in states.items():
                if state.gone:
                    found.pop((kind, key), None)
                elif state.kind == APPENDED or (kind, key) in found:
                    found[kind, key] = {**({} if state.kind == APPENDED else found[kind, key]), **state.values}
        return found

    def seen_now(self) -> Objects:
        shown = {here: values for here, values in self.objects(self.now()).items() if here not in self.erased}
        return self.caller.view(shown)

    def step(self, dice: random.Random) -> None:
        """A few edits, a new release of what is there by then and of what the source says, or a rollback."""
        what = dice.random()
        if what < 0.15 or not self.releases:
            base = self.objects(self.now()) if self.releases else {}
            for kind in TYPES:
                for key in KEYS:
                    if (kind, key) not in self.erased and dice.random() < 0.3:
                        base[kind, key] = values(dice)
                    elif dice.random() < 0.1:
                        base.pop((kind, key), None)
            folded = dice.randint(max(len(self.log) - 3, 0), len(self.log))  # edits may come while a release is made
            self.current = f"{len(self.releases) + 1:08x}"
            self.releases[self.current] = (base, folded)
        elif what < 0.2:
            self.current = dice.choice(list(self.releases))
        else:
            self.log += [self.edit(dice) for _ in range(dice.randint(1, 4))]

    def edit(self, dice: random.Random) -> Edit:
        here = (dice.choice(TYPES), dice.choice(KEYS))
        kind = dice.choices(["create", "modify", "delete", "erase", "link"], [3, 6, 2, 0.3, 1])[0]
        if kind == "link":
            return LinkEdit("link", "bike__locks", here[1], "a", TYPES)
        if kind == "modify":
            return ObjectEdit("modify", *here, {name: dice.randint(0, 5) for name in dice.sample(NAMES, dice.randint(1, 2))})
        return ObjectEdit(kind, *here, values(dice) if kind == "create" else {})  # type: ignore[arg-type]


def values(dice: random.Random) -> dict[str, Any]:
    return {name: dice.choice([None, 0, 1, 2, 3, 4, 5]) for name in NAMES}


def random_caller(dice: random.Random) -> Caller:
    return Caller(
        tuple(name for name in TYPES if dice.random() < 0.9),
        frozenset(name for name in NAMES if dice.random() < 0.3),
        (dice.choice(NAMES), dice.randint(1, 5)) if dice.random() < 0.6 else None,
    )


@dataclass
class Follower:
    """A program that follows: it holds objects and a cursor, and applies event after event."""

    held: Objects = field(default_factory=dict)
    cursor: str = "0"

    def apply(self, event: Event) -> None:
        here = (event.type, event.key)
        if event.kind == "added":
            self.held[here] = dict(event.values)
        elif event.kind == "removed":
            self.held.pop(here, None)
        else:
            for name, (before, now) in event.changes.items():
                assert self.held[here].get(name) == before
                self.held[here][name] = now
        self.cursor = str(event.cursor)

    def objects(self) -> Objects:
        return {here: {name: value for name, value in held.items() if value is not None} for here, held in self.held.items()}


def test_who_applies_all_events_has_the_callers_view(score: Any) -> None:
    differences = events = cuts = 0
    for seed in range(SEQUENCES):
        dice = random.Random(seed)
        world, follower = World(random_caller(dice)), Follower()
        world.step(dice)
        for _ in range(dice.randint(3, 14)):
            world.step(dice)
            for _ in range(dice.randint(0, 3)):
                page = changes(world, Cursor.read(follower.cursor), limit=dice.randint(1, 7))
                stop = dice.randint(0, len(page.events))  # the connection breaks here
                for event in page.events[:stop]:
                    follower.apply(event)
                    events += 1
                cuts += 1
                if stop == len(page.events):
                    follower.cursor = str(page.cursor)
        while not (page := changes(world, Cursor.read(follower.cursor), limit=dice.randint(1, 50))).is_last or page.events:
            for event in page.events:
                follower.apply(event)
            follower.cursor = str(page.cursor)
        differences += follower.objects() != world.seen_now()
    print(f"{SEQUENCES} sequences, {events} events, {cuts} cuts and resumes, {differences} differences")
    assert events > SEQUENCES and differences == 0


def small(caller: Caller | None = None) -> World:
    base: Objects = {("bike", "a"): {"p": 1, "q": 1}, ("bike", "b"): {"p": 5, "q": 1}}
    return World(caller or Caller(), {"0000000a": (base, 0)}, [], "0000000a")


def told(world: World, since: str = "0000000a,0", **options: Any) -> list[tuple[str, str, Any]]:
    page = changes(world, Cursor.read(since), limit=50, **options)
    return [(event.kind, event.key, event.values or dict(event.changes)) for event in page.events]


def test_an_edit_of_a_hidden_property_is_no_event_and_is_in_none() -> None:
    world = small(Caller(hidden=frozenset({"q"})))
    world.log += [ObjectEdit("modify", "bike", "a", {"q": 9}), ObjectEdit("modify", "bike", "b", {"p": 2, "q": 9})]
    assert told(world) == [("modified", "b", {"p": (5, 2)})]


def test_a_row_that_an_edit_shows_or_hides_is_added_or_removed() -> None:
    world = small(Caller(rule=("p", 4)))
    world.log += [ObjectEdit("modify", "bike", "a", {"p": 7}), ObjectEdit("modify", "bike", "b", {"p": 2})]
    assert told(world) == [("removed", "a", {}), ("added", "b", {"p": 2, "q": 1})]


def test_every_edit_of_an_object_is_an_event_with_a_cursor_of_its_own() -> None:
    world = small()
    world.log += [ObjectEdit("modify", "bike", "a", {"p": number}) for number in (2, 3, 4)]
    page = changes(world, Cursor.read("0000000a,0"), limit=50)
    assert [(str(event.cursor), event.changes["p"]) for event in page.events] == [
        ("0000000a,1~aaaaaaaa", (1, 2)),
        ("0000000a,2~aaaaaaaa", (2, 3)),
        ("0000000a,3~aaaaaaaa", (3, 4)),
    ]
    assert page.is_last and str(page.cursor) == "0000000a,3~aaaaaaaa"


def test_of_an_erased_object_nothing_is_told_but_that_it_is_gone() -> None:
    world = small()
    world.log += [ObjectEdit("modify", "bike", "a", {"p": 9}), ObjectEdit("erase", "bike", "a")]
    assert told(world) == [("removed", "a", {})]
    assert [row[1] for row in told(world, "0")] == ["b", "a"]  # added to nobody
    assert told(world, "0")[1] == ("removed", "a", {})


def test_only_the_types_asked_for_are_told() -> None:
    world = small()
    world.log += [ObjectEdit("create", "lock", "x", {"p": 1}), ObjectEdit("modify", "bike", "a", {"p": 2})]
    assert told(world, types={"lock"}) == [("added", "x", {"p": 1})]


def test_a_cursor_of_other_rights_is_refused() -> None:
    with pytest.raises(CursorExpired):
        changes(small(), Cursor.read("0000000a,0~bbbbbbbb"), limit=5)


@pytest.mark.parametrize(
    "text", ["", "1", "0000000a", "0000000a,-1", "0000000a,1,2", "x,1", "0000000a,1~", "0,0,0000000a,1,5", "0000000A,1"]
)
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(CursorInvalid):
        Cursor.read(text)


def test_a_cursor_tells_no_number_of_what_is_hidden() -> None:
    base: Objects = {("bike", str(number)): {"p": number} for number in range(50)}
    world = World(Caller(rule=("p", 1)), {"0000000a": (base | {("lock", "x"): {"p": 0}}, 0)}, [], "0000000a")
    page = changes(world, Cursor(), limit=2)
    assert [str(event.cursor) for event in page.events] == ["0,0,0000000a,0,bike/0~aaaaaaaa", "0,0,0000000a,0,lock/x~aaaaaaaa"]


def test_a_cursor_of_an_object_that_never_was_is_refused() -> None:
    with pytest.raises(CursorInvalid):
        changes(small(), Cursor.read("0,0,0000000a,0,bike/never"), limit=5)


def test_a_cursor_reads_what_it_writes() -> None:
    for text in (
        "0,0",
        "0000000a,7",
        "0000000a,7~aaaaaaaa",
        "0,0,0000000a,12~aaaaaaaa",
        "0,0,0000000a,12,bike/a%2F%7E%2C%ED%95%9C~aaaaaaaa",
    ):
        assert str(Cursor.read(text)) == text
