"""A member is erased while everything runs: from then on no door tells of her, no file of a later build holds her, and the chain holds."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from palantir_assets.effects.opening import open_effects, worker_of
from palantir_assets.identity.accounts import Grant
from palantir_assets.serving.app import _app
from palantir_assets.settings import Settings
from palantir_assets.stores.database import Database, open_database
from palantir_assets.stores.edits import no_fault
from palantir_assets.stores.identities import open_identities
from palantir_assets.stores.ledger import Ledger, open_ledger
from palantir_assets.stores.migrations.schema import Base
from palantir_assets.stores.outbox import Outbox
from tests.assets.shop import BUILDS
from tests.stories.conftest import PALANTIR, environment
from tests.stories.libraries import build_library, copy_library

pytestmark = BUILDS

API, PLATFORM = "/api/v2/ontologies/default", "/api/platform/v1"
SOURCE, REASON, PROPOSED, ENROLLED, PLAIN = "Quillonax", "Zephyrwhim", "Brontquist", "Ottermarch", "Plumverge"
PERSONAL = (SOURCE, REASON, PROPOSED, ENROLLED)
PEOPLE = {"root": ("admin", "librarian"), "lia": ("librarian",), "max": ("librarian",), "vic": ("viewer",)}
MEMBER = """\
object: member
label: Member
plural: Members
from: marts.members
key: member_id
title: "{name}"
search:
  text: "{title}. A member."
properties:
  member_id: {type: integer}
  name: {type: string, personal: true}
  card: {type: card_number, optional: true, personal: true}
  shelf: {type: string, from: edits, optional: true}
  blocked: {type: boolean, from: edits, default: false}
  blocked_because: {type: string, from: edits, optional: true, personal: true}
links:
  borrowed:
    to: book
    through: {object: loan, source: member, target: book}
    reverse: readers
    label: Borrowed
    reverse_label: Readers
"""
ACTIONS = """\
mails:
  blocked: {subject: "Blocked: {member.title}", text: "{reason}"}
actions:
  block:
    label: Block
    parameters: {member: {object: member}, reason: {type: string}, shelf: {type: string}}
    allow: {roles: [librarian]}
    do: [{modify: member, set: {blocked: true, blocked_because: $reason, shelf: $shelf}}]
    then: [{mail: {to: caller, template: blocked}}]
  rename:
    label: Rename
    parameters: {member: {object: member}, name: {type: string}}
    allow: {roles: [librarian]}
    approve: {roles: [librarian], four_eyes: true}
    do: [{modify: member, set: {name: $name}}]
  enrol:
    label: Enrol
    parameters: {number: {type: integer}, name: {type: string}}
    allow: {roles: [librarian]}
    do: [{create: member, key: $number, set: {name: $name}}]
"""
ACCESS = """\
roles:
  viewer: {label: Reader}
  librarian: {includes: viewer, label: Librarian}
  admin: {label: Administrator}
