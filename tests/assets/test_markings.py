"""Markings in a real build: they reach what was made of marked columns, hide its values, and are never followed on old lineage."""

from __future__ import annotations

import json
from typing import Any

import dagster as dg
import pytest

from palantir_assets.access.declared import declarations, declassifications
from palantir_assets.access.markings import TableMarkings
from palantir_assets.assets.borne_markings import borne, markings_of
from palantir_assets.assets.preview import preview
from palantir_assets.assets.project import open_project
from palantir_assets.assets.search import _may_be_shown
from palantir_assets.names import Name
from palantir_assets.ontology.served_access import ACCESS_FILE
from palantir_assets.stores.lineage import LineageFile
from tests.assets.shop import BUILDS, CUSTOMER, EVALS, EVERY_ASSET, ORDERS_SQL, SOURCES, Shop

pytestmark = BUILDS

ACCESS = "ontology_specs/shop/access.yaml"
CUSTOMERS_CSV = "data/customers.csv"
NAMES = ("Ada", "김민지", "Noor", "이서준", "Luca", "Secret", "not-a-day")
PERSONAL = frozenset({"personal"})


def mark(shop: Shop) -> None:
    shop.append(ACCESS, "markings: {personal: {roles: [admin]}}\n")
    shop.edit(SOURCES, "name: string,", "name: {type: string, markings: [personal]},")


def filter_orders_by_name(shop: Shop) -> None:
    shop.append(ORDERS_SQL, "where customer_id not in (select customer_id from {{ ref('stg_customers') }} where name = 'Nobody')\n")


def rules(shop: Shop) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((shop.settings.releases / shop.head() / ACCESS_FILE).read_bytes())["types"]
    return found


def said_of(shop: Shop, assets: set[str]) -> str:
    """Everything that Dagster shows of the last materialisation of assets, and every event of the last runs."""
    told = [str(shop.metadata(asset)) for asset in assets]
    with dg.DagsterInstance.get() as instance:
        told += [str(entry.dagster_event) for run in instance.get_runs(limit=2) for entry in instance.all_logs(run.run_id)]
    return "\n".join(told)


def test_a_marking_added_late_reaches_the_next_release_by_value_and_by_filter(shop: Shop) -> None:
    assert not any("personal" in str(rule) for rule in rules(shop).values())
    filter_orders_by_name(shop)
    mark(shop)
    built = shop.build()
    assert built.outcome.failed == [], built.failures
    made = rules(shop)
    assert made["customer"]["properties"]["name"]["needs"] == ["personal"]
    assert "city" not in made["customer"]["properties"] and made["customer"]["needs"] == []
    assert made["order"]["needs"] == ["personal"], "its rows were chosen by a marked column"
    assert "staging/stg_customers" in shop.metadata("tables/markings")["made_before_they_were_marked"]
    assert "personal" in shop.metadata("candidate/candidate")["markings"]
    assert shop.build().outcome.materialised == []


def test_no_surface_of_the_build_tells_a_marked_value(shop: Shop) -> None:
    mark(shop)
    shop.append(CUSTOMERS_CSV, "c-006,Secret Person,Seoul,not-a-day\nc-007,Secret Second,Seoul,2024-01-09\n")
    shop.edit(CUSTOMER, "name:        {type: string,", "name:        {type: string, expect: {length: [50, 60], severity: warn},")
    shop.edit(EVALS, "    gate:", """\
      - ask: {en: "What is the first customer called?"}
        query: {object: customer, select: [name], limit: 1}
        equals_sql: select 'Secret ' || name from marts.customers order by customer_id limit 1
    gate:""")  # fmt: skip
    shop.edit(EVALS, "at_least: 1.0", "at_least: 0.5")
    built = shop.build()
    assert built.outcome.failed == [], built.failures
    assets = EVERY_ASSET & set(built.outcome.materialised) | {"tables/markings"}
    assert {"raw/shop__customers", "staging/stg_customers", "marts/customers", "objects/customer", "evals/facts"} <= assets
    for told in (said_of(shop, assets), *built.reasons, str(built.events), str(shop.record("objects/customer", "warnings"))):
        assert [name for name in NAMES if name in told] == []
    assert "•••" in shop.metadata("marts/customers")["sample"] and "Busan" in shop.metadata("marts/customers")["sample"]
    assert shop.metadata("objects/customer")["markings"] == shop.metadata("evals/facts")["markings"] == "personal"
    assert "o-1001" in shop.metadata("objects/order")["sample"] and "markings" not in shop.metadata("objects/order")
    report = (shop.settings.artifacts / "evals" / "facts.json").read_text()
    assert "•••" in report and not any(name in report for name in NAMES)
    for target in ("object customer", "marts.customers"):
        shown = preview(shop.settings, target, 2)
        assert {row[list(shown.columns).index("name")] for row in shown.rows} == {"•••"}
        assert [row[list(shown.columns).index("city")] for row in shown.rows] == ["Seoul", "Busan"]


def test_what_a_model_reads_that_was_edited_and_not_made_is_taken_to_be_everything(shop: Shop) -> None:
    mark(shop)
    assert not markings_of(open_project(shop.settings), Name("objects", "order")).all
    filter_orders_by_name(shop)
    found = borne(open_project(shop.settings))
    assert any(place.table == "objects.order" and place.column == "amount" for place in found)


@pytest.mark.parametrize("lost", ["older", pytest.param("missing", marks=pytest.mark.soundness)])
def test_a_candidate_is_not_made_on_lineage_that_is_not_of_today(shop: Shop, lost: str) -> None:
    mark(shop)
    before = shop.head()
    file = LineageFile(shop.settings.artifacts / "tables" / "lineage.json")
    kept = json.loads(file.path.read_bytes())
    if lost == "missing":
        file.path.unlink()
    else:
        kept["models"]["staging.stg_customers"]["data_version"] = "older"
        file.path.write_text(json.dumps(kept))
    built = shop.build()
    assert any("staging.stg_customers" in reason and "group:tables" in reason for reason in built.failures.values()), built.failures
    assert shop.head() == before
    again = shop.build("group:tables")
    assert again.outcome.failed == [], again.failures
    assert shop.build().outcome.failed == []
    assert rules(shop)["customer"]["properties"]["name"]["needs"] == ["personal"]


def test_a_declassification_is_told_with_its_reason_and_stops_the_marking_there(shop: Shop) -> None:
    mark(shop)
    said = 'declassify: [{property: customer.name, removes: [personal], because: "stage names", by: team:shop}]\n'
    shop.append(ACCESS, said)
    project = open_project(shop.settings)
    (told,) = declassifications(project.ontology)
    assert (told.property, told.removes, told.because, told.by) == ("customer.name", ("personal",), "stage names", "team:shop")
    assert declarations(project.ontology) == [
        ("raw.shop__customers", "_source_sha256", ["personal"]),
        ("raw.shop__customers", "name", ["personal"]),
    ]
    assert markings_of(project, Name("marts", "customers")).of("name") == PERSONAL
    assert not markings_of(project, Name("objects", "customer")).all


def test_of_a_document_whose_text_is_marked_only_the_type_is_told() -> None:
    document = {"object_type": "customer", "row": 0, "key": "c-001", "title": "Ada", "text": "Ada of Seoul"}
    hidden = _may_be_shown(document, TableMarkings(columns={"customer": PERSONAL}))
    assert hidden.pop("object_type") == "customer" and set(hidden.values()) == {"•••"}
    assert _may_be_shown(document, TableMarkings(columns={"order": PERSONAL})) == document
