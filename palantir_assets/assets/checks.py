"""What the checks of every station share: run a suite, show it, and leave a record for the gate."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import dagster as dg

from palantir_assets.access.markings import Markings, TableMarkings
from palantir_assets.assets.keys import cut, key, markdown_table
from palantir_assets.assets.project import Project
from palantir_assets.names import Name
from palantir_assets.observability.masking import masked
from palantir_assets.quality.validating import Result
from palantir_assets.stores.records import CheckRecord

SHOWN = 3
"""How many of the values that broke an expectation are told."""
SHOWN_CELL = 60


def report(
    project: Project,
    name: Name,
    check: str,
    *,
    passed: bool,
    blocking: bool,
    fingerprint: str,
    data_version: str,
    details: dict[str, Any],
    shown: dict[str, Any] | None = None,
) -> dg.AssetCheckResult:
    """Keep the record the gate reads, and give Dagster the outcome a person reads."""
    project.records.write(CheckRecord(str(name), check, passed, blocking, fingerprint, data_version, details))
    severity = dg.AssetCheckSeverity.ERROR if blocking else dg.AssetCheckSeverity.WARN
    metadata = {"suite_fingerprint": fingerprint, **(shown or details)}
    reason = None if passed else in_words(details)
    return dg.AssetCheckResult(
        asset_key=key(name), check_name=check, passed=passed, severity=severity, metadata=metadata, description=reason
    )


def results_table(results: Sequence[Result], marked: TableMarkings) -> dg.MarkdownMetadataValue:
    """Every expectation with its outcome, the broken ones first; without the values of marked columns."""
    ordered = sorted(results, key=lambda result: result.passed)
    return markdown_table(
        [
            {
                "outcome": "passed" if result.passed else "broken",
                "expectation": str(result.expectation),
                "broken values": result.broken,
                "examples": ", ".join(str(masked(example, _of(result, marked))) for example in result.examples),
            }
            for result in ordered
        ]
    )


def broken(results: Iterable[Result]) -> dict[str, int]:
    """Expectation → how many values broke it, for those that did not pass."""
    return {str(result.expectation): result.broken for result in results if not result.passed}


def examples(
    results: Iterable[Result], keys: Sequence[object], marked: TableMarkings, *, key: str, edits: Mapping[str, int] | None = None
) -> dict[str, list[str]]:
    """Expectation → a few of the values that broke it, each with the key of its object: `-5 of 'o-1004'`; what is marked is hidden.

    `edits` has the last edit of each object that people changed: `-5 of 'o-1004' (edit 17)`.
    """
    return {
        str(result.expectation): [
            f"{masked(_spelled(value), _of(result, marked))} of {masked(_spelled(keys[place]), marked.of(key))}"
            + _edited(keys[place], edits or {})
            for value, place in zip(result.examples or [None] * len(result.places), result.places, strict=False)
        ][:SHOWN]
        for result in results
        if not result.passed and result.places
    }


def _edited(key: object, edits: Mapping[str, int]) -> str:
    return f" (edit {edits[str(key)]})" if str(key) in edits else ""


def _of(result: Result, marked: TableMarkings) -> Markings:
    """The markings of the property that an expectation is about; `place.latitude` is about `place`."""
    return marked.of(result.expectation.column.partition(".")[0])


def _spelled(value: object) -> str:
    return "null" if value is None else cut(repr(value) if isinstance(value, str) else str(value), SHOWN_CELL)


def in_words(details: Mapping[str, Any]) -> str:
    """Why a check failed, on one line: the reason it gives, what was broken how often and by what, or its counts."""
    if "reason" in details:
        return str(details["reason"])
    counts, found = details.get("broken", details), details.get("examples", {})
    return ", ".join(f"{name} ({count})" + (f": {', '.join(found[name])}" if name in found else "") for name, count in counts.items())
