"""What is refused, and that the client can read it: its exception, its name, its parameters by the client's own error class."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from foundry_sdk import BadRequestError, NotFoundError, PalantirRPCException
from foundry_sdk._errors import deserialize_error
from foundry_sdk.v2.core import errors as core_errors
from foundry_sdk.v2.ontologies import errors as ontology_errors

from tests.conformance.cases import ONTOLOGY, Asking, case, m, same

BOOK = m.ObjectSetBaseType(object_type="book")
GONE = "ri.object-set.main.temporary-object-set.00000000000000000000000000000000"


def refused(ask: Callable[[], Any], error: type[PalantirRPCException], name: str, parameters: dict[str, Any] | None = None) -> None:
    """The client raises its exception, and what came reads as its own class of that name."""
    try:
        ask()
    except PalantirRPCException as raised:
        same((type(raised), raised.name), (error, name))
        same({key: (raised.parameters or {}).get(key) for key in parameters or {}}, parameters or {})
        declared = getattr(ontology_errors, name, None) or getattr(core_errors, name, None)
        if declared is None:
            assert name in ("InvalidQuery", "InvalidRequest"), f"the client does not know {name}"
            return
        body = {"errorName": raised.name, "parameters": raised.parameters, "errorInstanceId": raised.error_instance_id}
        assert isinstance(deserialize_error(body, {name: declared}), declared)
        assert issubclass(declared, error)
    else:
        raise AssertionError(f"{name} was expected, and nothing was refused")


@case("Ontology.get", "OntologyNotFound")
def an_ontology_that_is_not_there(asking: Asking) -> None:
    refused(lambda: asking.client.Ontology.get("nothing"), NotFoundError, "OntologyNotFound", {"apiName": "nothing"})


@case("ObjectType.get", "ObjectTypeNotFound")
def an_object_type_that_is_not_there(asking: Asking) -> None:
    refused(lambda: asking.client.Ontology.ObjectType.get(ONTOLOGY, "bok"), NotFoundError, "ObjectTypeNotFound", {"objectType": "bok"})


@case("ObjectType.list", "FoundryBranchNotFound")
def a_branch_that_is_not_there(asking: Asking) -> None:
    types = asking.client.Ontology.ObjectType
    refused(lambda: list(types.list(ONTOLOGY, branch="mine")), NotFoundError, "FoundryBranchNotFound", {"branch": "mine"})


@case("ObjectType.get_outgoing_link_type", "LinkTypeNotFound")
def a_link_that_is_not_there(asking: Asking) -> None:
    get = asking.client.Ontology.ObjectType.get_outgoing_link_type
    refused(lambda: get(ONTOLOGY, "book", "x"), NotFoundError, "LinkTypeNotFound", {"objectType": "book", "linkType": "x"})


@case("ObjectType.get_by_rid_batch", "BatchRequestSizeExceededLimit")
def a_batch_that_is_too_large(asking: Asking) -> None:
    element = m.GetObjectTypeByRidBatchRequestElement.model_construct(object_type_rid="ri.ontology.main.object-type.book")
    body = {"requests": [{"objectTypeRid": element.object_type_rid}] * 101}
    status, told = asking.raw("POST", f"/api/v2/ontologies/{ONTOLOGY}/objectTypes/getByRidBatch", body)
    same((status, told["errorName"]), (400, "BatchRequestSizeExceededLimit"))
    same(told["parameters"], {"maximumBatchSize": 100, "providedBatchSize": 101})


@case("OntologyInterface.get", "InterfaceTypeNotFound")
def an_interface_that_is_not_there(asking: Asking) -> None:
    refused(lambda: asking.client.OntologyInterface.get(ONTOLOGY, "x"), NotFoundError, "InterfaceTypeNotFound", {"apiName": "x"})


@case("OntologyInterface.get_outgoing_interface_link_type", "InterfaceLinkTypeNotFound")
def a_link_of_an_interface_that_is_not_there(asking: Asking) -> None:
    get = asking.client.OntologyInterface.get_outgoing_interface_link_type
    expected = {"interfaceTypeApiName": "held", "interfaceLinkTypeApiName": "x"}
    refused(lambda: get(ONTOLOGY, "held", "x"), NotFoundError, "InterfaceLinkTypeNotFound", expected)


@case("OntologyValueType.get", "ValueTypeNotFound")
def a_value_type_that_is_not_there(asking: Asking) -> None:
    refused(lambda: asking.client.OntologyValueType.get(ONTOLOGY, "x"), NotFoundError, "ValueTypeNotFound", {"valueType": "x"})


@case("OntologyObject.get", "ObjectNotFound", "PropertiesNotFound")
def an_object_that_is_not_there(asking: Asking) -> None:
    get = asking.objects().get
    refused(lambda: get(ONTOLOGY, "book", "x"), NotFoundError, "ObjectNotFound", {"objectType": "book", "primaryKey": {"book_id": "x"}})
    select = lambda: get(ONTOLOGY, "book", "bk-000", select=["x"])  # noqa: E731
    refused(select, NotFoundError, "PropertiesNotFound", {"objectType": "book", "properties": ["x"]})


@case("OntologyObject.list", "InvalidPageSize", "InvalidPageToken")
def a_page_that_is_none(asking: Asking) -> None:
    listing = asking.objects().list
    refused(lambda: list(listing(ONTOLOGY, "book", page_size=0)), BadRequestError, "InvalidPageSize", {"pageSize": 0})
    refused(lambda: list(listing(ONTOLOGY, "book", page_token="mine")), BadRequestError, "InvalidPageToken")
    token = asking.objects().with_raw_response.list(ONTOLOGY, "book", page_size=1).decode().next_page_token
    refused(lambda: list(listing(ONTOLOGY, "film", page_token=token)), BadRequestError, "InvalidPageToken")


@case("LinkedObject.get_linked_object", "LinkedObjectNotFound", "ObjectNotFound")
def an_object_that_is_not_linked(asking: Asking) -> None:
    get = asking.client.LinkedObject.get_linked_object
    expected = {"linkType": "branch", "linkedObjectType": "branch", "linkedObjectPrimaryKey": {"branch_id": "br-1"}}
    refused(lambda: get(ONTOLOGY, "book", "bk-000", "branch", "br-1"), NotFoundError, "LinkedObjectNotFound", expected)
    refused(lambda: get(ONTOLOGY, "book", "x", "branch", "br-1"), NotFoundError, "ObjectNotFound", {"objectType": "book"})


@case("OntologyObject.search", "PropertiesNotFound", "InvalidPropertyValue", "InvalidQuery")
def a_filter_that_does_not_fit(asking: Asking) -> None:
    def search(where: Any) -> Callable[[], Any]:
        return lambda: asking.objects().search(ONTOLOGY, "book", where=where, select=[])

    refused(search(m.EqualsQueryV2(field="x", value=1)), NotFoundError, "PropertiesNotFound", {"properties": ["x"]})
    expected = {"property": "pages", "propertyBaseType": "integer", "propertyValue": "many"}
    refused(search(m.EqualsQueryV2(field="pages", value="many")), BadRequestError, "InvalidPropertyValue", expected)
    refused(search(m.WildcardQuery(field="pages", value="1*")), BadRequestError, "InvalidQuery", None)
    deep: Any = m.EqualsQueryV2(field="pages", value=1)
    for _ in range(30):
        deep = m.NotQueryV2(value=deep)
    refused(search(deep), BadRequestError, "InvalidQuery")


@case("OntologyObjectSet.load", "ObjectSetNotFound", "ObjectTypeNotFound", "LinkTypeNotFound", "OntologyScenarioNotFound")
def a_set_that_cannot_be_asked(asking: Asking) -> None:
    refused(lambda: asking.load(m.ObjectSetReferenceType(reference=GONE)), NotFoundError, "ObjectSetNotFound", {"objectSetRid": GONE})
    refused(lambda: asking.load(m.ObjectSetBaseType(object_type="x")), NotFoundError, "ObjectTypeNotFound", {"objectType": "x"})
    around = m.ObjectSetSearchAroundType(object_set=BOOK, link="x")
    refused(lambda: asking.load(around), NotFoundError, "LinkTypeNotFound", {"linkType": "x"})
    scenario = "ri.actions..scenario.x"
    refused(lambda: asking.load(BOOK, scenario_rid=scenario), NotFoundError, "OntologyScenarioNotFound", {"scenarioRid": scenario})


@case("OntologyObjectSet.get", "ObjectSetNotFound")
def a_set_that_is_not_kept(asking: Asking) -> None:
    refused(lambda: asking.sets().get(ONTOLOGY, GONE), NotFoundError, "ObjectSetNotFound", {"objectSetRid": GONE})


@case("OntologyObjectSet.create_temporary", "PropertiesNotFound")
def a_set_that_means_nothing_is_not_kept(asking: Asking) -> None:
    wrong = m.ObjectSetFilterType(object_set=BOOK, where=m.EqualsQueryV2(field="x", value=1))
    refused(lambda: asking.sets().create_temporary(ONTOLOGY, object_set=wrong), NotFoundError, "PropertiesNotFound")


@case("OntologyObject.aggregate", "PropertiesNotFound", "InvalidQuery")
def an_aggregate_that_cannot_be_computed(asking: Asking) -> None:
    aggregate = asking.objects().aggregate
    refused(
        lambda: aggregate(ONTOLOGY, "book", aggregation=[m.SumAggregationV2(field="x")], group_by=[]), NotFoundError, "PropertiesNotFound"
    )
    refused(
        lambda: aggregate(ONTOLOGY, "book", aggregation=[m.SumAggregationV2(field="title")], group_by=[]), BadRequestError, "InvalidQuery"
    )


@case("QueryType.get", "QueryNotFound", "QueryVersionNotFound")
def a_function_that_is_not_there(asking: Asking) -> None:
    get = asking.client.Ontology.QueryType.get
    refused(lambda: get(ONTOLOGY, "x"), NotFoundError, "QueryNotFound", {"query": "x"})
    refused(
        lambda: get(ONTOLOGY, "keenest", version="9.0.0"), NotFoundError, "QueryVersionNotFound", {"apiName": "keenest", "version": "9.0.0"}
    )


@case("Query.execute", "QueryNotFound", "MissingParameter", "InvalidQueryParameterValue", "FunctionInvalidInput")
def a_call_that_does_not_fit(asking: Asking) -> None:
    def call(name: str, **parameters: Any) -> Callable[[], Any]:
        return lambda: asking.client.Query.execute(ONTOLOGY, name, parameters=parameters)

    refused(call("x"), NotFoundError, "QueryNotFound", {"query": "x"})
    refused(call("keenest"), BadRequestError, "MissingParameter", {"parameters": ["at_most"]})
    refused(call("keenest", at_most="many"), BadRequestError, "InvalidQueryParameterValue", {"parameterId": "at_most"})
    refused(call("keenest", at_most=1, colour="red"), BadRequestError, "FunctionInvalidInput", {"functionVersion": "1.2.0"})


@case("Query.execute", "QueryRuntimeError", "QueryTimeExceededLimit")
def a_function_that_gives_nothing(asking: Asking) -> None:
    def call(name: str) -> Callable[[], Any]:
        return lambda: asking.client.Query.execute(ONTOLOGY, name, parameters={})

    refused(call("fails"), BadRequestError, "QueryRuntimeError", {"functionVersion": "1.0.0"})
    refused(call("never_ends"), BadRequestError, "QueryTimeExceededLimit", {"functionVersion": "1.0.0"})
    same(asking.client.Query.execute(ONTOLOGY, "keenest", parameters={"at_most": 1}).value.__len__(), 1)
