"""The nouns of a spec: what an analytics engineer may write, and nothing else.

Here is the shape of one file (`extra="forbid"`: an unknown key is refused). The nouns themselves stand in
`spec_objects`, `spec_actions`, `spec_functions` and `spec_stations`, and are all found here. Whether names in them exist and fit
together is asked in `ontology.rules`; how a spec becomes SQL, in `ontology.compiling`.
"""

from __future__ import annotations

from pydantic import Field

from palantir_assets.ontology.spec_actions import (
    Action,
    ActionParameter,
    Allow,
    Approve,
    Choices,
    Criterion,
    Effect,
    LinkStep,
    Mail,
    MailStep,
    Step,
    Webhook,
)
from palantir_assets.ontology.spec_functions import Function, Metric, Parameter
from palantir_assets.ontology.spec_objects import (
    Expect,
    Interface,
    InterfaceLink,
    InterfaceProperty,
    Link,
    ObjectType,
    Points,
    Property,
    Rows,
    Search,
    SharedProperty,
    Through,
    Valid,
    ValueType,
    Via,
)
from palantir_assets.ontology.spec_stations import (
    Csv,
    Edges,
    Estimator,
    Eval,
    Freshness,
    Gate,
    Graph,
    Measure,
    Model,
    ModelGate,
    QueryCase,
    SearchCase,
    Source,
    SourceColumn,
    SourceTable,
    Split,
    Writes,
)
from palantir_assets.ontology.spec_words import (
    PROPERTY_TYPES,
    SCALAR_TYPES,
    SOURCE_TYPES,
    Identifier,
    Label,
    PropertyType,
    Scalar,
    ScalarType,
    Severity,
    SourceType,
    Spec,
    Status,
)

__all__ = [
    "PROPERTY_TYPES",
    "SCALAR_TYPES",
    "SOURCE_TYPES",
    "Action",
    "ActionParameter",
    "Allow",
    "Approve",
    "Choices",
    "Criterion",
    "Csv",
    "Edges",
    "Effect",
    "Estimator",
    "Eval",
    "Expect",
    "Freshness",
    "Function",
    "Gate",
    "Graph",
    "Identifier",
    "Interface",
    "InterfaceLink",
    "InterfaceProperty",
    "Label",
    "Link",
    "LinkStep",
    "Mail",
    "MailStep",
    "Measure",
    "Metric",
    "Model",
    "ModelGate",
    "ObjectType",
    "Ontology",
    "Parameter",
    "Points",
    "Property",
    "PropertyType",
    "QueryCase",
    "Rows",
    "Scalar",
    "ScalarType",
    "Search",
    "SearchCase",
    "Severity",
    "SharedFile",
    "SharedProperty",
    "Source",
    "SourceColumn",
    "SourceTable",
    "SourceType",
    "Spec",
    "Split",
    "Status",
    "Step",
    "Through",
    "Valid",
    "ValueType",
    "Via",
    "Webhook",
    "Writes",
]  # fmt: skip


class SharedFile(Spec):
    """A file beside the object types: any of these sections."""

    value_types: dict[Identifier, ValueType] = Field({})
    shared_properties: dict[Identifier, SharedProperty] = Field({})
    interfaces: dict[Identifier, Interface] = Field({})
    functions: dict[Identifier, Function] = Field({})
    metrics: dict[Identifier, Metric] = Field({})
    actions: dict[Identifier, Action] = Field({})
    mails: dict[Identifier, Mail] = Field({})
    webhooks: dict[Identifier, Webhook] = Field({})
    sources: dict[Identifier, Source] = Field({})
    graphs: dict[Identifier, Graph] = Field({})
    models: dict[Identifier, Model] = Field({})
    evals: dict[Identifier, Eval] = Field({})


class Ontology(Spec):
    """Everything that was declared, by name; and the text of the files that functions live in, by their path below the specs."""

    objects: dict[str, ObjectType] = Field({})
    value_types: dict[str, ValueType] = Field({})
    shared_properties: dict[str, SharedProperty] = Field({})
    interfaces: dict[str, Interface] = Field({})
    functions: dict[str, Function] = Field({})
    metrics: dict[str, Metric] = Field({})
    actions: dict[str, Action] = Field({})
    mails: dict[str, Mail] = Field({})
    webhooks: dict[str, Webhook] = Field({})
    sources: dict[str, Source] = Field({})
    graphs: dict[str, Graph] = Field({})
    models: dict[str, Model] = Field({})
    evals: dict[str, Eval] = Field({})
    files: dict[str, str] = Field({})

    def base_type(self, prop: SharedProperty) -> PropertyType:
        """The property's type with value types resolved."""
        value_type = self.value_types.get(prop.type)
        return value_type.type if value_type else prop.type  # type: ignore[return-value]  # rules checked it

    def find_property(self, object_type: str, name: str) -> Property | None:
        """A declared property of an object type, or None."""
        found = self.objects.get(object_type)
        return found.properties.get(name) if found else None
