"""What must hold of access: that every role, marking, type, property, link, function and model named in it exists, and fits.

What is tested of a candidate by `policy_tests` is asked of the candidate; here only whether a test can be asked.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from palantir_assets.errors import Place, Problem, did_you_mean
from palantir_assets.ontology.access_names import markings_named, roles_named
from palantir_assets.ontology.describing import added_properties
from palantir_assets.ontology.expressions import ExpressionError
from palantir_assets.ontology.paths import follow, template_fields
from palantir_assets.ontology.reading import Loaded
from palantir_assets.ontology.row_rules import CALLER, GIVEN, parse_row_rule
from palantir_assets.ontology.spec import ObjectType, Ontology, Policy
from palantir_assets.ontology.stages import ground_of

RESERVED = frozenset({*GIVEN, "markings"})
"""What a caller has anyway, and no attribute may be called."""


def roles_and_markings_exist(loaded: Loaded) -> Iterator[Problem]:
    for section, named in (("roles", roles_named(loaded)), ("markings", markings_named(loaded))):
        known = getattr(loaded.ontology, section)
        for what, name, place in named:
            if loaded.lacks(name, section):
                hint = did_you_mean(name, known) or f"declare it under `{section}`"
                yield Problem(f"{what} names unknown {section[:-1]} {name!r}", place, hint)


def roles_include_no_circle(loaded: Loaded) -> Iterator[Problem]:
    roles = loaded.ontology.roles
    for name in roles:
        seen, front = set[str](), set(roles[name].includes)
        while front and name not in front:
            seen |= front
            front = {inner for outer in front if outer in roles for inner in roles[outer].includes} - seen
        if front:
            yield Problem(f"role {name!r} includes itself", loaded.place("roles", name, "includes"), "leave out one `includes` on the way")


def attributes_have_free_names(loaded: Loaded) -> Iterator[Problem]:
    for name in loaded.ontology.attributes:
        if name in RESERVED:
            yield Problem(f"every caller has {CALLER}.{name} anyway", loaded.place("attributes", name), "choose another name")


def policies_speak_of_what_exists(loaded: Loaded) -> Iterator[Problem]:
    objects = loaded.ontology.objects
    for name, policy in loaded.ontology.policies.items():
        if name in objects:
            yield from _properties_exist(loaded, objects[name], policy)
            yield from _links_exist(loaded, objects[name], policy)
        elif loaded.lacks(name):
            yield Problem(f"a policy of unknown object type {name!r}", loaded.place("policies", name), did_you_mean(name, objects))
    for section, kind in (("function_policies", "functions"), ("model_policies", "models")):
        for name in getattr(loaded.ontology, section):
            if loaded.lacks(name, kind):
                known = getattr(loaded.ontology, kind)
                yield Problem(f"a policy of unknown {kind[:-1]} {name!r}", loaded.place(section, name), did_you_mean(name, known))


def row_rules_hold(loaded: Loaded) -> Iterator[Problem]:
    """A row rule is a boolean over what stands in the object's own table, and over what the caller has."""
    if not any(policy.rows for policy in loaded.ontology.policies.values()):
        return
    ground = ground_of(loaded.ontology, "table").properties
    for name, policy in loaded.ontology.policies.items():
        if policy.rows is None or name not in ground:
            continue
        try:
            parse_row_rule(policy.rows, ground[name], loaded.ontology.attributes)
        except ExpressionError as error:
            yield from _told(loaded, loaded.ontology.objects[name], str(error))


def declassifications_remove_what_travels(loaded: Loaded) -> Iterator[Problem]:
    for entry, said in loaded.ontology.declassify.items():
        place = loaded.place("declassify", entry, "property")
        name, _, prop = said.property.partition(".")
        yield from _property_exists(loaded, name, prop, "declassify", place)
        for marking in said.removes:
            if marking in own_markings(loaded.ontology, name, prop):
                hint = "leave it out there; only what comes from elsewhere is declassified"
                place = loaded.place("declassify", entry, "removes")
                yield Problem(f"declassify removes {marking!r}, which {said.property} itself asks for", place, hint)


def search_texts_stay_on_open_links(loaded: Loaded) -> Iterator[Problem]:
    """An object is found by its text or it is not, so the text goes along no link that has a rule of its own."""
    for object_type in loaded.ontology.objects.values():
        for path in template_fields(object_type.search.text) if object_type.search else ():
            found = follow(loaded.ontology, object_type.name, path)
            for step in found.steps if found else ():
                policy = loaded.ontology.policies.get(step.from_type)
                if policy and step.link in policy.links:
                    place = loaded.place("policies", step.from_type, "links", step.link)
                    hint = f"leave {path!r} out of the text, or the rule off the link"
                    yield Problem(f"the search text of {object_type.name} goes along {step.from_type}.{step.link}", place, hint)


