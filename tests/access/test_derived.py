"""Markings after the warehouse: what bears them there is at least what the rules of a release ask for.

The rules are worked out by `ontology.demands`, on its own; both start from one marked column of a table.
"""

from __future__ import annotations

from pathlib import Path

import pytest

from palantir_assets.access.declared import is_marked
from palantir_assets.access.derived import DOCUMENTS, TITLE, column_markings, made_of_tables
from palantir_assets.access.markings import ROWS, Markings, Place, of_table, propagate
from palantir_assets.ontology.demands import Demands
from palantir_assets.ontology.describing import added_properties
from palantir_assets.ontology.loading import load_ontology
from palantir_assets.ontology.spec import Ontology

ROOT = Path(__file__).parents[2]
SPECS = {
    "flights": ROOT / "ontology_specs",
    "library": ROOT / "tests" / "stories" / "library" / "ontology_specs",
    "every keyword": ROOT / "tests" / "docs" / "every_keyword" / "ontology_specs",
}
MARKED = frozenset({"marked"})


def unmarked(specs: str) -> Ontology:
    """An ontology in which nothing is declared that could mark or clear anything."""
    loaded = load_ontology(SPECS[specs]).ontology
    objects = {}
    for name, kind in loaded.objects.items():
        plain = {key: prop.model_copy(update={"markings": ()}) for key, prop in kind.properties.items()}
        objects[name] = kind.model_copy(update={"properties": plain})
    return loaded.model_copy(update={"objects": objects, "policies": {}, "declassify": {}, "sources": {}})


def columns(ontology: Ontology) -> list[Place]:
    """Every column of the warehouse that the ontology reads."""
    read = {source for how in made_of_tables(ontology).values() for sources in (how.rows, *how.values.values()) for source in sources}
    return sorted(place for place in read if place.table.startswith(("marts.", "staging.")) and place.column != ROWS)


def borne(ontology: Ontology, *places: Place) -> dict[Place, Markings]:
    return propagate(dict.fromkeys(places, MARKED), made_of_tables(ontology))


@pytest.mark.parametrize("specs", SPECS)
def test_whatever_the_rules_of_a_release_ask_for_is_borne_in_the_build_too(specs: str) -> None:
    ontology = unmarked(specs)
    asked = compared = 0
    for place in columns(ontology):
        found = borne(ontology, place)
        demands = Demands(ontology, column_markings(ontology, found))
        for name, object_type in ontology.objects.items():
            table = of_table(found, f"objects.{name}")
            for prop in (*object_type.properties, *added_properties(ontology, name)):
                needed = demands.whole(name, prop).needs
                assert needed <= table.of(prop), (place, name, prop)
                asked, compared = asked + len(needed), compared + 1
            for link in object_type.links:
                assert demands.link(name, link).needs <= of_table(found, f"links.{name}__{link}").all, (place, name, link)
    print(f"\n{specs}: {len(columns(ontology))} columns, {compared} properties compared, {asked} of them marked")
    assert asked


def test_nothing_is_marked_where_nothing_is_declared() -> None:
    assert not is_marked(unmarked("library")) and borne(unmarked("library")) == {}


def test_titles_texts_measures_and_scores_bear_what_they_were_made_of() -> None:
    ontology = unmarked("flights")
    found = borne(ontology, Place("marts.flights", "origin_code"))
    assert of_table(found, "objects.flight").of(TITLE) == of_table(found, "links.flight__origin").all == MARKED
    routes = borne(ontology, Place("marts.routes", "origin_code"))
    assert ontology.graphs and all(of_table(routes, f"graph.{name}").all == MARKED for name in ontology.graphs)
    assert ontology.models and all(of_table(found, f"learning.{name}").all == MARKED for name in ontology.models)
    assert of_table(borne(ontology, Place("marts.airports", "name")), DOCUMENTS).all == MARKED
    assert not of_table(found, "objects.plane").all
