"""Metadata: what there is, in the words of the served ontology, read through the client's own models."""

from __future__ import annotations

from typing import Any

from tests.conformance.cases import ONTOLOGY, Asking, case, m, same
from tests.conformance.world import ACTIONS, FUNCTIONS, INTERFACES, TYPES, VALUE_TYPES

STATUS = {"active": "ACTIVE", "experimental": "EXPERIMENTAL", "deprecated": "DEPRECATED"}
DATA_TYPES: dict[str, Any] = {
    "price": {"type": "decimal", "precision": 12, "scale": 2},
    "pages": {"type": "integer"},
    "words": {"type": "long"},
    "lent": {"type": "boolean"},
    "printed_on": {"type": "date"},
    "added_at": {"type": "timestamp"},
    "weight": {"type": "double"},
    "subjects": {"type": "array", "subType": {"type": "string"}, "reducers": []},
    "taste": {"type": "vector", "dimension": 3, "supportsSearchWith": [{"value": "COSINE_SIMILARITY"}]},
    "cover": {"type": "attachment"},
    "access": {"type": "marking"},
}


def spoken(label: dict[str, str] | None, language: str, name: str) -> str:
    return (label.get(language) or label["en"]) if label else name


def outgoing(kind: str) -> dict[str, tuple[str, str]]:
    """Every link of a type from either end: where it leads, and to one or many."""
    ends = {
        name: (one["to"], "MANY" if one["cardinality"] == "many_to_many" else "ONE") for name, one in TYPES[kind].get("links", {}).items()
    }
    for source, spec in TYPES.items():
        ends |= {one["reverse"]: (source, "MANY") for one in spec.get("links", {}).values() if one["to"] == kind}
    return ends


def check_type(found: m.ObjectTypeV2, kind: str, language: str = "en") -> None:
    spec = TYPES[kind]
    same(found.api_name, kind)
    same(found.display_name, spoken(spec["label"], language, kind))
    same(found.plural_display_name, spoken(spec.get("plural", spec["label"]), language, kind))
    same((found.primary_key, found.title_property), (spec["key"], spec["title"].strip("{}")))
    same(found.status, STATUS[spec.get("status", "active")])
    same(list(found.properties), list(spec["properties"]))
    for name, prop in spec["properties"].items():
        same(found.properties[name].data_type.type, prop["type"])
        same(found.properties[name].display_name, spoken(prop.get("label"), language, name))
        same(found.properties[name].value_type_api_name, prop.get("value_type"))
        same(found.properties[name].data_constraints.nullability, "NULLABLE" if prop.get("optional") else "NOT_NULLABLE")


@case("Ontology.list")
def ontologies_are_listed(asking: Asking) -> None:
    (only,) = asking.client.Ontology.list().data
    same(only, asking.client.Ontology.get(ONTOLOGY))


@case("Ontology.get", "plain", "by rid")
def an_ontology_is_found_by_name_and_by_rid(asking: Asking) -> None:
    found = asking.client.Ontology.get(ONTOLOGY)
    same(found.api_name, ONTOLOGY)
    same(asking.client.Ontology.get(found.rid), found)


@case("Ontology.get_full_metadata", "plain", "labels in ko")
def everything_is_told_at_once(asking: Asking) -> None:
    for language in ("en", "ko"):
        full = asking.speaking(language).client.Ontology.get_full_metadata(ONTOLOGY)
        same(set(full.object_types), set(TYPES))
        for kind in TYPES:
            check_type(full.object_types[kind].object_type, kind, language)
            same({end.api_name for end in full.object_types[kind].link_types}, set(outgoing(kind)))
        same(set(full.interface_types), set(INTERFACES))
        same(set(full.value_types), set(VALUE_TYPES))
        same(set(full.query_types), {f"{name}:{spec['version']}" for name, spec in FUNCTIONS.items()})
        same(full.shared_property_types["price"].display_name, {"en": "Price", "ko": "가격"}[language])
        same({name: each.display_name for name, each in full.action_types.items()},
             {name: spec["label"][language] for name, spec in ACTIONS.items() if name != "burn"})  # fmt: skip


