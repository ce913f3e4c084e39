"""What edits, policies and the ledger cost, each beside the same without it: the rows of the table that come from
`overlay`, `following`, `policies` and `ledger`, in the form that `__main__` keeps.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import following, ledger, overlay, policies
from benchmarks.bench import Bench
from benchmarks.catalogue import Measured
from benchmarks.engine.pairing import Turns
from palantir_assets.actions.edits import ObjectEdit

OBJECTS, EDITS, ROUNDS = 300_000, 100_000, 60
ASKED: Mapping[str, str] = {
    "key": "edits_object",
    "filter and sort": "edits_filter",
    "aggregate": "edits_aggregate",
    "hop": "edits_linked",
    "all": "edits_page",
}
RULED: Mapping[str, str] = {
    "object by key": "policies_object",
    "filter": "policies_filter",
    "aggregate": "policies_aggregate",
    "page": "policies_page",
}


def edits(bench: Bench) -> Mapping[str, Measured]:
    """Reads over pending edits beside reads of the release alone, and how soon another process sees an edit."""
    folder = bench.work / "edits"
    folder.mkdir(parents=True)
    sides = overlay.measure(folder, objects=OBJECTS, edits=EDITS, rounds=ROUNDS, say=bench.say)
    return {**reads(sides, bench.today), "edits_seen": _seen(bench)}


def ruled(bench: Bench) -> Mapping[str, Measured]:
    """The same questions with and without a row rule and a hidden property."""
    return under_rules(policies.measure(bench.built(), bench.work / "logs"), bench.today)


def acknowledged(bench: Bench) -> Mapping[str, Measured]:
    """Edits a second beside bare one-row commits of the same disk."""
    with TemporaryDirectory(dir=bench.work) as folder:
        return rates(ledger.measure(f"sqlite:///{folder}/ledger.db", Path(folder)), bench.today)


def reads(sides: Mapping[str, tuple[float, float, float]], today: str) -> dict[str, Measured]:
    """Milliseconds without and with edits, and their ratio, as rows."""
    return {
        row: Measured(sides[name][2], today, ours=sides[name][1] * 1e3, theirs=sides[name][0] * 1e3)
        for name, row in ASKED.items()
    }  # fmt: skip


def under_rules(found: Mapping[str, Turns], today: str) -> dict[str, Measured]:
    """Turns of `ruled` and `plain` as rows."""
    return {
        row: Measured(turns.ratio("ruled", "plain"), today, ours=turns.of("ruled"), theirs=turns.of("plain"))
        for row, turns in ((row, found[name]) for name, row in RULED.items())
    }


def rates(found: ledger.Rates, today: str) -> dict[str, Measured]:
    """Edits a second as rows; the sides are the microseconds that one takes."""
    bare = 1e6 / found.bare_commits
    return {
        "ledger_single": Measured(found.one_client_ratio, today, ours=1e6 / found.one_client, theirs=bare),
        "ledger_many": Measured(found.many_clients_ratio, today, ours=1e6 / found.many_clients, theirs=bare),
        "ledger_batch": Measured(found.batches_ratio, today, ours=1e6 / found.batches, theirs=bare),
    }


def _seen(bench: Bench) -> Measured:
    folder = bench.work / "following"
    with closing(overlay.made_release(folder, 20_000)) as release:
        place = release.folder
    url, key_file = f"sqlite:///{folder}/ledger.db", folder / "keys" / "audit.key"
    followed = following.Followed(url, key_file, place, folder / "indexes", "box", "7")
    late = [
        seconds * 1e3 for seconds, _ in following.measure(followed, lambda number: ObjectEdit("modify", "box", "7", {"weight": number}))
    ]
    return bench.measured(statistics.median(late), f"{max(late):.0f} ms at most, of {len(late)}")
