"""`docs/api.md` has every route and no other, and every curl of the documents asks for something that exists."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from fastapi import FastAPI
from starlette.routing import Match

from palantir_assets.access.views import whole
from palantir_assets.ontology.compiling import served_ontology
from palantir_assets.ontology.loading import load_ontology
from palantir_assets.ontology.served import ServedOntology
from palantir_assets.query.aggregates import parse_aggregate, plan_aggregate
from palantir_assets.query.plans import parse_query, plan
from palantir_assets.serving.action_bodies import ApplyBody, ApproveBody, RejectBody, RevertBody, ToldBody
from palantir_assets.serving.actions import ApplyRequest, BatchRequest
from palantir_assets.serving.app import create_app
from palantir_assets.serving.bodies import LoadRequest, SearchRequest
from palantir_assets.serving.deps import check_ontology
from palantir_assets.serving.errors import _HTTP, _UNKNOWN
from palantir_assets.serving.graphs import NeighbourhoodRequest, PathRequest, ReachableRequest, Ref, SubgraphRequest
from palantir_assets.serving.routing import SegmentRoute
from palantir_assets.settings import load_settings
from tests.docs import pages
from tests.fakes.shop_release import ListLog

PAGE = pages.ROOT / "docs" / "api.md"
ASKED = [
    pytest.param(page, arguments, id=f"{page.name}: {arguments[-1][:60]}")
    for page in pages.PAGES
    for arguments in pages.curls(pages.read(page))
    if page != pages.README_KO
]


@cache
def app() -> FastAPI:
    return create_app(load_settings({}, project=pages.ROOT), ListLog())


@cache
def ontology() -> ServedOntology:
    return served_ontology(load_ontology(pages.ROOT / "ontology_specs").ontology)


def routes() -> Iterator[str]:
    for route in app().routes:
        path = route.template if isinstance(route, SegmentRoute) else getattr(route, "path", "")
        if "...}" not in path:  # a second way to a route that is told already
            yield from (f"{method} {path}" for method in set(getattr(route, "methods", ())) - {"HEAD"})


def asked(arguments: list[str]) -> tuple[str, str, dict[str, list[str]], Any]:
    """Method, path, query and body of a curl."""
    method, path, query, body = "GET", "", {}, None
    words = iter(arguments)
    for word in words:
        if word == "-X":
            method = next(words)
        elif word == "-d":
            body = json.loads(next(words))
        elif word == "--data-urlencode":
            name, _, value = next(words).partition("=")
            query[name] = [value]
        elif word == "-H":
            next(words)
        elif word.startswith("http"):
            parts = urlsplit(word)
            assert parts.netloc == "127.0.0.1:8080"
            path, query = parts.path, query | parse_qs(parts.query)
    return method, path, query, body


def test_every_route_is_told_and_no_other() -> None:
    told = [row[0].strip("`") for row in pages.table(pages.section(pages.read(PAGE), "Routes"))]
    assert sorted(told) == sorted(routes())


def test_every_name_of_an_error_that_is_told_by_its_kind_stands_in_the_page() -> None:
    assert [name for name in (*_UNKNOWN.values(), *_HTTP.values()) if f"`{name}`" not in pages.read(PAGE)] == []


def test_every_property_of_a_search_in_the_page_is_one_a_search_knows() -> None:
    blocks = pages.blocks(pages.section(pages.read(PAGE), "Filters"))
    (example,) = [json.loads(block.text) for block in blocks if block.language == "json"]
    planned("flight", example)


@pytest.mark.parametrize(("page", "arguments"), ASKED)
def test_every_curl_asks_for_something_that_exists(page: Path, arguments: list[str]) -> None:
    method, path, query, body = asked(arguments)
    scope = {"type": "http", "method": method, "path": path, "root_path": "", "headers": []}
    matches = [child for route in app().routes for match, child in [route.matches(scope)] if match is Match.FULL]
    assert matches, f"{page.name}: no route for {method} {path}"
    found: dict[str, str] = matches[0]["path_params"]
    if "ontology" in found:
        check_ontology(found["ontology"])
    if "object_type" in found:
        ontology().find_type(found["object_type"])
    if "link" in found:
        ontology().find_link(found["object_type"], found["link"])
    if path.startswith("/api/platform/v1/metrics/"):
        assert found["name"] in ontology().metrics
    if "type" in query:
        ontology().find_type(query["type"][0])
    for order in query.get("orderBy", []):
        ontology().find_type(found["object_type"]).find_property(re.split(r"[.:]", order)[1])
    if body is not None and path.startswith("/api/platform/v1/graph/"):
        walked(path.rpartition("/")[2], body)
    elif body is not None and ("/actions/" in path or "/proposals/" in path):
        acted(path, body)
    elif body is not None:
        planned(found.get("object_type", ""), body)


def acted(path: str, body: dict[str, Any]) -> None:
    """Read what an action is told as the API would; what is told it is held against the action of the examples or the default project."""
    last = path.rpartition("/")[2]
    forms = {"preview": ToldBody, "revert": RevertBody, "approve": ApproveBody, "reject": RejectBody, "applyBatch": BatchRequest}
    asked = (ApplyRequest if path.startswith("/api/v2/") else ApplyBody) if last == "apply" else forms[last]
    told = asked.model_validate(body)
    declared = {**load_ontology(pages.ROOT / "ontology_specs").ontology.actions, **load_ontology(pages.EXAMPLES).ontology.actions}
    for name in getattr(told, "parameters", ()):
        assert name in declared[path.split("/")[-2]].parameters


def walked(question: str, body: dict[str, Any]) -> None:
    """Read a question about the graph as the API would, and find what it names in the default project's ontology."""
    form = {"neighbourhood": NeighbourhoodRequest, "path": PathRequest, "reachable": ReachableRequest, "subgraph": SubgraphRequest}[
        question
    ]
    asked = form.model_validate(body)
    for name in ("start", "source", "target"):
        refs = getattr(asked, name, None) or ()
        for ref in (refs,) if isinstance(refs, Ref) else refs:
            ontology().find_type(ref.object_type)
    for link in asked.links or ():
        ontology().find_link(*link.split("."))
    for link, prop in getattr(asked, "weights", {}).items():
        ontology().find_type(link.split(".")[0]).find_property(prop)
    if getattr(asked, "object_set", None) is not None:
        plan(parse_query({"object_set": asked.object_set}), whole(ontology()))


def planned(object_type: str, body: dict[str, Any]) -> None:
    """Plan a search, a set or an aggregate as the API would, over the default project's ontology."""
    if "aggregation" in body:
        asked_of = {"set": body["objectSet"]} if "objectSet" in body else {"object": object_type}
        plan_aggregate(
            parse_aggregate({**asked_of, "aggregations": body["aggregation"], "group_by": body.get("groupBy", ())}), whole(ontology())
        )
        return
    if "objectSet" in body:
        plan(parse_query({"set": LoadRequest.model_validate(body).object_set}), whole(ontology()))
        return
    request = SearchRequest.model_validate(body)
    order = request.order_by.fields if request.order_by else ()
    query = {"object": object_type, "where": request.where, "order_by": order, "select": request.select}
    plan(parse_query(query), whole(ontology()))