@case("Ontology.load_metadata")
def parts_of_it_are_told_by_name(asking: Asking) -> None:
    some = asking.client.Ontology.load_metadata(
        ONTOLOGY,
        object_types=["book", "film"],
        link_types=["branch"],
        interface_types=["held"],
        query_types=["keenest"],
        action_types=["lend"],
        preview=True,
    )
    same(set(some.object_types), {"book", "film"})
    same([end.api_name for end in some.object_types["book"].link_types], ["branch"])
    same((set(some.interface_types), set(some.query_types)), ({"held"}, {"keenest:1.2.0"}))
    same(list(some.action_types), ["lend"])


@case("ObjectType.list", "plain", "pageSize, pageToken")
def object_types_are_listed(asking: Asking) -> None:
    same([found.api_name for found in asking.client.Ontology.ObjectType.list(ONTOLOGY)], list(TYPES))
    by_two = asking.client.Ontology.ObjectType.list(ONTOLOGY, page_size=2)
    same([found.api_name for found in by_two], list(TYPES))
    first = asking.client.Ontology.ObjectType.list(ONTOLOGY, page_size=2)
    next(first)
    same((len(first.data), first.next_page_token is not None), (2, True))


@case("ObjectType.get", "plain", "labels in ko", "every property type", "statuses, aliases, units")
def an_object_type_is_told_with_its_properties(asking: Asking) -> None:
    for language in ("en", "ko"):
        for kind in TYPES:
            check_type(asking.speaking(language).client.Ontology.ObjectType.get(ONTOLOGY, kind), kind, language)
    book = asking.client.Ontology.ObjectType.get(ONTOLOGY, "book")
    told = {name: book.properties[name].data_type.model_dump(by_alias=True, exclude_none=True) for name in DATA_TYPES}
    same(told, DATA_TYPES)
    fields = book.properties["size"].data_type.struct_field_types
    same([(field.api_name, field.data_type.type) for field in fields], [("width", "double"), ("height", "double")])
    branch = asking.client.Ontology.ObjectType.get(ONTOLOGY, "branch")
    same((branch.properties["place"].data_type.type, branch.properties["visitors"].data_type.item_type.type), ("geopoint", "double"))
    same((book.status, book.aliases), ("EXPERIMENTAL", ["volume", "책", "tome"]))
    same(book.properties["lent"].status.type, "experimental")
    same([(one.kind, one.name) for one in book.properties["title"].type_classes], [("alias", "heading"), ("renamedFrom", "name")])
    same([(one.kind, one.name) for one in book.properties["weight"].type_classes], [("status", "deprecated")])
    same(book.properties["price"].value_formatting.number_type.unit.value, "EUR")


@case("ObjectType.get_by_rid_batch")
def object_types_are_found_by_rid(asking: Asking) -> None:
    types = asking.client.Ontology.ObjectType
    rids = [types.get(ONTOLOGY, kind).rid for kind in ("loan", "book")]
    wanted = [m.GetObjectTypeByRidBatchRequestElement(object_type_rid=rid) for rid in [*rids, "ri.ontology.main.object-type.none"]]
    same([found.api_name for found in types.get_by_rid_batch(ONTOLOGY, requests=wanted, preview=True).data], ["loan", "book"])


@case("ObjectType.get_full_metadata", "plain", "implementations of interfaces")
def an_object_type_is_told_with_links_and_interfaces(asking: Asking) -> None:
    full = asking.client.Ontology.ObjectType.get_full_metadata(ONTOLOGY, "book", preview=True)
    check_type(full.object_type, "book")
    same({end.api_name: (end.object_type_api_name, end.cardinality) for end in full.link_types}, outgoing("book"))
    same(full.implements_interfaces, ["held", "lendable"])
    lendable = full.implements_interfaces2["lendable"]
    same({name: how.property_api_name for name, how in lendable.properties_v2.items()}, TYPES["book"]["implements"]["lendable"])
    same((lendable.properties, lendable.links), ({"price": "price"}, {"branch": ["branch"]}))
    same(full.shared_property_type_mapping, {"price": "price"})


