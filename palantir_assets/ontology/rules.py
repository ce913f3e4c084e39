"""What must hold between specs: one function a rule, run in order, each giving every problem it finds.

A rule sees specs that are well-formed one by one (`ontology.loading` saw to that) and asks whether the names
in them exist and fit. What only the data can tell is asked by `quality` and, for columns, by `assets`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from palantir_assets.errors import Place, Problem, did_you_mean
from palantir_assets.ontology import station_rules
from palantir_assets.ontology.expressions import ExpressionError, kind_of, names_in, parse
from palantir_assets.ontology.paths import template_fields
from palantir_assets.ontology.reading import Loaded
from palantir_assets.ontology.spec import PROPERTY_TYPES, ObjectType
from palantir_assets.ontology.wording import unfollowed, unknown_property

RESERVED = frozenset({"true", "false", "none", "and", "or", "not", "in", "is", "if", "else"})


def broken_rules(loaded: Loaded) -> list[Problem]:
    """Every problem of every rule. A rule whose ground is already broken stays silent."""
    return [problem for rule in RULES for problem in rule(loaded)]


def property_types_exist(loaded: Loaded) -> Iterator[Problem]:
    ontology = loaded.ontology
    known = (*PROPERTY_TYPES, *ontology.value_types)
    for name in ontology.value_types:
        if name in PROPERTY_TYPES:
            yield Problem(f"value type {name!r} has the name of a built-in type", loaded.place("value_types", name))
    for object_type in ontology.objects.values():
        for name, prop in object_type.properties.items():
            if prop.type not in known:
                place = loaded.place("objects", object_type.name, "properties", name, "type")
                yield Problem(f"property {name!r} has unknown type {prop.type!r}", place, did_you_mean(prop.type, known))
            if name in RESERVED:
                yield Problem(
                    f"{name!r} is a word of the expression language", loaded.place("objects", object_type.name, "properties", name)
                )


def keys_and_indexes_are_properties(loaded: Loaded) -> Iterator[Problem]:
    for object_type in loaded.ontology.objects.values():
        key = object_type.properties.get(object_type.key)
        if key is None:
            yield unknown_property(loaded, object_type, object_type.key, "the key", "key")
        elif key.optional or key.derived:
            yield Problem(
                f"the key {object_type.key!r} may be neither optional nor derived", loaded.place("objects", object_type.name, "key")
            )
        elif key.type in PROPERTY_TYPES and key.type not in ("string", "integer", "long"):
            yield Problem(
                f"the key {object_type.key!r} is a {key.type}; a key is a string, integer or long",
                loaded.place("objects", object_type.name, "key"),
            )
        for index, name in enumerate(object_type.indexes):
            if name not in object_type.properties:
                yield unknown_property(loaded, object_type, name, "an index", "indexes", index)


def links_lead_somewhere(loaded: Loaded) -> Iterator[Problem]:
    objects = loaded.ontology.objects
    for source in objects.values():
        for name, link in source.links.items():
            by, target = source.properties.get(link.by), objects.get(link.to)
            if loaded.lacks(link.to):
                place = loaded.place("objects", source.name, "links", name, "to")
                yield Problem(f"link {name!r} points at unknown object type {link.to!r}", place, did_you_mean(link.to, objects))
            if by is None:
                yield unknown_property(loaded, source, link.by, f"link {name!r}", "links", name, "by")
            elif by.optional and not link.optional:
                place = loaded.place("objects", source.name, "links", name)
                yield Problem(
                    f"link {name!r} goes by the optional property {link.by!r} but is not optional",
                    place,
                    "add `optional: true` to the link",
                )
            key = target.properties.get(target.key) if target else None
            if by and key and not _same_kind(loaded, by.type, key.type):
                place = loaded.place("objects", source.name, "links", name, "by")
                yield Problem(f"link {name!r} goes by a {by.type}, but {link.to}'s key is a {key.type}", place)


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
    for object_type in ontology.objects.values():
        types = {n: ontology.base_type(p) for n, p in object_type.properties.items() if ontology.base_type(p) in PROPERTY_TYPES}
        for name, prop in object_type.properties.items():
            if prop.derived is None or name not in types or _reads(prop.derived) & (object_type.properties.keys() - types):
                continue
            place = loaded.place("objects", object_type.name, "properties", name, "derived")
            try:
                expression = parse(prop.derived, types)
            except ExpressionError as error:
                yield Problem(f"property {name!r}: {error}", place, _suggest_property(str(error), object_type))
                continue
            if expression.kind not in (kind_of(types[name]), "null"):
                yield Problem(f"property {name!r} is a {types[name]}, but its expression gives a {expression.kind}", place)


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


def expectations_fit(loaded: Loaded) -> Iterator[Problem]:
    ontology = loaded.ontology
    for object_type in ontology.objects.values():
        for name, prop in object_type.properties.items():
            if prop.type not in (*PROPERTY_TYPES, *ontology.value_types) or prop.expect is None:
                continue
            place, base = loaded.place("objects", object_type.name, "properties", name, "expect"), ontology.base_type(prop)
            numeric = kind_of(base) in ("number", "date", "timestamp")
            if base != "string" and (prop.expect.matches or prop.expect.length):
                yield Problem(f"`matches` and `length` are for strings; {name!r} is a {base}", place)
            if not numeric and (prop.expect.between or prop.expect.min is not None or prop.expect.max is not None):
                yield Problem(f"`min`, `max` and `between` are for numbers and times; {name!r} is a {base}", place)
            yield from _bad_pattern(prop.expect.matches, name, place)
    for name, value_type in ontology.value_types.items():
        yield from _bad_pattern(value_type.matches, name, loaded.place("value_types", name))


RULES: tuple[Callable[[Loaded], Iterator[Problem]], ...] = (
    property_types_exist,
    keys_and_indexes_are_properties,
    links_lead_somewhere,
    names_of_one_type_differ,
    expressions_hold,
    derivations_end,
    templates_and_paths_resolve,
    expectations_fit,
    station_rules.sources_are_whole,
    station_rules.graphs_have_ground,
    station_rules.models_do_not_leak,
    station_rules.evals_have_cases,
)


def _written(loaded: Loaded) -> Iterator[tuple[str, str, str, str]]:
    """(object type, property, section, name) of every property that a graph or a model writes."""
    for graph_name, graph in loaded.ontology.graphs.items():
        yield from ((graph.nodes, measure, "graphs", graph_name) for measure in graph.measures)
    for model_name, model in loaded.ontology.models.items():
        yield from ((model.object, written, "models", model_name) for written in model.writes)


def _same_kind(loaded: Loaded, left: str, right: str) -> bool:
    value_types = loaded.ontology.value_types
    bases = [value_types[name].type if name in value_types else name for name in (left, right)]
    return bases[0] == bases[1] or {bases[0], bases[1]} == {"integer", "long"}


def _suggest_property(message: str, object_type: ObjectType) -> str:
    found = re.search(r"unknown property '(\w+)'", message)
    return did_you_mean(found[1], object_type.properties) if found else ""


def _reads(expression: str | None) -> frozenset[str]:
    try:
        return names_in(expression) if expression else frozenset()
    except ExpressionError:
        return frozenset()


def _bad_pattern(pattern: str | None, name: str, place: Place | None) -> Iterator[Problem]:
    try:
        re.compile(pattern or "")
    except re.error as error:
        yield Problem(f"the pattern of {name!r} is not a regular expression: {error}", place)
