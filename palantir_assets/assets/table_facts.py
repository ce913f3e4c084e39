"""What is kept and shown of tables that dbt has just made: versions, rows, SQL, and what every column was made of.

When they are made is decided in `assets.tables`. Lineage is kept before anything is shown, since it tells what must
not be.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import dagster as dg

from palantir_assets.access.markings import of_table
from palantir_assets.assets.borne_markings import borne
from palantir_assets.assets.keys import table_result
from palantir_assets.assets.model_lineage import lineage_file, lineage_of, made_nodes
from palantir_assets.assets.model_versions import model_version
from palantir_assets.assets.project import Project
from palantir_assets.lineage.columns import ModelLineage, Schemas
from palantir_assets.names import from_key
from palantir_assets.stores.lineage import KeptLineage
from palantir_assets.stores.warehouse import content_version, schemas_of


def facts_of(project: Project, target: Path, made: Sequence[dg.AssetKey]) -> Iterator[dg.MaterializeResult[Any]]:
    """One result for each table that dbt made in this run, whose files lie in `target`."""
    compiled, nodes = _compiled(target), made_nodes(project.manifest)
    tables = {".".join(key.path): from_key(key.path) for key in made}
    with project.warehouse.read() as con:
        schemas = schemas_of(con)
        versions = {table: content_version(con, name) for table, name in tables.items()}
    lineage = {table: lineage_of(nodes[table], project.manifest, compiled.get(table, ""), schemas) for table in tables}
    kept = {
        table: KeptLineage(found, model_version(nodes[table], project.manifest["macros"]), versions[table])
        for table, found in lineage.items()
    }
    lineage_file(project).update(kept, nodes)
    bearing = borne(project)
    for table, name in tables.items():
        marked = of_table(bearing, table)
        shown = _columns(table, schemas, lineage[table])
        yield table_result(project.warehouse, name, compiled.get(table, ""), version=versions[table], marked=marked, **shown)


def _compiled(target: Path) -> dict[str, str]:
    """The compiled SQL of everything that a run looked at, by table."""
    path = target / "manifest.json"
    nodes = json.loads(path.read_bytes())["nodes"].values() if path.exists() else []
    return {f"{node['schema']}.{node['name']}": node.get("compiled_code") or "" for node in nodes if node.get("resource_type") != "test"}


def _columns(table: str, schemas: Schemas, lineage: ModelLineage) -> Mapping[str, Any]:
    """The columns of a table and the lineage of their values, as Dagster shows them."""
    columns = [dg.TableColumn(name, type_) for name, type_ in schemas.get(table, {}).items()]
    deps = {
        name: [dg.TableColumnDep(dg.AssetKey(source.table.split(".")), source.name) for source in sources]
        for name, sources in lineage.values.items()
    }
    return {"dagster/column_schema": dg.TableSchema(columns), "dagster/column_lineage": dg.TableColumnLineage(deps)}
