"""The table: every endpoint of the client and every operator of its requests, each with what became of it."""

from __future__ import annotations

import traceback
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from foundry_sdk import __version__

from tests.conformance.cases import Asking, Case, Check, Status, cases
from tests.conformance.endpoints import DERIVED, GROUPS, METRICS, NEIGHBOURS, RULES, SEARCH, SELECTED, SETS, endpoints, operators

_OVERRIDES: Final = "the moment of an action is the server's, and keys are what the action is told: nobody says others"
_NO_FILES: Final = "an attachment is a reference, and the file behind it is not kept here"
_NOTHING_LIKE_IT: Final = {
    "CipherTextProperty": "no property is encrypted",
    "GeotemporalSeriesProperty": "no property is a series of places",
    "MediaReferenceProperty": "no property is a media reference",
    "OntologyScenario": "there are no scenarios: one release is served at a time",
    "TimeSeriesValueBankProperty": "no property is a stream of values",
}
LEFT_OUT: Final[tuple[tuple[str, Status, str], ...]] = (
    ("Action.apply_with_overrides", "no meaning here", _OVERRIDES),
    ("Action.apply_batch_with_overrides", "no meaning here", _OVERRIDES),
    ("OntologyTransaction", "no meaning here", "what is changed as one is one action, or one batch of it"),
    ("Attachment", "no meaning here", _NO_FILES),
    ("AttachmentProperty", "no meaning here", _NO_FILES),
    *((name, "no meaning here", why) for name, why in _NOTHING_LIKE_IT.items()),
)
"""Endpoints without a case, by resource or by name."""
NOT_ASKED: Final[dict[tuple[str, str], str]] = {
    ("OntologyObjectSet.load", "nearest: text"): "needs a text encoder in the release; asked in the tests of the engine",
    ("TimeSeriesPropertyV2.stream_points", "aggregate"): "points are told as they are, and refused to be aggregated",
}
"""Operators without a case."""
_WORDS: Final[dict[Status, str]] = {
    "passes": "pass",
    "fails": "fail",
    "no meaning here": "have no meaning here",
}
_HEAD: Final = """# Conformance

What the official client, `foundry-platform-sdk` {version}, unmodified, finds over HTTP at a real server. Every endpoint of its
`ontologies` namespace is listed, and every operator its requests have a form for; both are read from the client. A pair passes
only if the answer, parsed by the client's models, equals what plain Python computes from the rows.

**{summary}.**

Written by `python -m tests.conformance --write`; do not edit.

| endpoint | request | operator | status | why |
|---|---|---|---|---|
"""


@dataclass(frozen=True)
class Result:
    """What became of one operator of one endpoint."""

    endpoint: str
    operator: str
    status: Status
    why: str = ""


def wanted() -> Iterator[tuple[str, str]]:
    """Every operator that the client has a form for, at the endpoint that is asked with it."""
    search, load = "OntologyObject.search", "OntologyObjectSet.load"
    rules = [f"where: interval {rule}" for rule in operators(RULES)]
    yield from ((search, f"where: {operator}") for operator in operators(SEARCH) if operator != "interval")
    yield from ((search, rule) for rule in rules)
    yield from ((load, f"set: {kind}") for kind in operators(SETS))
    yield from ((load, f"derived: {kind}") for kind in operators(DERIVED))
    yield from ((load, f"selected: {kind}") for kind in operators(SELECTED))
    yield from ((load, f"nearest: {kind}") for kind in operators(NEIGHBOURS))
    yield "TimeSeriesPropertyV2.stream_points", "aggregate"
    for endpoint in ("OntologyObject.aggregate", "OntologyObjectSet.aggregate"):
        yield from ((endpoint, f"metric: {kind}") for kind in operators(METRICS))
        yield from ((endpoint, f"group: {kind}") for kind in operators(GROUPS))


def run(asking: Asking, chosen: Iterable[Case] | None = None) -> list[Result]:
    """Every case asked, and every endpoint and operator without one told."""
    asked: dict[tuple[str, str], list[str]] = {}
    found: dict[Check, str] = {}
    for case in chosen if chosen is not None else cases():
        if case.check not in found:  # one check may show several operators
            found[case.check] = failure(case, asking)
        asked.setdefault((case.endpoint, case.operator), []).append(found[case.check])
    results = [Result(*pair, "fails" if any(problems) else "passes", next(filter(None, problems), "")) for pair, problems in asked.items()]
    results += [Result(*pair, "no meaning here" if pair in NOT_ASKED else "fails", NOT_ASKED.get(pair, "no case asks it"))
                for pair in wanted() if pair not in asked]  # fmt: skip
    covered = {endpoint for endpoint, _ in asked}
    results += [Result(name, "—", *left_out(name)) for name in endpoints() if name not in covered]
    return sorted(results, key=lambda result: (result.endpoint, result.operator != "plain", result.operator))


def left_out(name: str) -> tuple[Status, str]:
    """Why an endpoint has no case; one that nobody thought about fails."""
    for part, status, why in LEFT_OUT:
        if part in (name, name.partition(".")[0]):
            return status, why
    return "fails", "no case asks it"


def failure(case: Case, asking: Asking) -> str:
    """What went wrong, in one line; empty if nothing did."""
    try:
        case.check(asking)
    except Exception as error:  # whatever it is, it is told in the table
        where = traceback.extract_tb(error.__traceback__)
        line = next((frame.lineno for frame in reversed(where) if "tests/conformance" in frame.filename), 0)
        return f"{type(error).__name__} at line {line}: {' '.join(str(error).split())[:300]}"
    return ""


def counts(results: Iterable[Result]) -> tuple[Counter[str], Counter[str]]:
    """How many endpoints, and how many endpoints × operators, have which status; an endpoint fails if one of its operators does."""
    every = list(results)
    by_endpoint: dict[str, set[str]] = {}
    for result in every:
        by_endpoint.setdefault(result.endpoint, set()).add(result.status)
    order: tuple[Status, ...] = ("fails", "passes", "no meaning here")
    endpoint_counts = Counter(next(status for status in order if status in found) for found in by_endpoint.values())
    return endpoint_counts, Counter(result.status for result in every)


def summary(results: list[Result]) -> str:
    """The counts in one sentence."""
    endpoint_counts, pair_counts = counts(results)
    told = ", ".join(f"{endpoint_counts[status]} {words}" for status, words in _WORDS.items())
    pairs = f"{pair_counts['passes']} endpoint × operator pairs pass, {pair_counts['fails']} fail"
    return f"{sum(endpoint_counts.values())} endpoints: {told}; {pairs}"


def page(results: list[Result]) -> str:
    """`docs/conformance.md`."""
    known = endpoints()
    rows, before = [], ""
    for result in results:
        endpoint = known[result.endpoint]
        name = f"`{result.endpoint}`" if result.endpoint != before else ""
        request = f"`{endpoint.method} {endpoint.path}`" if name else ""
        rows.append(f"| {name} | {request} | {result.operator} | {result.status} | {result.why} |")
        before = result.endpoint
    return _HEAD.format(version=__version__, summary=summary(results)) + "\n".join(rows) + "\n"
