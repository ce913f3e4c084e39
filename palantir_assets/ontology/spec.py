"""The nouns of a spec: what an analytics engineer may write, and nothing else.

Here is the shape of one file (`extra="forbid"`: an unknown key is refused). The nouns themselves stand in
`spec_objects`, `spec_actions`, `spec_functions`, `spec_sources`, `spec_stations` and `spec_access`, and are all found here. Whether names
in them exist and fit together is asked in `ontology.rules`; how a spec becomes SQL, in `ontology.compiling`.
"""

from __future__ import annotations

from typing import Annotated, Final

from pydantic import BeforeValidator, Field

from palantir_assets.ontology.spec_access import (
    Declassification,
    Default,
    FunctionPolicy,
    Grant,
    LinkPolicy,
    Marking,
    ModelPolicy,
    Policy,
    PolicyTest,
    PropertyPolicy,
    Role,
)
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
from palantir_assets.ontology.spec_rules import Crossing, Rule
from palantir_assets.ontology.spec_s3 import S3, S3Access
from palantir_assets.ontology.spec_sources import Csv, Freshness, Http, HttpAuth, Paging, Source, SourceColumn, SourceTable, Sql
from palantir_assets.ontology.spec_stations import (
    Edges,
    Estimator,
    Eval,
    Gate,
    Graph,
    Measure,
    Model,
    ModelGate,
    QueryCase,
    SearchCase,
    Split,
    Writes,
)
from palantir_assets.ontology.spec_words import (
    PROPERTY_TYPES,
    SCALAR_TYPES,
    SOURCE_TYPES,
    AttributeType,
    Identifier,
    Label,
    Names,
    PropertyType,
    Scalar,
    ScalarType,
    Severity,
    SourceType,
    Spec,
    Status,
)

__all__ = [
    "LISTED", "PROPERTY_TYPES", "S3", "SCALAR_TYPES", "SINGLE", "SOURCE_TYPES", "Action", "ActionParameter", "Allow", "Approve",
    "AttributeType", "Choices", "Criterion", "Crossing", "Csv", "Declassification", "Default", "Edges", "Effect", "Estimator", "Eval",
    "Expect",
    "Freshness", "Function", "FunctionPolicy", "Gate", "Grant", "Graph", "Http", "HttpAuth",
    "Identifier", "Interface", "InterfaceLink", "InterfaceProperty",
    "Label", "Link", "LinkPolicy", "LinkStep", "Mail", "MailStep", "Marking", "Measure", "Metric", "Model", "ModelGate", "ModelPolicy",
    "ObjectType", "Ontology", "Paging",
    "Parameter", "Points", "Policy", "PolicyTest", "Property", "PropertyPolicy", "PropertyType", "QueryCase",
    "Role", "Rows",
    "Rule", "S3Access", "Scalar", "ScalarType", "Search", "SearchCase", "Severity", "SharedFile", "SharedProperty", "Source",
    "SourceColumn", "SourceTable", "SourceType", "Spec", "Split", "Sql",
    "Status", "Step", "Through", "Valid", "ValueType", "Via", "Webhook",
    "Writes",
]  # fmt: skip


SINGLE: Final = ("anonymous", "default")
"""Sections that are one thing, and stand in one file."""
LISTED: Final = ("declassify", "policy_tests")
"""Sections whose entries have no names; each is known by its file and its place in the list."""


def _named(value: object) -> object:
    return {name: {} for name in value} if isinstance(value, list) and all(isinstance(name, str) for name in value) else value


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
    rules: dict[Identifier, Rule] = Field({})
    sources: dict[Identifier, Source] = Field({})
    graphs: dict[Identifier, Graph] = Field({})
    models: dict[Identifier, Model] = Field({})
    evals: dict[Identifier, Eval] = Field({})
    roles: Annotated[
        dict[Identifier, Role], BeforeValidator(_named, json_schema_input_type=tuple[Identifier, ...] | dict[Identifier, Role])
    ] = Field({})
    attributes: dict[Identifier, AttributeType] = Field({})
    markings: dict[Identifier, Marking] = Field({})
    anonymous: Names = ()
    default: Default | None = None
    policies: dict[Identifier, Policy] = Field({})
    function_policies: dict[Identifier, FunctionPolicy] = Field({})
    model_policies: dict[Identifier, ModelPolicy] = Field({})
    declassify: tuple[Declassification, ...] = ()
    policy_tests: tuple[PolicyTest, ...] = ()


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
    rules: dict[str, Rule] = Field({})
    sources: dict[str, Source] = Field({})
    graphs: dict[str, Graph] = Field({})
    models: dict[str, Model] = Field({})
    evals: dict[str, Eval] = Field({})
    roles: dict[str, Role] = Field({})
    attributes: dict[str, AttributeType] = Field({})
    markings: dict[str, Marking] = Field({})
    anonymous: tuple[str, ...] = ()
    default: Default | None = None
    policies: dict[str, Policy] = Field({})
    function_policies: dict[str, FunctionPolicy] = Field({})
    model_policies: dict[str, ModelPolicy] = Field({})
    declassify: dict[str, Declassification] = Field({})
    policy_tests: dict[str, PolicyTest] = Field({})
    files: dict[str, str] = Field({})

    def base_type(self, prop: SharedProperty) -> PropertyType:
        """The property's type with value types resolved."""
        value_type = self.value_types.get(prop.type)
        return value_type.type if value_type else prop.type  # type: ignore[return-value]  # rules checked it

    def find_property(self, object_type: str, name: str) -> Property | None:
        """A declared property of an object type, or None."""
        found = self.objects.get(object_type)
        return found.properties.get(name) if found else None
