"""What the official client knows: every endpoint of its Ontologies namespace, and every operator of its requests.

Both are read from the client itself, so that a new version of it cannot add one that nobody looks at.
"""

from __future__ import annotations

import ast
import inspect
import re
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pkgutil import iter_modules
from typing import Any, get_args

import foundry_sdk.v2.ontologies as namespace
from foundry_sdk.v2.ontologies import models

SEARCH, SETS, METRICS, GROUPS, DERIVED, SELECTED, RULES, NEIGHBOURS = (
    "SearchJsonQueryV2",
    "ObjectSet",
    "AggregationV2",
    "AggregationGroupByV2",
    "DerivedPropertyDefinition",
    "SelectedPropertyOperation",
    "IntervalQueryRule",
    "NearestNeighborsQuery",
)


@dataclass(frozen=True, order=True)
class Endpoint:
    """One method of one resource of the client."""

    name: str
    method: str
    path: str


@cache
def endpoints() -> dict[str, Endpoint]:
    """Every endpoint by `Resource.method`."""
    found = {}
    for module in iter_modules(namespace.__path__):
        for name, client in inspect.getmembers(import_module(f"{namespace.__name__}.{module.name}"), inspect.isclass):
            if name.endswith("Client") and not name.startswith(("_", "Async", "Ontologies")) and client.__module__.endswith(module.name):
                found |= {one.name: one for one in _of(name.removesuffix("Client"), client)}
    return dict(sorted(found.items()))


def _of(resource: str, client: type) -> list[Endpoint]:
    told = []
    for node in ast.parse(inspect.getsource(client)).body[0].body:  # type: ignore[attr-defined]  # a class has a body
        if isinstance(node, ast.FunctionDef) and (path := re.search(r"resource_path='([^']+)'", source := ast.unparse(node))):
            method = re.search(r"method='(\w+)'", source)
            told.append(Endpoint(f"{resource}.{node.name}", method[1] if method else "?", path[1]))
    return told


@cache
def operators(union: str) -> tuple[str, ...]:
    """The `type` of every member of one of the client's unions: `eq`, `gt`, … of a search."""
    members = get_args(get_args(getattr(models, union))[0])
    return tuple(sorted(_type(member) for member in members))


def _type(member: Any) -> str:
    model = getattr(models, member.__forward_arg__) if hasattr(member, "__forward_arg__") else member
    return str(model.model_fields["type"].default)