@case("ObjectType.get_full_metadata_batch")
def object_types_are_told_in_a_batch(asking: Asking) -> None:
    wanted = [m.GetObjectTypeFullMetadataBatchRequestElement(object_type=kind) for kind in ("film", "nothing", "book")]
    batch = asking.client.Ontology.ObjectType.get_full_metadata_batch
    found = batch(ONTOLOGY, requests=wanted, include_link_types=True, preview=True).data
    same([one.object_type.api_name for one in found], ["film", "book"])
    same([end.api_name for end in found[1].link_types], sorted(outgoing("book")))
    same([one.link_types for one in batch(ONTOLOGY, requests=wanted, preview=True).data], [[], []])


@case("ObjectType.list_outgoing_link_types", "plain", "pageSize, pageToken", "labels in ko")
def links_are_told_at_both_their_ends(asking: Asking) -> None:
    for kind in TYPES:
        found = list(asking.client.Ontology.ObjectType.list_outgoing_link_types(ONTOLOGY, kind, page_size=2))
        same({end.api_name: (end.object_type_api_name, end.cardinality) for end in found}, outgoing(kind))
    korean = asking.speaking("ko").client.Ontology.ObjectType.list_outgoing_link_types(ONTOLOGY, "branch")
    same({end.api_name: end.display_name for end in korean}["books"], "도서")


@case("ObjectType.get_outgoing_link_type", "foreign key", "join table", "object-backed")
def one_link_is_told(asking: Asking) -> None:
    get = asking.client.Ontology.ObjectType.get_outgoing_link_type
    branch, authors, borrowed = (
        get(ONTOLOGY, kind, name) for kind, name in (("book", "branch"), ("book", "authors"), ("member", "borrowed"))
    )
    same((branch.cardinality, branch.foreign_key_property_api_name, branch.object_type_api_name), ("ONE", "branch_id", "branch"))
    same((authors.cardinality, authors.foreign_key_property_api_name), ("MANY", None))
    same((borrowed.cardinality, borrowed.status), ("MANY", "EXPERIMENTAL"))
    same(get(ONTOLOGY, "branch", "books").link_type_rid, branch.link_type_rid)


@case("ObjectType.get_outgoing_link_types_by_object_type_rid_batch")
def links_are_found_by_the_rids_of_types(asking: Asking) -> None:
    types = asking.client.Ontology.ObjectType
    rid, relation = types.get(ONTOLOGY, "book").rid, types.get_outgoing_link_type(ONTOLOGY, "book", "branch").link_type_rid
    wanted = [m.GetOutgoingLinkTypesByObjectTypeRidBatchRequestElement(object_type_rid=rid)]
    batch = types.get_outgoing_link_types_by_object_type_rid_batch
    every = batch(ONTOLOGY, requests=wanted, filter_link_type_rids=[], preview=True).data
    same({end.api_name for end in every[rid]}, set(outgoing("book")))
    some = batch(ONTOLOGY, requests=wanted, filter_link_type_rids=[relation], preview=True).data
    same([end.api_name for end in some[rid]], ["branch"])


@case("OntologyInterface.list", "plain", "pageSize, pageToken")
def interfaces_are_listed(asking: Asking) -> None:
    found = list(asking.client.OntologyInterface.list(ONTOLOGY, page_size=1, preview=True))
    same([one.api_name for one in found], list(INTERFACES))


