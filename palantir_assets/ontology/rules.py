"""What must hold between specs: one function a rule, run in order, each giving every problem it finds.

A rule sees specs that are well-formed one by one (`ontology.loading` saw to that) and asks whether the names
in them exist and fit. What only the data can tell is asked by `quality` and, for columns, by `assets`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from palantir_assets.errors import Problem, did_you_mean
from palantir_assets.ontology import (
    access_rules,
    action_rules,
    action_step_rules,
    automation_rules,
    database_rules,
    edit_rules,
    expectation_rules,
    function_rules,
    interface_rules,
    link_rules,
    source_rules,
    station_rules,
    type_rules,
)
from palantir_assets.ontology.aggregates import kind_over_links, links_in, take_apart
from palantir_assets.ontology.expressions import ExpressionError, kind_of
from palantir_assets.ontology.paths import template_fields
from palantir_assets.ontology.policy_tests import policy_tests_can_be_asked
from palantir_assets.ontology.reading import Loaded
from palantir_assets.ontology.spec import PROPERTY_TYPES, ObjectType
from palantir_assets.ontology.stages import STAGES, ground_of, stages_of, ways_of
from palantir_assets.ontology.wording import a, computed_later, unfollowed, unknown_property

PARTED_TYPES = frozenset({"geopoint", "array", "struct", "vector"})
"""Types whose values are made of parts, and come in no order."""


def broken_rules(loaded: Loaded) -> list[Problem]:
    """Every problem of every rule. A rule whose ground is already broken stays silent."""
    return [problem for rule in RULES for problem in rule(loaded)]


def keys_and_indexes_are_properties(loaded: Loaded) -> Iterator[Problem]:
    for object_type in loaded.ontology.objects.values():
        key = object_type.properties.get(object_type.key)
        if key is None:
            yield unknown_property(loaded, object_type, object_type.key, "the key", "key")
        elif key.optional or key.derived:
            yield Problem(
                f"the key {object_type.key!r} may be neither optional nor derived", loaded.place("objects", object_type.name, "key")
            )
        elif (base := loaded.ontology.base_type(key)) in PROPERTY_TYPES and base not in ("string", "integer", "long"):
            yield Problem(
                f"the key {object_type.key!r} is a {base}; a key is a string, integer or long",
                loaded.place("objects", object_type.name, "key"),
            )
        for index, name in enumerate(object_type.indexes):
            if name not in object_type.properties:
                yield unknown_property(loaded, object_type, name, "an index", "indexes", index)
            elif (base := loaded.ontology.base_type(object_type.properties[name])) in PARTED_TYPES:
                place = loaded.place("objects", object_type.name, "indexes", index)
                yield Problem(f"an index of {name!r}, {a(base)}, would order nothing", place, "leave it out")


def names_of_one_type_differ(loaded: Loaded) -> Iterator[Problem]:
    """A property, a link and the reverse of another type's link may not share a name on one type."""
    taken: dict[tuple[str, str], str] = {}
    for object_type in loaded.ontology.objects.values():
        taken |= {(object_type.name, name): "a property" for name in object_type.properties}
    for source in loaded.ontology.objects.values():
        for name, link in source.links.items():
            for owner, word, field in ((source.name, name, "to"), (link.to, link.reverse, "reverse")):
                if (owner, word) in taken:
                    place = loaded.place("objects", source.name, "links", name, field)
                    yield Problem(f"{word!r} is already {taken[owner, word]} of {owner}", place, "choose another name")
                taken[owner, word] = f"a link ({source.name}.{name})"
    for owner, name, section, thing in _written(loaded):
        if (owner, name) in taken:
            yield Problem(f"{name!r} is already {taken[owner, name]} of {owner}", loaded.place(section, thing), "choose another name")
        taken[owner, name] = f"written by {section} {thing}"


def expressions_hold(loaded: Loaded) -> Iterator[Problem]:
    ontology = loaded.ontology
    grounds = {stage: ground_of(ontology, stage) for stage in STAGES}
    for object_type in ontology.objects.values():
        stages = stages_of(object_type)
        types = {name: ontology.base_type(prop) for name, prop in object_type.properties.items()}
        for name, prop in object_type.properties.items():
            reads = _reads(prop.derived) & types.keys()
            if prop.derived is None or any(types[read] not in PROPERTY_TYPES for read in (name, *reads)):
                continue  # a type that does not exist is told where it is named
            place, stage = loaded.place("objects", object_type.name, "properties", name, "derived"), stages[name]
            known = {**grounds[stage].properties[object_type.name], **{read: types[read] for read in reads}}
            try:
                kind = kind_over_links(grounds[stage], object_type.name, prop.derived, known)
            except ExpressionError as error:
                if not _told_elsewhere(loaded, object_type, prop.derived, str(error)):
                    yield Problem(f"property {name!r}: {error}", place, _suggest_property(str(error), object_type))
                continue
            if kind not in (kind_of(types[name]), "null"):
                yield Problem(f"property {name!r} is a {types[name]}, but its expression gives a {kind}", place)
            if late := sorted(read for read in reads if stage != "indexes" and stages[read] == "indexes"):
                hint = "add `materialised: false` here too, or leave it out there"
                yield Problem(f"property {name!r} is kept, but reads {late[0]!r}, which is not", place, hint)


