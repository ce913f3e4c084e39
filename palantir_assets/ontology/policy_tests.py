"""Policy tests: what their authors expect a caller to see, as values that can be asked of a candidate.

That a test can be asked at all is held here; the asking is done where a candidate can be read.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from palantir_assets.errors import Problem, did_you_mean
from palantir_assets.ontology.access_names import several
from palantir_assets.ontology.access_rules import known_properties
from palantir_assets.ontology.reading import Loaded
from palantir_assets.ontology.spec import AttributeType, Ontology, PolicyTest, Scalar

CALLER_ID = "policy-test"
"""The id of a caller for whom a test says none."""

_GIVEN = ("id", "roles", "markings")


@dataclass(frozen=True, slots=True)
class PolicyCase:
    """One test: a caller, an object, and whether and of what the caller is to see it. `name` says where it stands."""

    name: str
    caller_id: str
    roles: frozenset[str]
    markings: frozenset[str]
    attributes: Mapping[str, Scalar | tuple[str, ...]]
    object_type: str
    key: str
    visible: bool
    withheld: tuple[str, ...]

    def complaint(self, seen: bool, withheld: frozenset[str]) -> str | None:
        """What is wrong with what the caller was seen to see, in words; None where it is as expected."""
        what = f"{self.object_type}/{self.key}"
        if seen != self.visible:
            return f"{what} is {'visible' if seen else 'hidden'}, expected {'visible' if self.visible else 'hidden'}"
        shown = [name for name in self.withheld if name not in withheld] if seen else []
        return f"{', '.join(shown)} of {what} can be read, expected to be withheld" if shown else None


def policy_cases(ontology: Ontology) -> tuple[PolicyCase, ...]:
    """Every policy test, in the order of files and lines."""
    return tuple(_case(ontology, name, test) for name, test in ontology.policy_tests.items())


def policy_tests_can_be_asked(loaded: Loaded) -> Iterator[Problem]:
    """The caller has only what callers may have, and the object and its properties are of a type that exists."""
    for entry, test in loaded.ontology.policy_tests.items():
        yield from _caller_fits(loaded, entry, test)
        yield from _object_fits(loaded, entry, test)


def _case(ontology: Ontology, name: str, test: PolicyTest) -> PolicyCase:
    object_type, _, key = test.read.partition("/")
    said = test.as_
    lists = {attribute for attribute, type_ in ontology.attributes.items() if type_ == "strings"}
    attributes: dict[str, Scalar | tuple[str, ...]] = {
        word: tuple(map(str, several(value))) if word in lists or isinstance(value, tuple) else value
        for word, value in said.items()
        if word not in _GIVEN
    }
    return PolicyCase(
        name=name,
        caller_id=str(said.get("id", CALLER_ID)),
        roles=frozenset(str(role) for role in several(said.get("roles", ()))),
        markings=frozenset(str(marking) for marking in several(said.get("markings", ()))),
        attributes=attributes,
        object_type=object_type,
        key=key,
        visible=test.expect == "visible",
        withheld=test.withheld,
    )


def _caller_fits(loaded: Loaded, entry: str, test: PolicyTest) -> Iterator[Problem]:
    attributes = loaded.ontology.attributes
    for word, value in test.as_.items():
        place = loaded.place("policy_tests", entry, "as", word)
        wanted: AttributeType | None = "string" if word == "id" else "strings" if word in _GIVEN else attributes.get(word)
        if wanted is None and loaded.lacks(word, "attributes"):
            hint = did_you_mean(word, (*_GIVEN, *attributes)) or "declare it under `attributes`"
            yield Problem(f"a policy test gives its caller unknown attribute {word!r}", place, hint)
        elif wanted is not None and not _is(value, wanted):
            yield Problem(f"a policy test gives {value!r} for {word!r}, where {_WORDS[wanted]} is needed", place)


def _object_fits(loaded: Loaded, entry: str, test: PolicyTest) -> Iterator[Problem]:
    place = loaded.place("policy_tests", entry, "read")
    name, _, key = test.read.partition("/")
    object_type = loaded.ontology.objects.get(name)
    if object_type is None:
        if loaded.lacks(name):
            yield Problem(f"a policy test reads unknown object type {name!r}", place, did_you_mean(name, loaded.ontology.objects))
        return
    declared = object_type.properties.get(object_type.key)
    if declared and loaded.ontology.base_type(declared) in ("integer", "long") and not key.removeprefix("-").isdecimal():
        yield Problem(f"a policy test reads {name} {key!r}, whose key is a whole number", place)
    known = known_properties(loaded.ontology, object_type)
    for word in test.withheld:
        if word not in known and not loaded.broken.may_have(name, word):
            where = loaded.place("policy_tests", entry, "withheld")
            yield Problem(f"a policy test withholds unknown property {word!r} of {name}", where, did_you_mean(word, known))
    if test.withheld and test.expect == "hidden":
        where = loaded.place("policy_tests", entry, "withheld")
        yield Problem("a policy test withholds properties of an object that is hidden as a whole", where, "leave `withheld` out")


_WORDS: Mapping[AttributeType, str] = {
    "string": "a text",
    "strings": "a list of texts",
    "integer": "a whole number",
    "double": "a number",
    "boolean": "true or false",
}


def _is(value: object, wanted: AttributeType) -> bool:
    match wanted:
        case "strings":
            return all(isinstance(part, str) for part in several(value))
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool)
        case "double":
            return isinstance(value, (int, float)) and not isinstance(value, bool)
        case _:
            return isinstance(value, str)
