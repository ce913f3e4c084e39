"""The story of a plane that is taken out of service: told step by step on a site, with what must hold after each step.

A site says how a request is asked, when mails are sent and how a build is made; so the same story is told where nothing
happens to anybody (`Site`) and where every process is killed at every point (`tests.stories.killed`).
"""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Final

import httpx2

from palantir_assets.release.manifest import read_manifest
from palantir_assets.settings import load_settings
from palantir_assets.stores.ledger import open_ledger
from tests.cli.helpers import until
from tests.stories.hangars import FLIGHTS, MAINTENANCE, OPEN, OTHER, PALANTIR, PLANES, SAFETY, SECRET, Hangar, Mailbox

V2: Final = "/api/v2/ontologies/default"
OURS: Final = "/api/platform/v1"
REASON: Final = "hydraulic leak in the left gear"
GROUNDED: Final = {"type": "eq", "field": "status", "value": "grounded"}
LATER: Final = {"seats": 181, "model": "747-9", "engine": "Turbo-jet", "surveyed": "2099-01-01 00:00:00"}
"""What the source says of the plane in the end."""
OF_SECRET: Final = sorted(flight for flight, plane, *_ in FLIGHTS if plane == SECRET)


@dataclass
class Site:
    """A hangar with its API and the worker of its outbox, as a user would start them."""

    hangar: Hangar
    box: Mailbox
    processes: list[subprocess.Popen[bytes]] = field(default_factory=list)
    keys: int = 0

    @contextmanager
    def open(self) -> Iterator[None]:
        """The processes, while the block runs."""
        try:
            self.start(*PALANTIR, "outbox", "run")
            self.start(*PALANTIR, "serve")
            self.wait()
            yield
        finally:
            for process in self.processes:
                process.kill()
                process.wait()

    def start(self, *command: str) -> subprocess.Popen[bytes]:
        """A process of this site."""
        with (self.hangar.root / "processes.log").open("ab") as log:
            made = subprocess.Popen(command, env=self.hangar.environment, stdout=log, stderr=log)
        self.processes.append(made)
        return made

    def wait(self) -> None:
        """Until the API answers."""
        until(self.answers, seconds=120)

    def answers(self) -> bool:
        try:
            return bool(httpx2.get(f"{self.url}/healthz", timeout=30).status_code == 200)
        except httpx2.TransportError:
            return False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.hangar.port}"

    def ask(self, who: str, method: str, path: str, body: Any = None, **headers: str) -> httpx2.Response:
        """One request of somebody."""
        told = {"Authorization": f"Bearer {self.hangar.tokens[who]}", **headers}
        return httpx2.request(method, f"{self.url}{path}", json=body, headers=told, timeout=120)

    def write(self, who: str, path: str, body: Any) -> httpx2.Response:
        """A request that changes something, under a key of its own."""
        self.keys += 1
        return self.ask(who, "POST", f"{OURS}{path}", body, **{"Idempotency-Key": f"story-{self.keys}"})

    def released(self) -> str | None:
        """The release that is served."""
        return self.ask("root", "GET", f"{V2}/objects/plane/{OPEN}").headers.get("Release-Id")

    def send(self, arrived: Callable[[], bool]) -> None:
        """Have what is due sent, until it has arrived."""
        until(arrived, seconds=120)

    def build(self) -> set[str]:
        """Build what is stale; what was made. The API serves the release when this returns."""
        told = json.loads(self.hangar.run("build", "--json"))
        assert told["failed"] == [], told
        until(lambda: self.released() == told["release_id"], seconds=60)
        return set(told["materialised"])


def tell(site: Site, *, built: bool = True) -> None:
    """The story in full; or, if nothing is `built` in it, what people do and what reaches them."""
    story = Story(site)
    building = (story.the_named_asset_is_made_and_the_next_release_holds_it, story.a_reingest_keeps_it_by_its_rules)
    for step in (
        story.somebody_asks_for_what_is_refused,
        story.the_analyst_proposes,
        story.nobody_agrees_to_what_they_asked_for_and_another_one_does,
        story.it_is_seen_at_once_by_who_may_see_it_and_by_nobody_else,
        story.mails_arrive,
        story.a_second_time_is_refused_in_two_languages,
        story.somebody_corrects_the_plane,
        *(building if built else ()),
        story.safety_releases_the_plane,
        story.all_of_it_is_taken_back,
        *((story.the_last_release_is_as_the_source_says,) if built else ()),
        story.the_ledger_is_whole_and_knows_who_saw,
    ):
        began = time.monotonic()
        step()
        print(f"{time.monotonic() - began:6.1f} s  {step.__name__}", flush=True)


