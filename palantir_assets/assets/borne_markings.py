"""Which markings everything in the build bears: columns, properties, links, texts, models, reports.

What is declared is carried along the lineage of models (`assets.column_markings`) and of the ontology
(`access.derived`). Nothing is carried on a lineage that is not of today: see `trusted`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import dagster as dg

from palantir_assets.access.declared import declared_markings, declared_on_properties, is_marked, removed_on_the_way
from palantir_assets.access.derived import column_markings, made_of_tables
from palantir_assets.access.markings import Markings, Place, TableMarkings, of_table, propagate
from palantir_assets.assets.column_markings import made_tables
from palantir_assets.assets.keys import last_made
from palantir_assets.assets.model_lineage import lineage_file, made_nodes
from palantir_assets.assets.model_versions import key_of_model, model_version
from palantir_assets.assets.project import Project
from palantir_assets.errors import BuildError
from palantir_assets.names import Name

Borne = Mapping[Place, Markings]


def borne(project: Project) -> Borne:
    """The markings of every place that bears any. A model whose lineage is missing bears those of all it may read."""
    ontology = project.ontology
    if not is_marked(ontology):
        return {}
    declared = {**declared_markings(ontology), **declared_on_properties(ontology)}
    return propagate(declared, {**made_tables(project), **made_of_tables(ontology)}, removed_on_the_way(ontology))


def markings_of(project: Project, name: Name) -> TableMarkings:
    """What one table, or one asset, bears."""
    return of_table(borne(project), name.table)


def trusted_column_markings(project: Project, instance: dg.DagsterInstance) -> dict[str, dict[str, Markings]]:
    """The markings of the columns that properties and links are read from, for the rules of a release.

    Raises BuildError where something is marked and the lineage of a model is missing, or not of its text or content of
    today: a marking that cannot be followed could be lost.
    """
    if not declared_markings(project.ontology):
        return {}
    if old := list(_untrusted(project, instance)):
        raise BuildError(
            "markings are declared, and what these models read is not known as they are today: " + "; ".join(old),
            next_step="run `palantir build --select 'group:tables'`, which reads it anew, then `palantir build`",
        )
    return column_markings(project.ontology, borne(project))


def _untrusted(project: Project, instance: dg.DagsterInstance) -> Iterable[str]:
    kept, nodes = lineage_file(project).read(), made_nodes(project.manifest)
    made = last_made(instance, [key_of_model(node) for node in nodes.values()])
    for table, node in sorted(nodes.items()):
        known, event = kept.get(table), made.get(key_of_model(node).to_user_string())
        if known is None or event is None:
            yield f"{table} (none is kept)"
        elif known.code_version != model_version(node, project.manifest["macros"]):
            yield f"{table} (its text has changed since)"
        elif known.data_version != (event.tags or {}).get("dagster/data_version"):
            yield f"{table} (it was made again since)"
