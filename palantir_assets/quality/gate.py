"""The release gate: reads what the checks said and decides, failing closed. Pure.

A blocking check that failed, that has no result, or whose result is about other content or another
expectation than today's, closes the gate. Each refusal is a sentence, the same in the error and in the audit.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Wanted:
    """A check that must have spoken: of this fingerprint, about this version of the asset."""

    asset: str
    check: str
    blocking: bool
    fingerprint: str
    data_version: str


class Said(Protocol):
    """What a check last said."""

    @property
    def passed(self) -> bool: ...
    @property
    def fingerprint(self) -> str: ...
    @property
    def data_version(self) -> str: ...


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether the gate is open; why not, and what was only warned of."""

    refusals: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def is_open(self) -> bool:
        return not self.refusals


def judge(wanted: Iterable[Wanted], said: Mapping[tuple[str, str], Said]) -> Verdict:
    """Hold every wanted check against what was said."""
    refusals: list[str] = []
    warnings: list[str] = []
    for check in wanted:
        reason = _reason(check, said.get((check.asset, check.check)))
        if reason:
            (refusals if check.blocking else warnings).append(f"{check.asset} / {check.check}: {reason}")
    return Verdict(tuple(refusals), tuple(warnings))


def _reason(wanted: Wanted, said: Said | None) -> str:
    if said is None:
        return "has no result"
    if said.fingerprint != wanted.fingerprint:
        return "was last asked with other expectations than today's"
    if said.data_version != wanted.data_version:
        return "was last asked of other content than today's"
    return "" if said.passed else "failed"
