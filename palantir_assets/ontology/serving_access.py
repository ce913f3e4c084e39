"""From what `access.yaml` says to the rules of a release: complete, resolved, and closed under derivation.

A value bears the markings of its column and asks for what the links ask it was computed over; a declassification
takes away what came from elsewhere, and never what a property itself asks for. What a caller may then see is told
in `access`.
"""

from __future__ import annotations

from collections.abc import Iterable

from palantir_assets.errors import Problem, SpecError
from palantir_assets.ontology.demands import ColumnMarkings, Demand, Demands
from palantir_assets.ontology.derivation import search_trail, title_trail
from palantir_assets.ontology.served_access import (
    CallRule,
    LinkRule,
    PropertyRule,
    Reads,
    ServedAccess,
    ServedLimits,
    ServedMarking,
    ServedRole,
    TypeRules,
)
from palantir_assets.ontology.spec import ObjectType, Ontology, Policy
from palantir_assets.ontology.spec_access import Role


def served_access(ontology: Ontology, column_markings: ColumnMarkings) -> ServedAccess:
    """What a release holds of who may.

    `column_markings` tells, by object type and property, the markings that its columns bear by lineage; under a
    link's name, those of the columns of the join table it goes via. What it does not name bears none.
    Raises SpecError where a search text goes along a link that not everybody may walk who reads the object.
    """
    demands = Demands(ontology, column_markings)
    return ServedAccess(
        roles={
            name: ServedRole(
                label=role.label, description=role.description, includes=_sorted(demands.included[name] - {name}), limits=_limits(role)
            )
            for name, role in ontology.roles.items()
        },
        attributes=dict(ontology.attributes),
        markings={
            name: ServedMarking(label=marking.label, description=marking.description, roles=marking.roles, sensitive=marking.sensitive)
            for name, marking in ontology.markings.items()
        },
        anonymous=ontology.anonymous,
        types={name: _type_rules(demands, object_type) for name, object_type in ontology.objects.items()},
        functions={name: _call_rule(_function_demand(demands, name)) for name in ontology.functions},
        models={name: _call_rule(_model_demand(demands, name)) for name in ontology.models},
    )


def _limits(role: Role) -> ServedLimits | None:
    return None if role.limits is None else ServedLimits.model_validate(role.limits.model_dump())


def _type_rules(demands: Demands, object_type: ObjectType) -> TypeRules:
    name = object_type.name
    policy = demands.ontology.policies.get(name, Policy())
    asked = demands.type(name)
    names = (*object_type.properties, *(added for added in demands.origins.get(name, {}) if added not in object_type.properties))
    properties = {prop: _property_rule(demands, policy, name, prop) for prop in names if prop != object_type.key}
    links = {link: _link_rule(demands.link(name, link)) for link in object_type.links}
    return TypeRules(
        read=_sorted(asked.roles or ()),
        needs=_sorted(asked.needs),
        rows=policy.rows,
        properties={prop: rule for prop, rule in properties.items() if rule != PropertyRule()},
        links={link: rule for link, rule in links.items() if rule != LinkRule()},
        title=title_trail(object_type).reads,
        search=_search_reads(demands, object_type),
        discover=policy.discover,
        sensitive=policy.sensitive,
    )


def _property_rule(demands: Demands, policy: Policy, object_type: str, name: str) -> PropertyRule:
    """A property's rule with what it reads; where something is declassified, with what is left of what it reads instead."""
    if demands.removed(object_type, name):
        asked, reads = demands.whole(object_type, name), Reads(rows_of=_sorted(demands.whole(object_type, name).rows_of))
    else:
        asked = demands.both((demands.own(object_type, name), demands.borne(object_type, name)))
        reads = demands.trail(object_type, name).reads
    said = policy.properties.get(name)
    told = {"discover": said.discover, "sensitive": said.sensitive} if said else {}
    return PropertyRule(roles=_roles(asked), needs=_sorted(asked.needs), reads=reads, **told)


def _link_rule(asked: Demand) -> LinkRule:
    return LinkRule(roles=_roles(asked), needs=_sorted(asked.needs))


def _search_reads(demands: Demands, object_type: ObjectType) -> Reads:
    trail = search_trail(demands.ontology, object_type)
    for source, link in sorted(trail.links):
        if demands.link_alone(source, link) != Demand():
            raise SpecError(
                [
                    Problem(
                        f"the search text of {object_type.name} goes along {source}.{link}, which not everybody may walk",
                        hint="leave it out of the text, or the rule or marking off the link",
                    )
                ]
            )
    return trail.reads


def _function_demand(demands: Demands, name: str) -> Demand:
    policy = demands.ontology.function_policies.get(name)
    return demands.granted(policy.call if policy else None)


def _model_demand(demands: Demands, name: str) -> Demand:
    """A model's own rule, its objects', and that of the score it writes, with all that it learned from."""
    policy, model = demands.ontology.model_policies.get(name), demands.ontology.models[name]
    written = (demands.whole(model.object, score) for score in model.writes)
    return demands.both((demands.granted(policy.read if policy else None), demands.type(model.object), *written))


def _call_rule(asked: Demand) -> CallRule:
    return CallRule(roles=_sorted(asked.roles or ()), needs=_sorted(asked.needs))


def _roles(asked: Demand) -> tuple[str, ...] | None:
    return None if asked.roles is None else _sorted(asked.roles)


def _sorted(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(sorted(names))
