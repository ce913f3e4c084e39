"""The served ontology as Foundry tells it: object types, links, interfaces, value types and functions as views.

Every function takes the language of the labels. What a caller may read is settled before, in `access`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from palantir_assets.ontology.served import LinkEnd, ServedOntology
from palantir_assets.ontology.served_parts import InterfaceLink, ServedFunction, ServedProperty, ServedType, ServedValueType, Status
from palantir_assets.serving import views
from palantir_assets.serving.datatypes import Json, constraints, parameter_type, property_type, unit_format
from palantir_assets.serving.languages import Language, said
from palantir_assets.serving.rids import rid

_STATUS: Final[dict[Status, views.ReleaseStatus]] = {"active": "ACTIVE", "experimental": "EXPERIMENTAL", "deprecated": "DEPRECATED"}


def object_type_view(kind: ServedType, language: Language) -> views.ObjectTypeView:
    """An object type."""
    name = said(kind.label, language, kind.name)
    return views.ObjectTypeView(
        api_name=kind.name,
        display_name=name,
        plural_display_name=said(kind.plural, language, name),
        description=kind.description,
        status=_STATUS[kind.status],
        primary_key=kind.key,
        title_property=title_property(kind),
        properties={prop: _property_view(kind.name, prop, what, language) for prop, what in kind.properties.items()},
        rid=rid("object-type", kind.name),
        aliases=[*kind.aliases, *([kind.renamed_from] if kind.renamed_from else [])] or None,
    )


def title_property(kind: ServedType) -> str:
    """The property that is the title. A title of several, or with words around it, has no name: the key stands in."""
    title = kind.title.strip("{}")
    return title if title in kind.properties else kind.key


def object_type_full(ontology: ServedOntology, kind: ServedType, ends: Iterable[LinkEnd], language: Language) -> views.ObjectTypeFullView:
    """An object type with its links, those given, and the interfaces it implements."""
    return views.ObjectTypeFullView(
        object_type=object_type_view(kind, language),
        link_types=[link_view(end, language) for end in ends],
        implements_interfaces=list(kind.implements),
        implements_interfaces2={name: _implementation(ontology, kind, name) for name in kind.implements},
        shared_property_type_mapping={what.shared: name for name, what in kind.properties.items() if what.shared},
    )


def link_view(end: LinkEnd, language: Language) -> views.LinkTypeSideView:
    """A link as seen from one end."""
    return views.LinkTypeSideView(
        api_name=end.name,
        display_name=said(end.label, language, end.name),
        status=_STATUS[end.status],
        object_type_api_name=end.to_type,
        cardinality="MANY" if end.many else "ONE",
        foreign_key_property_api_name=end.by,
        link_type_rid=rid("relation", end.table),
    )


def interface_view(ontology: ServedOntology, name: str, implementers: Iterable[str], language: Language) -> views.InterfaceView:
    """An interface with what it inherits; `implementers` are those the caller may read."""
    interface = ontology.find_interface(name)
    own = {key: _interface_property(name, key, what, language) for key, what in interface.properties.items()}
    inherited = {key: _interface_property(name, key, what, language) for key, what in ontology.interface_properties(name).items()}
    return views.InterfaceView(
        rid=rid("interface", name),
        api_name=name,
        display_name=said(interface.label, language, name),
        description=interface.description,
        properties={key: view for key, view in own.items() if view.required is not None},
        all_properties={key: view for key, view in inherited.items() if view.required is not None},
        properties_v2=own,
        all_properties_v2={key: _resolved(view) for key, view in inherited.items()},
        extends_interfaces=list(interface.extends),
        all_extends_interfaces=list(ontology.ancestors(name)),
        implemented_by_object_types=list(implementers),
        links={key: interface_link_view(ontology, name, key, link, language) for key, link in interface.links.items()},
        all_links={key: interface_link_view(ontology, name, key, link, language) for key, link in ontology.interface_links(name).items()},
    )


def interface_link_view(
    ontology: ServedOntology, interface: str, name: str, link: InterfaceLink, language: Language
) -> views.InterfaceLinkView:
    """A link that every implementer of an interface has."""
    kind = "interfaceTypeApiName" if link.to in ontology.interfaces else "objectTypeApiName"
    return views.InterfaceLinkView(
        rid=rid("interface-link", interface, name),
        api_name=name,
        display_name=said(link.label, language, name),
        description=link.description,
        linked_entity_api_name={"type": kind, "apiName": link.to},
        cardinality="MANY" if link.many else "ONE",
    )


def shared_property_view(name: str, what: ServedProperty, language: Language) -> views.SharedPropertyView:
    """A shared property by itself."""
    return views.SharedPropertyView(
        rid=rid("shared-property", name),
        api_name=name,
        display_name=said(what.label, language, name),
        description=what.description,
        data_type=property_type(what, "shared", name),
        value_type_api_name=what.value_type,
        value_formatting=_format(what),
    )


def value_type_view(name: str, what: ServedValueType, language: Language) -> views.ValueTypeView:
    """A value type with what its values must be."""
    return views.ValueTypeView(
        api_name=name,
        display_name=said(what.label, language, name),
        description=_with_unit(what.description, what.unit),
        rid=rid("value-type", name),
        status="DEPRECATED" if what.status == "deprecated" else "ACTIVE",
        field_type={"type": what.type},
        version=str(what.version),
        constraints=constraints(what),
    )


def query_type_view(function: ServedFunction, language: Language) -> views.QueryTypeView:
    """A function as Foundry's query type."""
    return views.QueryTypeView(
        api_name=function.name,
        display_name=said(function.label, language, function.name),
        description=function.description,
        parameters={
            name: views.QueryParameterView(description=what.description, data_type=parameter_type(what), required=not what.optional)
            for name, what in function.parameters.items()
        },
        output=parameter_type(function.output),
        rid=rid("function", function.name),
        version=function.version,
    )


