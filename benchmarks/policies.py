"""What policies cost: the same questions over HTTP, of one release, with and without a row rule and a masked property.

Two servers of the same code take turns; one reads the release under its own rules, the other under rules that hide the
flights of one origin and one property of all others. What is compared is CPU time of the server. Keys that both are
asked are visible to both.

    python -m benchmarks.policies STATE
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from benchmarks.engine.asking import Ask, HttpSide
from benchmarks.engine.pairing import Turns, take_turns
from benchmarks.engine.questions import OBJECTS, PAGE, Questions, filter_asks, group_asks
from benchmarks.processes import environment, free_port, serving

HIDDEN_ROWS: Final = "origin_code != 'LGA'"
HIDDEN_TEXTS: Final = "airport_code != 'LGA'"
HIDDEN_PROPERTY: Final = "tail_number"
GOAL: Final = 1.5
ROUNDS: Final = 7


def measure(state: Path, logs: Path) -> Mapping[str, Turns]:
    """Each kind of question in turns: `plain` without rules, `ruled` with them."""
    (release,) = [each for each in (state / "releases").iterdir() if (each / "manifest.json").exists()][:1]
    found: dict[str, Turns] = {}
    for name, asks in questions(Questions(release)).items():
        with _server(state, "plain", logs) as plain, _server(state, "ruled", logs) as ruled:
            sides = [HttpSide("plain", *plain, asks), HttpSide("ruled", *ruled, asks)]
            found[name] = take_turns(sides, rounds=ROUNDS)
    return found


def questions(release: Questions) -> dict[str, list[Ask]]:
    """By kind. Objects are asked for by keys that both may see."""
    seen = release._rows("SELECT flight_id FROM flight WHERE origin_code <> 'LGA' ORDER BY hash(flight_id) LIMIT 300")
    page = [Ask(f"{OBJECTS}/flight?pageSize={PAGE}{order}") for order in ("", "&orderBy=p.scheduled_departure")]
    text = [Ask(f"/api/platform/v1/search?q={word}&limit=10") for word in ("airbus", "boeing", "kennedy", "seattle")]
    return {
        "object by key": [Ask(f"{OBJECTS}/flight/{key}") for (key,) in seen],
        "filter": [ask for ask in filter_asks(release) if b"LGA" not in (ask.body or b"")],
        "page": page,
        "aggregate": [ask for ask in group_asks(release) if b"LGA" not in (ask.body or b"")],
        "text search": text,
    }


@contextmanager
def _server(state: Path, rules: str, logs: Path) -> Iterator[tuple[int, list[int]]]:
    port = free_port()
    command = [sys.executable, "-m", "benchmarks.policies", str(state), "--serve", rules]
    with serving(command, environment(state, port), port, logs / f"{rules}.log") as server:
        yield server.port, [server.pid]


def _serve(state: Path, rules: str) -> None:
    """A server of the release whose rules, where asked for, hide rows and a property."""
    import uvicorn

    from palantir_assets.release.reading import read_access
    from palantir_assets.serving.app import create_app
    from palantir_assets.serving.protocol import BoundedHttp
    from palantir_assets.settings import load_settings
    from palantir_assets.stores.ledger import LedgerAt

    settings = load_settings({**os.environ, "PALANTIR_LOG_LEVEL": "WARNING"})

    def ruled(pointer: Any) -> Any:
        access = read_access(settings.releases / pointer.release_id)
        if rules == "plain":
            return access
        flight = access.types["flight"]
        hidden = flight.model_validate({**flight.model_dump(), "rows": HIDDEN_ROWS, "properties": {HIDDEN_PROPERTY: {"roles": []}}})
        airport = access.types["airport"].model_copy(update={"rows": HIDDEN_TEXTS})
        return access.model_copy(update={"types": {**access.types, "flight": hidden, "airport": airport}})

    app = create_app(settings, LedgerAt(settings.ledger_url, settings.audit_key), rules=ruled)
    uvicorn.run(app, port=settings.port, log_config=None, access_log=False, http=BoundedHttp, ws="none")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.policies", description=__doc__)
    parser.add_argument("state", type=Path)
    parser.add_argument("--serve", choices=("plain", "ruled"))
    asked = parser.parse_args()
    if asked.serve:
        _serve(asked.state, asked.serve)
        return 0
    with TemporaryDirectory() as logs:
        found = measure(asked.state.resolve(), Path(logs))
    told = {
        name: {"plain_us": round(t.of("plain")), "ruled_us": round(t.of("ruled")), "ratio": round(t.ratio("ruled", "plain"), 2)}
        for name, t in found.items()
    }
    print(json.dumps(told, indent=1))
    return 0 if all(each["ratio"] <= GOAL for each in told.values()) else 1


if __name__ == "__main__":
    sys.exit(main())
