"""Which columns of the warehouse bear which markings: the declared ones, carried along the lineage of the models.

How markings travel is decided in `access.markings`, what a model reads in `assets.model_lineage`; what bears them
after the warehouse (properties, links, vectors, models) is told in `assets.borne_markings`.
"""

from __future__ import annotations

from palantir_assets.access.declared import ADDED
from palantir_assets.access.markings import ROWS, Made, Place
from palantir_assets.assets.model_lineage import lineage_file, made_nodes, unknown_lineage
from palantir_assets.assets.model_versions import model_version
from palantir_assets.assets.project import Project
from palantir_assets.lineage.columns import ModelLineage
from palantir_assets.names import raw_table
from palantir_assets.ontology.spec import Ontology


def made_of(lineage: ModelLineage) -> Made:
    """A model's lineage as markings travel it: whoever reads a table learns of its rows."""
    rows = {Place(column.table, column.name) for column in lineage.rows} | {Place(table, ROWS) for table in lineage.inputs}
    values = {name: frozenset(Place(column.table, column.name) for column in columns) for name, columns in lineage.values.items()}
    return Made(values, frozenset(rows))


def made_tables(project: Project) -> dict[str, Made]:
    """How every table of the warehouse was made; one whose lineage is missing or old is made of all it may read."""
    kept, manifest = lineage_file(project).read(), project.manifest
    schemas = {table: dict.fromkeys(one.lineage.values, "") for table, one in kept.items()} | _raw_columns(project.ontology)
    found = {}
    for table, node in made_nodes(manifest).items():
        known = kept.get(table)
        of_today = known is not None and known.code_version == model_version(node, manifest["macros"])
        found[table] = made_of(known.lineage if known and of_today else unknown_lineage(node, manifest, schemas))
    return found


def _raw_columns(ontology: Ontology) -> dict[str, dict[str, str]]:
    return {
        raw_table(name, table).table: dict.fromkeys((*declared.columns, *ADDED), "")
        for name, source in ontology.sources.items()
        for table, declared in source.tables.items()
    }
