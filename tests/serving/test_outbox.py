"""Who looks after the platform sees what leaves, and nobody's address; dead effects show in the health; links stop mails."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from starlette.testclient import TestClient

from palantir_assets.effects.codes import Codes
from palantir_assets.effects.opening import Effects
from palantir_assets.effects.opting_out import OptOuts
from palantir_assets.errors import NotSent
from palantir_assets.identity.accounts import Grant
from palantir_assets.serving.app import create_app
from palantir_assets.stores.edit_rows import NewEffect
from palantir_assets.stores.ledger import Ledger
from palantir_assets.stores.mail_choices import MailChoices
from palantir_assets.stores.outbox import Outbox
from tests.effects.letters import Letters, mail, put, sign, worker
from tests.fakes.identity import NOON, PASSWORD, URL, World, world
from tests.fakes.shop_release import ListLog, release_shop, settings_in

OUTBOX, ME = "/api/platform/v1/outbox", "/api/platform/v1/me/mail"


@pytest.fixture
def kims(tmp_path: Path) -> Iterator[World]:
    made = world(tmp_path)
    made.identities.verify_email("kim", "kim@example.org", actor="kim", at=NOON)
    yield made
    made.close()


@pytest.fixture
def client(kims: World, tmp_path: Path) -> Iterator[TestClient]:
    settings, log = settings_in(tmp_path / "shop"), ListLog()
    release_shop(settings, log)
    codes = Codes(Letters(), "p@example.org", kims.clock, lambda: "id", lambda seconds: None)
    effects = Effects(Outbox(kims.database), MailChoices(kims.database), OptOuts(sign, URL), codes, Letters())
    with TestClient(create_app(settings, log, clock=kims.clock, identity=kims.identity(), effects=effects), follow_redirects=False) as made:
        yield made


def bearer(kims: World, *scopes: str) -> dict[str, str]:
    from datetime import timedelta

    _, secret = kims.flows.personal("kim", scopes=frozenset(scopes), label="t", life=timedelta(days=1), actor="kim")
    return {"Authorization": f"Bearer {secret}"}


def die(kims: World) -> None:
    worker(kims, Letters(refusals=[NotSent("no such mailbox", final=True)])).send_due()


def test_the_outbox_is_for_who_looks_after_the_platform_and_shows_no_person(client: TestClient, kims: World) -> None:
    put(kims, mail("kim@example.org"), NewEffect("webhook", "front_desk", {"secret": "word"}))
    die(kims)
    assert client.get(OUTBOX, headers=bearer(kims, "read")).status_code == 403
    assert client.get(OUTBOX).status_code == 403  # this shop lets strangers in as viewers
    kims.identities.grant(Grant("kim", "role", "engineer"), actor="t", at=NOON)
    told = client.get(OUTBOX, headers=bearer(kims, "read"))
    assert told.json()["counts"] == {"waiting": 1, "taken": 0, "dead": 1}
    assert [(row["target"], row["state"], row["last_error"]) for row in told.json()["data"]] == [
        ("•••", "dead", "no such mailbox"),
        ("front_desk", "waiting", None),
    ]
    assert "example.org" not in told.text and "word" not in told.text
    [dead] = client.get(f"{OUTBOX}?state=dead&limit=1", headers=bearer(kims, "read")).json()["data"]
    assert dead["effect_no"] == 1
    assert client.get(f"{OUTBOX}?state=lost", headers=bearer(kims, "read")).status_code in (400, 422)


def test_a_dead_effect_shows_in_the_health_until_somebody_decides(client: TestClient, kims: World) -> None:
    assert client.get("/healthz").json()["status"] == "ok"
    put(kims, mail("kim"))
    die(kims)
    assert (client.get("/healthz").status_code, client.get("/healthz").json()["status"]) == (200, "degraded")
    assert client.get("/healthz").json()["dead_effects"] is None  # how many is not for everybody
    kims.identities.grant(Grant("kim", "role", "engineer"), actor="t", at=NOON)
    assert client.get("/healthz", headers=bearer(kims, "read")).json()["dead_effects"] == 1
    assert Outbox(kims.database).drop(1, at=NOON, actor="oncall")
    assert client.get("/healthz").json()["status"] == "ok"


def test_a_link_asks_first_and_its_button_stops_the_mails_without_a_sign_in(client: TestClient, kims: World) -> None:
    path = OptOuts(sign, URL).link("kim").removeprefix(URL)
    page = client.get(path, headers={"Accept-Language": "ko"})
    assert page.status_code == 200 and "수신 거부" in page.text and "<form" in page.text
    assert MailChoices(kims.database).of("kim").opted_out_at is None
    done = client.post(path, content="List-Unsubscribe=One-Click", headers={"Content-Type": "application/x-www-form-urlencoded"})
    assert done.status_code == 200
    assert MailChoices(kims.database).of("kim").opted_out_at == NOON
    assert client.post(path).status_code == 200
    told = [row for row in Ledger(kims.database).audit() if row.action == "mail.opted_out"]
    assert [(row.subject, row.actor) for row in told] == [("kim", "kim")]


def test_a_link_that_is_not_ours_stops_nothing(client: TestClient, kims: World) -> None:
    path = OptOuts(lambda text: "0" * 64, URL).link("kim").removeprefix(URL)
    assert (client.get(path).status_code, client.post(path).status_code) == (400, 400)
    assert MailChoices(kims.database).of("kim").opted_out_at is None


def test_one_chooses_ones_own_mails_and_may_have_them_again(client: TestClient, kims: World) -> None:
    mine = bearer(kims, "read", "account")
    assert client.get(ME, headers=mine).json() == {"mails": True, "language": None}
    assert client.put(ME, headers=mine, json={"mails": False, "language": "ko"}).json() == {"mails": False, "language": "ko"}
    assert client.get(ME, headers=mine).json() == {"mails": False, "language": "ko"}
    assert client.put(ME, headers=bearer(kims, "read"), json={"mails": True}).status_code == 403
    assert client.put(ME, json={"mails": True}).status_code == 401
    client.put(ME, headers=mine, json={"mails": True})
    assert client.get(ME, headers=mine).json() == {"mails": True, "language": None}
    assert Ledger(kims.database).verify_chain() == []


def test_codes_reach_who_opted_out_and_stand_in_no_ledger(kims: World, tmp_path: Path) -> None:
    from tests.serving.test_codes_by_mail import posted

    post = Letters(refusals=[NotSent("away")])
    codes = Codes(post, "p@example.org", kims.clock, lambda: "id", lambda seconds: None)
    MailChoices(kims.database).opt_out("kim", actor="kim", at=NOON)
    app = create_app(settings_in(tmp_path / "shop"), ListLog(), clock=kims.clock, identity=kims.identity(mailer=codes))
    with TestClient(app, follow_redirects=False) as client:
        assert posted(client, "/sign-in/forgotten", email="kim@example.org").status_code == 200
        [(to, message)] = post.sent
        code = message.get_content().splitlines()[2]
        assert to == "kim@example.org" and "List-Unsubscribe" not in message
        assert posted(client, "/sign-in/code", code=code, new_password=f"new {PASSWORD}").status_code == 303
    assert Outbox(kims.database).list() == []


def test_a_code_that_cannot_be_sent_is_an_oserror_after_three_tries(kims: World) -> None:
    slept: list[float] = []
    post = Letters(refusals=[NotSent("away")] * 3)
    with pytest.raises(OSError, match="away"):
        Codes(post, "p@example.org", kims.clock, lambda: "id", slept.append).send("kim@example.org", "s", "t")
    assert slept == [1.0, 4.0]
    with pytest.raises(OSError, match="no"):
        Codes(Letters(refusals=[NotSent("no", final=True)]), "p@example.org", kims.clock, lambda: "id", slept.append).send(
            "k@e.org", "s", "t"
        )
    assert slept == [1.0, 4.0]
