"""The nouns of graphs, models and evals: what the stations around the objects are told.

What an object type may say stands in `spec_objects`; both are read through `spec`.
"""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field

from palantir_assets.ontology.spec_words import Identifier, Labelled, Owner, Path, Severity, Spec


class Edges(Spec):
    """The edges of a graph: each object of a type is one, from one linked node to another."""

    object: Identifier
    source: Identifier
    target: Identifier
    weight: Identifier | None = None


class Measure(Spec):
    """A measure of every node, which becomes a property of it in the release."""

    kind: Literal["degree", "in_degree", "out_degree", "pagerank", "community", "betweenness", "component", "triangles", "core"]
    label: Labelled | None = None
    description: str = ""
    weighted: bool = False
    seed: int = 0


class Graph(Spec):
    """A declared projection: nodes, edges, and what is measured on it."""

    label: Labelled | None = None
    description: str = ""
    nodes: Identifier
    edges: Edges
    measures: dict[Identifier, Measure] = Field(min_length=1)


class Split(Spec):
    """Rows before `train_until` train, rows from it on test."""

    by: Identifier
    train_until: date


class Estimator(Spec):
    """One way to learn."""

    kind: Literal["gradient_boosting", "mlp"]
    epochs: int = Field(3, ge=1, le=100)
    embeddings: bool = True


class ModelGate(Spec):
    """What a model must reach before its scores are released."""

    metric: Literal["auroc", "average_precision", "brier", "log_loss"]
    at_least: float | None = None
    at_most: float | None = None
    beats: tuple[Literal["constant"], ...] = ()


class Writes(Spec):
    """The property a model's score becomes."""

    type: Literal["double"] = "double"
    label: Labelled | None = None
    description: str = ""


class Model(Spec):
    """A classifier: what is predicted, from what, and what was known at the time."""

    object: Identifier
    label: Labelled | None = None
    description: str = ""
    predict: Identifier
    at: Identifier = Field(description="the timestamp property at which a prediction is made")
    features: tuple[Path, ...] = Field(min_length=1)
    split: Split
    seed: int = 0
    estimators: dict[Identifier, Estimator] = Field(min_length=1)
    serve: Identifier = Field(description="the estimator whose score is written")
    gate: ModelGate | None = None
    writes: dict[Identifier, Writes] = Field(min_length=1, max_length=1)
    owner: Owner | None = None


class Gate(Spec):
    """What a suite must reach before a release is made."""

    at_least: float = Field(1.0, ge=0, le=1, description="the share of cases that must pass, or the mean of the metric")
    metric: Literal["pass_rate", "hit", "ndcg"] = "pass_rate"
    severity: Severity = "block"


class QueryCase(Spec):
    """A typed query whose answer must equal what SQL over the tables says."""

    ask: Labelled
    query: dict[str, object] = Field(description="object, and any of where, order_by, select, limit, count")
    equals_sql: str


class SearchCase(Spec):
    """A search text whose hits must hold the keys that SQL finds."""

    ask: Labelled
    object: Identifier | None = None
    k: int = Field(10, ge=1, le=100)
    relevant_sql: str = Field(description="one column: the keys that are right")


class Eval(Spec):
    """A suite of cases against the candidate, through the code that serves."""

    target: Literal["query", "search", "model"]
    label: Labelled | None = None
    description: str = ""
    model: Identifier | None = None
    queries: tuple[QueryCase, ...] = ()
    searches: tuple[SearchCase, ...] = ()
    gate: Gate = Gate()
    owner: Owner | None = None
