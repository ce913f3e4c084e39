"""How the service fares is told to Prometheus, by declared routes, and to nobody who does not look after it."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from palantir_assets.access.principal import Principal
from palantir_assets.effects.opening import open_effects
from palantir_assets.errors import LedgerError
from palantir_assets.identity.accounts import Client, Grant
from palantir_assets.identity.opaque import digest
from palantir_assets.observability import Shipped, configure
from palantir_assets.observability.shipping import Pace
from palantir_assets.observability.streams import ours
from palantir_assets.observability.waiting import Line
from palantir_assets.serving.app import create_app
from palantir_assets.serving.recognising import AsAnyone
from palantir_assets.serving.traffic import NO_ROUTE, SECONDS, Traffic
from palantir_assets.stores.database import Database
from palantir_assets.stores.edit_rows import NewEffect
from tests.effects.letters import mail, put
from tests.fakes.identity import NOON, World, world
from tests.fakes.shop_actions import PLATFORM, till
from tests.fakes.shop_release import ListLog, release_shop, settings_in
from tests.observability.alone import alone
from tests.serving.conftest import Among

ENGINEER, VIEWER = Principal("eve", frozenset({"engineer", "viewer"})), Principal("vic", frozenset({"viewer"}))
API = "/api/v2/ontologies/default"
Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


def samples(client: TestClient, **headers: str) -> Samples:
    """Every sample by its name and labels."""
    answer = client.get("/metrics", headers=headers)
    assert answer.status_code == 200 and answer.headers["content-type"].startswith("text/plain; version=")
    families = list(text_string_to_metric_families(answer.text))
    return {(each.name, tuple(sorted(each.labels.items()))): each.value for family in families for each in family.samples}


def of(found: Samples, name: str, **labels: str) -> float:
    return found[name, tuple(sorted(labels.items()))]


def test_requests_are_counted_by_the_route_that_is_declared_and_never_by_what_was_asked(among: Among) -> None:
    client = among(ENGINEER)
    for key in range(7):
        client.get(f"{API}/objects/order/{key}")
    client.get(f"{API}/objects/order/no-such-key")
    client.get("/secret/path/of/somebody")
    client.get("/healthz")
    found = samples(client)
    routes = {dict(labels)["route"] for (name, labels), _ in found.items() if name == "palantir_requests_total"}
    order = "/api/v2/ontologies/{ontology}/objects/{object_type}/{key}"
    assert routes == {order, "/healthz", NO_ROUTE}
    assert of(found, "palantir_requests_total", method="GET", route=order, status="200") == 7
    assert of(found, "palantir_requests_total", method="GET", route=order, status="404") == 1
    assert of(found, "palantir_requests_total", method="GET", route=NO_ROUTE, status="404") == 1
    assert (
        of(found, "palantir_request_seconds_count", route=order)
        == 8
        == of(found, "palantir_request_seconds_bucket", route=order, le="+Inf")
    )
    assert 0 < of(found, "palantir_request_seconds_sum", route=order) < 60
    assert "no-such-key" not in str(found) and "somebody" not in str(found)


def test_only_who_looks_after_the_platform_is_told(among: Among, client: TestClient) -> None:
    assert among(VIEWER).get("/metrics").status_code == 403
    assert client.get("/metrics").status_code == 403  # this shop lets strangers in as viewers
    assert among(Principal("ada", frozenset({"admin"}))).get("/metrics").status_code == 200


def test_before_the_first_release_there_is_something_to_tell(tmp_path: Path) -> None:
    with TestClient(create_app(settings_in(tmp_path), ListLog(), recognises=AsAnyone(ENGINEER))) as client:
        found = samples(client)
    assert of(found, "palantir_ledger_up") == 1 and ("palantir_data_age_seconds", ()) not in found


@pytest.fixture
def kims(tmp_path: Path) -> Iterator[World]:
    made = world(tmp_path)
    made.identities.grant(Grant("kim", "role", "engineer"), actor="t", at=NOON)
    yield made
    made.close()


class GoneLog(ListLog):
    """A ledger that can be away."""

    gone = False

    def head(self):  # type: ignore[no-untyped-def]  # as the one it stands for
        if self.gone:
            raise LedgerError("the ledger is away", next_step="wait")
        return super().head()


def test_the_ledger_the_outbox_and_the_release_are_told_and_a_ledger_that_is_away_is_too(kims: World, tmp_path: Path) -> None:
    settings, log = settings_in(tmp_path / "shop"), GoneLog()
    release_shop(settings, log)
    put(kims, mail("kim@example.org"), NewEffect("webhook", "front_desk", {"secret": "word"}))
    _, secret = kims.flows.personal("kim", scopes=frozenset({"read"}), label="t", life=timedelta(days=1), actor="kim")
    effects = open_effects(settings, kims.database, kims.clock)
    app = create_app(settings, log, clock=kims.clock, identity=kims.identity(), effects=effects)
    with TestClient(app) as client:
        found = samples(client, Authorization=f"Bearer {secret}")
        assert [of(found, "palantir_effects", state=state) for state in ("waiting", "taken", "dead")] == [2, 0, 0]
        assert of(found, "palantir_release_info", release_id=log.rows[-1].release_id) == 1
        assert (of(found, "palantir_release_no"), of(found, "palantir_ledger_release_no"), of(found, "palantir_ledger_up")) == (1, 1, 1)
        assert ("palantir_data_age_seconds", ()) in found and of(found, "palantir_release_reload_failed") == 0
        log.gone = True
        found = samples(client, Authorization=f"Bearer {secret}")
        assert of(found, "palantir_ledger_up") == 0 and ("palantir_ledger_release_no", ()) not in found
        assert ("palantir_release_no", ()) in found


def test_edits_are_told_as_the_ledger_has_them_and_as_reads_see_them(database: Database, tmp_path: Path) -> None:
    with till(tmp_path, database) as client:
        assert of(samples(client, **{"X-As": "root"}), "palantir_ledger_edits") == 0
        body = {"parameters": {"order": 1, "note": "seen"}}
        assert client.post(f"{PLATFORM}/actions/annotate/apply", json=body, headers={"X-As": "ann"}).status_code == 200
        found = samples(client, **{"X-As": "root"})
    assert of(found, "palantir_ledger_edits") == 1 == of(found, "palantir_edits_seen") and of(found, "palantir_edits_behind") == 0


def test_what_became_of_log_lines_is_told(among: Among) -> None:
    class Never:
        def send(self, lines: list[Line]) -> object:
            raise OSError

        def close(self) -> None: ...

    client = among(ENGINEER)
    assert not [name for name, _ in samples(client) if name.startswith("palantir_log_lines")]
    with alone():
        configure("INFO", away=lambda: Shipped(Never, Pace(most_bytes=2_000, at_exit=0.0)))  # type: ignore[arg-type]
        for number in range(100):
            logging.getLogger("test").info("%d", number)
        (shipped,) = [each for each in ours() if isinstance(each, Shipped)]
        before, found, after = shipped.counts(), samples(client), shipped.counts()
    assert 80 < before.dropped <= of(found, "palantir_log_lines_total", fate="dropped") <= after.dropped
    assert of(found, "palantir_log_lines_total", fate="delivered") == 0 < of(found, "palantir_log_lines_waiting_bytes") <= 2_000


def test_a_histogram_has_every_answer_in_the_step_it_took() -> None:
    traffic = Traffic()
    for seconds in (0.0005, 0.0006, 3.0, 11.0):
        traffic.count({}, "GET", 200, seconds)
    ((counts, total),) = traffic.spent().values()
    reached = {step: counts[place] for place, step in enumerate((*SECONDS, None)) if counts[place]}
    assert reached == {0.0005: 1, 0.001: 1, 5.0: 1, None: 1} and total == pytest.approx(14.0011)


def test_a_method_that_nobody_knows_makes_no_row_of_its_own() -> None:
    traffic = Traffic()
    for number in range(100):
        traffic.count({}, f"METHOD{number}", 405, 0.001)
    assert list(traffic.requests().values()) == [100]


def test_a_service_signs_in_for_it_as_prometheus_does(kims: World, tmp_path: Path) -> None:
    settings, log = settings_in(tmp_path / "shop"), ListLog()
    release_shop(settings, log)
    kims.identities.add_client(Client("prometheus", "prometheus", NOON, secret_hash=digest("its secret")), actor="test", at=NOON)
    kims.identities.grant(Grant("client:prometheus", "role", "engineer"), actor="test", at=NOON)
    with TestClient(create_app(settings, log, clock=kims.clock, identity=kims.identity())) as client:
        asked = {"grant_type": "client_credentials", "scope": "read"}
        assert client.post("/oauth/token", data=asked, auth=("prometheus", "its secret")).status_code == 401  # it tries this first
        answer = client.post("/oauth/token", data={**asked, "client_id": "prometheus", "client_secret": "its secret"})
        assert of(samples(client, Authorization=f"Bearer {answer.json()['access_token']}"), "palantir_ledger_up") == 1
