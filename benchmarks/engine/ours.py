"""Our side where the engine is asked within its process: what `worker` calls.

`around` and `path` answer as a route does, from what was asked, with the caller's rights, to the JSON of the objects; only
HTTP is missing. `walk` is the walk alone, which is what networkx does: from keys to the nodes on the way.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson

from benchmarks.engine.questions import AROUND, Pair
from palantir_assets.access.views import whole
from palantir_assets.release.reading import open_release


def around(folder: str, indexes: str) -> Callable[[str], list[str]]:
    """Plane → its flights → where they went → whatever went there → who operated that, as one object set."""
    from palantir_assets.engine.answering import execute
    from palantir_assets.query.plans import parse_query, plan
    from palantir_assets.query.sets import OBJECT_RID

    release = open_release(Path(folder), Path(indexes))

    def ask(key: str) -> list[str]:
        form: dict[str, Any] = {"type": "static", "objects": [f"{OBJECT_RID}plane.{key}"]}
        for link in AROUND:
            form = {"type": "searchAround", "objectSet": form, "link": link}
        answer = execute(plan(parse_query({"set": form}), whole(release.ontology)), release)
        return [orjson.loads(row)["__primaryKey"] for row in answer.rows]

    return ask


def path(folder: str, indexes: str) -> Callable[[Pair], int | None]:
    """The number of links between two objects, over every link both ways, or None where no way leads from one to the other."""
    from palantir_assets.engine.graphs import Thing
    from palantir_assets.engine.graphs import path as ways
    from palantir_assets.engine.networks import Ties
    from palantir_assets.graph import native
    from palantir_assets.graph.walks import Budget

    native.load()
    release, ties, budget = open_release(Path(folder), Path(indexes)), Ties(), Budget(rows=1, seconds=10)

    def ask(pair: Pair) -> int | None:
        found = ways(release, whole(release.ontology), Thing(pair[0], pair[1]), Thing(pair[2], pair[3]), ties, budget=budget).ways
        return len(found[0].links) if found else None

    return ask


def walk(folder: str, indexes: str) -> Callable[[Pair], int | None]:
    """The same over one network that is made beforehand, as networkx's graph is."""
    from palantir_assets.engine.asking import Asking
    from palantir_assets.engine.networks import Ties, network
    from palantir_assets.graph import native
    from palantir_assets.graph.walks import shortest_path

    native.load()
    release = open_release(Path(folder), Path(indexes))
    walked = network(Asking(whole(release.ontology), release), Ties(), ())

    def node(object_type: str, key: str) -> int:
        row = release.row_of(object_type, key)
        assert row is not None
        return walked.node(object_type, row)

    def ask(pair: Pair) -> int | None:
        found = shortest_path(walked, node(pair[0], pair[1]), node(pair[2], pair[3])).paths
        return len(found[0].hops) if found else None

    return ask
