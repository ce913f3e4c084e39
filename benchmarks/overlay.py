"""How much dearer a read is while edits wait for the next build: the same questions over a release, and with edits laid over it.

    python -m benchmarks.overlay --objects 300000 --edits 100000

Both sides are asked in turn in one process, and CPU time is compared, so that another program on the machine disturbs both
alike. A release of so many objects is made for it in a folder that is removed again.
"""

from __future__ import annotations

import argparse
import random
import statistics
import tempfile
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import numpy as np
import pyarrow as pa

from benchmarks.report import BenchmarkError
from palantir_assets.access.views import whole
from palantir_assets.actions.edits import Edit, ObjectEdit
from palantir_assets.actions.overlay import Overlay, fold
from palantir_assets.engine.aggregating import aggregate
from palantir_assets.engine.answering import execute
from palantir_assets.engine.edited import Edited, edited
from palantir_assets.engine.objects import get, linked
from palantir_assets.engine.ports import Released
from palantir_assets.graph.building import build_csr, save
from palantir_assets.ontology.served import ServedOntology
from palantir_assets.ontology.served_access import ACCESS_FILE, ServedAccess
from palantir_assets.query.aggregates import parse_aggregate, plan_aggregate
from palantir_assets.query.plans import parse_query, plan
from palantir_assets.release.manifest import Provenance, Versions, canonical_json
from palantir_assets.release.reading import ONTOLOGY, Release, open_release
from palantir_assets.release.sealing import Shelf, seal_candidate, staging
from palantir_assets.release.writing import object_schema, write_objects

MADE: Any = {
    "types": {
        "box": {
            "name": "box", "label": {"en": "Box"}, "key": "box_id", "title": "Box {box_id}", "indexes": ["weight", "colour"],
            "properties": {
                "box_id": {"type": "integer"}, "weight": {"type": "integer", "optional": True},
                "colour": {"type": "string", "optional": True}, "price": {"type": "double", "optional": True},
                "packed_at": {"type": "timestamp", "optional": True}, "shelf_id": {"type": "string", "optional": True},
            },
            "links": {"shelf": {"to": "shelf", "reverse": "boxes", "cardinality": "many_to_one", "by": "shelf_id"}},
        },
        "shelf": {
            "name": "shelf", "label": {"en": "Shelf"}, "key": "shelf_id", "title": "{shelf_id}",
            "properties": {"shelf_id": {"type": "string"}, "hall": {"type": "integer", "optional": True}},
        },
    }
}  # fmt: skip
SHELVES = 2_000
COLOURS = ("red", "green", "blue", "white", "black", "grey")
Asked = Callable[[Released, int], object]


def made_release(folder: Path, objects: int) -> Release:
    """Boxes on shelves, sealed and opened."""
    ontology, shelf = ServedOntology.model_validate(MADE), Shelf(folder / "releases")
    now, rng = datetime(2024, 1, 1, tzinfo=UTC), np.random.default_rng(1)
    on = rng.integers(0, SHELVES, objects)
    boxes = {
        "_row": np.arange(objects), "_title": [f"Box {at}" for at in range(objects)], "box_id": np.arange(objects),
        "weight": rng.integers(0, 10_000, objects), "colour": [COLOURS[at % 6] for at in range(objects)],
        "price": rng.random(objects), "packed_at": [now.replace(tzinfo=None)] * objects, "shelf_id": [f"S{at:05d}" for at in on],
    }  # fmt: skip
    names = [f"S{at:05d}" for at in range(SHELVES)]
    shelves = {"_row": np.arange(SHELVES), "_title": names, "shelf_id": names, "hall": np.arange(SHELVES) % 7}
    with staging(shelf) as staged:
        (staged / ONTOLOGY).write_bytes(canonical_json(ontology.model_dump(mode="json")))
        (staged / ACCESS_FILE).write_text(ServedAccess().model_dump_json(), encoding="utf-8")
        for name, columns in (("box", boxes), ("shelf", shelves)):
            kind = ontology.types[name]
            write_objects(pa.table(columns).cast(object_schema(kind)), staged / "objects" / name, kind)
        save(build_csr(np.arange(objects), on, objects, SHELVES), staged / "links" / "box__shelf")
        versions = Versions(code_version="1", spec_version="1", lock_version="1")
        rows = {"box": objects, "shelf": SHELVES}
        sealed = seal_candidate(staged, shelf, versions=versions, provenance=Provenance(created_at=now), rows=rows)
    return open_release(sealed.folder, folder / "indexes")


def made_edits(objects: int, count: int) -> list[tuple[int, Edit]]:
    """Nine in ten change a box, of those one in three its shelf; the others make boxes and take some away."""
    rng, found = random.Random(2), list[tuple[int, Edit]]()
    for number in range(1, count + 1):
        key = str(rng.randrange(objects))
        match rng.random():
            case chance if chance < 0.6:
                edit = ObjectEdit("modify", "box", key, {"weight": rng.randrange(10_000), "colour": rng.choice(COLOURS)})
            case chance if chance < 0.9:
                edit = ObjectEdit("modify", "box", key, {"shelf_id": f"S{rng.randrange(SHELVES):05d}", "price": rng.random()})
            case chance if chance < 0.95:
                values = {"box_id": objects + number, "weight": rng.randrange(10_000), "colour": "red", "shelf_id": "S00001"}
                edit = ObjectEdit("create", "box", str(objects + number), values)
            case _:
                edit = ObjectEdit("delete", "box", key)
        found.append((number, edit))
    return found