def _property_view(owner: str, name: str, what: ServedProperty, language: Language) -> views.PropertyView:
    return views.PropertyView(
        description=_with_unit(what.description, what.unit),
        display_name=said(what.label, language, name),
        data_type=property_type(what, owner, name),
        rid=rid("property", owner, name),
        status=None if what.status == "deprecated" else {"type": what.status},
        value_type_api_name=what.value_type,
        value_formatting=_format(what),
        type_classes=_type_classes(what) or None,
        data_constraints={"nullability": "NULLABLE" if what.optional else "NOT_NULLABLE"},
    )


def _type_classes(what: ServedProperty) -> list[views.TypeClassView]:
    told = [views.TypeClassView(kind="alias", name=alias) for alias in what.aliases]
    if what.renamed_from:
        told.append(views.TypeClassView(kind="renamedFrom", name=what.renamed_from))
    if what.status == "deprecated":
        told.append(views.TypeClassView(kind="status", name="deprecated"))
    if what.origin != "table":
        told.append(views.TypeClassView(kind="origin", name=what.origin))
    return told


def _interface_property(interface: str, name: str, what: ServedProperty, language: Language) -> views.InterfacePropertyView:
    shared = what.shared is not None
    return views.InterfacePropertyView(
        rid=rid("shared-property", what.shared) if what.shared else rid("property", interface, name),
        api_name=name,
        display_name=said(what.label, language, name),
        description=_with_unit(what.description, what.unit),
        data_type=property_type(what, interface, name),
        value_type_api_name=what.value_type,
        value_formatting=_format(what),
        type="interfaceSharedPropertyType" if shared else "interfaceDefinedPropertyType",
        required=not what.optional if shared else None,
        require_implementation=None if shared else not what.optional,
    )


def _resolved(view: views.InterfacePropertyView) -> views.InterfacePropertyView:
    """The same, without telling where it is defined."""
    needed = bool(view.required if view.require_implementation is None else view.require_implementation)
    return view.model_copy(update={"type": None, "required": None, "require_implementation": needed})


def _implementation(ontology: ServedOntology, kind: ServedType, interface: str) -> views.ImplementationView:
    mapping = kind.implements[interface]
    of_interface = ontology.interface_properties(interface)
    ends = ontology.links_of(kind.name)
    return views.ImplementationView(
        api_name=interface,
        rid=rid("interface", interface),
        properties={name: own for name, own in mapping.items() if name in of_interface and of_interface[name].shared},
        properties_v2={name: local_property(own) for name, own in mapping.items()},
        links={name: [name] for name in ontology.interface_links(interface) if name in ends},
    )


def local_property(name: str) -> Json:
    """That an interface's property is a property of the object type itself."""
    return {"type": "localPropertyImplementation", "propertyApiName": name}


def _format(what: ServedProperty) -> Json | None:
    return unit_format(what.unit) if what.unit else None


def _with_unit(description: str, unit: str | None) -> str:
    return f"{description} ({unit})".strip() if unit else description
