"""What is exported, read back by networkx: the same nodes, edges and attributes."""

from __future__ import annotations

import io
import json

import networkx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from palantir_assets.graph.export import Edge, Node, Subgraph, as_networkx, cytoscape, graphml

TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"), max_size=8)


@st.composite
def subgraphs(draw: st.DrawFn) -> Subgraph:
    keys = draw(st.lists(st.tuples(st.sampled_from(("customer", "order")), TEXT), max_size=5, unique=True))
    prices = draw(st.lists(st.one_of(st.integers(-9, 9), st.floats(allow_nan=False, allow_infinity=False)), min_size=5, max_size=5))
    nodes = [
        Node(kind, key, draw(TEXT), {"price": price, "paid": key == "", "note": draw(TEXT)})
        for (kind, key), price in zip(keys, prices, strict=False)
    ]
    place = st.integers(0, max(len(nodes) - 1, 0))
    edges = (
        draw(st.lists(st.builds(Edge, place, place, st.sampled_from(("order.customer", "customer.orders"))), max_size=8)) if nodes else []
    )
    return Subgraph(nodes, edges)


def told(graph: networkx.MultiDiGraph[str]) -> tuple[dict[str, dict[str, object]], list[tuple[str, str, str]]]:
    names = ("object_type", "key", "title", "property_price", "property_paid", "property_note")
    return (
        {node: {name: data[name] for name in names} for node, data in graph.nodes(data=True)},
        sorted((source, target, data["link"]) for source, target, data in graph.edges(data=True)),
    )


@settings(deadline=None)
@given(subgraphs())
def test_graphml_comes_back_as_it_went(graph: Subgraph) -> None:
    back = networkx.read_graphml(io.BytesIO(graphml(graph)), force_multigraph=True)
    nodes, edges = told(networkx.MultiDiGraph(back))
    expected_nodes, expected_edges = told(as_networkx(graph))
    for node, attributes in expected_nodes.items():
        price = nodes[node].pop("property_price")
        assert price == pytest.approx(attributes.pop("property_price"))
        # XML says line ends in one way, and nothing at all as nothing
        assert {name: value if value is not None else "" for name, value in nodes[node].items()} == attributes
    assert (nodes.keys(), edges) == (expected_nodes.keys(), expected_edges)


@settings(deadline=None)
@given(subgraphs())
def test_cytoscape_comes_back_as_it_went(graph: Subgraph) -> None:
    back = networkx.cytoscape_graph(json.loads(cytoscape(graph)))
    assert told(back) == told(as_networkx(graph))


def test_what_xml_cannot_hold_is_replaced_and_the_rest_escaped() -> None:
    nasty = Node("order", 1, "a\x00b\x1f<&>\"'\ud800 한국어 🛒", {"note": "]]>"})
    text = graphml(Subgraph([nasty], []))
    (_, back), *_ = networkx.read_graphml(io.BytesIO(text)).nodes(data=True)
    title = "a\ufffdb\ufffd<&>\"'\ufffd 한국어 🛒"
    assert back == {"object_type": "order", "key": 1, "title": title, "property_note": "]]>"}


def test_no_property_is_lost_whatever_it_is_called() -> None:
    taken = {name: f"its {name}" for name in ("type", "object_type", "key", "title", "id", "name", "value", "link")}
    graph = Subgraph([Node("order", 1, "One", taken)], [])
    expected = {"object_type": "order", "key": 1, "title": "One", **{f"property_{name}": text for name, text in taken.items()}}
    (_, from_graphml), *_ = networkx.read_graphml(io.BytesIO(graphml(graph))).nodes(data=True)
    assert from_graphml == expected
    (_, from_cytoscape), *_ = networkx.cytoscape_graph(json.loads(cytoscape(graph))).nodes(data=True)
    assert {name: from_cytoscape[name] for name in expected} == expected
    assert (from_cytoscape["id"], from_cytoscape["name"]) == ("order:1", "One")


def test_keys_of_two_kinds_become_text_and_whole_numbers_beside_broken_ones_broken() -> None:
    nodes = [Node("a", 1, "", {"n": 1}), Node("b", "x", "", {"n": 1.5})]
    back = dict(networkx.read_graphml(io.BytesIO(graphml(Subgraph(nodes, [])))).nodes(data=True))
    assert [back["a:1"]["key"], back["b:x"]["key"], back["a:1"]["property_n"]] == ["1", "x", 1.0]
