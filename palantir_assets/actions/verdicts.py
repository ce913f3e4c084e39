"""What is found of an action that someone wants to apply: each parameter, each criterion and each step, passed or not and why."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from palantir_assets.access.policy import Allowed, Decision, Refusal
from palantir_assets.errors import PalantirError
from palantir_assets.ontology.spec import Label

Outcome = Literal["passed", "failed", "unknown"]
"""`unknown` is what could not be asked, because of something else that failed."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One parameter (by name), criterion (by its expression) or step (`modify bicycle`), with words for people where it failed."""

    what: str
    outcome: Outcome
    message: Label | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an action may be applied as it stands, and everything that was asked."""

    access: Decision
    parameters: tuple[Finding, ...]
    criteria: tuple[Finding, ...] = ()
    steps: tuple[Finding, ...] = ()

    @property
    def valid(self) -> bool:
        """Whether everything passed."""
        return isinstance(self.access, Allowed) and not self.failures

    @property
    def failures(self) -> tuple[Finding, ...]:
        """What failed, in order."""
        return tuple(finding for finding in (*self.parameters, *self.criteria, *self.steps) if finding.outcome == "failed")


class ActionRefused(PalantirError):
    """An action that may not be applied as it stands; `verdict` says everything that was asked."""

    next_step = "mend what failed, or validate the action to see every criterion"

    def __init__(self, action: str, verdict: Verdict) -> None:
        self.action, self.verdict = action, verdict
        reasons = [verdict.access.reason] if isinstance(verdict.access, Refusal) else []
        reasons += [f"{finding.what}: {finding.message.en}" if finding.message else finding.what for finding in verdict.failures]
        super().__init__(f"the action {action} is refused: {'; '.join(reasons)}")


def for_others(verdict: Verdict) -> Verdict:
    """A verdict as somebody else than the caller may read it: what a function wanted to change is told to the caller alone."""
    return replace(verdict, steps=tuple(_for_others(finding) for finding in verdict.steps))


def failed(what: str, en: str, ko: str) -> Finding:
    """A finding with its words in both languages."""
    return Finding(what, "failed", Label(en=en, ko=ko))


def _for_others(finding: Finding) -> Finding:
    if finding.outcome != "failed" or not finding.what.startswith("function "):
        return finding
    return failed(
        finding.what,
        "it cannot be done as it is now; who asked for it sees why",
        "지금은 실행할 수 없습니다. 이유는 요청한 사람에게 표시됩니다",
    )
