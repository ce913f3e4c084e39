"""What must hold of graphs, models and evals: that what they stand on exists, and that no model leaks."""

from __future__ import annotations

from collections.abc import Iterator

from palantir_assets.errors import Problem, did_you_mean
from palantir_assets.ontology.leaks import leaks
from palantir_assets.ontology.paths import follow
from palantir_assets.ontology.reading import Loaded
from palantir_assets.ontology.spec import PROPERTY_TYPES, SOURCE_TYPES
from palantir_assets.ontology.wording import a, computed_later, unfollowed, unknown_property


def graphs_have_ground(loaded: Loaded) -> Iterator[Problem]:
    objects = loaded.ontology.objects
    for name, graph in loaded.ontology.graphs.items():
        edges = objects.get(graph.edges.object)
        for word, path in ((graph.nodes, ("nodes",)), (graph.edges.object, ("edges", "object"))):
            if loaded.lacks(word):
                yield Problem(
                    f"graph {name!r}: unknown object type {word!r}", loaded.place("graphs", name, *path), did_you_mean(word, objects)
                )
        if edges is None:
            continue
        for end in ("source", "target"):
            link, place = getattr(graph.edges, end), loaded.place("graphs", name, "edges", end)
            if link not in edges.links:
                yield Problem(f"graph {name!r}: {edges.name} has no link {link!r}", place, did_you_mean(link, edges.links))
            elif edges.links[link].to != graph.nodes:
                yield Problem(f"graph {name!r}: {edges.name}.{link} leads to {edges.links[link].to}, not to {graph.nodes}", place)
        if graph.edges.weight and graph.edges.weight not in edges.properties:
            yield unknown_property(loaded, edges, graph.edges.weight, f"graph {name!r}", section="graphs", name=name)
        elif graph.edges.weight:
            yield from computed_later(loaded, edges.name, graph.edges.weight, f"graph {name!r}", "graphs", name, "edges", "weight")


def models_do_not_leak(loaded: Loaded) -> Iterator[Problem]:
    """Every feature exists and is known at the time of the prediction; the target and its kin are not features."""
    objects = loaded.ontology.objects
    for name, model in loaded.ontology.models.items():
        target_type = objects.get(model.object)
        if target_type is None:
            if loaded.lacks(model.object):
                place = loaded.place("models", name, "object")
                yield Problem(f"model {name!r}: unknown object type {model.object!r}", place, did_you_mean(model.object, objects))
            continue
        for field in (model.predict, model.at, model.split.by):
            if field not in target_type.properties:
                yield unknown_property(loaded, target_type, field, f"model {name!r}", section="models", name=name)
            yield from computed_later(loaded, model.object, field, f"model {name!r}", "models", name)
        if model.serve not in model.estimators:
            place = loaded.place("models", name, "serve")
            yield Problem(f"model {name!r} serves unknown estimator {model.serve!r}", place, did_you_mean(model.serve, model.estimators))
        for index, feature in enumerate(model.features):
            yield from unfollowed(loaded, model.object, feature, f"model {name!r}", "models", name, "features", index)
            yield from computed_later(loaded, model.object, feature, f"model {name!r}", "models", name, "features", index)
            yield from _unlearnable(loaded, model.object, feature, name, index)
        for found in leaks(loaded.ontology, model):
            place = loaded.place("models", name, "features", model.features.index(found.feature))
            yield Problem(f"model {name!r}: {found}", place, "leave it out")


def _unlearnable(loaded: Loaded, object_type: str, feature: str, name: str, index: int) -> Iterator[Problem]:
    found = follow(loaded.ontology, object_type, feature)
    prop = loaded.ontology.find_property(found.object_type, found.property) if found else None
    base = loaded.ontology.base_type(prop) if prop else None
    if base in PROPERTY_TYPES and base not in SOURCE_TYPES:
        place = loaded.place("models", name, "features", index)
        yield Problem(f"model {name!r} learns from {feature!r}, {a(base)}, which no estimator reads", place, "leave it out")


def evals_have_cases(loaded: Loaded) -> Iterator[Problem]:
    for name, suite in loaded.ontology.evals.items():
        wanted = {"query": suite.queries, "search": suite.searches, "model": suite.model}[suite.target]
        if not wanted:
            key = {"query": "queries", "search": "searches", "model": "model"}[suite.target]
            yield Problem(f"eval {name!r} has target {suite.target!r} but no `{key}`", loaded.place("evals", name))
        if suite.model and loaded.lacks(suite.model, "models"):
            place = loaded.place("evals", name, "model")
            yield Problem(f"eval {name!r}: unknown model {suite.model!r}", place, did_you_mean(suite.model, loaded.ontology.models))
