"""Station 3: one asset per object type, generated from the specs, with its checks. Links are in `links`.

What a table of objects contains is decided in `ontology.compiling`, what is expected of it in
`quality.suites`; here is only when it is made, of what, and what a person is shown.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import dagster as dg

from palantir_assets.assets.borne_markings import markings_of
from palantir_assets.assets.checks import broken, examples, report, results_table
from palantir_assets.assets.folding import folded, said_by_key
from palantir_assets.assets.keys import POOL, bears, key, spec, table_result
from palantir_assets.assets.project import Project
from palantir_assets.errors import SpecError
from palantir_assets.names import Name, dbt_table, object_table, said_table
from palantir_assets.observability.masking import masked
from palantir_assets.ontology.compiling import missing_columns, object_select
from palantir_assets.ontology.spec import ObjectType
from palantir_assets.ontology.versioning import object_version
from palantir_assets.quality.suites import Suite, column_sql, suites_of
from palantir_assets.stores.warehouse import columns, content_version, replace_table

if TYPE_CHECKING:
    import pyarrow as pa

    from palantir_assets.quality.validating import Result


def object_assets(project: Project) -> list[dg.AssetsDefinition]:
    """`objects/<type>` for every object type."""
    return [_object_asset(project, object_type) for object_type in project.ontology.objects.values()]


def object_checks(project: Project) -> list[dg.AssetChecksDefinition]:
    """The suites of every object type, as checks that can be asked again without making the objects again."""
    types = project.ontology.objects.values()
    return [_suite_check(project, object_type, suite) for object_type in types for suite in suites_of(project.ontology, object_type)]


def wanted_checks(project: Project) -> Iterator[tuple[Name, str, bool, str]]:
    """(asset, check, blocking, fingerprint) of every check of this station."""
    ontology = project.ontology
    for object_type in ontology.objects.values():
        for suite in suites_of(ontology, object_type):
            yield object_table(object_type.name), suite.name, suite.severity == "block", suite.fingerprint


def _object_asset(project: Project, object_type: ObjectType) -> dg.AssetsDefinition:
    name = object_table(object_type.name)
    sql = object_select(project.ontology, object_type)

    @dg.multi_asset(
        specs=[
            spec(
                name,
                version=object_version(project.ontology, object_type),
                deps=[dbt_table(object_type.table), said_table(name)],
                description=object_type.description,
                owner=object_type.owner,
                kinds=["ontology", "duckdb"],
            )
        ],
        name=f"objects__{object_type.name}",
        pool=POOL,
    )
    def make_objects() -> dg.MaterializeResult[Any]:
        with project.warehouse.write() as con:
            problems = missing_columns(project.loaded, object_type, columns(con, dbt_table(object_type.table)))
            if problems:
                raise SpecError(problems)
            fold = folded(con, project, object_type)
            marked = markings_of(project, name)
            replace_table(con, name, object_select(project.ontology, object_type, fold.rows) if fold else sql)
        told: dict[str, Any] = {"edited_objects": masked(len(fold.said), marked.rows), "edits_until": fold.edit_no} if fold else {}
        return table_result(project.warehouse, name, sql, marked=marked, **told)

    return make_objects


def _suite_check(project: Project, object_type: ObjectType, suite: Suite) -> dg.AssetChecksDefinition:
    name = object_table(object_type.name)
    blocking = suite.severity == "block"

    @dg.asset_check(asset=key(name), name=suite.name, blocking=blocking, pool=POOL, description=f"{len(suite.expectations)} expectations.")
    def ask_suite() -> dg.AssetCheckResult:
        from palantir_assets.quality.validating import validate

        with project.warehouse.read() as con:
            version = content_version(con, name)
            wanted = ", ".join(column_sql(column) for column in dict.fromkeys((*suite.columns, object_type.key)))
            table = con.sql(f"SELECT {wanted} FROM {name.sql}").to_arrow_table()
            edits = {key: one.edit_no for key, one in said_by_key(con, name).items()}
        results = validate(suite, table)
        failed, (details, shown) = broken(results), _told(project, object_type, table, results, edits)
        return report(
            project, name, suite.name, passed=not failed, blocking=blocking, fingerprint=suite.fingerprint, data_version=version,
            details=details, shown=shown,
        )  # fmt: skip

    return ask_suite


def _told(
    project: Project, object_type: ObjectType, table: pa.Table, results: Sequence[Result], edits: Mapping[str, int]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """What the record keeps of a suite's results, and what the UI shows; marked values in neither."""
    failed, marked = broken(results), markings_of(project, object_table(object_type.name))
    found = examples(results, table.column(object_type.key).to_pylist(), marked, key=object_type.key, edits=edits) if failed else {}
    details = {"expectations": len(results), "broken": failed, **({"examples": found} if found else {})}
    return details, {"expectations": len(results), "results": results_table(results, marked), **bears(marked.all)}
