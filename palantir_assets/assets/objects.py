"""Station 3: one asset per object type and per link, generated from the specs, with their checks.

What a table of objects or links contains is decided in `ontology.compiling`, what is expected of it in
`quality.suites`; here is only when it is made, of what, and what a person is shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import dagster as dg

from palantir_assets.assets.checks import broken, report, results_table
from palantir_assets.assets.keys import POOL, key, markdown_table, spec, table_result
from palantir_assets.assets.project import Project
from palantir_assets.errors import SpecError
from palantir_assets.names import Name, dbt_table, fingerprint, link_table, object_table, quoted
from palantir_assets.ontology.compiling import link_select, missing_columns, object_select, orphans_select
from palantir_assets.ontology.spec import Link, ObjectType
from palantir_assets.ontology.versioning import MAKERS, link_version, object_version
from palantir_assets.quality.suites import Suite, suites_of
from palantir_assets.stores.warehouse import columns, content_version, replace_table, replace_tables, rows, sample


def object_assets(project: Project) -> list[dg.AssetsDefinition]:
    """`objects/<type>` for every object type."""
    return [_object_asset(project, object_type) for object_type in project.ontology.objects.values()]


def link_assets(project: Project) -> list[dg.AssetsDefinition]:
    """`links/<type>__<link>` for every link."""
    types = project.ontology.objects.values()
    return [_link_asset(project, source, name, link) for source in types for name, link in source.links.items()]


def object_checks(project: Project) -> list[dg.AssetChecksDefinition]:
    """The suites of every object type, as checks that can be asked again without making the objects again."""
    types = project.ontology.objects.values()
    return [_suite_check(project, object_type, suite) for object_type in types for suite in suites_of(project.ontology, object_type)]


def link_checks(project: Project) -> list[dg.AssetChecksDefinition]:
    """Orphans and cardinality of every link."""
    found = []
    for source in project.ontology.objects.values():
        for name, link in source.links.items():
            if link.orphans != "allow":
                found.append(_orphans_check(project, source, name, link))
            if link.cardinality == "one_to_one":
                found.append(_cardinality_check(project, source, name, link))
    return found


def wanted_checks(project: Project) -> Iterator[tuple[Name, str, bool, str]]:
    """(asset, check, blocking, fingerprint) of every check of this station."""
    ontology = project.ontology
    for object_type in ontology.objects.values():
        for suite in suites_of(ontology, object_type):
            yield object_table(object_type.name), suite.name, suite.severity == "block", suite.fingerprint
        for name, link in object_type.links.items():
            if link.orphans != "allow":
                yield link_table(object_type.name, name), "orphans", link.orphans == "block", _orphans_fingerprint(link)
            if link.cardinality == "one_to_one":
                yield link_table(object_type.name, name), "cardinality", link.severity == "block", _cardinality_fingerprint(link)


def _object_asset(project: Project, object_type: ObjectType) -> dg.AssetsDefinition:
    name = object_table(object_type.name)
    sql = object_select(project.ontology, object_type)

    @dg.multi_asset(
        specs=[
            spec(
                name,
                version=object_version(project.ontology, object_type),
                deps=[dbt_table(object_type.table)],
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
            replace_table(con, name, sql)
        return table_result(project.warehouse, name, sql)

    return make_objects


def _link_asset(project: Project, source: ObjectType, link_name: str, link: Link) -> dg.AssetsDefinition:
    name = link_table(source.name, link_name)
    sql = link_select(project.ontology, source, link)

    @dg.multi_asset(
        specs=[
            spec(
                name,
                version=link_version(project.ontology, source, link),
                deps=dict.fromkeys([object_table(source.name), object_table(link.to)]),
                description=f"{source.label.en} → {project.ontology.objects[link.to].label.en}, by {link.by}.",
                owner=source.owner,
                kinds=["ontology", "duckdb"],
            )
        ],
        name=f"links__{name.local}",
        pool=POOL,
    )
    def make_links() -> dg.MaterializeResult[Any]:
        with project.warehouse.write() as con:
            replace_tables(con, {name: sql, orphans_table(name): orphans_select(project.ontology, source, link)})
            lost = rows(con, orphans_table(name))
        return table_result(project.warehouse, name, sql, orphan_keys=lost)

    return make_links


def orphans_table(name: Name) -> Name:
    """Where the keys of a link that lead nowhere are listed."""
    return Name("links", f"{name.local}__orphans")


def _suite_check(project: Project, object_type: ObjectType, suite: Suite) -> dg.AssetChecksDefinition:
    name = object_table(object_type.name)
    blocking = suite.severity == "block"

    @dg.asset_check(asset=key(name), name=suite.name, blocking=blocking, pool=POOL, description=f"{len(suite.expectations)} expectations.")
    def ask_suite() -> dg.AssetCheckResult:
        from palantir_assets.quality.validating import validate

        with project.warehouse.read() as con:
            version = content_version(con, name)
            wanted = ", ".join(quoted(column) for column in suite.columns)
            results = validate(suite, con.sql(f"SELECT {wanted} FROM {name.sql}").to_arrow_table())
        failed = broken(results)
        return report(
            project,
            name,
            suite.name,
            passed=not failed,
            blocking=blocking,
            fingerprint=suite.fingerprint,
            data_version=version,
            details={"expectations": len(results), "broken": failed},
            shown={"expectations": len(results), "results": results_table(results)},
        )

    return ask_suite


def _orphans_check(project: Project, source: ObjectType, link_name: str, link: Link) -> dg.AssetChecksDefinition:
    name = link_table(source.name, link_name)
    blocking = link.orphans == "block"

    @dg.asset_check(asset=key(name), name="orphans", blocking=blocking, pool=POOL, description=f"Every {link.by} leads to a {link.to}.")
    def count_orphans() -> dg.AssetCheckResult:
        lost = orphans_table(name)
        with project.warehouse.read() as con:
            version, keys, first = content_version(con, name), rows(con, lost), sample(con, lost, 10)
            objects = con.execute(f"SELECT coalesce(sum(objects), 0) FROM {lost.sql}").fetchall()[0][0]
        counts = {"orphan_keys": keys, "orphan_objects": int(objects)}
        return report(
            project,
            name,
            "orphans",
            passed=keys == 0,
            blocking=blocking,
            fingerprint=_orphans_fingerprint(link),
            data_version=version,
            details=counts,
            shown={**counts, "most_frequent": markdown_table(first)},
        )

    return count_orphans


def _cardinality_check(project: Project, source: ObjectType, link_name: str, link: Link) -> dg.AssetChecksDefinition:
    name = link_table(source.name, link_name)
    blocking = link.severity == "block"

    @dg.asset_check(asset=key(name), name="cardinality", blocking=blocking, pool=POOL, description="At most one source for each target.")
    def count_shared_targets() -> dg.AssetCheckResult:
        with project.warehouse.read() as con:
            version = content_version(con, name)
            shared = con.execute(f"SELECT count(*) FROM (SELECT 1 FROM {name.sql} GROUP BY target_row HAVING count(*) > 1)").fetchall()[0][
                0
            ]
        return report(
            project,
            name,
            "cardinality",
            passed=shared == 0,
            blocking=blocking,
            fingerprint=_cardinality_fingerprint(link),
            data_version=version,
            details={"targets_with_several_sources": int(shared)},
        )

    return count_shared_targets


def _orphans_fingerprint(link: Link) -> str:
    return fingerprint(MAKERS["checks"], "orphans", link.orphans)


def _cardinality_fingerprint(link: Link) -> str:
    return fingerprint(MAKERS["checks"], "cardinality", link.severity)