def questions(release: Release, objects: int) -> Mapping[str, Asked]:
    """The four questions of the promise, and how many pages of boxes there are at all; each takes a number, so that none is asked twice."""
    view = whole(release.ontology)

    def by_key(asked: Released, number: int) -> object:
        return [
            get(asked, view, "box", key)
            for at in range(50)
            if asked.row_of("box", key := str((number * 7919 + at * 613) % objects)) is not None
        ]

    def page(asked: Released, number: int) -> object:
        where = {"type": "gte", "field": "weight", "value": 100 + number % 5_000}
        query = {"object": "box", "where": where, "order_by": [{"field": "weight", "direction": "asc"}], "limit": 50}
        return execute(plan(parse_query(query), view), asked).total

    def groups(asked: Released, number: int) -> object:
        query = {
            "object": "box", "where": {"type": "lt", "field": "price", "value": 0.9 - number % 7 / 100},
            "aggregations": [{"type": "count"}, {"type": "avg", "field": "weight"}], "group_by": [{"type": "exact", "field": "colour"}],
        }  # fmt: skip
        return aggregate(plan_aggregate(parse_aggregate(query), view), asked).excluded

    def hop(asked: Released, number: int) -> object:
        return linked(asked, view, "shelf", f"S{number % SHELVES:05d}", "boxes", limit=50).total

    def everything(asked: Released, number: int) -> object:
        return execute(plan(parse_query({"object": "box", "limit": 50 + number % 3}), view), asked).total

    return {"key": by_key, "filter and sort": page, "aggregate": groups, "hop": hop, "all": everything}


def ratio(ask: Asked, clean: Released, over: Released, *, rounds: int, number: int) -> tuple[float, float, float]:
    """Milliseconds of CPU time without and with edits, and the median of what one is of the other."""
    found: list[tuple[float, float]] = []
    for at in range(number, number + rounds):
        sides = [_timed(ask, each, at) for each in ((clean, over) if at % 2 else (over, clean))]
        found.append((sides[0], sides[1]) if at % 2 else (sides[1], sides[0]))
    without, with_edits = (statistics.median(side) for side in zip(*found, strict=True))
    return without * 1e3, with_edits * 1e3, statistics.median(b / a for a, b in found)


def measure(folder: Path, *, objects: int, edits: int, rounds: int, say: Callable[[str], None]) -> dict[str, tuple[float, float, float]]:
    """By question: milliseconds without and with edits, and what one is of the other. Raises BenchmarkError where answers differ."""
    with closing(made_release(folder, objects)) as release:
        made, asked = made_edits(objects, edits), questions(release, objects)
        began, over = perf_counter(), edited(release, Overlay())
        for start in range(0, len(made), 5_000):
            over = over.with_edits(made[start : start + 5_000])
        say(f"{len(made):,} edits over {objects:,} objects laid in {perf_counter() - began:.2f} s")
        _same_answers(asked, over, edited(release, fold(Overlay(), made)))
        over = _one_by_one(over, len(made), objects, say)
        found = {}
        for name, ask in asked.items():
            ratio(ask, release, over, rounds=10, number=0)
            without, with_edits, times = found[name] = ratio(ask, release, over, rounds=rounds, number=10)
            say(f"{name:16} {without:8.3f} ms  {with_edits:8.3f} ms  {times:5.2f} times")
        say(f"links walked anew after an edit: {_walked_anew(over, objects):.1f} ms of CPU time")
        return found


def main() -> None:
    """Print what each question costs, and how long the edits took to lay over."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--objects", type=int, default=300_000)
    parser.add_argument("--edits", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=60)
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        measure(Path(folder), objects=told.objects, edits=told.edits, rounds=told.rounds, say=print)


def _same_answers(asked: Mapping[str, Asked], over: Released, at_once: Released) -> None:
    """Edits that came bit by bit answer as the same edits laid over at once."""
    for name, ask in asked.items():
        if [ask(over, number) for number in range(5)] != [ask(at_once, number) for number in range(5)]:
            raise BenchmarkError(f"{name}: edits laid over one after the other answer otherwise than all at once")


def _walked_anew(over: Edited, objects: int) -> float:
    """Milliseconds of CPU time of the first walk of a link that an edit just touched, all of its arrays made anew."""
    spent, number = [], over.edit_no
    for at in range(1, 12):
        over = over.with_edits([(number + at, ObjectEdit("modify", "box", str(at * 41 % objects), {"shelf_id": "S00007"}))])
        began = process_time()
        over.links["box__shelf"]
        spent.append(process_time() - began)
    return statistics.median(spent) * 1e3


def _one_by_one(over: Edited, number: int, objects: int, say: Callable[[str], None]) -> Edited:
    """Some edits more, one at a time, as they come in."""
    began, steps = process_time(), 100
    for at in range(1, steps + 1):
        edit = ObjectEdit("modify", "box", str(at * 37 % objects), {"weight": at})
        over = over.with_edits([(number + at, edit)])
    say(f"one edit more: {(process_time() - began) / steps * 1e3:.2f} ms of CPU time")
    return over


def _timed(ask: Asked, release: Released, number: int) -> float:
    began = process_time()
    ask(release, number)
    return process_time() - began


if __name__ == "__main__":
    main()
