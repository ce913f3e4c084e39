"""What metadata looks like on the wire: the shapes of Foundry's Ontologies API v2.

How they are filled is told in `describing`. A field that is None is left out of the answer.
"""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict
from pydantic.alias_generators import to_camel

from palantir_assets.serving.datatypes import Json
from palantir_assets.serving.deps import ONTOLOGY, ONTOLOGY_RID

ReleaseStatus = Literal["ACTIVE", "EXPERIMENTAL", "DEPRECATED"]
Cardinality = Literal["ONE", "MANY"]


class View(BaseModel):
    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True)


class OntologyView(View):
    api_name: str = ONTOLOGY
    display_name: str = "Ontology"
    description: str = "Everything in the release that is served."
    rid: str = ONTOLOGY_RID


class OntologyList(View):
    data: list[OntologyView]


class TypeClassView(View):
    """What Foundry has no field for: a deprecated property (its own form wants a deadline), an alias, an old name."""

    kind: Literal["status", "alias", "renamedFrom", "origin"]
    name: str


class PropertyView(View):
    description: str
    display_name: str
    data_type: Json
    rid: str
    status: Json | None = None
    value_type_api_name: str | None = None
    value_formatting: Json | None = None
    type_classes: list[TypeClassView] | None = None
    data_constraints: Json | None = None


class IconView(View):
    type: Literal["blueprint"] = "blueprint"
    name: str = "cube"
    color: str = "#4C90F0"


class ObjectTypeView(View):
    api_name: str
    display_name: str
    plural_display_name: str
    description: str
    status: ReleaseStatus = "ACTIVE"
    icon: IconView = IconView()
    primary_key: str
    title_property: str
    properties: dict[str, PropertyView]
    rid: str
    visibility: Literal["NORMAL"] = "NORMAL"
    aliases: list[str] | None = None


class ObjectTypeList(View):
    data: list[ObjectTypeView]
    next_page_token: str | None = None


class LinkTypeSideView(View):
    api_name: str
    display_name: str
    status: ReleaseStatus = "ACTIVE"
    object_type_api_name: str
    cardinality: Cardinality
    foreign_key_property_api_name: str | None = None
    link_type_rid: str


class LinkTypeSideList(View):
    data: list[LinkTypeSideView]
    next_page_token: str | None = None


class LinkTypeSidesByRid(View):
    data: dict[str, list[LinkTypeSideView]]


class ImplementationView(View):
    """How an object type implements an interface; `properties` holds the shared ones, `properties_v2` all."""

    api_name: str
    rid: str
    properties: dict[str, str]
    properties_v2: dict[str, Json]
    links: dict[str, list[str]]
    action_types: dict[str, str] = {}


class ObjectTypeFullView(View):
    object_type: ObjectTypeView
    link_types: list[LinkTypeSideView]
    implements_interfaces: list[str]
    implements_interfaces2: dict[str, ImplementationView]
    shared_property_type_mapping: dict[str, str]


class ObjectTypeFullList(View):
    data: list[ObjectTypeFullView]


class SharedPropertyView(View):
    rid: str
    api_name: str
    display_name: str
    description: str
    data_type: Json
    value_type_api_name: str | None = None
    value_formatting: Json | None = None


class InterfacePropertyView(SharedPropertyView):
    """A property of an interface: one that is shared (and `required`), or one of its own (`require_implementation`)."""

    type: Literal["interfaceSharedPropertyType", "interfaceDefinedPropertyType"] | None = None
    required: bool | None = None
    require_implementation: bool | None = None


class InterfaceLinkView(View):
    rid: str
    api_name: str
    display_name: str
    description: str
    linked_entity_api_name: Json
    cardinality: Cardinality
    required: bool = True


class InterfaceLinkList(View):
    data: list[InterfaceLinkView]


class InterfaceView(View):
    rid: str
    api_name: str
    display_name: str
    description: str
    properties: dict[str, InterfacePropertyView]
    all_properties: dict[str, InterfacePropertyView]
    properties_v2: dict[str, InterfacePropertyView]
    all_properties_v2: dict[str, InterfacePropertyView]
    extends_interfaces: list[str]
    all_extends_interfaces: list[str]
    implemented_by_object_types: list[str]
    links: dict[str, InterfaceLinkView]
    all_links: dict[str, InterfaceLinkView]


class InterfaceList(View):
    data: list[InterfaceView]
    next_page_token: str | None = None


class ValueTypeView(View):
    api_name: str
    display_name: str
    description: str
    rid: str
    status: Literal["ACTIVE", "DEPRECATED"] = "ACTIVE"
    field_type: Json
    version: str
    constraints: list[Json]


class ValueTypeList(View):
    data: list[ValueTypeView]


class QueryParameterView(View):
    description: str
    data_type: Json
    required: bool


class QueryTypeView(View):
    api_name: str
    display_name: str
    description: str
    parameters: dict[str, QueryParameterView]
    output: Json
    rid: str
    version: str
    type_references: dict[str, Json] = {}


class QueryTypeList(View):
    data: list[QueryTypeView]
    next_page_token: str | None = None


class OntologyFullView(View):
    ontology: OntologyView
    object_types: dict[str, ObjectTypeFullView]
    action_types: dict[str, Json] = {}
    action_types_full_metadata: dict[str, Json] = {}
    query_types: dict[str, QueryTypeView]
    interface_types: dict[str, InterfaceView]
    shared_property_types: dict[str, SharedPropertyView]
    value_types: dict[str, ValueTypeView]