anonymous: []
default: {read: {roles: [viewer]}}
"""
BASE = {"type": "base", "objectType": "member"}


def project(folder: Path, ledger_url: str) -> Settings:
    """The library, with members of whom everything is personal but their number and their shelf."""
    settings = replace(copy_library(folder), ledger_url=ledger_url, allowed_hosts=("testserver",), limits=None)
    for name, text in (("member.yaml", MEMBER), ("actions.yaml", ACTIONS), ("access.yaml", ACCESS)):
        (settings.specs_dir / "library" / name).write_text(text, encoding="utf-8")
    members = folder / "data" / "members.csv"
    members.write_text(members.read_text(encoding="utf-8").replace("김하나", f"{SOURCE} 하나"), encoding="utf-8")
    return settings


@dataclass
class Asked:
    """The service, as somebody asks it."""

    client: TestClient
    secrets: dict[str, str]

    def __call__(self, path: str, body: Any = None, *, who: str = "root", **headers: str) -> tuple[int, str]:
        headers = {"Authorization": f"Bearer {self.secrets[who]}", **headers}
        answer = self.client.request("GET" if body is None else "POST", path, json=body, headers=headers)
        return answer.status_code, answer.text

    def told(self, path: str, body: Any = None, **more: Any) -> Any:
        status, text = self(path, body, **more)
        assert status in (200, 201), (path, text)
        return json.loads(text)


@contextmanager
def service(settings: Settings, secrets: dict[str, str]) -> Iterator[Asked]:
    """The app as `palantir serve` puts it together; the first makes the users and their tokens."""
    ledger = open_ledger(settings.ledger_url, settings.audit_key)
    app = _app(settings, ledger, no_fault)
    try:
        if not secrets:
            identity = app.state.identity
            for name, roles in PEOPLE.items():
                identity.identities.add_user(name, grants=[Grant(name, "role", role) for role in roles], actor="test", at=datetime.now(UTC))
                scopes = frozenset(("read", "write"))
                secrets[name] = identity.flows.personal(name, scopes=scopes, label="t", life=timedelta(days=1), actor="test")[1]
        with TestClient(app, raise_server_exceptions=False) as client:
            yield Asked(client, secrets)
    finally:
        ledger.close()


def surfaces(asked: Asked, number: int, name: str) -> dict[str, tuple[int, str]]:
    """What every door tells of one member; each tells something of her while she is there."""
    named = {"type": "eq", "field": "name", "value": name}
    around = {"type": "searchAround", "objectSet": {"type": "base", "objectType": "book"}, "link": "readers"}
    static = {"type": "static", "objects": [f"ri.ontology.main.object.member.{number}"]}
    here = {"object_type": "member", "key": number}
    one = f"{API}/objects/member/{number}"
    status, hits = asked(f"{PLATFORM}/search?q={name.split()[0]}")
    return {
        "object": asked(one),
        "page": asked(f"{API}/objects/member"),
        "ordered page": asked(f"{API}/objects/member?orderBy=p.name"),
        "filter": asked(f"{API}/objects/member/search", {"where": named}),
        "prefix": asked(f"{API}/objects/member/search", {"where": {"type": "startsWith", "field": "name", "value": name[:6]}}),
        "object set": asked(f"{API}/objectSets/loadObjects", {"objectSet": BASE, "select": []}),
        "static set": asked(f"{API}/objectSets/loadObjects", {"objectSet": static, "select": []}),
        "many types": asked(f"{API}/objectSets/loadObjectsMultipleObjectTypes", {"objectSet": BASE, "select": []}),
        "groups": asked(
            f"{API}/objects/member/aggregate",
            {"aggregation": [{"type": "count"}], "groupBy": [{"type": "exact", "field": "name"}]},
        ),
        "subgraph": asked(f"{PLATFORM}/graph/subgraph", {"object_set": BASE, "depth": 1, "format": "json"}),
        "neighbourhood": asked(f"{PLATFORM}/graph/neighbourhood", {"start": here, "depth": 1}),
        "edits of one": asked(f"{API}/objectTypes/member/editsHistory", {"objectPrimaryKey": {"member_id": number}}),
        "edits of all": asked(f"{API}/objectTypes/member/editsHistory", {}),
        "action log": asked(f"{PLATFORM}/actions/log"),
        "changes": asked(f"{PLATFORM}/changes?types=member&limit=1000"),
        "names by function": asked(f"{API}/queries/top_lenders/execute", {"parameters": {"at_most": 9}}),
        "hops": asked(f"{API}/objectSets/loadObjects", {"objectSet": around, "select": []}),
        "readers": asked(f"{API}/objects/book/B-1/links/readers"),
        "reader": asked(f"{API}/objects/book/B-1/links/readers/{number}"),
        "search": (status, hits.partition('"data"')[2]),  # before that it says what it was asked
        "proposals": asked(f"{PLATFORM}/proposals"),
        "proposal": asked(f"{PLATFORM}/proposals/2", who="max"),
    }


EDITED_ONLY = {"hops", "readers", "reader", "search", "names by function", "proposals", "proposal"}
"""What tells nothing of a member whom only edits made: no link, no text to search, no proposal."""


def tells(told: dict[str, tuple[int, str]], words: tuple[str, ...]) -> list[str]:
    return [door for door, (_, text) in told.items() if any(word in text for word in words)]


def palantir(settings: Settings, *arguments: str) -> subprocess.CompletedProcess[str]:
    """One command in a process of its own."""
    told = {**environment(settings), "PALANTIR_LEDGER_URL": settings.ledger_url}
    return subprocess.run([*PALANTIR, *arguments], env=told, capture_output=True, text=True, check=False)


def within(seconds: float, gone: Callable[[], bool]) -> float:
    """How long it took; fails where it takes longer."""
    began = time.monotonic()
    while not gone():
        assert time.monotonic() - began < seconds
        time.sleep(0.005)
    return time.monotonic() - began


def everything(database: Database) -> str:
    """All that the ledger holds, as text."""
    found = []
    for table in Base.metadata.sorted_tables:
        for row in database.rows(sa.select(table)):
            found += [bytes(value).decode("latin-1") if isinstance(value, bytes) else str(value) for value in row]
    return "\n".join(found)


def texts(folder: Path) -> Iterator[tuple[Path, str]]:
    """Every file of a release, as text; of a Parquet file all its values."""
    for file in sorted(folder.rglob("*")):
        if file.suffix == ".parquet":
            yield file, json.dumps(pq.read_table(file).to_pylist(), default=str, ensure_ascii=False)
        elif file.is_file():
            yield file, file.read_bytes().decode("utf-8", "replace")


@pytest.mark.parametrize("ledger_url", ["sqlite", pytest.param("postgresql", marks=pytest.mark.soundness)], indirect=True)
def test_who_is_erased_is_nowhere_told_and_nowhere_built(
    tmp_path: Path, ledger_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PALANTIR_LEDGER_URL", ledger_url)
    settings = project(tmp_path / "library", ledger_url)
    (tmp_path / "ledger").mkdir(exist_ok=True)
    first = str(build_library(settings).release_id)
    secrets: dict[str, str] = {}
    full = f"{SOURCE} 하나"
    with service(settings, secrets) as asked:
        done = {"member": 1, "reason": REASON, "shelf": PLAIN}
        key = {"Idempotency-Key": "once"}
        asked.told(f"{API}/actions/block/apply", {"parameters": done, "options": {"returnEdits": "ALL"}}, who="lia", **key)
        asked.told(f"{API}/actions/rename/apply", {"parameters": {"member": 1, "name": PROPOSED}}, who="lia")
        asked.told(f"{API}/actions/enrol/apply", {"parameters": {"number": 99, "name": ENROLLED}}, who="lia")
        asked.told(f"{API}/actions/block/apply", {"parameters": {**done, "member": 2, "reason": "late again"}}, who="lia")
        before, made = surfaces(asked, 1, full), surfaces(asked, 99, ENROLLED)
        assert tells(before, PERSONAL) == list(before), set(before) - set(tells(before, PERSONAL))
        assert set(tells(made, (ENROLLED,))) >= set(made) - EDITED_ONLY
        count = asked.told(f"{API}/objects/member/count", {})["count"]
        page = asked.told(f"{API}/objects/member?pageSize=1")
        cursor = asked.told(f"{PLATFORM}/changes?types=member&limit=1")["next"]

        # One is erased by the command line in another process, one through the API.
        assert asked(f"{PLATFORM}/erasures", {"object_type": "member", "key": "99"}, who="lia")[0] == 403
        rehearsed = asked.told(f"{PLATFORM}/erasures", {"object_type": "member", "key": "99", "dry_run": True})
        assert (rehearsed["edit_no"], rehearsed["edits"], rehearsed["held_by"]) == (0, 1, [])
        assert asked(f"{API}/objects/member/99")[0] == 200
        erased = palantir(settings, "erase", "member/1", "--reason", "request 12")
        assert erased.returncode == 0, erased.stdout + erased.stderr
        took = within(2, lambda: asked(f"{API}/objects/member/1")[0] == 404)
        asked.told(f"{PLATFORM}/erasures", {"object_type": "member", "key": "99", "reason": "request 13"})
        assert asked(f"{PLATFORM}/erasures", {"object_type": "member", "key": "99"})[0] == 409
        assert asked(f"{PLATFORM}/erasures", {"object_type": "member", "key": "12345"})[0] == 404

        looked = 0
        for number, name in ((1, full), (99, ENROLLED)):
            after = surfaces(asked, number, name)
            looked += len(after)
            assert tells(after, PERSONAL) == [], [after[door] for door in tells(after, PERSONAL)]
            assert "erased" in asked.told(f"{PLATFORM}/explain?as=vic&object=member/{number}")["because"][0]
        assert asked.told(f"{API}/objects/member/count", {})["count"] == count - 2
        assert asked(f"{API}/objects/member?pageSize=1&pageToken={page['nextPageToken']}")[0] == 400  # it was of an earlier edit
        assert tells({"since": asked(f"{PLATFORM}/changes?since={cursor}&types=member")}, PERSONAL) == []
        again = asked(f"{API}/actions/block/apply", {"parameters": done, "options": {"returnEdits": "ALL"}}, who="lia", **key)
        assert again[0] == 410 and "AnswerErased" in again[1]
        refused = asked.told(f"{PLATFORM}/actions/enrol/preview", {"parameters": {"number": 99, "name": "New"}}, who="lia")
        assert not refused["valid"] and "was erased" in json.dumps(refused)
        assert asked(f"{PLATFORM}/proposals/2/approve", {}, who="max")[0] == 404
        taken_back = asked(f"{PLATFORM}/actions/log/1/revert", {})  # brings nothing of her back
        assert tells({"reversal": taken_back}, PERSONAL) == [] and asked(f"{API}/objects/member/1")[0] == 404

    # The ledger: nothing personal of them, all that is not; the mail never leaves; the chain holds.
    with closing(open_database(settings.ledger_url, settings.audit_key)) as database:
        held = everything(database)
        assert [word for word in PERSONAL if word in held] == [] and PLAIN in held
        assert Ledger(database).verify_chain() == []
        effects, identities = open_effects(settings, database, lambda: datetime.now(UTC)), open_identities(database)
        worker = worker_of(settings, effects, identities, lambda: datetime.now(UTC))
        while worker.send_due():
            pass
        states = [(effect.effect_no, effect.state) for effect in Outbox(database).list()]
        assert states[0] == (1, "dropped") and {state for _, state in states} <= {"dropped", "done", "dead"}
        identities.watch.close()
    if ledger_url.startswith("sqlite"):
        files_of_ledger = [file for file in Path(ledger_url.removeprefix("sqlite:///")).parent.rglob("*") if file.is_file()]
        assert files_of_ledger
        for file in files_of_ledger:
            assert [word for word in PERSONAL if word.encode() in file.read_bytes()] == [], file

    # A build that the source still brings her to; what it published holds her nowhere.
    second = str(build_library(settings).release_id)
    assert second != first
    files = list(texts(settings.releases / second))
    assert [str(file) for file, text in files if any(word in text for word in PERSONAL)] == []
    assert any(SOURCE in text for _, text in texts(settings.releases / first)), "the first release held her"

    # Another process, the new release; then the old one, which holds her still, served again.
    for release_id in (second, first):
        activated = palantir(settings, "release", "activate", release_id)
        assert release_id == second or activated.returncode == 0, activated.stderr
        with service(settings, secrets) as asked:
            assert asked.client.get("/healthz").headers["Release-Id"] == release_id
            for number, name in ((1, full), (99, ENROLLED)):
                after = surfaces(asked, number, name)
                looked += len(after)
                assert tells(after, PERSONAL) == [], [after[door] for door in tells(after, PERSONAL)]
            assert asked(f"{API}/objects/member/2")[0] == 200
    with capsys.disabled():
        print(f"\nerasure: {looked} surfaces asked, 0 told; {len(files)} files of the build; gone after {took * 1000:.0f} ms")
