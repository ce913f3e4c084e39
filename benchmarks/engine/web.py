"""The rows of the table that are asked over HTTP: an object by key, linked objects, a filtered page, groups.

Each function is one measurement: it starts the sides, refuses to go on if two of them answer differently, lets them take
turns, and tells theirs ÷ ours. A peer that cannot be had is said so and left out; the others are measured.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from benchmarks.bench import Bench
from benchmarks.catalogue import Measured
from benchmarks.engine import tables
from benchmarks.engine.asking import Ask, HttpSide
from benchmarks.engine.pairing import Turns, compared, same_answers, take_turns
from benchmarks.engine.questions import (
    filter_asks,
    group_asks,
    groups_read,
    linked_asks,
    linked_read,
    object_asks,
    page_read,
    same_groups,
)
from benchmarks.engine.stage import Servers, Stage, stage_of, started
from benchmarks.report import BenchmarkError

CHECKED: Final = 100
Equal = Callable[[Any, Any], bool]


def keyed(bench: Bench) -> Mapping[str, Measured]:
    """One object by its key."""
    stage = stage_of(bench)
    with started(stage) as servers:
        asks = object_asks(stage.questions)
        hello, bare, ours = servers.hello(), servers.bare(asks), servers.ours(asks)
        same_answers([ours, bare], CHECKED)
        peers = _peers(servers, "object", asks, json.loads, tables.row_read)
        _agree(ours, peers, json.loads, tables.row_read)
        turns = take_turns([hello, bare, ours, *peers])
    bench.say(turns.told())
    return {
        "object_bare": compared(turns, "bare route", "hello", bench.today, ceiling=True, version=stage.version("hello")),
        "object_stack": compared(turns, "ours", "hello", bench.today, ceiling=True, version=stage.version("hello")),
        **_ratios(stage, turns, "object", peers),
    }


def linked(bench: Bench) -> Mapping[str, Measured]:
    """All of the hundred objects, or nearly, that are linked to one."""
    stage = stage_of(bench)
    with started(stage) as servers:
        asks = linked_asks(stage.questions)
        hello, bare = servers.hello(), servers.bare(asks, read=linked_read)
        peers = [servers.ladybug(asks, read=linked_read), servers.ladybug(asks, ready=True, read=linked_read)]
        same_answers([bare, *peers], len(asks))
        turns = take_turns([hello, bare, *peers])
    bench.say(turns.told())
    return {
        "linked_bare": compared(turns, "bare route", "hello", bench.today, ceiling=True, version=stage.version("hello")),
        "linked_ladybug": compared(turns, "bare route", peers[0].name, bench.today, version=stage.version("ladybug")),
        "linked_ladybug_ready": compared(turns, "bare route", peers[1].name, bench.today, version=stage.version("ladybug")),
    }


def filtered(bench: Bench) -> Mapping[str, Measured]:
    """The first fifty objects that two indexed properties find, in the order of a third."""
    return _stack_row(bench, "filter", filter_asks, page_read, tables.rows_read)


def grouped(bench: Bench) -> Mapping[str, Measured]:
    """Five aggregates by carrier, over all flights and over those of each origin."""
    return _stack_row(bench, "aggregate", group_asks, groups_read, tables.table_read, same_groups, groups_read)


def _stack_row(
    bench: Bench,
    row: str,
    asked: Callable[..., list[Ask]],
    read: Callable[[bytes], Any],
    table_read: Callable[[bytes], Any],
    equal: Equal = lambda one, other: bool(one == other),
    our_read: Callable[[bytes], Any] | None = None,
) -> Mapping[str, Measured]:
    """Our whole stack, PostgreSQL behind it, datasette and roapi."""
    stage = stage_of(bench)
    with started(stage) as servers:
        asks = asked(stage.questions)
        ours = servers.ours(asks, read=read)
        peers = _peers(servers, row, asks, read, table_read)
        _agree(ours, peers, read, our_read or table_read, equal)
        turns = take_turns([ours, *peers])
    bench.say(turns.told())
    return _ratios(stage, turns, row, peers)


def _peers(servers: Servers, row: str, asks: list[Ask], read: Callable[[bytes], Any], table_read: Callable[[bytes], Any]) -> list[HttpSide]:
    questions = servers.stage.questions
    makes: list[Callable[[], HttpSide]] = [
        lambda: servers.postgres(asks, read=read),
        lambda: tables.datasette(servers, tables.datasette_asks(questions)[row], table_read),
        lambda: tables.roapi(servers, tables.roapi_asks(questions)[row], table_read),
    ]
    return [side for make in makes if (side := _if_it_can(servers.stage, make)) is not None]


def _if_it_can(stage: Stage, make: Callable[[], HttpSide]) -> HttpSide | None:
    try:
        return make()
    except BenchmarkError as error:
        stage.bench.say(f"not compared with: {error}")
        return None


def _agree(
    ours: HttpSide,
    peers: Sequence[HttpSide],
    read: Callable[[bytes], Any],
    table_read: Callable[[bytes], Any],
    equal: Equal = lambda one, other: bool(one == other),
) -> None:
    """PostgreSQL answers as we do, to the last field; of the others' answers counts what has one spelling."""
    for peer in peers:
        ours.read = read if peer.name == "PostgreSQL" else table_read
        same_answers([ours, peer], min(CHECKED, len(ours.asks)), equal=equal)


def _ratios(stage: Stage, turns: Turns, row: str, peers: Sequence[HttpSide]) -> dict[str, Measured]:
    return {
        f"{row}_{peer.name.lower()}": compared(turns, "ours", peer.name, stage.bench.today, version=stage.version(peer.name))
        for peer in peers
    }
