from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from palantir_assets.access.principal import Principal
from palantir_assets.access.views import View, explain, view_of, whole
from palantir_assets.errors import UnknownName
from palantir_assets.ontology.served import ServedOntology
from palantir_assets.ontology.served_access import ServedAccess
from tests.fakes.release import NOBODY, ONTOLOGY, VIEWER, open_to_viewers

STRING = {"type": "string", "optional": True}
HOSPITAL = ServedOntology.model_validate(
    {
        "types": {
            "patient": {
                "name": "patient",
                "label": {"en": "Patient"},
                "key": "id",
                "title": "{name}",
                "searchable": True,
                "indexes": ["name", "age"],
                "properties": {
                    "id": {"type": "string"},
                    "name": {**STRING, "shared": "called", "value_type": "name"},
                    "age": STRING,
                    "risk": STRING,
                    "ward_id": STRING,
                },
                "links": {"ward": {"to": "ward", "reverse": "patients", "cardinality": "many_to_one", "by": "ward_id"}},
                "implements": {"named": {"called": "name"}},
            },
            "ward": {
                "name": "ward",
                "label": {"en": "Ward"},
                "key": "id",
                "title": "{id}",
                "properties": {"id": {"type": "string"}, "patients": STRING, "label": {**STRING, "shared": "called"}},
                "links": {"knows": {"to": "ward", "reverse": "known_by", "cardinality": "many_to_many", "through": "visit"}},
                "implements": {"named": {"called": "label"}},
            },
            "visit": {"name": "visit", "label": {"en": "Visit"}, "key": "id", "title": "{id}", "properties": {"id": {"type": "string"}}},
        },
        "interfaces": {
            "named": {"name": "named", "label": {"en": "Named"}, "properties": {"called": STRING}},
            "unused": {"name": "unused", "label": {"en": "Unused"}},
        },
        "shared_properties": {"called": STRING},
        "value_types": {"name": {"type": "string"}, "idle": {"type": "string"}},
        "functions": {
            "risky": {
                "name": "risky",
                "version": "1",
                "entry": "f",
                "source": "f.py",
                "parameters": {"who": {"type": "object", "object": "patient"}},
                "output": {"type": "string"},
            }
        },
        "graphs": {"wards": {"nodes": "ward", "measures": ["patients"]}},
        "models": {"risk": {"object": "patient", "writes": "risk"}},
    }
)


def seen(types: Mapping[str, Any], *, wholly: bool = True, principal: Principal = VIEWER, **more: Any) -> View:
    rules = open_to_viewers(HOSPITAL).model_dump() | {"markings": {"personal": {"roles": ["safety"]}}, **more}
    for name, changed in types.items():
        rules["types"][name] |= changed
    return view_of(principal, HOSPITAL, ServedAccess.model_validate(rules), lambda name: wholly)


def hidden(prop: str, **rule: Any) -> dict[str, Any]:
    return {"patient": {"properties": {prop: rule or {"needs": ["personal"]}}}}


def test_what_no_rule_names_nobody_sees() -> None:
    told = view_of(VIEWER, HOSPITAL, ServedAccess(), lambda name: True).ontology
    assert not told.types and not told.functions and not told.models and not told.graphs
    assert list(told.interfaces) == ["unused"] and list(told.value_types) == ["idle"] and not told.shared_properties


def test_who_may_read_everything_is_told_everything() -> None:
    assert seen({}).ontology == HOSPITAL == whole(HOSPITAL).ontology


def test_a_hidden_type_and_a_missing_one_are_told_in_the_same_words() -> None:
    told = seen({"patient": {"needs": ["personal"]}}).ontology
    with pytest.raises(UnknownName) as refused:
        told.find_type("patient")
    with pytest.raises(UnknownName) as missing:
        told.find_type("absent")
    assert str(refused.value).replace("patient", "absent") == str(missing.value)
    with pytest.raises(UnknownName, match=r"^unknown object type 'patien'$"):
        told.find_type("patien")


def test_a_hidden_property_leaves_no_trace() -> None:
    view = seen(hidden("name"))
    told = view.ontology
    assert "name" not in told.types["patient"].properties and told.types["patient"].indexes == ("age",)
    assert told.types["patient"].implements == {"named": {}}
    assert "called" in told.interfaces["named"].properties and "called" in told.shared_properties  # the ward's
    assert list(told.value_types) == ["idle"]
    assert view.hidden == {"patient": {"name"}}
    assert '"name"' not in told.types["patient"].model_dump_json().replace('"name":"patient"', "").replace("{name}", "")


def test_what_was_computed_from_a_hidden_property_is_hidden_with_it_however_far() -> None:
    rules = hidden("age")
    rules["patient"]["properties"]["risk"] = {"reads": {"properties": ["patient.age"]}}
    rules["ward"] = {"properties": {"patients": {"reads": {"properties": ["patient.risk"]}}}}
    told = seen(rules).ontology
    assert list(told.types["patient"].properties) == ["id", "name", "ward_id"] and "patients" not in told.types["ward"].properties
    assert not told.models and not told.graphs


def test_a_sum_over_rows_is_for_who_sees_them_all() -> None:
    rules = {"ward": {"properties": {"patients": {"reads": {"rows_of": ["patient"]}}}}}
    assert "patients" in seen(rules).ontology.types["ward"].properties
    assert "patients" not in seen(rules, wholly=False).ontology.types["ward"].properties
    assert "patients" not in seen({**rules, "patient": {"read": []}}).ontology.types["ward"].properties


