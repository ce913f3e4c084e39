"""`palantir rules`: a rule is tried on the releases on disk, armed as it stands, and told when it is another one."""

from __future__ import annotations

import json
from contextlib import closing
from dataclasses import replace

import pytest
from typer.testing import CliRunner

from palantir_assets.cli import boot
from palantir_assets.cli.app import app
from palantir_assets.settings import Settings
from palantir_assets.stores.ledger import open_ledger
from tests.fakes.release import shop
from tests.fakes.shop_release import release_shop
from tests.ontology.conftest import CUSTOMER, ORDER

RULES = """
rules:
  big:
    label: {en: A big order}
    object: order
    on: crossed
    crossing: {property: amount, above: 5000}
    then: [{webhook: till}]
webhooks:
  till: {label: {en: Till}}
"""


@pytest.fixture(autouse=True)
def project(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in boot.environment(settings).items():
        monkeypatch.setenv(name, value)
    for name, text in (("customer", CUSTOMER), ("order", ORDER), ("rules", RULES)):
        (settings.specs_dir / f"{name}.yaml").write_text(text, encoding="utf-8")


def told(*arguments: str, code: int = 0) -> str:
    result = CliRunner().invoke(app, ["rules", *arguments])
    assert result.exit_code == code, result.output
    return result.stdout


def release(settings: Settings, amounts: dict[int, float]) -> None:
    base = shop(orders=10)
    rows = [{**row, "amount": amounts.get(index, 1.0)} for index, row in enumerate(base.rows["order"])]
    with closing(open_ledger(settings.ledger_url, settings.audit_key)) as ledger:
        release_shop(settings, ledger, made=replace(base, rows={**base.rows, "order": rows}))


def test_a_rule_is_backtested_armed_changed_and_disarmed(settings: Settings) -> None:
    for amounts in ({}, {1: 9000.0}, {2: 6000.0, 1: 9000.0}):
        release(settings, amounts)
    assert "would have fired 2 times over 2 changes of release on disk" in told("backtest", "big")
    assert "amount: 1.0 → 9000.0" in told("backtest", "big")
    found = json.loads(told("backtest", "big", "--json", "--since", "2"))
    assert [(each["release_no"], len(each["evidence"])) for each in found["firings"]] == [(3, 1)]
    [before] = json.loads(told("list", "--json"))
    assert before["state"] == "not armed"
    assert "big is armed" in told("arm", "big")
    [after] = json.loads(told("list", "--json"))
    assert (after["state"], after["backtest"], after["looked_at_release"]) == ("armed", {"releases": 2, "firings": 2}, 3)
    file = settings.specs_dir / "rules.yaml"
    file.write_text(RULES.replace("5000", "6000"), encoding="utf-8")
    assert "changed since it was armed" in told("list")
    assert "fires no more" in told("disarm", "big")
    told("disarm", "big", code=1)
    assert told("firings") == "no rule has fired\n"


def test_a_rule_is_not_armed_before_there_is_something_to_test_it_on(settings: Settings) -> None:
    release(settings, {})
    told("arm", "big", code=1)
    assert "`palantir build` makes the next one" in told("backtest", "big")
    told("backtest", "bgi", code=1)
