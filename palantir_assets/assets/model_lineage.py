"""What every dbt model reads, kept as it is made and trusted only while it is of today.

How SQL is read is decided in `lineage`, where the result lies in `stores.lineage`. What a model's text does not tell,
its manifest does: a model in Python, one that grows by increments, one with hooks, a snapshot: everything it may read
counts for all it has.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from palantir_assets.assets.project import Project
from palantir_assets.lineage.columns import ModelLineage, Schemas, model_lineage, named_in, unread
from palantir_assets.stores.lineage import LineageFile

LINEAGE: Final = "lineage.json"
_GROWING: Final = frozenset({"incremental", "snapshot", "microbatch"})


def lineage_file(project: Project) -> LineageFile:
    """Where the lineage of all models is kept."""
    return LineageFile(project.artifacts("tables") / LINEAGE)


def table_of(node: Mapping[str, Any]) -> str:
    """`schema.table` of a node that dbt makes or reads."""
    local = node.get("identifier") if node["resource_type"] == "source" else node["name"]
    return f"{node['schema']}.{local or node['name']}"


def made_nodes(manifest: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    """Everything dbt makes a table of, by table: models, seeds and snapshots, but no ephemeral model."""
    kinds = ("model", "seed", "snapshot")
    nodes = (node for node in manifest["nodes"].values() if node["resource_type"] in kinds)
    return {table_of(node): node for node in nodes if (node.get("config") or {}).get("materialized") != "ephemeral"}


def lineage_of(node: Mapping[str, Any], manifest: Mapping[str, Any], sql: str, schemas: Schemas) -> ModelLineage:
    """The lineage of what dbt has just made of a node with this compiled SQL."""
    table, declared = table_of(node), sorted(set(_read_by(node, manifest)))
    if node["resource_type"] == "seed":
        return ModelLineage(dict.fromkeys(schemas.get(table, ()), ()), (), ())
    if why := _beyond_its_text(node):
        return unread(schemas.get(table, ()), {*declared, *named_in(sql + _hooks(node), schemas, but=table)}, schemas, why=why)
    return model_lineage(table, sql, schemas, declared=declared)


def unknown_lineage(node: Mapping[str, Any], manifest: Mapping[str, Any], schemas: Schemas) -> ModelLineage:
    """What must be taken for the lineage of a node of which none is kept: everything it may read."""
    return unread(schemas.get(table_of(node), ()), set(_read_by(node, manifest)), schemas, why="its lineage is not known")


def _read_by(node: Mapping[str, Any], manifest: Mapping[str, Any]) -> Iterator[str]:
    """The tables a node is declared to read; an ephemeral model stands for those that it reads itself."""
    front, seen = list((node.get("depends_on") or {}).get("nodes") or ()), set[str]()
    while front:
        name = front.pop()
        one = manifest["nodes"].get(name) or manifest["sources"].get(name)
        if one is None or name in seen:
            continue
        seen.add(name)
        if (one.get("config") or {}).get("materialized") == "ephemeral":
            front += (one.get("depends_on") or {}).get("nodes") or ()
        else:
            yield table_of(one)


def _beyond_its_text(node: Mapping[str, Any]) -> str:
    config = node.get("config") or {}
    if node["resource_type"] == "snapshot" or config.get("materialized") in _GROWING:
        return "it keeps rows that an earlier text of it may have made"
    if node.get("language", "sql") != "sql":
        return "it is not written in SQL"
    return "its hooks may change the table" if _hooks(node) else ""


def _hooks(node: Mapping[str, Any]) -> str:
    config = node.get("config") or {}
    hooks = [*(config.get("pre-hook") or ()), *(config.get("post-hook") or ())]
    return " ".join(str(hook.get("sql", "") if isinstance(hook, Mapping) else hook) for hook in hooks)
