"""Which columns a model has, told from its contract or its SQL, and never guessed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from palantir_assets.assets.model_columns import ModelColumns
from palantir_assets.assets.project import Project
from palantir_assets.cli import project as template
from palantir_assets.ontology.loading import load_ontology
from palantir_assets.settings import load_settings

pytestmark = pytest.mark.filterwarnings("ignore:sqlglotrs is deprecated:DeprecationWarning")
RAW = {
    "unique_id": "source.shop.raw.shop__customers",
    "resource_type": "source",
    "source_name": "raw",
    "name": "shop__customers",
    "schema": "raw",
    "identifier": "shop__customers",
    "package_name": "shop",
}


def model(name: str, sql: str, *before: str, **more: Any) -> dict[str, Any]:
    return {
        "unique_id": f"model.shop.{name}",
        "resource_type": "model",
        "name": name,
        "package_name": "shop",
        "schema": "marts",
        "alias": name,
        "raw_code": sql,
        "depends_on": {"nodes": list(before)},
        **more,
    }


@pytest.fixture
def project(tmp_path: Path) -> Project:
    template.write(tmp_path / "shop")
    settings = load_settings({}, project=tmp_path / "shop")
    return Project(settings, load_ontology(settings.specs_dir))


def columns(project: Project, *models: dict[str, Any]) -> tuple[str, ...] | None:
    """The columns of the last of them."""
    manifest = {"nodes": {one["unique_id"]: one for one in models}, "sources": {RAW["unique_id"]: RAW}, "macros": {}}
    return ModelColumns(project, manifest).of(models[-1])


def test_a_contract_tells_the_columns(project: Project) -> None:
    assert columns(project, model("a", "{{ macro() }}", contract={"enforced": True}, columns={"x": {}, "y": {}})) == ("x", "y")


def test_sql_is_followed_through_refs_to_the_declared_columns_of_a_source(project: Project) -> None:
    first = model("a", "{{ config(materialized='view') }} select * from {{ source('raw', 'shop__customers') }}", RAW["unique_id"])
    second = model("b", 'select * exclude (_record), 1 as one from {{ ref("shop", "a") }}', "model.shop.a")
    found = columns(project, first, second)
    assert found is not None
    assert found[:2] == ("customer_id", "name")
    assert found[-2:] == ("_source_sha256", "one")


@pytest.mark.parametrize(
    "sql",
    [
        "select {{ macro() }} as x",
        "{% if true %} select 1 as x {% endif %}",
        "select * from {{ ref('nobody') }}",
        "select * from {{ ref('a', v=2) }}",
        "select * from {{ ref(name) }}",
    ],
)
def test_what_more_jinja_says_is_not_guessed(project: Project, sql: str) -> None:
    assert columns(project, model("a", "select 1 as x"), model("b", sql, "model.shop.a")) is None


def test_a_model_that_is_no_sql_is_not_read(project: Project) -> None:
    assert columns(project, model("a", "select 1 as x", language="python")) is None
