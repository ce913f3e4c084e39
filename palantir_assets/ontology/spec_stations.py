"""The nouns of sources, graphs, models and evals: what the stations around the objects are told.

What an object type may say stands in `spec_objects`; both are read through `spec`.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from palantir_assets.ontology.spec_words import Identifier, Labelled, Names, Owner, Path, Severity, SourceType, Spec, texts


def _column(value: object) -> object:
    return {"type": value} if isinstance(value, str) else value


class SourceColumn(Spec):
    """A declared column: its type, where it stands in the file if not under its own name, and how its values are written."""

    type: SourceType
    header: str | None = None
    position: int | None = Field(None, ge=1, le=10_000, description="its place in the file, from 1, in place of a header")
    format: Annotated[str, StringConstraints(pattern="%")] | None = Field(
        None, description="how a date or timestamp is written, as for strptime: `%d.%m.%Y`; ISO 8601 if none is given"
    )
    zone: str | None = Field(None, description="the time zone whose clock a timestamp without an offset tells; UTC if none is given")
    markings: Names = ()


class Freshness(Spec):
    """How old a source may get: `{warn_after: 12h, fail_after: 24h}`, or `{never: why}` for a closed one."""

    never: str | None = None
    warn_after: Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,4}[mhd]$")] | None = None
    fail_after: Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,4}[mhd]$")] | None = None


Encoding = Literal[
    "utf-8",
    "utf-16",
    "utf-16-le",
    "utf-16-be",
    "utf-32",
    "cp949",
    "euc-kr",
    "shift_jis",
    "gb18030",
    "big5",
    "iso-8859-1",
    "iso-8859-15",
    "windows-1250",
    "windows-1251",
    "windows-1252",
]


class Csv(Spec):
    """The dialect of a CSV file."""

    delimiter: str = Field(",", min_length=1, max_length=1)
    quote: str = Field('"', min_length=1, max_length=1)
    encoding: Encoding = "utf-8"
    header: bool = Field(True, description="false: the first line is a record, and columns stand in their declared order")
    multiline: bool = Field(True, description="false: no field goes on in the next line, and a quote that is not closed costs its own line")
    decimal: Literal[".", ","] = Field(".", description="what stands before decimals")
    thousands: Literal[".", ",", " ", "'", "’", "_"] | None = Field(None, description="what may stand between groups of three digits")


class SourceTable(Spec):
    """One table of a source. Rows that break the declaration are kept with line and reason, or stop the build."""

    file: str = Field(min_length=1, max_length=500)
    description: str = ""
    empty_is: Annotated[tuple[str, ...], BeforeValidator(texts, json_schema_input_type=str | tuple[str, ...])] = Field(
        (), description="texts that mean null, beside the empty field"
    )
    on_bad_row: Literal["quarantine", "fail"] = "quarantine"
    columns: dict[Identifier, Annotated[SourceColumn, BeforeValidator(_column, json_schema_input_type=SourceType | SourceColumn)]] = Field(
        min_length=1
    )
    csv: Csv = Csv()
    markings: Names = Field((), description="markings that every column of the table bears")


class Source(Spec):
    """Where rows come from: files in an installed package, or files beside the project."""

    kind: Literal["package_data", "files"]
    package: Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] | None = Field(
        None, description="for package_data: the package, whose files are read without importing it"
    )
    description: str = ""
    owner: Owner | None = None
    freshness: Freshness = Freshness()
    markings: Names = Field((), description="markings that every column of every table bears")
    tables: dict[Identifier, SourceTable] = Field(min_length=1)


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
