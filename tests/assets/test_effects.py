"""What actions ask to be made is made once: by the sensor, or by the next build; and the outbox knows by which run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta

import dagster as dg
import pytest
import sqlalchemy as sa

from palantir_assets.assets.effects import TAG, Wanted, asked_for, wanted
from palantir_assets.assets.location import build_definitions
from palantir_assets.assets.project import open_project
from palantir_assets.stores.database import Database, open_database
from palantir_assets.stores.edit_rows import NewEffect
from palantir_assets.stores.edits import EditLog
from palantir_assets.stores.ledger import Ledger
from palantir_assets.stores.outbox import Outbox
from tests.assets.shop import Shop
from tests.stores.ledgers import NOW, batch

fail = False


@dg.asset(key=["objects", "order"])
def order() -> None:
    if fail:
        raise RuntimeError("the disk is full")


@dg.multi_asset(specs=[dg.AssetSpec(["graph", "links"]), dg.AssetSpec(["graph", "measures"])])
def both():  # type: ignore[no-untyped-def]  # Dagster wants no annotation that is no tuple
    yield from (dg.MaterializeResult(asset_key=key) for key in (["graph", "links"], ["graph", "measures"]))


DEFINITIONS = dg.Definitions(assets=[order, both], jobs=[dg.define_asset_job("refresh")])


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


@pytest.fixture
def database(tmp_path):  # type: ignore[no-untyped-def]
    with closing(open_database(f"sqlite:///{tmp_path / 'ledger.db'}", tmp_path / "keys" / "audit.key")) as made:
        yield made


@pytest.fixture(autouse=True)
def nothing_fails() -> Iterator[None]:
    global fail
    fail = False
    yield
    fail = False


def put(database: Database, kind: str, target: str, **payload: object) -> None:
    EditLog(database).append(batch(effects=[NewEffect(kind, target, payload)]))


def asked(database: Database, instance: dg.DagsterInstance, at: datetime) -> list[Wanted]:
    """A tick of the sensor."""
    graph = DEFINITIONS.resolve_asset_graph()
    found = []
    for each in wanted(Outbox(database), instance, lambda selection: selection.resolve(graph), ["refresh"], at):
        asked_for(Outbox(database), each, at)
        found.append(each)
    return found


def run(instance: dg.DagsterInstance, each: Wanted) -> str:
    job = DEFINITIONS.resolve_job_def(each.job)
    done = job.execute_in_process(instance=instance, asset_selection=list(each.assets) or None, tags={**each.tags}, raise_on_error=False)
    return done.run_id


def test_named_assets_are_made_by_one_run_and_its_id_is_on_record(database: Database, instance: dg.DagsterInstance) -> None:
    put(database, "materialize", "objects.order", assets=["objects.order"])
    [each] = asked(database, instance, NOW)
    assert (each.run_key, each.job, each.assets, each.tags) == ("effect-1", "refresh", (dg.AssetKey(["objects", "order"]),), {TAG: "1"})
    assert asked(database, instance, NOW) == []
    run_id = run(instance, each)
    assert asked(database, instance, NOW + timedelta(minutes=1)) == []
    [effect] = Outbox(database).list()
    assert effect.state == "done"
    [told] = [row.detail for row in Ledger(database).audit() if row.action == "effect.done"]
    assert told["proof"] == run_id


def test_an_asset_that_is_only_made_with_others_brings_them_along(database: Database, instance: dg.DagsterInstance) -> None:
    put(database, "materialize", "graph.links", assets=["graph.links"])
    [each] = asked(database, instance, NOW)
    assert [key.to_user_string() for key in each.assets] == ["graph/links", "graph/measures"]


def test_who_asks_again_before_the_run_begins_asks_for_the_same_run(database: Database, instance: dg.DagsterInstance) -> None:
    put(database, "job", "refresh")
    keys = {each.run_key for minutes in range(5) for each in asked(database, instance, NOW + timedelta(minutes=minutes))}
    assert keys == {"effect-1"}
    assert [each.attempt for each in Outbox(database).list()] == [0]


def test_a_run_that_is_on_its_way_is_waited_for(database: Database, instance: dg.DagsterInstance) -> None:
    put(database, "job", "refresh")
    [each] = asked(database, instance, NOW)
    instance.create_run_for_job(DEFINITIONS.resolve_job_def("refresh"), status=dg.DagsterRunStatus.STARTED, tags=each.tags)
    assert asked(database, instance, NOW + timedelta(hours=1)) == []
    [effect] = Outbox(database).list()
    assert (effect.state, effect.attempt) == ("waiting", 0)


def test_a_run_that_fails_is_made_again_later_and_is_dead_in_the_end(database: Database, instance: dg.DagsterInstance) -> None:
    global fail
    fail = True
    put(database, "materialize", "objects.order", assets=["objects.order"])
    keys, at = [], NOW
    while Outbox(database).count("dead") == 0:
        for each in asked(database, instance, at):
            keys.append(each.run_key)
            run(instance, each)
        at += timedelta(hours=2)
        assert len(keys) < 20
    assert keys == ["effect-1", *(f"effect-1-{number}" for number in range(1, len(keys)))]
    assert len(keys) == 8
    fail = False
    assert Outbox(database).revive(1, at=at, actor="oncall")
    [each] = asked(database, instance, at)
    run(instance, each)
    assert asked(database, instance, at + timedelta(minutes=1)) == []
    assert [each.state for each in Outbox(database).list()] == ["done"]


@pytest.mark.parametrize(("kind", "target"), [("job", "refrehs"), ("materialize", "objects.oder"), ("materialize", "nothing")])
def test_what_does_not_exist_is_dead_at_once_and_names_what_was_meant(
    database: Database, instance: dg.DagsterInstance, kind: str, target: str
) -> None:
    put(database, kind, target)
    assert asked(database, instance, NOW) == []
    [effect] = Outbox(database).list()
    assert effect.state == "dead"
    assert "nothing" in target or "did you mean" in (effect.last_error or "")


@pytest.mark.filterwarnings("ignore:AssetExecutionContext.op is deprecated:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:module 'sre_.*' is deprecated:DeprecationWarning")
def test_the_sensor_asks_for_what_an_action_asked_for_and_a_build_makes_it_where_no_daemon_runs(shop: Shop) -> None:
    settings = shop.settings
    with closing(open_database(settings.ledger_url, settings.audit_key)) as ledger:
        put(ledger, "materialize", "objects.order", assets=["objects.order"])
        definitions = build_definitions(open_project(settings))
        with dg.DagsterInstance.ephemeral() as other:
            repository = definitions.get_repository_def()
            context = dg.build_sensor_context(instance=other, repository_def=repository)
            [request] = definitions.resolve_sensor_def("follow_actions").evaluate_tick(context).run_requests or []
            assert (request.run_key, request.job_name, request.tags[TAG]) == ("effect-1", "refresh", "1")
            assert request.asset_selection == [dg.AssetKey(["objects", "order"])]
        Outbox(ledger).database.write(lambda session: session.execute(sa.text("UPDATE outbox SET next_try_at = '2024-01-01'")))
        built = shop.build()
        assert not built.outcome.failed
        assert "objects/order" in {event.asset for event in built.events if event.kind == "step_succeeded"}
        assert [each.state for each in Outbox(ledger).list()] == ["done"]
        assert Ledger(ledger).verify_chain() == []


def test_mails_are_left_to_who_sends_them(database: Database, instance: dg.DagsterInstance) -> None:
    put(database, "mail", "kim")
    assert asked(database, instance, datetime.now(UTC)) == []
    assert [each.state for each in Outbox(database).list()] == ["waiting"]
