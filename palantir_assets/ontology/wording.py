"""What rules of objects and rules of stations have in common: problems worded once."""

from __future__ import annotations

from collections.abc import Iterator

from palantir_assets.errors import Problem, did_you_mean
from palantir_assets.ontology.paths import follow
from palantir_assets.ontology.reading import Loaded
from palantir_assets.ontology.spec import ObjectType
from palantir_assets.ontology.stages import stages_of


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


def a(word: str) -> str:
    """A word with its article.

    >>> a("integer"), a("string")
    ('an integer', 'a string')
    """
    return f"{'an' if word[:1] in 'aeiou' else 'a'} {word}"


def computed_later(loaded: Loaded, object_type: str, field: str, what: str, section: str, name: str, *path: str | int) -> Iterator[Problem]:
    """A problem for a path to a property that is not there yet where tables of objects are read."""
    found = follow(loaded.ontology, object_type, field)
    if found and stages_of(loaded.ontology.objects[found.object_type])[found.property] != "table":
        place = loaded.place(section, name, *path)
        yield Problem(f"{what} reads {field!r}, which is computed later, over links or with the indexes", place, "leave it out")


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