class Story:
    """What happens, in its order."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.since = {who: self.changes(who, "0")["next"] for who in ("ann", "vic")}
        self.before = self.plane("root")
        self.numbers: dict[str, int] = {}
        assert site.ask("vic", "GET", f"{V2}/objects/plane/{OTHER}").status_code == 200

    def somebody_asks_for_what_is_refused(self) -> None:
        told = {"plane": SECRET, "reason": REASON}
        assert self.site.write("vic", "/actions/ground_plane/apply", {"parameters": told}).status_code in (403, 404)
        short = self.site.write("ann", "/actions/ground_plane/apply", {"parameters": {**told, "reason": "leak"}})
        assert short.status_code == 400, short.text
        assert "10" in json.dumps(short.json()["findings"]), "how long a reason must be is told"
        assert self.log() == []

    def the_analyst_proposes(self) -> None:
        proposed = self.site.write("ann", "/actions/ground_plane/apply", {"parameters": {"plane": SECRET, "reason": REASON}})
        assert (proposed.status_code, proposed.json()["status"]) == (200, "proposed"), proposed.text
        self.numbers["ground"] = proposed.json()["action_no"]
        assert self.plane("ann")["status"] == "active", "nothing happens before somebody agrees"
        assert self.proposals("sam")[0]["may_decide"] and not self.proposals("ann")[0]["may_decide"]
        assert self.proposals("vic") == []

    def nobody_agrees_to_what_they_asked_for_and_another_one_does(self) -> None:
        path = f"/proposals/{self.numbers['ground']}/approve"
        assert self.site.write("ann", path, {}).status_code == 403
        assert self.site.write("vic", path, {}).status_code == 404
        agreed = self.site.write("sam", path, {})
        assert (agreed.status_code, agreed.json()["status"]) == (200, "approved"), agreed.text

    def it_is_seen_at_once_by_who_may_see_it_and_by_nobody_else(self) -> None:
        for who, sees in (("ann", True), ("sam", True), ("root", True), ("vic", False)):
            found = [SECRET] if sees else []
            assert self.site.ask(who, "GET", f"{V2}/objects/plane/{SECRET}").status_code == (200 if sees else 404)
            assert self.keys(who, {"where": GROUNDED}) == found, "a filter"
            assert self.keys(who, {"where": {"type": "containsAllTerms", "field": "grounded_reason", "value": "hydraulic"}}) == found
            planes = len(PLANES) - (not sees)
            assert self.site.ask(who, "POST", f"{V2}/objects/plane/count").json()["count"] == planes
            assert self.by_status(who) == ({"active": planes - 1, "grounded": 1} if sees else {"active": planes})
            link = self.site.ask(who, "GET", f"{V2}/objects/flight/{OF_SECRET[0]}/links/flown_by").json()["data"]
            assert [each["status"] for each in link] == ["grounded"] * sees
            found = self.hop(who)
            assert found == (OF_SECRET if sees else []), f"{who}: from grounded planes to their flights: {found}"
            history = self.site.ask(who, "POST", f"{V2}/objectTypes/plane/editsHistory", {})
            assert len(history.json()["data"]) == int(sees), history.text
            assert [each["action"] for each in self.log(who)] == ["ground_plane"] * sees, f"{who}: {self.log(who)}"
        events = self.changes("ann", self.since["ann"])["events"]
        assert [(event["type"], event["key"], event["kind"]) for event in events] == [("plane", SECRET, "modified")]
        assert events[0]["changes"]["status"] == {"before": "active", "after": "grounded"}
        assert self.changes("vic", self.since["vic"])["events"] == []

    def mails_arrive(self) -> None:
        title = self.before["__title"]
        expected = sorted((who, f"운항 중지: {title}" if who == "mia" else f"Grounded: {title}") for who in MAINTENANCE)
        ruled = sorted((who, f"Out of service: {SECRET}") for who in SAFETY)
        box = self.site.box
        self.site.send(lambda: len(box.about(title)) >= len(expected) and len(box.about("Out of service")) >= len(ruled))
        assert box.about(title) == expected
        assert box.about("Out of service") == ruled

    def a_second_time_is_refused_in_two_languages(self) -> None:
        for language, words in (("en", "It is grounded already."), ("ko", "이미 운항 중지 상태입니다.")):
            body = {"parameters": {"plane": SECRET, "reason": REASON}}
            refused = self.site.ask("ann", "POST", f"{V2}/actions/ground_plane/apply", body, **{"Accept-Language": language})
            validation = refused.json()["validation"]
            assert validation["result"] == "INVALID"
            assert words in json.dumps(validation["submissionCriteria"], ensure_ascii=False)

    def somebody_corrects_the_plane(self) -> None:
        told = {"plane": SECRET, "seats": 300, "model": "747-8F", "engine_type": "Turbo-prop"}
        done = self.site.write("ann", "/actions/correct_plane/apply", {"parameters": told})
        assert done.status_code == 200, done.text
        self.numbers["correct"] = done.json()["action_no"]
        self.expect(seats=300, model="747-8F", engine_type="Turbo-prop", status="grounded")

    def the_named_asset_is_made_and_the_next_release_holds_it(self) -> None:
        made = self.site.build()
        assert {"ledger/plane", "objects/plane", "release/release"} <= made or made == set(), made
        self.expect(seats=300, is_wide=True, model="747-8F", engine_type="Turbo-fan", status="grounded", grounded_reason=REASON)
        assert self.watermark() == 2
        assert self.hop("ann") == OF_SECRET and self.keys("vic", {"where": GROUNDED}) == []
        assert {effect["state"] for effect in self.effects() if effect["kind"] == "materialize"} <= {"done"}

    def a_reingest_keeps_it_by_its_rules(self) -> None:
        self.site.hangar.write_planes(**LATER)  # type: ignore[arg-type]
        self.site.build()
        self.expect(seats=300, is_wide=True, model=LATER["model"], engine_type=LATER["engine"], status="grounded", grounded_reason=REASON)

    def safety_releases_the_plane(self) -> None:
        assert self.site.write("vic", "/actions/release_plane/apply", {"parameters": {"plane": SECRET}}).status_code in (403, 404)
        done = self.site.write("sue", "/actions/release_plane/apply", {"parameters": {"plane": SECRET}})
        assert done.status_code == 200, done.text
        self.numbers["release"] = done.json()["action_no"]
        self.expect(status="active")
        self.site.send(lambda: len(self.site.box.about("Released:")) + len(self.site.box.about("운항 재개:")) >= len(MAINTENANCE))

    def all_of_it_is_taken_back(self) -> None:
        ground, correct, release = (self.numbers[name] for name in ("ground", "correct", "release"))
        refused = self.site.ask("ann", "POST", f"{OURS}/actions/log/{ground}/revert", {})
        assert refused.status_code == 409 and f"{release} changed plane/{SECRET}/" in refused.json()["detail"], refused.text
        shown = self.site.ask("ann", "POST", f"{OURS}/actions/log/{ground}/revert", {"preview": True, "with_dependents": True}).json()
        assert [each["action_no"] for each in shown["dependents"]] == [release]
        for number, body in ((ground, {"with_dependents": True}), (correct, {})):
            done = self.site.write("ann", f"/actions/log/{number}/revert", body)
            assert done.status_code == 200 or done.json()["title"] == "NotRevertible", done.text
        self.expect(seats=self.before["seats"], status="active")  # what the source says by now is in the next release
        assert "grounded_reason" not in self.plane("ann")
        box = self.site.box
        self.site.send(lambda: len(box.about("Not grounded")) + len(box.about("운항 중지 취소")) >= len(MAINTENANCE))
        assert [who for who, _ in sorted(box.about("Not grounded") + box.about("운항 중지 취소"))] == sorted(MAINTENANCE)

    def the_last_release_is_as_the_source_says(self) -> None:
        self.site.build()
        said = {"seats": LATER["seats"], "model": LATER["model"], "engine_type": LATER["engine"], "surveyed_at": "2099-01-01T00:00:00Z"}
        assert self.plane("root") == self.before | said, "nothing is left of what was taken back"
        assert self.watermark() == max(each["edit_no"] for each in self.log() if each["edit_no"])
        assert {effect["state"] for effect in self.effects()} == {"done"}

    def the_ledger_is_whole_and_knows_who_saw(self) -> None:
        self.site.hangar.say("ledger", "verify")
        saw = {row["who"] for row in json.loads(self.site.hangar.say("audit", "who-saw", f"plane/{SECRET}", "--json"))}
        assert {"ann", "sam", "root"} <= saw and "vic" not in saw
        seen = {row["who"] for row in json.loads(self.site.hangar.say("audit", "who-saw", f"plane/{OTHER}", "--json"))}
        assert "vic" in seen

    def expect(self, **values: object) -> None:
        """What the plane is for who may see it."""
        found = self.plane("ann")
        assert {name: found.get(name) for name in values} == values, found

    def plane(self, who: str) -> dict[str, Any]:
        answer = self.site.ask(who, "GET", f"{V2}/objects/plane/{SECRET}")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def keys(self, who: str, body: dict[str, Any]) -> list[str]:
        answer = self.site.ask(who, "POST", f"{V2}/objects/plane/search", {"select": ["tail_number"], **body})
        assert answer.status_code == 200, answer.text
        return sorted(each["tail_number"] for each in answer.json()["data"])

    def by_status(self, who: str) -> dict[str, int]:
        body = {"aggregation": [{"type": "count", "name": "n"}], "groupBy": [{"type": "exact", "field": "status"}]}
        answer = self.site.ask(who, "POST", f"{V2}/objects/plane/aggregate", body)
        assert answer.status_code == 200, answer.text
        return {row["group"]["status"]: row["metrics"][0]["value"] for row in answer.json()["data"]}

    def hop(self, who: str) -> list[str]:
        planes = {"type": "filter", "objectSet": {"type": "base", "objectType": "plane"}, "where": GROUNDED}
        body = {"objectSet": {"type": "searchAround", "objectSet": planes, "link": "flights"}, "select": ["flight_id"]}
        answer = self.site.ask(who, "POST", f"{V2}/objectSets/loadObjects", body)
        assert answer.status_code == 200, answer.text
        return sorted(each["flight_id"] for each in answer.json()["data"])

    def changes(self, who: str, since: str) -> dict[str, Any]:
        answer = self.site.ask(who, "GET", f"{OURS}/changes?since={since}&limit=10000")
        assert answer.status_code == 200, answer.text
        found: dict[str, Any] = answer.json()
        return found

    def log(self, who: str = "root") -> list[dict[str, Any]]:
        """What people did, as somebody is told it."""
        found = self.site.ask(who, "GET", f"{OURS}/actions/log").json()["data"]
        return [each for each in found if not each["action"].startswith("rule:")]

    def proposals(self, who: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.site.ask(who, "GET", f"{OURS}/proposals").json()["data"]
        return found

    def effects(self) -> list[dict[str, Any]]:
        """Those that are not over, and those that are done."""
        hangar = self.site.hangar
        over, other = (json.loads(hangar.say("outbox", "list", *more, "--json")) for more in (("--state", "done"), ()))
        return [*over, *other]

    def watermark(self) -> int:
        """The last edit in the release that is served."""
        settings = load_settings({name: text for name, text in self.site.hangar.environment.items() if name.startswith("PALANTIR_")})
        ledger = open_ledger(settings.ledger_url, settings.audit_key)
        try:
            head = ledger.head()
        finally:
            ledger.close()
        assert head is not None
        return read_manifest(settings.releases / head.release_id).edit_watermark


def prepared(hangar: Hangar) -> None:
    """Two releases, people, and an armed rule: what there is before the story begins."""
    from tests.stories.hangars import staff

    hangar.run("build")
    specs = hangar.root / "ontology_specs" / "hangar" / "flight.yaml"
    specs.write_text(specs.read_text(encoding="utf-8").replace("en: Flights", "en: Departures"), encoding="utf-8")
    hangar.run("build")
    staff(hangar)
    hangar.say("rules", "arm", "out_of_service")
