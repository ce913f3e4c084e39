"""The stream of changes: what a caller is told is what the caller may see, over releases and edits, and for as long as it may."""

from __future__ import annotations

import json
import random
import time
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.testclient import TestClient

from palantir_assets.actions.edits import ObjectEdit
from palantir_assets.actions.overlay import Overlay, fold
from palantir_assets.graph.building import build_csr
from palantir_assets.ontology.served_access import PropertyRule, ServedAccess, ServedRole, TypeRules
from tests.fakes.changing_shop import PATH, Shop
from tests.fakes.release import ONTOLOGY, FakeRelease, open_to_viewers, shop, with_rows

SEQUENCES = 25
Objects = dict[tuple[str, str], dict[str, Any]]


def rules(dice: random.Random) -> ServedAccess:
    """Viewers read all or some of it: a property is hidden, or rows by the value of one."""
    hidden = {name: PropertyRule(roles=("boss",)) for name in ("note", "amount", "paid") if dice.random() < 0.3}
    row = dice.choice([None, "amount < 3", "paid == true", "note is not None"])
    types = {"order": TypeRules(read=("viewer",), rows=row, properties=hidden)}
    if dice.random() < 0.8:
        types["customer"] = TypeRules(read=("viewer",))
    return ServedAccess(roles={"viewer": ServedRole(), "boss": ServedRole()}, types=types)


def an_edit(dice: random.Random) -> ObjectEdit:
    key = str(dice.randint(0, 9))
    values = {"note": dice.choice(["a", "b", None]), "amount": dice.choice([1.0, 2.5, 7.0, None]), "paid": dice.choice([True, False, None])}
    match dice.choices(["create", "modify", "delete", "erase"], [2, 6, 2, 0.5])[0]:
        case "create":
            return ObjectEdit("create", "order", key, {**values, "order_id": int(key), "customer_id": "#"})
        case "modify":
            return ObjectEdit("modify", "order", key, {name: values[name] for name in dice.sample(sorted(values), dice.randint(1, 2))})
        case kind:
            return ObjectEdit(kind, "order", key)  # type: ignore[arg-type]


def rows_now(dice: random.Random, shop_now: Shop) -> FakeRelease:
    """What a source says next: some orders fewer, some other; nobody that was erased."""
    base = shop(orders=dice.randint(4, 10))
    erased = {key for _, key in shop_now.edits.erased()}
    orders = [row | ({"amount": 9.0} if dice.random() < 0.2 else {}) for row in base.rows["order"] if str(row["order_id"]) not in erased]
    customers = base.rows["customer"][: dice.randint(12, 16)]
    places = {row["customer_id"]: place for place, row in enumerate(customers)}
    for row in orders:
        row["customer_id"] = row["customer_id"] if row["customer_id"] in places else customers[0]["customer_id"]
    links = build_csr(list(range(len(orders))), [places[row["customer_id"]] for row in orders], len(orders), len(customers))
    made = with_rows(base, {"customer": customers, "order": orders}, shop_now.access)
    return replace(made, links={"order__customer": links})


def apply(held: Objects, event: dict[str, Any]) -> None:
    here = (event["type"], event["key"])
    if event["kind"] == "added":
        held[here] = dict(event["properties"])
    elif event["kind"] == "removed":
        held.pop(here, None)
    else:
        held[here] |= {name: change["after"] for name, change in event["changes"].items()}


def plain(objects: Objects) -> Objects:
    return {here: {name: value for name, value in values.items() if value is not None} for here, values in objects.items()}


def followed(client: TestClient, held: Objects, since: str, dice: random.Random | None = None) -> str:
    """Follow to the end; with dice, break off now and then and go on from the last event that arrived."""
    while True:
        told = client.get(PATH, params={"since": since, "limit": dice.randint(1, 9) if dice else 1000})
        assert told.status_code == 200, told.text
        page = told.json()
        stop = dice.randint(0, len(page["events"])) if dice and dice.random() < 0.3 else len(page["events"])
        for event in page["events"][:stop]:
            apply(held, event)
            since = event["cursor"]
        if stop == len(page["events"]):
            since = page["next"]
            if not page["more"]:
                return since


