"""What rules of objects and rules of stations have in common: problems worded once."""

from __future__ import annotations

from collections.abc import Iterator

from palantir_assets.errors import Problem, did_you_mean
from palantir_assets.ontology.paths import follow
from palantir_assets.ontology.reading import Loaded
from palantir_assets.ontology.spec import ObjectType


def unknown_property(
    loaded: Loaded, object_type: ObjectType, word: str, what: str, *path: str | int, section: str = "objects", name: str = ""
) -> Problem:
    place = loaded.place(section, name or object_type.name, *path)
    return Problem(f"{what} names unknown property {word!r} of {object_type.name}", place, did_you_mean(word, object_type.properties))


def unfollowed(loaded: Loaded, object_type: str, field: str, what: str, section: str, name: str, *path: str | int) -> Iterator[Problem]:
    if follow(loaded.ontology, object_type, field) is None and not _leads_to_unknown_type(loaded, object_type, field):
        known = (*loaded.ontology.objects[object_type].properties, *loaded.ontology.objects[object_type].links)
        yield Problem(
            f"{what} reads {field!r}, which {object_type} does not have", loaded.place(section, name, *path), did_you_mean(field, known)
        )


def _leads_to_unknown_type(loaded: Loaded, object_type: str, path: str) -> bool:
    """Whether a link on the way points at a type that is not there: told already, at the link."""
    here = object_type
    for link in path.split(".")[:-1]:
        spec = loaded.ontology.objects[here].links.get(link)
        if spec is None:
            return False
        here = spec.to
        if here not in loaded.ontology.objects:
            return True
    return False
