"""What must hold of links: that they go some way, lead somewhere, and that keys on both sides fit."""

from __future__ import annotations

from collections.abc import Iterator

from palantir_assets.errors import Problem, did_you_mean
from palantir_assets.ontology.reading import Loaded
from palantir_assets.ontology.spec import PROPERTY_TYPES, Link, ObjectType, Through
from palantir_assets.ontology.stages import stages_of
from palantir_assets.ontology.wording import unknown_property


def links_lead_somewhere(loaded: Loaded) -> Iterator[Problem]:
    objects = loaded.ontology.objects
    for source in objects.values():
        for name, link in source.links.items():
            if loaded.lacks(link.to):
                place = loaded.place("objects", source.name, "links", name, "to")
                yield Problem(f"link {name!r} points at unknown object type {link.to!r}", place, did_you_mean(link.to, objects))
            yield from _goes_one_way(loaded, source, name, link)
            if link.by is not None:
                yield from _by_key(loaded, source, name, link, link.by)
            if link.through:
                yield from _through(loaded, source, name, link, link.through)


def links_are_kept_apart(loaded: Loaded) -> Iterator[Problem]:
    """A link is kept as `<type>__<link>`, and so is what people say of one via a table: no other link and no type has that name."""
    kept: dict[str, str] = {}
    for source in loaded.ontology.objects.values():
        for name, link in source.links.items():
            place, stored = loaded.place("objects", source.name, "links", name), f"{source.name}__{name}"
            if stored in kept:
                yield Problem(f"link {name!r} of {source.name} is kept as {stored!r}, like {kept[stored]}", place, "choose another name")
            elif link.via is not None and stored in loaded.ontology.objects:
                yield Problem(f"link {name!r} is kept as {stored!r}, which is an object type", place, "choose another name for one of them")
            kept.setdefault(stored, f"the link {name!r} of {source.name}")


def links_are_dated_by_times(loaded: Loaded) -> Iterator[Problem]:
    for source in loaded.ontology.objects.values():
        for name, link in source.links.items():
            if link.valid is None:
                continue
            place = loaded.place("objects", source.name, "links", name, "valid")
            ends = [end for end in (link.valid.from_, link.valid.until) if end]
            if link.by is not None or not ends:
                said = "goes by a key, which holds at all times" if link.by is not None else "says neither `from` nor `until`"
                yield Problem(f"link {name!r} {said}", place, "`valid` is for links via a table or through objects")
            backing = loaded.ontology.objects.get(link.through.object) if link.through else None
            for end in ends if backing else ():
                prop = backing.properties.get(end) if backing else None
                if backing and prop is None:
                    yield unknown_property(loaded, backing, end, f"link {name!r}", "links", name, "valid", name=source.name)
                elif backing and prop and not _is_time(loaded, backing, end):
                    yield Problem(f"link {name!r} is valid by {end!r} of {backing.name}, which is no stored date or timestamp", place)


def _goes_one_way(loaded: Loaded, source: ObjectType, name: str, link: Link) -> Iterator[Problem]:
    place = loaded.place("objects", source.name, "links", name)
    said = [word for word in ("by", "via", "through") if getattr(link, word) is not None]
    if len(said) != 1:
        told = "says " + " and ".join(f"`{word}`" for word in said) if said else "says not what it goes by"
        yield Problem(f"link {name!r} {told}", place, "a link has one of `by`, `via` and `through`")
    elif said == ["by"] and link.cardinality == "many_to_many":
        yield Problem(f"link {name!r} goes by a key, which leads to one object", place, "many_to_many is for `via` and `through`")
    elif said != ["by"] and link.cardinality != "many_to_many" and link.severity == "warn":
        yield Problem(
            f"link {name!r} must block where it leads to several", place, "leave `severity` out, or say `cardinality: many_to_many`"
        )
    if said == ["via"] and link.optional:
        yield Problem(f"link {name!r} goes via a table, whose rows are always whole", place, "leave `optional` out")


def _by_key(loaded: Loaded, source: ObjectType, name: str, link: Link, by_name: str) -> Iterator[Problem]:
    by, target = source.properties.get(by_name), loaded.ontology.objects.get(link.to)
    if by is None:
        yield unknown_property(loaded, source, by_name, f"link {name!r}", "links", name, "by")
    elif by.optional and not link.optional:
        place = loaded.place("objects", source.name, "links", name)
        hint = "add `optional: true` to the link"
        yield Problem(f"link {name!r} goes by the optional property {by_name!r} but is not optional", place, hint)
    if by is not None and stages_of(source)[by_name] != "table":
        place = loaded.place("objects", source.name, "links", name, "by")
        yield Problem(f"link {name!r} goes by {by_name!r}, which is computed after the links", place)
    key = target.properties.get(target.key) if target else None
    if by and key and not _same_kind(loaded, by.type, key.type):
        place = loaded.place("objects", source.name, "links", name, "by")
        yield Problem(f"link {name!r} goes by a {by.type}, but {link.to}'s key is a {key.type}", place)


def _through(loaded: Loaded, source: ObjectType, name: str, link: Link, through: Through) -> Iterator[Problem]:
    """The objects that stand for a link have a to-one link to either end, by a key or via a table."""
    objects = loaded.ontology.objects
    place = loaded.place("objects", source.name, "links", name, "through")
    if loaded.lacks(through.object):
        yield Problem(f"link {name!r} goes through unknown object type {through.object!r}", place, did_you_mean(through.object, objects))
    backing = objects.get(through.object)
    if backing is None:
        return
    for word, end, wanted in (("source", through.source, source.name), ("target", through.target, link.to)):
        found, where = backing.links.get(end), loaded.place("objects", source.name, "links", name, "through", word)
        if found is None:
            yield Problem(f"link {name!r}: {backing.name} has no link {end!r}", where, did_you_mean(end, backing.links))
        elif found.to != wanted:
            yield Problem(f"link {name!r}: {backing.name}.{end} leads to {found.to}, not to {wanted}", where)
        elif found.through or found.cardinality == "many_to_many":
            yield Problem(
                f"link {name!r}: {backing.name}.{end} does not lead to one {wanted} by itself", where, "name one that goes by a key"
            )


def _is_time(loaded: Loaded, object_type: ObjectType, name: str) -> bool:
    prop = object_type.properties[name]
    return loaded.ontology.base_type(prop) in ("date", "timestamp") and stages_of(object_type)[name] == "table"


def _same_kind(loaded: Loaded, left: str, right: str) -> bool:
    value_types = loaded.ontology.value_types
    bases = [value_types[name].type if name in value_types else name for name in (left, right)]
    unknown = any(base not in PROPERTY_TYPES for base in bases)  # told where the type is named
    return unknown or bases[0] == bases[1] or {bases[0], bases[1]} == {"integer", "long"}
