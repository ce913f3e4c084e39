"""A rule is asked of the past, armed, and then fires once: on a release, on edits, in how many processes it may be looked."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from palantir_assets.actions.edits import ObjectEdit
from palantir_assets.actions.recording import written
from palantir_assets.effects.rules import Watch, backtest
from palantir_assets.identity.accounts import Grant
from palantir_assets.ontology.served_access import ServedAccess
from palantir_assets.ontology.served_actions import ServedEffect, ServedMail
from palantir_assets.ontology.served_rules import ServedCrossing, ServedRule
from palantir_assets.ontology.spec import Label
from palantir_assets.settings import Settings
from palantir_assets.stores.edit_rows import NewEdit
from palantir_assets.stores.edits import EditLog
from palantir_assets.stores.ledger import Ledger
from palantir_assets.stores.mail_choices import MailChoices
from palantir_assets.stores.outbox import Outbox
from palantir_assets.stores.rules import Armed, ArmedRules
from tests.fakes.identity import World, world
from tests.fakes.release import FakeRelease, shop
from tests.fakes.shop_release import release_shop, settings_in
from tests.stores.ledgers import batch

MAIL = ServedMail(subject=Label(en="{rule}: {count}", ko="{rule}: {count}건"), text=Label(en="{at}: {keys} {other}"))
BIG = ServedRule(
    name="big", label=Label(en="A big order", ko="큰 주문"), object="order", on="crossed",
    crossing=ServedCrossing(property="amount", above=5000),
    then=(
        ServedEffect(kind="mail", names=("told",), to="role:viewer"), ServedEffect(kind="webhook", names=("till",)),
        ServedEffect(kind="materialize", names=("objects.order",)), ServedEffect(kind="job", names=("refresh",)),
    ),
)  # fmt: skip


@pytest.fixture
def kims(tmp_path: Path) -> Iterator[World]:
    made = world(tmp_path)
    yield made
    made.close()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return settings_in(tmp_path / "shop")


def released(
    kims: World,
    settings: Settings,
    amounts: dict[int, float],
    *,
    rule: ServedRule = BIG,
    watermark: int = 0,
    access: ServedAccess | None = None,
) -> None:
    """A release of ten orders with these amounts by position."""
    base = shop(orders=10)
    rows: list[dict[str, Any]] = [{**row, "amount": amounts.get(index, 1.0)} for index, row in enumerate(base.rows["order"])]
    ontology = base.ontology.model_copy(update={"rules": {rule.name: rule}, "mails": {"told": MAIL}})
    made: FakeRelease = replace(base, ontology=ontology, rows={**base.rows, "order": rows})
    release_shop(settings, Ledger(kims.database), made=made, edit_watermark=watermark, access=access)


def key_of(index: int) -> str:
    base = shop(orders=10)
    return str(base.rows["order"][index][base.ontology.types["order"].key])


def watch(kims: World, settings: Settings) -> Watch:
    database = kims.database
    return Watch(ArmedRules(database), Ledger(database), EditLog(database), MailChoices(database), settings.releases, kims.clock)


def arm(kims: World, rule: ServedRule = BIG) -> None:
    head = Ledger(kims.database).head()
    number = head.release_no if head else 0
    ArmedRules(kims.database).arm(Armed(rule.name, rule.digest, {}, kims.clock(), "kim", number, EditLog(kims.database).head()))


def look(at_work: Watch) -> None:
    while at_work.look():
        pass


def change(kims: World, key: str, **values: Any) -> None:
    edit = ObjectEdit("modify", "order", key, values, dict.fromkeys(values, 1.0))
    EditLog(kims.database).append(batch(edits=[NewEdit("order", key, "modify", written(edit))]))


def test_a_backtest_says_on_which_releases_and_on_what_a_rule_would_have_fired(kims: World, settings: Settings) -> None:
    for amounts in ({}, {1: 9000.0, 2: 6000.0}, {1: 9000.0, 2: 7000.0}, {3: 8000.0}):
        released(kims, settings, amounts)
    looked = list(backtest(BIG, Ledger(kims.database).list(), settings.releases))
    found = {pointer.release_no: [each.change.key for each in firing.evidence] for pointer, firing in looked if firing}
    assert len(looked) == 3
    assert found == {2: [key_of(1), key_of(2)], 4: [key_of(3)]}
    twice = BIG.model_copy(update={"at_least": 2})
    assert [pointer.release_no for pointer, firing in backtest(twice, Ledger(kims.database).list(), settings.releases) if firing] == [2]


def test_an_armed_rule_fires_once_for_a_release_with_all_that_follows(kims: World, settings: Settings) -> None:
    released(kims, settings, {0: 9000.0})
    arm(kims)
    at_work = watch(kims, settings)
    look(at_work)
    assert ArmedRules(kims.database).firings() == []  # what was before it was armed is not looked at
    released(kims, settings, {0: 9000.0, 4: 6000.0})
    look(at_work)
    look(watch(kims, settings))
    [fired] = ArmedRules(kims.database).firings("big")
    assert (fired.span, fired.objects) == ("release 2", 1)
    assert fired.evidence == [{"key": key_of(4), "kind": "modified", "properties": ["amount"]}]
    told = {each.kind: each for each in Outbox(kims.database).list()}
    assert {each.action_no for each in told.values()} == {fired.action_no}
    assert told["mail"].target == "kim"
    assert told["mail"].payload["subject"] == {"en": "A big order: 1", "ko": "큰 주문: 1건"}
    assert told["mail"].payload["text"] == {"en": f"release 2: {key_of(4)} {{other}}", "ko": f"release 2: {key_of(4)} {{other}}"}
    assert told["webhook"].payload == {"rule": "big", "at": "release 2", "count": 1, "keys": [key_of(4)]}
    assert (told["materialize"].target, told["materialize"].payload) == ("objects.order", {"assets": ["objects.order"]})
    assert told["job"].target == "refresh"
    assert "6000" not in str(told)
    assert Ledger(kims.database).verify_chain() == []


def test_each_who_holds_a_role_is_written_to_in_person_or_by_a_group_and_nobody_else(kims: World, settings: Settings) -> None:
    for name in ("jo", "max", "gone", "other"):
        kims.identities.add_user(name, actor="t", at=kims.clock())
    for grant in (
        Grant("jo", "group", "desk"),
        Grant("group:desk", "role", "viewer"),
        Grant("gone", "role", "viewer"),
        Grant("other", "role", "clerk"),
    ):
        kims.identities.grant(grant, actor="t", at=kims.clock())
    kims.identities.disable("gone", actor="t", at=kims.clock())
    assert list(MailChoices(kims.database).holders({"viewer"})) == ["jo", "kim"]


def test_who_holds_a_role_that_includes_another_is_written_to_as_well(kims: World, settings: Settings) -> None:
    kims.identities.add_user("boss", grants=[Grant("boss", "role", "head")], actor="t", at=kims.clock())
    released(kims, settings, {})
    roles: dict[str, Any] = {"viewer": {}, "head": {"includes": ["viewer"]}}
    arm(kims)
    with_roles = ServedAccess.model_validate({"roles": roles})
    released(kims, settings, {1: 9000.0}, access=with_roles)
    look(watch(kims, settings))
    assert sorted(each.target for each in Outbox(kims.database).list() if each.kind == "mail") == ["boss", "kim"]


def test_a_rule_that_is_not_as_it_was_armed_does_not_fire(kims: World, settings: Settings) -> None:
    released(kims, settings, {})
    arm(kims)
    released(kims, settings, {1: 9000.0}, rule=BIG.model_copy(update={"crossing": ServedCrossing(property="amount", above=10)}))
    look(watch(kims, settings))
    assert ArmedRules(kims.database).firings() == [] and Outbox(kims.database).list() == []


def test_a_rule_nobody_armed_does_not_fire_and_one_that_was_disarmed_neither(kims: World, settings: Settings) -> None:
    released(kims, settings, {})
    released(kims, settings, {1: 9000.0})
    look(watch(kims, settings))
    arm(kims)
    assert ArmedRules(kims.database).disarm("big", actor="kim", at=kims.clock())
    assert not ArmedRules(kims.database).disarm("big", actor="kim", at=kims.clock())
    released(kims, settings, {2: 9000.0})
    look(watch(kims, settings))
    assert ArmedRules(kims.database).firings() == []


def test_an_edit_fires_at_once_and_the_release_that_takes_it_over_does_not_fire_again(kims: World, settings: Settings) -> None:
    released(kims, settings, {})
    arm(kims)
    at_work = watch(kims, settings)
    change(kims, key_of(3), amount=7000.0)
    look(at_work)
    assert [(each.span, each.evidence[0]["key"]) for each in ArmedRules(kims.database).firings()] == [("edits 1 to 1", key_of(3))]
    released(kims, settings, {3: 7000.0, 5: 8000.0}, watermark=1)
    look(at_work)
    [second, _] = ArmedRules(kims.database).firings()
    assert (second.span, [each["key"] for each in second.evidence]) == ("release 2", [key_of(5)])


def test_a_condition_on_an_edit_reads_what_the_release_and_earlier_edits_say(kims: World, settings: Settings) -> None:
    rule = BIG.model_copy(update={"on": "modified", "crossing": None, "properties": ("amount",), "where": "amount > 10"})
    released(kims, settings, {2: 50.0}, rule=rule)
    arm(kims, rule)
    change(kims, key_of(1), amount=5.0)
    change(kims, key_of(2), amount=60.0)
    look(watch(kims, settings))
    [fired] = ArmedRules(kims.database).firings()
    assert [each["key"] for each in fired.evidence] == [key_of(2)]


def test_many_who_look_at_once_fire_once(kims: World, settings: Settings) -> None:
    released(kims, settings, {})
    arm(kims)
    released(kims, settings, {1: 9000.0})
    change(kims, key_of(2), amount=7000.0)
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: look(watch(kims, settings)), range(6)))
    assert sorted(each.span for each in ArmedRules(kims.database).firings()) == ["edits 1 to 1", "release 2"]


def test_a_rule_that_cannot_look_stops_no_other(kims: World, settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    broken = BIG.model_copy(update={"name": "broken", "where": "nothing(amount)"})
    ontology = {"rules": {"big": BIG, "broken": broken}, "mails": {"told": MAIL}}
    for amount in (1.0, 9000.0):
        base = shop(orders=10)
        rows = [{**row, "amount": amount} for row in base.rows["order"]]
        made = replace(base, ontology=base.ontology.model_copy(update=ontology), rows={**base.rows, "order": rows})
        release_shop(settings, Ledger(kims.database), made=made)
        if amount == 1.0:
            arm(kims), arm(kims, broken)
    look(watch(kims, settings))
    assert [each.rule for each in ArmedRules(kims.database).firings()] == ["big"]
    assert "rule broken cannot look on" in caplog.text
    assert ArmedRules(kims.database).all()["broken"].release_no == 1


def test_an_edit_that_nobody_can_read_is_passed_over(kims: World, settings: Settings) -> None:
    released(kims, settings, {})
    arm(kims)
    EditLog(kims.database).append(batch("o1"))
    look(watch(kims, settings))
    assert ArmedRules(kims.database).all()["big"].edit_no == 1


def test_a_release_that_is_no_longer_on_disk_is_passed_over(kims: World, settings: Settings) -> None:
    import shutil

    released(kims, settings, {})
    arm(kims)
    released(kims, settings, {1: 9000.0})
    released(kims, settings, {1: 9000.0, 2: 9000.0})
    [_, second, _] = Ledger(kims.database).list()
    shutil.rmtree(settings.releases / second.release_id)
    look(watch(kims, settings))
    assert ArmedRules(kims.database).firings() == []
    assert ArmedRules(kims.database).all()["big"].release_no == 3
