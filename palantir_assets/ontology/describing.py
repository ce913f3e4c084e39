"""From specs to the served form: everything a reader needs, and no source, no policy, no expectation of a single property."""

from __future__ import annotations

from palantir_assets.ontology.aggregates import take_apart
from palantir_assets.ontology.expressions import spelled
from palantir_assets.ontology.served import ServedOntology
from palantir_assets.ontology.served_parts import (
    InterfaceLink,
    Origin,
    ServedFunction,
    ServedGraph,
    ServedInterface,
    ServedLink,
    ServedMetric,
    ServedModel,
    ServedParameter,
    ServedProperty,
    ServedType,
    ServedValueType,
)
from palantir_assets.ontology.served_rules import served_rules
from palantir_assets.ontology.serving_actions import served_actions, served_mails
from palantir_assets.ontology.spec import (
    Function,
    Interface,
    Label,
    Link,
    ObjectType,
    Ontology,
    Parameter,
    Property,
    PropertyType,
    SharedProperty,
    ValueType,
)

WHOLE_MEASURES = frozenset({"community", "component", "triangles", "core"})
BROKEN_MEASURES = frozenset({"pagerank", "betweenness"})


def served_ontology(ontology: Ontology) -> ServedOntology:
    """What a release holds of the specs."""
    return ServedOntology(
        types={name: _served_type(ontology, object_type) for name, object_type in ontology.objects.items()},
        interfaces={name: _served_interface(ontology, name, interface) for name, interface in ontology.interfaces.items()},
        shared_properties={name: served_property(ontology, shared) for name, shared in ontology.shared_properties.items()},
        value_types={name: _served_value_type(value_type) for name, value_type in ontology.value_types.items()},
        functions={name: _served_function(name, function) for name, function in ontology.functions.items()},
        metrics={
            name: ServedMetric(label=metric.label, description=metric.description, unit=metric.unit, query=metric.query)
            for name, metric in ontology.metrics.items()
        },
        graphs={
            name: ServedGraph(label=graph.label, description=graph.description, nodes=graph.nodes, measures=tuple(graph.measures))
            for name, graph in ontology.graphs.items()
        },
        models={
            name: ServedModel(label=model.label, description=model.description, object=model.object, writes=next(iter(model.writes)))
            for name, model in ontology.models.items()
        },
        actions=served_actions(ontology),
        mails=served_mails(ontology),
        rules=served_rules(ontology),
    )


def added_properties(ontology: Ontology, object_type: str) -> dict[str, ServedProperty]:
    """The properties that graphs and models add to a type in the release, in spec order."""
    added: dict[str, ServedProperty] = {}
    for graph in ontology.graphs.values():
        if graph.nodes == object_type:
            for name, measure in graph.measures.items():
                whole = measure.kind in WHOLE_MEASURES or (measure.kind not in BROKEN_MEASURES and not measure.weighted)
                type_: PropertyType = "integer" if whole else "double"
                added[name] = ServedProperty(type=type_, label=measure.label, description=measure.description, origin="graph")
    for model in ontology.models.values():
        if model.object == object_type:
            for name, writes in model.writes.items():
                added[name] = ServedProperty(type=writes.type, label=writes.label, description=writes.description, origin="model")
    return added


def served_property(ontology: Ontology, prop: SharedProperty) -> ServedProperty:
    """A property as it is served; its value type's words stand where it has none of its own."""
    value_type = ontology.value_types.get(prop.type)
    label: Label | None = prop.label or (value_type.label if value_type else None)
    own = prop if isinstance(prop, Property) else None
    computed_by = spelled(own.derived) if own and own.derived is not None else None
    return ServedProperty(
        type=ontology.base_type(prop),
        label=label,
        description=prop.description or (value_type.description if value_type else ""),
        unit=prop.unit or (value_type.unit if value_type else None),
        optional=getattr(prop, "optional", False),
        origin=_origin(own),
        status=prop.status,
        aliases=prop.aliases,
        renamed_from=own.renamed_from if own else None,
        of=prop.of,
        fields=prop.fields,
        size=prop.size,
        digits=prop.digits,
        value_type=prop.type if value_type else None,
        shared=getattr(prop, "shared", None),
        default=own.default if own else None,
        personal=own is not None and own.personal,
        virtual=computed_by if own and not own.materialised else None,
        expression=computed_by if own and own.materialised else None,
    )


