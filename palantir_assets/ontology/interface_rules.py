"""What must hold of interfaces: that they end, and that who implements one has what it asks for, of the same type and unit."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from palantir_assets.errors import Problem, did_you_mean
from palantir_assets.ontology.describing import implemented, lineage_of, served_property
from palantir_assets.ontology.reading import Loaded
from palantir_assets.ontology.served_parts import ServedProperty
from palantir_assets.ontology.spec import PROPERTY_TYPES, InterfaceLink, InterfaceProperty, ObjectType
from palantir_assets.ontology.stages import ways_of
from palantir_assets.ontology.wording import a

SHAPE = ("type", "of", "fields", "size", "digits")


def interfaces_hold(loaded: Loaded) -> Iterator[Problem]:
    """An interface extends others that exist, and never itself; its links lead to an interface or an object type."""
    ontology = loaded.ontology
    for name, interface in ontology.interfaces.items():
        if name in ontology.objects:
            yield Problem(f"interface {name!r} has the name of an object type", loaded.place("interfaces", name), "choose another name")
        for parent in interface.extends:
            place = loaded.place("interfaces", name, "extends")
            if loaded.lacks(parent, "interfaces"):
                yield Problem(f"interface {name!r} extends unknown interface {parent!r}", place, did_you_mean(parent, ontology.interfaces))
            elif name in lineage_of(ontology, (parent,)):
                yield Problem(f"interface {name!r} extends itself", place, f"by way of {parent!r}")
        for link, wanted in interface.links.items():
            if loaded.lacks(wanted.to, "interfaces") and loaded.lacks(wanted.to):
                place = loaded.place("interfaces", name, "links", link, "to")
                known = (*ontology.interfaces, *ontology.objects)
                yield Problem(
                    f"link {link!r} points at unknown interface or object type {wanted.to!r}", place, did_you_mean(wanted.to, known)
                )
        yield from _redeclared(loaded, name)


def implementers_have_what_is_asked(loaded: Loaded) -> Iterator[Problem]:
    ontology = loaded.ontology
    for object_type in ontology.objects.values():
        place = loaded.place("objects", object_type.name, "implements")
        pairs = implemented(ontology, object_type)
        for name, renamed in object_type.implements.items():
            if name not in ontology.interfaces:
                if loaded.lacks(name, "interfaces"):
                    hint = did_you_mean(name, ontology.interfaces)
                    yield Problem(f"{object_type.name} implements unknown interface {name!r}", place, hint)
                continue
            known = [prop for one in lineage_of(ontology, (name,)) for prop in ontology.interfaces[one].properties]
            for word, own in renamed.items():
                here = loaded.place("objects", object_type.name, "implements", name, word)
                if word not in known and _is_whole(loaded, name):
                    yield Problem(f"interface {name!r} has no property {word!r}", here, did_you_mean(word, known))
                elif own not in object_type.properties:
                    yield Problem(f"{object_type.name} has no property {own!r}", here, did_you_mean(own, object_type.properties))
        for name, told in pairs.items():
            yield from _properties_fit(loaded, object_type, name, told)
            yield from _links_fit(loaded, object_type, name)


def _redeclared(loaded: Loaded, name: str) -> Iterator[Problem]:
    ontology = loaded.ontology
    for parent in lineage_of(ontology, ontology.interfaces[name].extends):
        for prop, mine in ontology.interfaces[name].properties.items():
            theirs = ontology.interfaces[parent].properties.get(prop)
            if parent != name and theirs is not None and not _comparable(loaded, mine, theirs):
                place = loaded.place("interfaces", name, "properties", prop)
                yield Problem(
                    f"property {prop!r} of {name} is of another type or unit than {parent}'s", place, "leave it out: it is inherited"
                )


def _comparable(loaded: Loaded, left: InterfaceProperty, right: InterfaceProperty) -> bool:
    if not all(loaded.ontology.base_type(one) in PROPERTY_TYPES for one in (left, right)):
        return True  # told where the type is named
    return _differences(served_property(loaded.ontology, left), served_property(loaded.ontology, right)) == []


def _properties_fit(loaded: Loaded, object_type: ObjectType, name: str, told: Mapping[str, str]) -> Iterator[Problem]:
    ontology = loaded.ontology
    place = loaded.place("objects", object_type.name, "implements", name)
    for word, wanted in ontology.interfaces[name].properties.items():
        own = told.get(word)
        if own is None:
            if not wanted.optional and not _misnamed(object_type, word):
                hint = (
                    did_you_mean(word, object_type.properties)
                    or f"add it, or say which: `implements: {{{name}: {{{word}: own_property}}}}`"
                )
                yield Problem(f"{object_type.name} implements {name!r}, but has no property {word!r}", place, hint)
            continue
        prop = object_type.properties[own]
        if ontology.base_type(prop) not in PROPERTY_TYPES or ontology.base_type(wanted) not in PROPERTY_TYPES:
            continue  # told where the type is named
        mine, theirs = served_property(ontology, prop), served_property(ontology, wanted)
        here = loaded.place("objects", object_type.name, "properties", own)
        for difference in _differences(mine, theirs):
            yield Problem(f"property {own!r} stands for {word!r} of interface {name!r}, but {difference}", here)
        if prop.optional and not wanted.optional:
            yield Problem(f"property {own!r} is optional, but {word!r} of interface {name!r} is not", here, "make both optional, or none")


def _misnamed(object_type: ObjectType, word: str) -> bool:
    """Whether a property is said to stand for it that does not exist: told already."""
    return any(word in renamed and renamed[word] not in object_type.properties for renamed in object_type.implements.values())


def _differences(mine: ServedProperty, theirs: ServedProperty) -> list[str]:
    found = [f"is {a(mine.type)}, not {a(theirs.type)}"] if mine.type != theirs.type else []
    if not found and any(getattr(mine, word) != getattr(theirs, word) for word in SHAPE):
        found.append(f"its {', '.join(word for word in SHAPE if getattr(mine, word) != getattr(theirs, word))} differ")
    if theirs.unit is not None and mine.unit != theirs.unit:
        found.append(f"is in {mine.unit or 'no unit'}, not in {theirs.unit}")
    return found


def _links_fit(loaded: Loaded, object_type: ObjectType, name: str) -> Iterator[Problem]:
    ways = ways_of(loaded.ontology)[object_type.name]
    place = loaded.place("objects", object_type.name, "implements", name)
    for word, wanted in loaded.ontology.interfaces[name].links.items():
        if word not in ways and loaded.broken.may_link(object_type.name, word):
            continue  # told in the broken file
        if word not in ways:
            yield Problem(f"{object_type.name} implements {name!r}, but has no link {word!r}", place, did_you_mean(word, ways))
        elif not _leads(loaded, ways[word].to, wanted):
            yield Problem(f"link {word!r} of {object_type.name} leads to {ways[word].to}, which is no {wanted.to}, as {name!r} asks", place)
        elif not wanted.many and _many(loaded, object_type, word):
            yield Problem(f"link {word!r} of {object_type.name} may lead to several, but {name!r} asks for one", place)


def _leads(loaded: Loaded, to: str, wanted: InterfaceLink) -> bool:
    found = loaded.ontology.objects.get(to)
    if found is None or loaded.broken.may_declare("interfaces", wanted.to) or not all(_is_whole(loaded, name) for name in found.implements):
        return True  # told where what is missing is named
    return to == wanted.to or wanted.to in lineage_of(loaded.ontology, tuple(found.implements))


def _is_whole(loaded: Loaded, name: str) -> bool:
    """Whether an interface and all it extends can be read."""
    interfaces = loaded.ontology.interfaces
    named = {up for one in lineage_of(loaded.ontology, (name,)) for up in interfaces[one].extends}
    return {name, *named} <= interfaces.keys()


def _many(loaded: Loaded, object_type: ObjectType, word: str) -> bool:
    own = object_type.links.get(word)
    if own is not None:
        return own.cardinality == "many_to_many"
    reverse = (link for source in loaded.ontology.objects.values() for link in source.links.values() if link.to == object_type.name)
    return all(link.cardinality != "one_to_one" for link in reverse if link.reverse == word)
