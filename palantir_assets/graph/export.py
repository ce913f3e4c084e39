"""A bounded part of the graph for other programs: networkx, GraphML, Cytoscape JSON.

The two texts are written without networkx, which is not there where they are served. Which part it is, and
who may see it, is decided in `engine`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree

import orjson

if TYPE_CHECKING:
    import networkx

Scalar = str | int | float | bool
PROPERTY: Final = "property_"
"""Before the name of every property: programs have words of their own (`id`, `name`, `value`), and so have we."""

_OUTSIDE_XML: Final = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_GRAPHML: Final = "http://graphml.graphdrawing.org/xmlns"


@dataclass(frozen=True, slots=True)
class Node:
    """An object: its type, key and title, and properties of simple types."""

    type: str
    key: Scalar
    title: str
    properties: Mapping[str, Scalar]

    @property
    def id(self) -> str:
        """The one text that names it among all nodes: `order:17`."""
        return f"{self.type}:{self.key}"

    @property
    def attributes(self) -> dict[str, Scalar]:
        """What is told of it: `object_type`, `key` and `title`, and its properties, whose names cannot be taken for one of these."""
        properties = {f"{PROPERTY}{name}": value for name, value in self.properties.items()}
        return {"object_type": self.type, "key": self.key, "title": self.title, **properties}


@dataclass(frozen=True, slots=True)
class Edge:
    """A link between two nodes, which are given by their places."""

    source: int
    target: int
    link: str


@dataclass(frozen=True, slots=True)
class Subgraph:
    """Objects and the links between them; parallel links are parallel edges."""

    nodes: Sequence[Node]
    edges: Sequence[Edge]


def as_networkx(graph: Subgraph) -> networkx.MultiDiGraph[str]:
    """For analysts: a directed multigraph whose nodes are ids."""
    import networkx

    made: networkx.MultiDiGraph[str] = networkx.MultiDiGraph()
    made.add_nodes_from((node.id, node.attributes) for node in graph.nodes)
    made.add_edges_from((graph.nodes[edge.source].id, graph.nodes[edge.target].id, {"link": edge.link}) for edge in graph.edges)
    return made


def cytoscape(graph: Subgraph) -> bytes:
    """Cytoscape JSON: `elements` with `nodes` and `edges`, as Cytoscape, Cytoscape.js and networkx read it; `name` is the title."""
    nodes = [{"data": {**node.attributes, "id": node.id, "value": node.id, "name": node.title}} for node in graph.nodes]
    ids = [node.id for node in graph.nodes]
    edges = [
        {"data": {"id": f"e{index}", "key": index, "source": ids[edge.source], "target": ids[edge.target], "link": edge.link}}
        for index, edge in enumerate(graph.edges)
    ]
    return orjson.dumps({"data": [], "directed": True, "multigraph": True, "elements": {"nodes": nodes, "edges": edges}})


def graphml(graph: Subgraph) -> bytes:
    """GraphML (XML), a `<data>` for every attribute; a character that XML cannot hold becomes U+FFFD."""
    told = [node.attributes for node in graph.nodes]
    types = _types(told)
    root = ElementTree.Element("graphml", {"xmlns": _GRAPHML})
    for index, (name, type_) in enumerate(types.items()):
        ElementTree.SubElement(root, "key", {"id": f"d{index}", "for": "node", "attr.name": name, "attr.type": type_})
    ElementTree.SubElement(root, "key", {"id": "link", "for": "edge", "attr.name": "link", "attr.type": "string"})
    body = ElementTree.SubElement(root, "graph", {"edgedefault": "directed"})
    ids = {name: f"d{index}" for index, name in enumerate(types)}
    for node, attributes in zip(graph.nodes, told, strict=True):
        element = ElementTree.SubElement(body, "node", {"id": _xml(node.id)})
        for name, value in attributes.items():
            ElementTree.SubElement(element, "data", {"key": ids[name]}).text = _xml(_text(value))
    for index, edge in enumerate(graph.edges):
        ends = {"source": _xml(graph.nodes[edge.source].id), "target": _xml(graph.nodes[edge.target].id)}
        element = ElementTree.SubElement(body, "edge", {"id": f"e{index}", **ends})
        ElementTree.SubElement(element, "data", {"key": "link"}).text = edge.link
    text: str = ElementTree.tostring(root, encoding="unicode")
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{text}'.encode()


def _types(told: Sequence[Mapping[str, Scalar]]) -> dict[str, str]:
    """For every attribute the GraphML type that all its values fit."""
    kinds: dict[str, set[str]] = {}
    for attributes in told:
        for name, value in attributes.items():
            kinds.setdefault(name, set()).add(_kind(value))
    return {
        name: found.pop() if len(found) == 1 else "double" if found == {"long", "double"} else "string" for name, found in kinds.items()
    }


def _kind(value: Scalar) -> str:
    if isinstance(value, bool):
        return "boolean"
    return "long" if isinstance(value, int) else "double" if isinstance(value, float) else "string"


def _text(value: Scalar) -> str:
    return ("true" if value else "false") if isinstance(value, bool) else str(value)


def _xml(text: str) -> str:
    return _OUTSIDE_XML.sub("\ufffd", text)