def lineage_of(ontology: Ontology, interfaces: tuple[str, ...]) -> tuple[str, ...]:
    """The interfaces named and all they extend, nearest first, each once; unknown ones are left out."""
    found: dict[str, None] = {}
    level = [name for name in interfaces if name in ontology.interfaces]
    while level:
        found |= dict.fromkeys(level)
        level = [
            parent
            for name in level
            for parent in ontology.interfaces[name].extends
            if parent in ontology.interfaces and parent not in found
        ]
    return tuple(found)


def implemented(ontology: Ontology, object_type: ObjectType) -> dict[str, dict[str, str]]:
    """Interface → interface property → own property, for every interface implemented directly or by inheritance.

    A name told for one interface holds for those it inherits; what the type does not have, and need not, is left out.
    """
    found: dict[str, dict[str, str]] = {}
    for direct, renamed in object_type.implements.items():
        for name in lineage_of(ontology, (direct,)):
            pairs = {prop: renamed.get(prop, prop) for prop in ontology.interfaces[name].properties}
            told = {prop: own for prop, own in pairs.items() if own in object_type.properties}
            found[name] = told | found.get(name, {}) if name != direct else found.get(name, {}) | told
    inherited = {name: _with_inherited(ontology, found, name) for name in found}
    return {name: inherited[name] for name in ontology.interfaces if name in inherited}


def _with_inherited(ontology: Ontology, found: dict[str, dict[str, str]], name: str) -> dict[str, str]:
    pairs: dict[str, str] = {}
    for parent in reversed(lineage_of(ontology, (name,))):
        pairs |= found.get(parent, {})
    return pairs


def _origin(prop: Property | None) -> Origin:
    if prop is not None and prop.by_edits:
        return "edits"
    if prop is None or prop.derived is None:
        return "table"
    return "links" if _over_links(prop.derived) else "derived"


def _over_links(text: str) -> bool:
    return bool(take_apart(text).aggregates)


def _served_type(ontology: Ontology, object_type: ObjectType) -> ServedType:
    own = {name: served_property(ontology, prop) for name, prop in object_type.properties.items()}
    return ServedType(
        name=object_type.name,
        label=object_type.label,
        plural=object_type.plural,
        description=object_type.description,
        key=object_type.key,
        title=object_type.title,
        owner=object_type.owner,
        status=object_type.status,
        aliases=object_type.aliases,
        renamed_from=object_type.renamed_from,
        properties=own | added_properties(ontology, object_type.name),
        links={name: _served_link(link) for name, link in object_type.links.items()},
        implements=implemented(ontology, object_type),
        searchable=object_type.search is not None,
        indexes=object_type.indexes,
    )


def _served_link(link: Link) -> ServedLink:
    return ServedLink(
        to=link.to,
        reverse=link.reverse,
        cardinality=link.cardinality,
        optional=link.optional,
        label=link.label,
        reverse_label=link.reverse_label,
        description=link.description,
        status=link.status,
        by=link.by,
        through=link.through.object if link.through else None,
        dated=link.valid is not None,
    )


def _served_interface(ontology: Ontology, name: str, interface: Interface) -> ServedInterface:
    return ServedInterface(
        name=name,
        label=interface.label,
        description=interface.description,
        extends=interface.extends,
        properties={prop: served_property(ontology, found) for prop, found in interface.properties.items()},
        links={
            link: InterfaceLink(to=found.to, many=found.many, label=found.label, description=found.description)
            for link, found in interface.links.items()
        },
    )


def _served_value_type(value_type: ValueType) -> ServedValueType:
    return ServedValueType.model_validate(value_type.model_dump(exclude={"severity"}))


def _served_function(name: str, function: Function) -> ServedFunction:
    source, _, entry = function.entry.partition(":")
    return ServedFunction(
        name=name,
        version=function.version,
        label=function.label,
        description=function.description,
        entry=entry,
        source=source,
        parameters={word: _served_parameter(parameter) for word, parameter in function.parameters.items()},
        output=_served_parameter(function.output),
        time_limit_seconds=function.seconds,
    )


def _served_parameter(parameter: Parameter) -> ServedParameter:
    return ServedParameter.model_validate(parameter.model_dump())
