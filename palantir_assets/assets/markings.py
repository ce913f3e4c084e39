"""The markings of every column, as an asset: what a release's rules are made of, and what makes them stale.

It exists where a source is marked. How markings travel is decided in `access.markings`; that they are followed along
lineage of today only, in `assets.borne_markings`.
"""

from collections.abc import Iterable
from typing import Any

import dagster as dg

from palantir_assets.access.declared import declarations, declared_markings
from palantir_assets.access.markings import ROWS, of_table
from palantir_assets.assets.borne_markings import borne, trusted_column_markings
from palantir_assets.assets.keys import MARKINGS, POOL, bears, key, last_made, markdown_table, spec
from palantir_assets.assets.model_versions import model_version
from palantir_assets.assets.project import Project
from palantir_assets.names import fingerprint
from palantir_assets.ontology.versioning import MAKERS


def marking_assets(project: Project, tables: Iterable[dg.AssetKey]) -> list[dg.AssetsDefinition]:
    """`tables/markings`; nothing where no source is marked."""
    if not declared_markings(project.ontology):
        return []
    models = [node for node in project.manifest["nodes"].values() if node["resource_type"] in ("model", "seed", "snapshot")]
    texts = sorted((node["unique_id"], model_version(node, project.manifest["macros"])) for node in models)

    @dg.multi_asset(
        specs=[
            spec(
                MARKINGS,
                version=fingerprint(MAKERS["tables"], declarations(project.ontology), texts),
                deps=list(tables),
                description="Which columns bear which markings: the declared ones, and those of all that they were made of.",
            )
        ],
        name="tables__markings",
        pool=POOL,
    )
    def follow_markings(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        columns = trusted_column_markings(project, context.instance)
        found = sorted((place.table, place.column, ", ".join(sorted(markings))) for place, markings in borne(project).items())
        shown = [{"table": table, "column": "(its rows)" if name == ROWS else name, "markings": said} for table, name, said in found]
        every = frozenset(marking for properties in columns.values() for markings in properties.values() for marking in markings)
        metadata: dict[str, Any] = {"columns": markdown_table(shown), **bears(every)}
        if before := _made_before(project, context.instance):
            context.log.warning("made before they were marked, so that Dagster still shows values of: " + ", ".join(before))
            metadata["made_before_they_were_marked"] = ", ".join(before)
        return dg.MaterializeResult(asset_key=key(MARKINGS), metadata=metadata, data_version=dg.DataVersion(fingerprint(columns)))

    return [follow_markings]


def _made_before(project: Project, instance: dg.DagsterInstance) -> list[str]:
    """Assets that bear more markings today than when they were last made: what Dagster shows of them is of then."""
    today = borne(project)
    bearing = {table: of_table(today, table).all for table in {place.table for place in today}}
    keys = {"/".join(table.split(".", 1)): markings for table, markings in bearing.items()}
    made = last_made(instance, [dg.AssetKey(name.split("/")) for name in keys])
    told = {name: event.metadata.get("markings") for name, event in made.items()}
    return sorted(name for name, value in told.items() if keys[name] - set(str(value.value).split(", ") if value else ()))
