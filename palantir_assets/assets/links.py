"""Station 3: one asset per link, generated from the specs, with its checks. Objects are in `objects`.

Which pairs a link is, and which keys lead nowhere, is decided in `ontology.link_sql`; here is only when they are
made, of what, and what a person is shown.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import dagster as dg

from palantir_assets.assets.borne_markings import markings_of
from palantir_assets.assets.checks import report
from palantir_assets.assets.keys import POOL, hidden_rows, key, markdown_table, spec, table_result
from palantir_assets.assets.project import Project
from palantir_assets.errors import SpecError
from palantir_assets.names import Name, dbt_table, fingerprint, link_table, said_table
from palantir_assets.ontology.compiling import missing_link_columns
from palantir_assets.ontology.link_sql import folded_link_select, folded_orphans_select, link_select, tables_read
from palantir_assets.ontology.spec import Link, ObjectType
from palantir_assets.ontology.versioning import MAKERS, link_version
from palantir_assets.stores.warehouse import columns, content_version, replace_tables, rows, sample

if TYPE_CHECKING:
    import duckdb


def link_assets(project: Project) -> list[dg.AssetsDefinition]:
    """`links/<type>__<link>` for every link."""
    types = project.ontology.objects.values()
    return [_link_asset(project, source, name, link) for source in types for name, link in source.links.items()]


def link_checks(project: Project) -> list[dg.AssetChecksDefinition]:
    """Orphans and cardinality of every link."""
    found = []
    for source in project.ontology.objects.values():
        for name, link in source.links.items():
            if link.orphans != "allow":
                found.append(_orphans_check(project, source, name, link))
            if bounded(link):
                found.append(_cardinality_check(project, source, name, link))
    return found


def wanted_checks(project: Project) -> Iterator[tuple[Name, str, bool, str]]:
    """(asset, check, blocking, fingerprint) of every check of a link."""
    for source in project.ontology.objects.values():
        for name, link in source.links.items():
            if link.orphans != "allow":
                yield link_table(source.name, name), "orphans", link.orphans == "block", _orphans_fingerprint(link)
            if bounded(link):
                yield link_table(source.name, name), "cardinality", link.severity == "block", _cardinality_fingerprint(link)


def bounded(link: Link) -> tuple[str, ...]:
    """The columns of a link's table in which no row may stand twice; a key leads to one object by itself."""
    one_source = ("target_row",) if link.cardinality == "one_to_one" else ()
    one_target = ("source_row",) if link.by is None and link.cardinality != "many_to_many" else ()
    return (*one_source, *one_target)


def _link_asset(project: Project, source: ObjectType, link_name: str, link: Link) -> dg.AssetsDefinition:
    name = link_table(source.name, link_name)
    sql = link_select(project.ontology, source, link)

    @dg.multi_asset(
        specs=[
            spec(
                name,
                version=link_version(project.ontology, source, link),
                deps=[*tables_read(project.ontology, source, link), *([said_table(name)] if link.via else [])],
                description=f"{source.label.en} → {project.ontology.objects[link.to].label.en}, {link.way}.",
                owner=source.owner,
                kinds=["ontology", "duckdb"],
            )
        ],
        name=f"links__{name.local}",
        pool=POOL,
    )
    def make_links() -> dg.MaterializeResult[Any]:
        with project.warehouse.write() as con:
            if link.via and (problems := missing_link_columns(project.loaded, source, link_name, columns(con, dbt_table(link.via.table)))):
                raise SpecError(problems)
            said = rows(con, said_table(name)) if link.via else 0
            made = folded_link_select(project.ontology, source, link_name, link) if said else sql
            replace_tables(con, {name: made, orphans_table(name): folded_orphans_select(project.ontology, source, link)})
            told: dict[str, Any] = {**_lost(con, name), **({"edited_pairs": said} if said else {})}
        return table_result(project.warehouse, name, sql, marked=markings_of(project, name), **told)

    return make_links


def _lost(con: duckdb.DuckDBPyConnection, name: Name) -> dict[str, int]:
    """How many keys of a link lead nowhere and how many objects hold them; and how many lead to what edits took away."""
    counts = "count(*) FILTER (NOT gone), coalesce(sum(objects) FILTER (NOT gone), 0), count(*) FILTER (gone)"
    keys, objects, gone = con.execute(f"SELECT {counts} FROM {orphans_table(name).sql}").fetchall()[0]
    return {"orphan_keys": keys, "orphan_objects": int(objects), **({"keys_taken_away_by_edits": gone} if gone else {})}


def orphans_table(name: Name) -> Name:
    """Where the keys of a link that lead nowhere are listed."""
    return Name("links", f"{name.local}__orphans")


def _orphans_check(project: Project, source: ObjectType, link_name: str, link: Link) -> dg.AssetChecksDefinition:
    name = link_table(source.name, link_name)
    blocking = link.orphans == "block"

    @dg.asset_check(
        asset=key(name), name="orphans", blocking=blocking, pool=POOL, description=f"What it goes {link.way} leads to a {link.to}."
    )
    def count_orphans() -> dg.AssetCheckResult:
        lost = orphans_table(name)
        with project.warehouse.read() as con:
            version, counts, first = content_version(con, name), _lost(con, name), sample(con, lost, 10, where="NOT gone")
        return report(
            project,
            name,
            "orphans",
            passed=counts["orphan_keys"] == 0,
            blocking=blocking,
            fingerprint=_orphans_fingerprint(link),
            data_version=version,
            details=counts,
            shown={**counts, "most_frequent": markdown_table(hidden_rows(first, markings_of(project, name)))},
        )

    return count_orphans


def _cardinality_check(project: Project, source: ObjectType, link_name: str, link: Link) -> dg.AssetChecksDefinition:
    name = link_table(source.name, link_name)
    blocking = link.severity == "block"

    @dg.asset_check(asset=key(name), name="cardinality", blocking=blocking, pool=POOL, description=f"It is {link.cardinality}.")
    def count_shared_ends() -> dg.AssetCheckResult:
        with project.warehouse.read() as con:
            version = content_version(con, name)
            shared = {
                _SHARED[end]: int(
                    con.execute(f"SELECT count(*) FROM (SELECT 1 FROM {name.sql} GROUP BY {end} HAVING count(*) > 1)").fetchall()[0][0]
                )
                for end in bounded(link)
            }
        return report(
            project,
            name,
            "cardinality",
            passed=not any(shared.values()),
            blocking=blocking,
            fingerprint=_cardinality_fingerprint(link),
            data_version=version,
            details=shared,
        )

    return count_shared_ends


_SHARED = {"target_row": "targets_with_several_sources", "source_row": "sources_with_several_targets"}


def _orphans_fingerprint(link: Link) -> str:
    return fingerprint(MAKERS["checks"], "orphans", link.orphans)


def _cardinality_fingerprint(link: Link) -> str:
    if link.by is not None:
        return fingerprint(MAKERS["checks"], "cardinality", link.severity)
    return fingerprint(MAKERS["checks"], "cardinality", link.severity, bounded(link))
