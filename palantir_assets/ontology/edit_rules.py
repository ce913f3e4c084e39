"""What must hold of properties that people set, and of what a build keeps where they and the source differ."""

from __future__ import annotations

from collections.abc import Iterator

from palantir_assets.errors import Problem
from palantir_assets.ontology.action_scope import SETTABLE, fits
from palantir_assets.ontology.reading import Loaded
from palantir_assets.ontology.spec import PROPERTY_TYPES, ObjectType, Property
from palantir_assets.ontology.wording import a, unknown_property


def edited_properties_hold(loaded: Loaded) -> Iterator[Problem]:
    for object_type in loaded.ontology.objects.values():
        yield from _update_time(loaded, object_type)
        for name, prop in object_type.properties.items():
            place = loaded.place("objects", object_type.name, "properties", name)
            for message, hint in _edited(loaded, object_type, name, prop):
                yield Problem(f"property {name!r} {message}", place, hint)


def _edited(loaded: Loaded, object_type: ObjectType, name: str, prop: Property) -> Iterator[tuple[str, str]]:
    base = loaded.ontology.base_type(prop)
    if prop.by_edits and prop.derived is None:
        if name == object_type.key:
            yield "is the key, which no edit sets", "leave `from: edits` out"
        elif base in PROPERTY_TYPES and base not in SETTABLE:
            yield f"is {a(base)}, which no action sets", "make it in the dbt model"
        elif not prop.optional and prop.default is None:
            yield "is set by actions, and has nothing to hold until then", "add `optional: true` or a `default`"
        if prop.conflict not in (None, "edit_wins"):
            yield "is set by actions only: no source says otherwise", "leave `conflict` out"
    if prop.default is not None and not prop.by_edits:
        yield "has a default, which only what is `from: edits` has", "leave it out, or give it in the dbt model"
    elif prop.default is not None and base in SETTABLE and not fits(prop.default, base):
        yield f"is {a(base)}, and its default is {prop.default!r}", ""
    if prop.conflict is not None and prop.derived is not None:
        yield "is derived: no edit sets it", "leave `conflict` out"
    if prop.personal and name == object_type.key:
        yield (
            "is the key, which stays in the history of edits and reads for ever",
            "key the objects by a number that tells nothing of anybody",
        )
    elif prop.personal and prop.derived is not None:
        yield "is derived: no edit holds it", "mark what it is computed of as `personal: true`"
    if prop.conflict == "latest_wins" and object_type.updated_at is None:
        yield "keeps what is latest, and nothing tells when the source changed it", "add `updated_at: <a timestamp>` to the object type"


def _update_time(loaded: Loaded, object_type: ObjectType) -> Iterator[Problem]:
    if object_type.updated_at is None:
        return
    prop = object_type.properties.get(object_type.updated_at)
    place = loaded.place("objects", object_type.name, "updated_at")
    if prop is None:
        yield unknown_property(loaded, object_type, object_type.updated_at, "`updated_at`", "updated_at")
    elif (base := loaded.ontology.base_type(prop)) != "timestamp" and base in PROPERTY_TYPES:
        yield Problem(f"`updated_at` names {object_type.updated_at!r}, {a(base)}, and is a timestamp", place)
    elif prop.derived is not None or prop.by_edits:
        yield Problem(f"`updated_at` names {object_type.updated_at!r}, which the source does not say", place, "name a column")