def derivations_end(loaded: Loaded) -> Iterator[Problem]:
    """A derived property may read another, but not, in the end, itself."""
    for object_type in loaded.ontology.objects.values():
        reads = {name: _reads(prop.derived) for name, prop in object_type.properties.items() if prop.derived}
        for name in reads:
            seen, front = set[str](), reads[name]
            while front and name not in front:
                seen |= front
                front = frozenset(inner for outer in front for inner in reads.get(outer, ())) - seen
            if front:
                yield Problem(
                    f"property {name!r} is derived from itself", loaded.place("objects", object_type.name, "properties", name, "derived")
                )


def templates_and_paths_resolve(loaded: Loaded) -> Iterator[Problem]:
    for object_type in loaded.ontology.objects.values():
        templates: list[tuple[str, str, tuple[str, ...]]] = [("title", object_type.title, ("title",))]
        if object_type.search:
            templates.append(("search text", object_type.search.text, ("search", "text")))
        for word, template, path in templates:
            for field in template_fields(template):
                if word == "search text" and field == "title":
                    continue
                if word == "title" and "." in field:
                    place = loaded.place("objects", object_type.name, "title")
                    yield Problem(f"the title reads {field!r}; a title is made of the object's own properties", place)
                    continue
                yield from unfollowed(loaded, object_type.name, field, f"the {word}", "objects", object_type.name, *path)
                yield from computed_later(loaded, object_type.name, field, f"the {word}", "objects", object_type.name, *path)


RULES: tuple[Callable[[Loaded], Iterator[Problem]], ...] = (
    type_rules.property_types_exist,
    type_rules.types_say_what_they_need,
    type_rules.columns_fit_their_types,
    keys_and_indexes_are_properties,
    link_rules.links_lead_somewhere,
    link_rules.links_are_kept_apart,
    link_rules.links_are_dated_by_times,
    names_of_one_type_differ,
    expressions_hold,
    derivations_end,
    templates_and_paths_resolve,
    expectation_rules.expectations_fit,
    expectation_rules.bounds_are_in_order,
    interface_rules.interfaces_hold,
    interface_rules.implementers_have_what_is_asked,
    function_rules.functions_are_there,
    function_rules.parameters_are_typed,
    function_rules.metrics_ask_what_exists,
    edit_rules.edited_properties_hold,
    action_rules.parameters_hold,
    action_rules.callers_exist,
    action_rules.criteria_hold,
    action_rules.effects_hold,
    automation_rules.rules_hold,
    automation_rules.what_follows_holds,
    action_step_rules.steps_hold,
    database_rules.databases_are_whole,
    database_rules.rows_can_be_found,
    source_rules.sources_are_whole,
    source_rules.buckets_can_be_asked,
    source_rules.tables_can_be_read,
    station_rules.graphs_have_ground,
    station_rules.models_do_not_leak,
    station_rules.evals_have_cases,
    access_rules.roles_and_markings_exist,
    access_rules.roles_include_no_circle,
    access_rules.attributes_have_free_names,
    access_rules.policies_speak_of_what_exists,
    access_rules.row_rules_hold,
    access_rules.search_texts_stay_on_open_links,
    access_rules.declassifications_remove_what_travels,
    policy_tests_can_be_asked,
)


def _written(loaded: Loaded) -> Iterator[tuple[str, str, str, str]]:
    """(object type, property, section, name) of every property that a graph or a model writes."""
    for graph_name, graph in loaded.ontology.graphs.items():
        yield from ((graph.nodes, measure, "graphs", graph_name) for measure in graph.measures)
    for model_name, model in loaded.ontology.models.items():
        yield from ((model.object, written, "models", model_name) for written in model.writes)


def _suggest_property(message: str, object_type: ObjectType) -> str:
    found = re.search(r"unknown property '(\w+)'", message)
    return did_you_mean(found[1], object_type.properties) if found else ""


def _told_elsewhere(loaded: Loaded, object_type: ObjectType, expression: str, message: str) -> bool:
    """Whether an expression fails only by a mistake that is told where it stands: a name in a broken file, or a type there is none of."""
    if link := re.search(r"reads unknown link '(\w+)'", message):
        return loaded.broken.may_link(object_type.name, link[1])
    unknown = re.search(r"unknown property '(\w+)'(?: of (\w+))?", message)
    if unknown is None:
        return False
    ways = ways_of(loaded.ontology)[object_type.name]
    linked = {ways[name].to for name in links_in(take_apart(expression)) if name in ways}
    owners = {unknown[2]} if unknown[2] else {object_type.name, *linked}
    return any(loaded.broken.may_have(owner, unknown[1]) or _is_of_unknown_type(loaded, owner, unknown[1]) for owner in owners)


def _is_of_unknown_type(loaded: Loaded, object_type: str, name: str) -> bool:
    prop = loaded.ontology.find_property(object_type, name)
    return prop is not None and loaded.ontology.base_type(prop) not in PROPERTY_TYPES


def _reads(expression: str | None) -> frozenset[str]:
    try:
        return take_apart(expression).reads if expression else frozenset()
    except ExpressionError:
        return frozenset()
