"""Station 4: links as arrays that can be walked, and the measures of every declared graph.

How arrays are built and what a measure is, is decided in `graph`; which nodes and edges there are, in the specs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import dagster as dg

from palantir_assets.access.markings import NONE, of_table
from palantir_assets.assets.borne_markings import borne, markings_of
from palantir_assets.assets.keys import LINK_ARRAYS, POOL, bears, file_version, folder_version, image, markdown_table, spec
from palantir_assets.assets.project import Project
from palantir_assets.graph.building import ALWAYS, LinkArrays, build_csr, save
from palantir_assets.graph.edges import EdgeList
from palantir_assets.names import Name, fingerprint, link_table, object_table, quoted
from palantir_assets.observability.masking import masked
from palantir_assets.observability.redaction import HIDDEN
from palantir_assets.ontology.spec import Graph, Link
from palantir_assets.ontology.versioning import MAKERS, graph_version
from palantir_assets.stores.warehouse import rows

if TYPE_CHECKING:
    import duckdb
    import pyarrow as pa


def graph_assets(project: Project) -> list[dg.AssetsDefinition]:
    """`graph/links`, and `graph/<name>` for every declared graph."""
    measured = [_measures_asset(project, name, graph) for name, graph in project.ontology.graphs.items()]
    return [_link_arrays_asset(project), *measured]


def _link_arrays_asset(project: Project) -> dg.AssetsDefinition:
    types = project.ontology.objects.values()
    links = {link_table(source.name, name): (source.name, link) for source in types for name, link in source.links.items()}
    deps = [*links, *(object_table(name) for name in project.ontology.objects)]
    beside = {str(name): _beside(link) for name, (_, link) in links.items() if _beside(link)}
    version = fingerprint(MAKERS["graph"], sorted(str(name) for name in links), *([beside] if beside else []))

    @dg.multi_asset(
        specs=[
            spec(
                LINK_ARRAYS,
                version=version,
                deps=deps,
                kinds=["numpy"],
                description="Every link as forward and reverse compressed sparse rows.",
            )
        ],
        name="graph__links",
        pool=POOL,
    )
    def build_arrays() -> dg.MaterializeResult[Any]:
        facts = []
        for name, (source, link) in links.items():
            with project.warehouse.read() as con:
                arrays = _arrays(con, name, link, rows(con, object_table(source)), rows(con, object_table(link.to)))
            save(arrays, project.artifacts("graph") / name.local)
            facts.append({"link": name.local, "links": arrays.links, "bytes a link": round(arrays.nbytes / max(arrays.links, 1), 1)})
        folder = project.artifacts("graph")
        content = folder_version(folder, *(name.local for name in links))
        bearing = borne(project)
        marked = {name.local: of_table(bearing, name.table).rows for name in links}
        shown = [{**fact, "links": masked(fact["links"], marked[str(fact["link"])])} for fact in facts]
        metadata: dict[str, Any] = {
            "links": markdown_table(shown),
            "folder": dg.MetadataValue.path(folder),
            **bears(NONE.union(*marked.values())),
        }
        return dg.MaterializeResult(metadata=metadata, data_version=dg.DataVersion(content))

    return build_arrays


def _beside(link: Link) -> list[str]:
    """The columns of a link's table that lie beside its pairs."""
    return [*(["through_row"] if link.through else []), *(["valid_from", "valid_until"] if link.valid else [])]


def _arrays(con: duckdb.DuckDBPyConnection, name: Name, link: Link, sources: int, targets: int) -> LinkArrays:
    import numpy as np

    columns = ["source_row", "target_row", *(["through_row"] if link.through else [])]
    if link.valid:
        columns += [_moment("valid_from", ALWAYS[0]), _moment("valid_until", ALWAYS[1])]
    found = con.execute(f"SELECT {', '.join(columns)} FROM {name.sql}").fetchnumpy()
    valid = np.column_stack([found["valid_from"], found["valid_until"]]) if link.valid else None
    through = found["through_row"] if link.through else None
    return build_csr(found["source_row"], found["target_row"], sources, targets, valid=valid, through=through)


def _moment(column: str, open_end: int) -> str:
    """A timestamp as microseconds since 1970; an open or infinite end as the end of all time."""
    return f"CAST(CASE WHEN isfinite({column}) THEN epoch_us({column}) ELSE {open_end} END AS BIGINT) AS {column}"


def _measures_asset(project: Project, graph_name: str, graph: Graph) -> dg.AssetsDefinition:
    name = Name("graph", graph_name)
    edges = graph.edges
    ends = [link_table(edges.object, edges.source), link_table(edges.object, edges.target)]

    @dg.multi_asset(
        specs=[
            spec(
                name,
                version=graph_version(graph),
                deps=[*ends, object_table(graph.nodes), object_table(edges.object)],
                description=graph.description,
                kinds=["networkx"],
            )
        ],
        name=f"graph__{graph_name}",
        pool=POOL,
    )
    def measure_nodes() -> dg.MaterializeResult[Any]:
        from palantir_assets.graph.drawing import draw
        from palantir_assets.release.writing import write_table

        with project.warehouse.read() as con:
            edge_list = _edges(con, graph)
        table = _measured(graph, edge_list)
        path = project.artifacts("graph") / "measures" / f"{graph_name}.parquet"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_table(table, path)
        metadata: dict[str, Any] = {"nodes": edge_list.nodes, "edges": len(edge_list.sources)}
        if marked := markings_of(project, name).all:
            metadata = {**dict.fromkeys(("nodes", "edges", "highest", "picture"), HIDDEN), **bears(marked)}
        else:
            metadata["highest"] = markdown_table(table.sort_by([(table.column_names[1], "descending")]).slice(0, 5).to_pylist())
            metadata["picture"] = image(draw(edge_list, title=graph.label.en if graph.label else graph_name))
        return dg.MaterializeResult(metadata=metadata, data_version=dg.DataVersion(file_version(path)))

    return measure_nodes


def _edges(con: duckdb.DuckDBPyConnection, graph: Graph) -> EdgeList:
    edges = graph.edges
    weight = f"CAST(o.{quoted(edges.weight)} AS DOUBLE)" if edges.weight else "1.0"
    found = con.execute(
        f"SELECT s.target_row AS source, t.target_row AS target, {weight} AS weight "
        f"FROM {link_table(edges.object, edges.source).sql} s JOIN {link_table(edges.object, edges.target).sql} t USING (source_row) "
        f"JOIN {object_table(edges.object).sql} o ON o._row = source_row ORDER BY source_row"
    ).fetchnumpy()
    weights = found["weight"].filled(float("nan")) if hasattr(found["weight"], "filled") else found["weight"]
    return EdgeList(found["source"], found["target"], weights if edges.weight else None, rows(con, object_table(graph.nodes)))


def _measured(graph: Graph, edges: EdgeList) -> pa.Table:
    import numpy as np
    import pyarrow as pa

    from palantir_assets.graph.measures import measure

    columns: dict[str, Any] = {"_row": np.arange(edges.nodes, dtype=np.int32)}
    for name, declared in graph.measures.items():
        columns[name] = measure(declared.kind, edges, seed=declared.seed, weighted=declared.weighted)
    return pa.table(columns)
