"""The suite's cases: what is asked of which endpoint by which operator, and what is known to have no meaning here.

A case is a function over `Asking`; it passes if it raises nothing. `@case` registers it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from importlib import import_module
from typing import Any, Final, Literal

import httpx
from foundry_sdk import Config, UserTokenAuth
from foundry_sdk.v2 import FoundryClient
from foundry_sdk.v2.ontologies import models

Status = Literal["passes", "fails", "no meaning here"]
Check = Callable[["Asking"], None]

_MODULES: Final = (
    "metadata",
    "objects",
    "filters",
    "sets",
    "derivation",
    "aggregates",
    "interfaces",
    "series",
    "functions",
    "actions",
    "refusals",
)


@cache
def _client(base: str, token: str, language: str) -> Any:
    config = Config(scheme="http", timeout=30, default_headers={"Accept-Language": language})
    return FoundryClient(auth=UserTokenAuth(token), hostname=base, config=config).ontologies


@dataclass(frozen=True)
class Asking:
    """The unmodified client, its models, and the one ontology."""

    base: str
    token: str
    language: str = "en"

    @property
    def client(self) -> Any:
        return _client(self.base, self.token, self.language)

    def speaking(self, language: str) -> Asking:
        """The same caller in another language."""
        return replace(self, language=language)

    def objects(self) -> Any:
        return self.client.OntologyObject

    def sets(self) -> Any:
        return self.client.OntologyObjectSet

    def raw(self, method: str, path: str, body: Any) -> tuple[int, Any]:
        """For what the client itself refuses to send."""
        answer = httpx.request(method, f"http://{self.base}{path}", json=body, headers={"Authorization": f"Bearer {self.token}"})
        return answer.status_code, answer.json()

    def load(self, object_set: Any, **more: Any) -> Any:
        """Every object of a set, page by page."""
        return self.sets().load(ONTOLOGY, object_set=object_set, select=more.pop("select", []), **more)


@dataclass(frozen=True)
class Case:
    endpoint: str
    operator: str
    check: Check


ONTOLOGY: Final = "default"
m = models
_CASES: Final[list[Case]] = []


def case(endpoint: str, *operators: str) -> Callable[[Check], Check]:
    """Register a check for an endpoint and the operators it shows; several checks of one pair must all pass."""

    def register(check: Check) -> Check:
        _CASES.extend(Case(endpoint, operator, check) for operator in operators or ("plain",))
        return check

    return register


def cases() -> Iterator[Case]:
    """All of them, in the order of the modules."""
    for name in _MODULES:
        import_module(f"tests.conformance.{name}")
    yield from _CASES


def same(found: Any, expected: Any) -> None:
    """Equality, told briefly."""
    assert found == expected, f"\n found    {str(found)[:600]}\n expected {str(expected)[:600]}"
