"""Every place where specs name a role or a marking. Whether there is such a one is asked in `ontology.access_rules`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from palantir_assets.errors import Place
from palantir_assets.ontology.reading import Loaded
from palantir_assets.ontology.spec import Grant, LinkPolicy, PolicyTest, PropertyPolicy

Named = tuple[str, str, Place | None]
"""What names it, the name, and where."""


def roles_named(loaded: Loaded) -> Iterator[Named]:
    ontology = loaded.ontology
    yield from (("anonymous", name, loaded.place("anonymous", "anonymous")) for name in ontology.anonymous)
    for role, said in ontology.roles.items():
        yield from ((f"role {role!r}", name, loaded.place("roles", role, "includes")) for name in said.includes)
    for marking, borne in ontology.markings.items():
        yield from ((f"marking {marking!r}", name, loaded.place("markings", marking, "roles")) for name in borne.roles)
    for what, rule, section, owner, path in _rules(loaded):
        yield from ((what, name, loaded.place(section, owner, *path, "roles")) for name in rule.roles or ())
    yield from _tested(loaded, "roles")


def markings_named(loaded: Loaded) -> Iterator[Named]:
    for what, rule, section, owner, path in _rules(loaded):
        yield from ((what, name, loaded.place(section, owner, *path, "needs")) for name in rule.needs)
    for entry, said in loaded.ontology.declassify.items():
        yield from (("declassify", name, loaded.place("declassify", entry, "removes")) for name in said.removes)
    for object_type in loaded.ontology.objects.values():
        for prop, declared in object_type.properties.items():
            place = loaded.place("objects", object_type.name, "properties", prop, "markings")
            yield from ((f"property {prop!r}", name, place) for name in declared.markings)
    yield from _of_sources(loaded)
    yield from _tested(loaded, "markings")


def several(value: object) -> tuple[object, ...]:
    """A value of a policy test's caller as several: one stands for itself alone."""
    return value if isinstance(value, tuple) else (value,)


def _of_sources(loaded: Loaded) -> Iterator[Named]:
    for source, declared in loaded.ontology.sources.items():
        yield from ((f"source {source!r}", name, loaded.place("sources", source, "markings")) for name in declared.markings)
        for table, found in declared.tables.items():
            at = ("tables", table)
            yield from ((f"table {table!r}", name, loaded.place("sources", source, *at, "markings")) for name in found.markings)
            for column, of in found.columns.items():
                place = loaded.place("sources", source, *at, "columns", column, "markings")
                yield from ((f"column {column!r}", name, place) for name in of.markings)


def _tested(loaded: Loaded, word: str) -> Iterator[Named]:
    tests: Iterable[tuple[str, PolicyTest]] = loaded.ontology.policy_tests.items()
    for entry, test in tests:
        place = loaded.place("policy_tests", entry, "as", word)
        yield from (("a policy test", str(name), place) for name in several(test.as_.get(word, ())))


def _rules(loaded: Loaded) -> Iterator[tuple[str, Grant | PropertyPolicy | LinkPolicy, str, str, tuple[str, ...]]]:
    """(what, rule, section, name, path in it) of everything that says who may."""
    ontology = loaded.ontology
    if ontology.default:
        yield "default", ontology.default.read, "default", "default", ("read",)
    for name, policy in ontology.policies.items():
        what = f"the policy of {name}"
        yield what, policy.read, "policies", name, ("read",)
        yield from ((what, rule, "policies", name, ("properties", prop)) for prop, rule in policy.properties.items())
        yield from ((what, walk, "policies", name, ("links", link)) for link, walk in policy.links.items())
    for name, called in ontology.function_policies.items():
        yield f"the policy of {name}", called.call, "function_policies", name, ("call",)
    for name, read in ontology.model_policies.items():
        yield f"the policy of {name}", read.read, "model_policies", name, ("read",)