@pytest.mark.parametrize("seed", range(SEQUENCES))
def test_who_follows_a_service_has_what_a_fresh_start_would_show(tmp_path: Path, seed: int) -> None:
    dice = random.Random(seed)
    world = Shop(tmp_path, rules(dice))
    world.release(rows_now(dice, world))
    held: Objects = {}
    since = "0"
    with world.served() as client:
        for _ in range(5):
            if dice.random() < 0.3:
                world.release(rows_now(dice, world))
                wait_for(client, world.log.rows[-1].release_id)
            world.edits.edits += [an_edit(dice) for _ in range(dice.randint(0, 6))]
            since = followed(client, held, since, dice)
    release = world.log.rows[-1].release_id
    oracle = seen_by_hand(world, release)
    assert plain(held) == oracle
    with world.served() as client:  # another process, from nothing
        fresh: Objects = {}
        followed(client, fresh, "0")
    assert plain(fresh) == oracle


def wait_for(client: TestClient, release_id: str) -> None:
    for _ in range(200):
        if client.get("/healthz").headers["Release-Id"] == release_id:
            return
        time.sleep(0.02)
    raise AssertionError("the new release is not served")


def seen_by_hand(world: Shop, release_id: str) -> Objects:
    """The caller's view, by plain loops over all rows, without engine, plans or bitmaps."""
    overlay = fold(Overlay(), list(enumerate(world.edits.edits, 1)))
    now = world.edited(SimpleNamespace(id=release_id, access=world.access), overlay)  # type: ignore[arg-type]
    found: Objects = {}
    for name, kind in ONTOLOGY.types.items():
        said = world.access.types.get(name)
        for row in now.rows[name] if said else ():
            if said and (said.rows is None or ROWS[said.rows](row)):
                shown = json.loads(now._json(name, row))
                cut = set(said.properties)
                here = (name, str(row[kind.key]))
                found[here] = {key: value for key, value in shown.items() if not key.startswith("__") and key not in cut}
    return found


ROWS: dict[str, Any] = {
    "amount < 3": lambda row: row["amount"] is not None and row["amount"] < 3,
    "paid == true": lambda row: row["paid"] is True,
    "note is not None": lambda row: row["note"] is not None,
}


@pytest.fixture
def world(tmp_path: Path) -> Shop:
    made = Shop(tmp_path, open_to_viewers(ONTOLOGY))
    made.release(shop(orders=5))
    return made


def test_a_page_names_what_came_first_and_leads_on(world: Shop) -> None:
    with world.served() as client:
        first = client.get(PATH, params={"types": "order", "limit": 2}).json()
        told = [(event["kind"], event["type"], event["key"]) for event in first["events"]]
        assert told == [("added", "order", "0"), ("added", "order", "1")]
        assert first["more"] and first["events"][-1]["cursor"] == first["next"]
        rest = client.get(PATH, params={"types": "order", "since": first["next"]}).json()
        assert [event["key"] for event in rest["events"]] == ["2", "3", "4"] and not rest["more"]
        world.edits.edits.append(ObjectEdit("modify", "order", "1", {"note": "new"}))
        (event,) = client.get(PATH, params={"since": rest["next"]}).json()["events"]
        assert event["changes"] == {"note": {"before": shop(orders=2).rows["order"][1]["note"], "after": "new"}}


@pytest.mark.parametrize(
    ("params", "status", "words"),
    [
        ({"since": "x"}, 400, "InvalidCursor"),
        ({"since": "0,0~ffffffffffffffff"}, 410, "CursorExpired"),
        ({"since": f"{'b' * 32},0"}, 410, "CursorExpired"),
        ({"types": "oder"}, 404, "did you mean 'order'"),
        ({"limit": "0"}, 400, "limit"),
        ({"sinc": "0"}, 400, "since"),
    ],
)
def test_what_leads_nowhere_is_refused_with_the_next_step(world: Shop, params: dict[str, str], status: int, words: str) -> None:
    with world.served() as client:
        told = client.get(PATH, params=params)
    assert told.status_code == status and words in told.text


def test_a_type_that_may_not_be_read_is_unknown(tmp_path: Path) -> None:
    world = Shop(tmp_path, ServedAccess(roles={"viewer": ServedRole()}, types={"order": TypeRules(read=("viewer",))}))
    world.release(shop(orders=2))
    with world.served() as client:
        assert client.get(PATH, params={"types": "customer"}).status_code == 404
        assert {event["type"] for event in client.get(PATH).json()["events"]} == {"order"}


def test_nobody_is_told_nothing(world: Shop) -> None:
    world.access = open_to_viewers(ONTOLOGY, anonymous=())
    world.release(shop(orders=3))
    with world.served(recognises=None) as client:
        assert client.get(PATH).status_code == 401
