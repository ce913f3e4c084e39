"""What makes an asset stale: exactly what decides its content."""

from __future__ import annotations

import pytest

from palantir_assets.names import fingerprint
from palantir_assets.ontology.compiling import served_ontology
from palantir_assets.ontology.loading import load_ontology
from palantir_assets.ontology.spec import Ontology, Source
from palantir_assets.ontology.versioning import (
    candidate_version,
    documents_version,
    link_version,
    object_version,
    raw_version,
    without_words,
)
from palantir_assets.quality.suites import suites_of
from tests.ontology.conftest import ORDER, Write


def versions(ontology: Ontology) -> dict[str, str]:
    order = ontology.objects["order"]
    return {
        "objects": object_version(ontology, order),
        "links": link_version(ontology, order, order.links["customer"]),
        "documents": documents_version(ontology, order),
        "candidate": candidate_version(ontology),
        "answers": fingerprint(without_words(served_ontology(ontology))),
        "checks": suites_of(ontology, order)[0].fingerprint,
    }


ACCESS = """\
roles: [viewer, analyst]
markings: {personal: {}}
default: {read: {roles: [viewer]}}
policies:
  order: {rows: amount > 1, properties: {amount: {roles: [viewer]}}}
policy_tests:
  - {as: {roles: [viewer]}, read: order/1, expect: visible}
"""


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("amount > 1", "amount > 2", {"candidate"}),
        ("properties: {amount", "properties: {placed_at", {"candidate"}),
        ("default: {read: {roles: [viewer]}}", "default: {read: {roles: [analyst]}}", {"candidate"}),
        ("{personal: {}}", "{personal: {label: Personal}}", {"candidate"}),
        ("roles: [viewer, analyst]", "# a comment\nroles: [viewer, analyst]", set()),
        ("expect: visible", "expect: hidden", set()),
    ],
)
def test_who_may_makes_another_candidate_and_no_table(specs: Write, old: str, new: str, changed: set[str]) -> None:
    before = versions(load_ontology(specs(access=ACCESS)).ontology)
    after = versions(load_ontology(specs(access=ACCESS.replace(old, new, 1))).ontology)
    assert {name for name in before if before[name] != after[name]} == changed


def test_a_marking_at_a_source_reads_no_file_again(specs: Write) -> None:
    text = "sources:\n  shop:\n    kind: files\n    tables:\n      orders: {file: o.csv, columns: {x: string}}\n"
    marked = text.replace("x: string", "x: {type: string, markings: [personal]}").replace("{file", "{markings: [personal], file")
    loaded = [load_ontology(specs(access=ACCESS, sources=said)).ontology.sources["shop"] for said in (text, marked)]
    assert loaded[0] != loaded[1]
    assert raw_version(loaded[0], loaded[0].tables["orders"]) == raw_version(loaded[1], loaded[1].tables["orders"])


@pytest.mark.parametrize(
    ("old", "new", "changed"),
    [
        ("label: Order", "label: Purchase", {"candidate"}),
        ("label: Order", "label: {en: Order, ko: 주문}", {"candidate"}),
        ("expect: {min: 0}", "expect: {min: 1}", {"checks"}),
        ("amount > 100", "amount > 200", {"objects", "candidate"}),
        ("amount > 100", "amount>100", set()),
        ("{title} of {customer.name}", "{title}, {customer.name}", {"documents"}),
        ("object: order", "# a comment\nobject: order", set()),
        ("amount: {type: double,", "amount: {type: double, description: In euros., label: Amount,", {"candidate"}),
        (
            "placed_at: {type: timestamp}",
            "placed_at: {type: timestamp}\n  label: {type: string}",
            {"objects", "candidate", "answers", "checks"},
        ),
    ],
)
def test_an_edit_changes_the_version_of_what_it_decides(specs: Write, old: str, new: str, changed: set[str]) -> None:
    before = versions(load_ontology(specs()).ontology)
    after = versions(load_ontology(specs(order=ORDER.replace(old, new))).ontology)
    assert {name for name in before if before[name] != after[name]} == changed


@pytest.mark.parametrize(
    ("said", "stale"),
    [
        ({"bucket": "other"}, True),
        ({"prefix": "old"}, True),
        ({"endpoint": "http://127.0.0.1:9000"}, True),
        ({"region": "eu-west-1"}, False),
        ({"path_style": True}, False),
        ({"access": "anonymous"}, False),
    ],
)
def test_a_raw_table_is_of_where_its_bucket_is_and_not_of_who_asks(said: dict[str, object], stale: bool) -> None:
    def version(**block: object) -> str:
        tables = {"orders": {"file": "orders.csv", "columns": {"id": "long"}}}
        source = Source.model_validate({"kind": "s3", "s3": {"bucket": "shop", **block}, "tables": tables})
        return raw_version(source, source.tables["orders"])

    assert (version(**said) != version()) is stale
