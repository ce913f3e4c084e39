"""What was asked, counted: requests by route and status, and how long answers took. Told in `exposing`.

A route stands here as it is declared, never as it was asked: paths hold keys, and every key would be a row of its own.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from typing import Final, NamedTuple

from starlette.types import Scope

METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
"""Up to how many seconds each count of a histogram reaches; one more count has what took longer."""
NO_ROUTE: Final = "none"


class Asked(NamedTuple):
    """A kind of request. `route` is a template such as `/api/v2/ontologies/{ontology}/objectTypes`, or `none`."""

    method: str
    route: str
    status: int


class Spent:
    """How long the answers of a route took: how many in each step of SECONDS, and seconds in all."""

    __slots__ = ("counts", "seconds")

    def __init__(self) -> None:
        self.counts, self.seconds = [0] * (len(SECONDS) + 1), 0.0


class Traffic:
    """Counts of this process. `count` is called by its one event loop, so nothing is locked; it costs a microsecond."""

    def __init__(self) -> None:
        self._requests: dict[Asked, int] = {}
        self._spent: dict[str, Spent] = {}

    def count(self, scope: Scope, method: str, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", None) or NO_ROUTE
        asked = Asked(method if method in METHODS else "other", route, status)
        self._requests[asked] = self._requests.get(asked, 0) + 1
        spent = self._spent.get(route)
        if spent is None:
            spent = self._spent[route] = Spent()
        spent.counts[bisect_left(SECONDS, seconds)] += 1
        spent.seconds += seconds

    def requests(self) -> Mapping[Asked, int]:
        return dict(self._requests)

    def spent(self) -> Mapping[str, tuple[list[int], float]]:
        """Counts by step and seconds in all, by route."""
        return {route: (list(each.counts), each.seconds) for route, each in self._spent.items()}