@case("OntologyInterface.get", "plain", "inheritance", "labels in ko")
def an_interface_is_told_with_what_it_inherits(asking: Asking) -> None:
    found = asking.speaking("ko").client.OntologyInterface.get(ONTOLOGY, "lendable", preview=True)
    same((found.display_name, found.extends_interfaces, found.all_extends_interfaces), ("대출 자료", ["held"], ["held"]))
    same(sorted(found.implemented_by_object_types), ["book", "film"])
    same((set(found.properties), set(found.properties_v2)), ({"price"}, {"name", "price", "subjects"}))
    same(set(found.all_properties_v2), {"branch_id", "name", "price", "subjects"})
    same(found.all_properties_v2["subjects"].require_implementation, False)
    same((found.links, found.all_links["branch"].display_name), ({}, "지점"))


@case("OntologyInterface.list_outgoing_interface_link_types")
def links_of_an_interface_are_listed(asking: Asking) -> None:
    (branch,) = asking.client.OntologyInterface.list_outgoing_interface_link_types(ONTOLOGY, "lendable", preview=True).data
    same((branch.api_name, branch.cardinality, branch.linked_entity_api_name.api_name), ("branch", "ONE", "branch"))


@case("OntologyInterface.get_outgoing_interface_link_type")
def one_link_of_an_interface_is_told(asking: Asking) -> None:
    found = asking.client.OntologyInterface.get_outgoing_interface_link_type(ONTOLOGY, "held", "branch", preview=True)
    same((found.api_name, found.linked_entity_api_name.type), ("branch", "objectTypeApiName"))


@case("OntologyValueType.list")
def value_types_are_listed(asking: Asking) -> None:
    same([one.api_name for one in asking.client.OntologyValueType.list(ONTOLOGY, preview=True).data], list(VALUE_TYPES))


@case("OntologyValueType.get", "regex and length", "enum", "range and unit", "uuid")
def a_value_type_tells_what_its_values_must_be(asking: Asking) -> None:
    isbn, language, rating, card = (asking.client.OntologyValueType.get(ONTOLOGY, name, preview=True) for name in VALUE_TYPES)
    same([one.type for one in isbn.constraints], ["regex", "length"])
    same((isbn.constraints[0].pattern, isbn.constraints[1].minimum_length, isbn.version), ("^97[89][0-9]{10}$", 13, "2"))
    same(language.constraints[0].options, ["en", "ko", "de"])
    same((rating.constraints[0].minimum_value, rating.constraints[0].maximum_value, rating.status), (0, 5, "DEPRECATED"))
    same((rating.description, rating.field_type.type), ("(stars)", "double"))
    same(card.constraints[0].type, "uuid")


@case("QueryType.list", "plain", "pageSize, pageToken")
def functions_are_listed(asking: Asking) -> None:
    same([one.api_name for one in asking.client.Ontology.QueryType.list(ONTOLOGY, page_size=1)], list(FUNCTIONS))


@case("QueryType.get", "plain", "version", "labels in ko")
def a_function_tells_what_it_takes_and_gives(asking: Asking) -> None:
    get = asking.speaking("ko").client.Ontology.QueryType.get
    found = get(ONTOLOGY, "keenest", version="1.2.0")
    same((found.display_name, found.version, found.output.type, found.output.sub_type.type), ("다독자", "1.2.0", "array", "string"))
    told = {name: (one.data_type.type, one.required) for name, one in found.parameters.items()}
    same(told, {"at_most": ("integer", True), "book": ("object", False)})
    shelf = get(ONTOLOGY, "shelf_value")
    same(shelf.parameters["books"].data_type.object_type_api_name, "book")
    same([(field.name, field.field_type.type) for field in shelf.output.fields], [("books", "integer"), ("value", "double")])


@case("QueryType.get_by_rid_batch")
def functions_are_found_by_rid(asking: Asking) -> None:
    rid = asking.client.Ontology.QueryType.get(ONTOLOGY, "keenest").rid
    wanted = [m.GetQueryTypeByRidBatchRequestElement(query_type_rid=rid, function_version=version) for version in ("1.2.0", "9.9.9", None)]
    batch = asking.client.Ontology.QueryType.get_by_rid_batch
    same([one.version for one in batch(ONTOLOGY, requests=wanted, preview=True).data], ["1.2.0", "1.2.0"])
