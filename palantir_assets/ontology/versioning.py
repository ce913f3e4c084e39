"""What makes an asset stale: a fingerprint of exactly those parts of the specs that decide its content.

A label changes what is served and no table; a constraint changes what is checked and no content; a comment
changes nothing. `MAKERS` counts up when our own code for a station changes what it makes.
"""

from __future__ import annotations

from typing import Final

from pydantic.main import IncEx

from palantir_assets.names import fingerprint
from palantir_assets.ontology.compiling import (
    candidate_select,
    link_select,
    object_select,
    paths_select,
    series_of,
    series_select,
    served_ontology,
)
from palantir_assets.ontology.link_sql import folded_orphans_select
from palantir_assets.ontology.paths import template_fields
from palantir_assets.ontology.served import ServedOntology
from palantir_assets.ontology.serving_access import served_access
from palantir_assets.ontology.spec import Eval, Graph, Link, Model, ObjectType, Ontology, Source, SourceTable

MAKERS: Final = {
    "raw": 1,
    "tables": 1,
    "ledger": 1,
    "objects": 1,
    "links": 1,
    "graph": 1,
    "search": 1,
    "learning": 1,
    "candidate": 1,
    "evals": 1,
    "release": 1,
    "checks": 1,
}


def raw_version(source: Source, table: SourceTable) -> str:
    """Of where the bytes are and how they are read; descriptions, owners, markings and freshness do not count."""
    said_of_them: dict[str, IncEx | bool] = {"description": True, "markings": True, "columns": {"__all__": {"markings": True}}}
    where: list[object] = [source.s3.model_dump(mode="json", include={"bucket", "prefix", "endpoint"})] if source.s3 else []
    where += [source.http.url] if source.http else []
    where += [source.sql.model_dump(mode="json", exclude={"timeout"})] if source.sql else []
    return fingerprint(MAKERS["raw"], source.kind, source.package, table.model_dump(mode="json", exclude=said_of_them), *where)


def object_version(ontology: Ontology, object_type: ObjectType) -> str:
    """Of what its table is made of, and of whose word holds where people and the source differ."""
    conflicts = {name: prop.conflict for name, prop in object_type.properties.items() if prop.conflict is not None}
    rules = [conflicts, object_type.updated_at] if conflicts else []
    return fingerprint(MAKERS["objects"], object_select(ontology, object_type), *rules)


def link_version(ontology: Ontology, source: ObjectType, link: Link) -> str:
    return fingerprint(MAKERS["links"], link_select(ontology, source, link), folded_orphans_select(ontology, source, link))


def graph_version(graph: Graph) -> str:
    measures = {name: measure.model_dump(mode="json", include={"kind", "weighted", "seed"}) for name, measure in graph.measures.items()}
    return fingerprint(MAKERS["graph"], graph.nodes, graph.edges.model_dump(mode="json"), measures)


def documents_version(ontology: Ontology, object_type: ObjectType) -> str:
    text = object_type.search.text if object_type.search else ""
    paths = [path for path in template_fields(text) if path != "title"]
    return fingerprint(MAKERS["search"], text, paths_select(ontology, object_type.name, paths, also=["_title"]))


def model_version(ontology: Ontology, model: Model) -> str:
    what = model.model_dump(mode="json", exclude={"label", "description", "owner", "gate", "writes"})
    return fingerprint(MAKERS["learning"], what, sorted(model.writes), paths_select(ontology, model.object, model.features))


def model_gate_fingerprint(model: Model) -> str:
    return fingerprint(MAKERS["checks"], model.gate.model_dump(mode="json") if model.gate else None)


def candidate_version(ontology: Ontology) -> str:
    """Of what is served and who may read it, and of what the candidate computes and adds by itself."""
    over_links = {name: candidate_select(ontology, object_type) for name, object_type in ontology.objects.items()}
    series = {"__".join(name): series_select(points, prop) for name, (points, prop) in series_of(ontology).items()}
    served, access = served_ontology(ontology).model_dump(mode="json"), served_access(ontology, {}).model_dump(mode="json")
    return fingerprint(MAKERS["candidate"], served, access, over_links, series, ontology.files)


def without_words(served: ServedOntology) -> object:
    """The served ontology without what only people read, and without what value types demand: what an answer can depend on."""
    words: dict[str, IncEx | bool] = {"label": True, "description": True}
    each: dict[str, IncEx | bool] = {"__all__": words}
    props: dict[str, IncEx | bool] = {"__all__": {**words, "personal": True, "expression": True}}
    links: dict[str, IncEx | bool] = {**words, "reverse_label": True}
    types: dict[str, IncEx | bool] = {**words, "plural": True, "owner": True, "properties": props, "links": {"__all__": links}}
    functions: dict[str, IncEx | bool] = {**words, "parameters": each, "output": words}
    return served.model_dump(
        mode="json",
        exclude={
            "types": {"__all__": types},
            "interfaces": {"__all__": {**words, "properties": each, "links": each}},
            "shared_properties": True,
            "actions": True,
            "mails": True,
            "rules": True,
            "value_types": True,
            "functions": {"__all__": functions},
            "metrics": each,
            "graphs": each,
            "models": each,
        },
    )


def eval_version(suite: Eval) -> str:
    return fingerprint(MAKERS["evals"], suite.model_dump(mode="json", exclude={"label", "description", "owner", "gate"}))


def eval_gate_fingerprint(suite: Eval) -> str:
    return fingerprint(MAKERS["checks"], suite.gate.model_dump(mode="json"))


def spec_version(ontology: Ontology) -> str:
    """Of everything that was declared: it stands in a release's manifest."""
    return fingerprint(ontology.model_dump(mode="json", by_alias=True))
