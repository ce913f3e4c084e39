"""The hangar where every process is killed: the same story, each of its writes, sendings and builds ended at one point after another.

Who asks, asks again under the same key; the worker and the build are started again; and time passes, so that what a dead
worker held is given back. What is left in the end is read here too, to be held against that of a story in which nobody died.
"""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from itertools import cycle
from typing import Any, Final

import httpx2
import sqlalchemy as sa

from palantir_assets.release.manifest import read_manifest
from palantir_assets.settings import Settings, load_settings
from palantir_assets.stores.database import Database, open_database
from palantir_assets.stores.edits import EditLog
from palantir_assets.stores.ledger import Ledger
from palantir_assets.stores.outbox import Outbox
from tests.stories.grounding import V2, Site
from tests.stories.killing import PASSED

KILLING: Final = (sys.executable, "-m", "tests.stories.killing")
KILLED: Final = -9
NOWHERE: Final = "nowhere"
OF_ACTIONS: Final = ("action.before_rows", "action.before_audit", "action.before_commit", "action.after_commit")
TWICE_EACH: Final = tuple(point for before in OF_ACTIONS[:3] for point in (before, OF_ACTIONS[3]))
"""Each write ends before it is done, at one point after another, and again when it is."""
OF_RULES: Final = ("rule.before_commit", "rule.after_commit")
OF_EFFECTS: Final = ("effect.taken", "effect.sent", "effect.settled")
AGAIN_AT_MOST: Final = 8


@dataclass
class KilledSite(Site):
    """A site whose processes die. `builds` are the points at which the builds die, each build at its own."""

    builds: Iterator[Sequence[str]] = field(default_factory=lambda: iter([(), (), ()]))
    rounds: int = 1
    """How often in one sending each point of an effect is the end of a worker."""
    kills: Counter[str] = field(default_factory=Counter)
    api: subprocess.Popen[bytes] | None = None
    next_end: Iterator[str] = field(default_factory=lambda: cycle(TWICE_EACH))
    ends_at: str = ""

    @contextmanager
    def open(self) -> Iterator[None]:
        try:
            self._serve()
            yield
        finally:
            for process in self.processes:
                process.kill()
                process.wait()

    def ask(self, who: str, method: str, path: str, body: Any = None, **headers: str) -> httpx2.Response:
        """As somebody asks who does not give up: whenever the API has died, the same again."""
        for _ in range(AGAIN_AT_MOST):
            try:
                return super().ask(who, method, path, body, **headers)
            except httpx2.TransportError:
                assert self.api is not None and self.api.wait(timeout=60) == KILLED
                self.kills[self.ends_at] += 1
                self._serve()
        raise AssertionError(f"{method} {path} is never answered")

    def send(self, arrived: Callable[[], bool]) -> None:
        for point in (*OF_RULES, *(OF_EFFECTS * self.rounds)):
            self._ended("outbox", {point})
        for _ in range(AGAIN_AT_MOST):
            self.hangar.run("outbox", "run", "--once")
            if arrived():
                return
            self._time_passes()
        raise AssertionError("what is due is never sent")

    def build(self) -> set[str]:
        left = set(next(self.builds))
        while at := self._ended("build", left):
            left.discard(at)
        for _ in range(AGAIN_AT_MOST):
            super().build()
            if not any(effect.kind == "materialize" and effect.state != "done" for effect in self._effects()):
                break
        return set()

    def _serve(self) -> None:
        """The API, which dies at the next point that an action passes."""
        self.ends_at = next(self.next_end)
        self.api = self.start(*KILLING, "serve", self.ends_at)
        self.wait()

    def _ended(self, what: str, points: Collection[str]) -> str | None:
        """Which of some points a process of this kind was killed at, or None where it came to its end."""
        process = self.start(*KILLING, what, ",".join(sorted(points)) or NOWHERE)
        code = process.wait(timeout=300)
        assert code in (KILLED, 0), f"{what} ends with {code}: see {self.hangar.root / 'processes.log'}"
        self._time_passes()
        if code == 0:
            return None
        at = (self.hangar.root / PASSED).read_text().splitlines()[-1]
        self.kills[at] += 1
        return at

    def _time_passes(self) -> None:
        """So much that every lease is over and everything that waits is due."""
        with closing(ledger_of(self)) as database:
            late = sa.text("UPDATE outbox SET next_try_at = '2024-01-01' WHERE state IN ('taken', 'waiting')")
            database.write(lambda session: session.execute(late))

    def _effects(self) -> Sequence[Any]:
        with closing(ledger_of(self)) as database:
            return Outbox(database).list(limit=1000)


@dataclass
class RecordedSite(Site):
    """A site where nobody dies; its builds note the points that they pass."""

    passed: list[list[str]] = field(default_factory=list)

    def build(self) -> set[str]:
        file = self.hangar.root / "points"
        file.unlink(missing_ok=True)
        self.hangar.run("build", NOWHERE, program=KILLING)
        self.passed.append(list(dict.fromkeys(file.read_text().splitlines())))
        return super().build()


def settings_of(site: Site) -> Settings:
    """The settings of a site's processes."""
    return load_settings({name: text for name, text in site.hangar.environment.items() if name.startswith("PALANTIR_")})


def ledger_of(site: Site) -> Database:
    """The ledger of a site, open."""
    settings = settings_of(site)
    return open_database(settings.ledger_url, settings.audit_key)


def left_by(site: Site) -> dict[str, Any]:
    """What a story has left, without times: objects and links, edits, actions, effects, mails, and the release."""
    page = {"pageSize": 1000, "where": {"type": "not", "value": {"type": "isNull", "field": "tail_number", "value": True}}}
    objects = {name: site.ask("root", "POST", f"{V2}/objects/{name}/search", page).json()["data"] for name in ("plane", "flight")}
    flights = {each["__primaryKey"]: site.ask("root", "GET", f"{V2}/objects/plane/{each['__primaryKey']}/links/flights").json()["data"]
               for each in objects["plane"]}  # fmt: skip
    with closing(ledger_of(site)) as database:
        log, ledger = EditLog(database), Ledger(database)
        assert [str(problem) for problem in ledger.verify_chain()] == []
        head = ledger.head()
        assert head is not None
        manifest = read_manifest(settings_of(site).releases / head.release_id)
        return {
            "objects": {name: {each["__primaryKey"]: each for each in found} for name, found in objects.items()},
            "links": {key: sorted(each["__primaryKey"] for each in found) for key, found in flights.items()},
            "edits": [(each.edit_no, each.object_key, each.version, each.kind, each.values, each.action_no) for each in log.since(0)],
            "actions": [(each.action_no, each.action, each.actor, each.status, each.approver, each.parameters) for each in log.actions()],
            "effects": [(each.effect_no, each.action_no, each.kind, each.target, each.state) for each in Outbox(database).list(limit=1000)],
            "mails": site.box.by_id(),
            "release": (manifest.content_id, manifest.edit_watermark),
        }
