"""The nouns of a spec: what an analytics engineer may write, and nothing else.

Here is the shape of one file (`extra="forbid"`: an unknown key is refused). Whether names in it exist
and fit together is asked in `ontology.rules`; how a spec becomes SQL, in `ontology.compiling`.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StringConstraints

Identifier = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}$")]
DbtTable = Annotated[str, StringConstraints(pattern=r"^(staging|marts)\.[a-z][a-z0-9_]{0,62}$")]
Path = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,62}(\.[a-z][a-z0-9_]{0,62}){0,3}$")]
Owner = Annotated[str, StringConstraints(pattern=r"^(team:[\w-]+|[^@\s]+@[^@\s]+)$")]
PropertyType = Literal["string", "boolean", "integer", "long", "double", "date", "timestamp"]
Severity = Literal["warn", "block"]
Scalar = bool | int | float | str

PROPERTY_TYPES: tuple[PropertyType, ...] = ("string", "boolean", "integer", "long", "double", "date", "timestamp")


class Spec(BaseModel):
    """A part of a spec: frozen, and closed to keys it does not know."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Label(Spec):
    """A name for people, in English and, if given, in Korean."""

    en: str
    ko: str | None = None


def _label(value: object) -> object:
    return {"en": value} if isinstance(value, str) else value


Labelled = Annotated[Label, BeforeValidator(_label, json_schema_input_type=str | Label)]


class Expect(Spec):
    """What is expected of a property's values. Nulls are judged by `optional`, not here."""

    min: float | date | None = None
    max: float | date | None = None
    between: tuple[float, float] | None = None
    one_of: tuple[Scalar, ...] | None = Field(None, min_length=1)
    matches: str | None = Field(None, max_length=500)
    length: tuple[int, int] | None = None
    unique: bool = False
    null_share: Annotated[float, Field(ge=0, le=1)] | None = Field(None, description="at most this share of nulls")
    severity: Severity = "block"


class ValueType(Spec):
    """A named, versioned type with its own constraint: `tail_number` is a string that matches a pattern."""

    type: PropertyType
    version: int = Field(1, ge=1)
    label: Labelled | None = None
    description: str = ""
    unit: str | None = None
    matches: str | None = Field(None, max_length=500)
    one_of: tuple[Scalar, ...] | None = Field(None, min_length=1)
    min: float | None = None
    max: float | None = None
    length: tuple[int, int] | None = None
    severity: Severity = "block"


class Property(Spec):
    """One property. It is the column of the same name in `from`, unless `derived` says how it is computed."""

    type: Identifier = Field(description="one of " + ", ".join(PROPERTY_TYPES) + ", or a value type")
    label: Labelled | None = None
    description: str = ""
    unit: str | None = None
    optional: bool = False
    derived: str | None = Field(None, description="an expression over the other properties; null makes it null")
    known_at: Identifier | None = Field(None, description="the timestamp property from which on this value is known")
    expect: Expect | None = None


class Link(Spec):
    """A link along a property that holds the other object's key."""

    to: Identifier
    by: Identifier
    reverse: Identifier
    label: Labelled | None = None
    reverse_label: Labelled | None = None
    optional: bool = Field(False, description="whether the key may be missing")
    cardinality: Literal["many_to_one", "one_to_one"] = "many_to_one"
    orphans: Literal["allow", "warn", "block"] = "block"
    severity: Severity = Field("block", description="what a breach of the cardinality does")


class Search(Spec):
    """The text an object is found by. `{name}` is a property, `{link.name}` one of a linked object."""

    text: str = Field(min_length=1, max_length=4_000)


class Rows(Spec):
    """How many objects a type has at the least and at the most."""

    min: int = Field(1, ge=0)
    max: int | None = Field(None, ge=0)
    severity: Severity = "block"


class ObjectType(Spec):
    """One object type; its file says all about it."""

    name: Identifier = Field(alias="object")
    label: Labelled
    plural: Labelled | None = None
    description: str = ""
    table: DbtTable = Field(alias="from")
    key: Identifier
    title: str = Field(min_length=1, max_length=500)
    owner: Owner | None = None
    properties: dict[Identifier, Property] = Field(min_length=1)
    links: dict[Identifier, Link] = {}
    rows: Rows = Field(Rows(), description="how many objects there must be; one at the least unless said otherwise")
    search: Search | None = None
    indexes: tuple[Identifier, ...] = ()


def _column(value: object) -> object:
    return {"type": value} if isinstance(value, str) else value


def _texts(value: object) -> object:
    return (value,) if isinstance(value, str) else value


class SourceColumn(Spec):
    """A declared column: its type and, if its name in the file differs, that `header`."""

    type: PropertyType
    header: str | None = None


class Freshness(Spec):
    """How old a source may get: `{warn_after: 12h, fail_after: 24h}`, or `{never: why}` for a closed one."""

    never: str | None = None
    warn_after: Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,4}[mhd]$")] | None = None
    fail_after: Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,4}[mhd]$")] | None = None


class Csv(Spec):
    """The dialect of a CSV file."""

    delimiter: str = Field(",", min_length=1, max_length=1)
    quote: str = Field('"', min_length=1, max_length=1)


class SourceTable(Spec):
    """One table of a source. Rows that break the declaration are kept with line and reason, or stop the build."""

    file: str = Field(min_length=1, max_length=500)
    description: str = ""
    empty_is: Annotated[tuple[str, ...], BeforeValidator(_texts, json_schema_input_type=str | tuple[str, ...])] = Field(
        (), description="texts that mean null, beside the empty field"
    )
    on_bad_row: Literal["quarantine", "fail"] = "quarantine"
    columns: dict[Identifier, Annotated[SourceColumn, BeforeValidator(_column, json_schema_input_type=PropertyType | SourceColumn)]] = (
        Field(min_length=1)
    )
    csv: Csv = Csv()


class Source(Spec):
    """Where rows come from: files in an installed package, or files beside the project."""

    kind: Literal["package_data", "files"]
    package: Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")] | None = Field(
        None, description="for package_data: the package, whose files are read without importing it"
    )
    description: str = ""
    owner: Owner | None = None
    freshness: Freshness = Freshness()
    tables: dict[Identifier, SourceTable] = Field(min_length=1)


class Edges(Spec):
    """The edges of a graph: each object of a type is one, from one linked node to another."""

    object: Identifier
    source: Identifier
    target: Identifier
    weight: Identifier | None = None


class Measure(Spec):
    """A measure of every node, which becomes a property of it in the release."""

    kind: Literal["degree", "in_degree", "out_degree", "pagerank", "community"]
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


class SharedFile(Spec):
    """A file beside the object types: any of these sections."""

    value_types: dict[Identifier, ValueType] = {}
    sources: dict[Identifier, Source] = {}
    graphs: dict[Identifier, Graph] = {}
    models: dict[Identifier, Model] = {}
    evals: dict[Identifier, Eval] = {}


class Ontology(Spec):
    """Everything that was declared, by name."""

    objects: dict[str, ObjectType] = {}
    value_types: dict[str, ValueType] = {}
    sources: dict[str, Source] = {}
    graphs: dict[str, Graph] = {}
    models: dict[str, Model] = {}
    evals: dict[str, Eval] = {}

    def base_type(self, prop: Property) -> PropertyType:
        """The property's type with value types resolved."""
        value_type = self.value_types.get(prop.type)
        return value_type.type if value_type else prop.type  # type: ignore[return-value]  # rules checked it

    def find_property(self, object_type: str, name: str) -> Property | None:
        """A declared property of an object type, or None."""
        found = self.objects.get(object_type)
        return found.properties.get(name) if found else None