def nobody_may_read(loaded: Loaded) -> Iterator[Problem]:
    """A note where no object type is open to anybody: that holds together, and is hardly meant."""
    default, policies = loaded.ontology.default, loaded.ontology.policies.values()
    if loaded.ontology.objects and not (default and default.read.roles) and not any(policy.read.roles for policy in policies):
        place = loaded.place("default", "default") or loaded.place("objects", next(iter(loaded.ontology.objects)))
        hint = "write `roles: [viewer]` and `default: {read: {roles: [viewer]}}` into access.yaml beside it, as `palantir init` does"
        yield Problem("no spec says who may read, so nobody may", place, hint)


def own_markings(ontology: Ontology, object_type: str, name: str) -> frozenset[str]:
    """The markings that a property is said to need, where it is declared or in its type's policy."""
    prop = ontology.find_property(object_type, name)
    policy = ontology.policies.get(object_type)
    said = policy.properties.get(name) if policy else None
    return frozenset({*(prop.markings if prop else ()), *(said.needs if said else ())})


def known_properties(ontology: Ontology, object_type: ObjectType) -> dict[str, object]:
    """Everything an object of the type has in a release, measures and scores included."""
    return {**object_type.properties, **added_properties(ontology, object_type.name)}


def _properties_exist(loaded: Loaded, object_type: ObjectType, policy: Policy) -> Iterator[Problem]:
    for name in policy.properties:
        place = loaded.place("policies", object_type.name, "properties", name)
        if name == object_type.key:
            hint = "who may not read it may not read the object: put the rule into `read`"
            yield Problem(f"{name!r} is the key of {object_type.name}, which has no rule of its own", place, hint)
        yield from _property_exists(loaded, object_type.name, name, f"the policy of {object_type.name}", place)


def _links_exist(loaded: Loaded, object_type: ObjectType, policy: Policy) -> Iterator[Problem]:
    for name in policy.links:
        if name in object_type.links or loaded.broken.may_link(object_type.name, name):
            continue
        place = loaded.place("policies", object_type.name, "links", name)
        other = next((f"{source.name}.{link}" for source, link in _reverses(loaded.ontology, object_type.name, name)), None)
        hint = f"it is {other} seen from its other end: put the rule there" if other else did_you_mean(name, object_type.links)
        yield Problem(f"the policy of {object_type.name} names unknown link {name!r}", place, hint)


def _reverses(ontology: Ontology, object_type: str, name: str) -> Iterator[tuple[ObjectType, str]]:
    for source in ontology.objects.values():
        yield from ((source, link) for link, found in source.links.items() if found.to == object_type and found.reverse == name)


def _property_exists(loaded: Loaded, object_type: str, name: str, what: str, place: Place | None) -> Iterator[Problem]:
    objects = loaded.ontology.objects
    if object_type not in objects:
        if loaded.lacks(object_type):
            yield Problem(f"{what} names unknown object type {object_type!r}", place, did_you_mean(object_type, objects))
        return
    known = known_properties(loaded.ontology, objects[object_type])
    if name not in known and not loaded.broken.may_have(object_type, name):
        yield Problem(f"{what} names unknown property {name!r} of {object_type}", place, did_you_mean(name, known))


def _told(loaded: Loaded, object_type: ObjectType, message: str) -> Iterator[Problem]:
    """A row rule's problem in words, unless it follows from one that is told elsewhere."""
    place = loaded.place("policies", object_type.name, "rows")
    unknown = re.search(r"unknown property '(\w+)'", message)
    attribute = re.search(r"unknown attribute '(\w+)'", message)
    if attribute and not loaded.lacks(attribute[1], "attributes"):
        return
    if unknown is None:
        yield Problem(f"the rows of {object_type.name}: {message}", place)
    elif unknown[1] in known_properties(loaded.ontology, object_type):
        hint = "a row rule reads what stands in the object's own table, so that an edit counts at once"
        yield Problem(f"the rows of {object_type.name}: {unknown[1]!r} is computed later, over links or with the indexes", place, hint)
    elif unknown[1] == CALLER:
        yield Problem(f"the rows of {object_type.name}: `{CALLER}` stands before a name, such as {CALLER}.id", place)
    elif not loaded.broken.may_have(object_type.name, unknown[1]):
        yield Problem(f"the rows of {object_type.name}: {message}", place, did_you_mean(unknown[1], object_type.properties))