def test_a_type_without_its_key_is_hidden() -> None:
    assert "patient" not in seen(hidden("id")).ontology.types


def test_a_title_of_hidden_words_is_cut_to_the_key_and_its_type_not_searched() -> None:
    view = seen({"patient": {**hidden("name")["patient"], "title": {"properties": ["patient.name"]}}})
    kind = view.ontology.types["patient"]
    assert view.untitled == {"patient"} and kind.title == "{id}" and not kind.searchable
    only_searched = seen({"patient": {**hidden("name")["patient"], "search": {"properties": ["patient.name"]}}})
    assert not only_searched.untitled and not only_searched.ontology.types["patient"].searchable


@pytest.mark.parametrize(
    "types",
    [
        {"ward": {"read": []}},
        {"patient": {"links": {"ward": {"roles": ["safety"]}}}},
        {"patient": {"links": {"ward": {"needs": ["personal"]}}}},
        hidden("ward_id"),
    ],
)
def test_a_link_is_lost_with_its_end_its_rule_or_its_key_property(types: dict[str, Any]) -> None:
    told = seen(types).ontology
    assert "ward" not in told.links_of("patient")
    assert "ward" not in told.types or "patients" not in told.links_of("ward")


def test_a_link_is_lost_with_the_objects_that_stand_for_it() -> None:
    assert set(seen({"visit": {"read": []}}).ontology.links_of("ward")) == {"patients"}
    assert set(seen({}).ontology.links_of("ward")) == {"patients", "knows", "known_by"}


def test_a_function_is_lost_with_its_rule_or_a_type_it_takes() -> None:
    assert seen({}).ontology.functions
    assert not seen({}, functions={}).ontology.functions
    assert not seen({"patient": {"read": []}}).ontology.functions


def test_an_interface_lives_as_long_as_one_of_its_implementers() -> None:
    assert seen({"patient": {"read": []}}).ontology.implementers("named") == ("ward",)
    assert list(seen({"patient": {"read": []}, "ward": {"read": []}}).ontology.interfaces) == ["unused"]
    both = {**hidden("name"), "ward": {"properties": {"label": {"roles": []}}}}
    assert not seen(both).ontology.interfaces["named"].properties


def test_only_what_is_to_be_discovered_is_named_as_withheld() -> None:
    rules = hidden("name", needs=["personal"], discover=True)
    rules["patient"]["properties"]["age"] = {"needs": ["personal"]}
    view = seen({**rules, "visit": {"read": [], "discover": True}})
    assert (view.withheld.types, dict(view.withheld.properties)) == (("visit",), {"patient": ("name",)})


def test_a_marking_that_a_role_brings_opens_what_bears_it() -> None:
    safety = Principal("ada", frozenset({"viewer", "safety"}))
    assert "name" not in seen(hidden("name"), principal=safety).ontology.types["patient"].properties  # no such role is declared
    declared = {"roles": {"viewer": {}, "safety": {}}}
    assert "name" in seen(hidden("name"), principal=safety, **declared).ontology.types["patient"].properties


def test_views_of_other_rights_are_signed_otherwise() -> None:
    marked = Principal("someone", VIEWER.roles, markings=frozenset({"personal"}))
    other = Principal("someone", VIEWER.roles, {"wards": ("a",)})
    signed = {seen({}, principal=who).signature for who in (VIEWER, NOBODY, marked, other)} | {seen(hidden("name")).signature}
    assert len(signed) == 5
    assert seen({}).signature == seen({}).signature


def test_a_view_is_made_of_a_principal_or_not_at_all() -> None:
    with pytest.raises(TypeError, match="asks for a Principal"):
        View(VIEWER, ONTOLOGY, {}, frozenset(), {}, {}, {}, seen({}).withheld, "")


def test_why_not_is_told_to_who_may_know() -> None:
    rules = open_to_viewers(HOSPITAL).model_dump()
    rules["types"]["patient"] |= {"rows": "age == '1'", **hidden("name")["patient"]}
    access = ServedAccess.model_validate(rules)
    assert explain(NOBODY, access, "patient", "name") == (
        "to read patient: needs the role viewer",
        "to read patient.name: needs the marking personal",
        "of patient only rows where age == '1'",
    )
    assert explain(VIEWER, access, "ward") == ()
    assert explain(VIEWER, access, "nothing") == ("no rule lets anybody read nothing",)


NAMES = st.sampled_from(["patient.name", "patient.age", "patient.risk", "ward.patients", "ward.label"])


@given(denied=st.sets(NAMES), reads=st.dictionaries(NAMES, st.sets(NAMES, max_size=2)), also=NAMES)
def test_to_deny_more_never_shows_more(denied: set[str], reads: dict[str, set[str]], also: str) -> None:
    def told(refused: set[str]) -> set[str]:
        types: dict[str, Any] = {"patient": {"properties": {}}, "ward": {"properties": {}}}
        for name in ["patient.name", "patient.age", "patient.risk", "ward.patients", "ward.label"]:
            kind, prop = name.split(".")
            rule = {"reads": {"properties": sorted(reads.get(name, ()))}, **({"roles": []} if name in refused else {})}
            types[kind]["properties"][prop] = rule
        known = seen(types).ontology.types
        return {f"{kind}.{prop}" for kind, what in known.items() for prop in what.properties}

    fewer, more = told(denied | {also}), told(denied)
    assert fewer <= more and also not in fewer
    assert not any(each in fewer for each, of in reads.items() if of & (denied | {also}))
