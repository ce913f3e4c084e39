"""What the checks of every station share: run a suite, show it, and leave a record for the gate."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import dagster as dg

from palantir_assets.assets.keys import key, markdown_table
from palantir_assets.assets.project import Project
from palantir_assets.names import Name
from palantir_assets.quality.validating import Result
from palantir_assets.stores.records import CheckRecord


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
    reason = None if passed else _in_words(details)
    return dg.AssetCheckResult(
        asset_key=key(name), check_name=check, passed=passed, severity=severity, metadata=metadata, description=reason
    )


def results_table(results: Sequence[Result]) -> dg.MarkdownMetadataValue:
    """Every expectation with its outcome, the broken ones first."""
    ordered = sorted(results, key=lambda result: result.passed)
    return markdown_table(
        [
            {
                "outcome": "passed" if result.passed else "broken",
                "expectation": str(result.expectation),
                "broken values": result.broken,
                "examples": ", ".join(str(example) for example in result.examples),
            }
            for result in ordered
        ]
    )


def broken(results: Iterable[Result]) -> dict[str, int]:
    """Expectation → how many values broke it, for those that did not pass."""
    return {str(result.expectation): result.broken for result in results if not result.passed}


def _in_words(details: Mapping[str, Any]) -> str:
    """Why a check failed, on one line: the reason it gives, what was broken how often, or its counts."""
    if "reason" in details:
        return str(details["reason"])
    counts = details.get("broken", details)
    return ", ".join(f"{name} ({count})" for name, count in counts.items())
