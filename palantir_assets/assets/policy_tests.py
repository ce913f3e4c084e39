"""Policy tests as one check of the candidate: what the specs' authors expect callers to see, asked through the code that serves.

What a caller sees is asked of `engine` and `access`, as it will be once released; whether it is as expected is said
by `ontology.policy_tests`. The check blocks: what opens more than its author meant is not released.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import dagster as dg

from palantir_assets.assets.checks import report
from palantir_assets.assets.folding import said_by_key
from palantir_assets.assets.keys import CANDIDATE, POOL, key, latest_version, markdown_table
from palantir_assets.assets.project import Project
from palantir_assets.names import Name, fingerprint, object_table
from palantir_assets.ontology.policy_tests import PolicyCase, policy_cases
from palantir_assets.ontology.versioning import MAKERS

if TYPE_CHECKING:
    from palantir_assets.release.reading import Release

POLICIES = "policies"


@dataclass(frozen=True, slots=True)
class Seen:
    """Whether a caller sees an object, and the properties of it that are withheld from them; `exists` is False where it is not there."""

    visible: bool
    withheld: frozenset[str] = frozenset()
    exists: bool = True


Sees = Callable[["Release", PolicyCase], Seen]
"""What the caller of a case sees of its object in a candidate."""


def seen_in(candidate: "Release", case: PolicyCase) -> Seen:
    """What the caller of a case sees of its object, under the candidate's own rules and through the code that serves."""
    import numpy as np

    from palantir_assets.access.principal import Principal
    from palantir_assets.engine.visibility import seen_by, visible

    row = candidate.row_of(case.object_type, case.key)
    if row is None:
        return Seen(visible=False, exists=False)
    view = seen_by(Principal(case.caller_id, case.roles, case.attributes, case.markings), candidate)
    shown = visible(view, candidate, case.object_type).holds(np.array([row], dtype=np.int32))
    return Seen(bool(shown[0]), view.hidden.get(case.object_type, frozenset()))


def policy_checks(project: Project, sees: Sees = seen_in) -> list[dg.AssetChecksDefinition]:
    """The check `policies` of `candidate/candidate`; none where no spec has policy tests."""
    return [_policy_check(project, sees)] if project.ontology.policy_tests else []


def wanted_checks(project: Project) -> Iterator[tuple[Name, str, bool, str]]:
    """(asset, check, blocking, fingerprint) of every check of this module."""
    if project.ontology.policy_tests:
        yield CANDIDATE, POLICIES, True, _fingerprint(project)


def complaints(cases: tuple[PolicyCase, ...], sees: Callable[[PolicyCase], Seen]) -> dict[str, str]:
    """Name of a test → what is wrong with what its caller sees, for those that are not met."""
    asked = ((case, sees(case)) for case in cases)
    told = ((case.name, _complaint(case, seen)) for case, seen in asked)
    return {name: complaint for name, complaint in told if complaint is not None}


def _complaint(case: PolicyCase, seen: Seen) -> str | None:
    """A test of an object that is not there would pass or fail whatever the rules say."""
    if not seen.exists:
        return f"there is no {case.object_type}/{case.key}: name an object that there is"
    return case.complaint(seen.visible, seen.withheld)


def _policy_check(project: Project, sees: Sees) -> dg.AssetChecksDefinition:
    cases = policy_cases(project.ontology)

    @dg.asset_check(asset=key(CANDIDATE), name=POLICIES, blocking=True, pool=POOL, description=f"{len(cases)} policy tests of access.yaml.")
    def ask_policies(context: dg.AssetCheckExecutionContext) -> dg.AssetCheckResult:
        content = latest_version(context.instance, CANDIDATE)
        found = _edited(project, cases, _asked(project, content, cases, sees))
        return report(
            project,
            CANDIDATE,
            POLICIES,
            passed=not found,
            blocking=True,
            fingerprint=_fingerprint(project),
            data_version=content,
            details={"tests": len(cases), "broken": {_place(project, name): told for name, told in found.items()}},
            shown=_shown(project, cases, found),
        )

    return ask_policies


def _asked(project: Project, content: str, cases: tuple[PolicyCase, ...], sees: Sees) -> dict[str, str]:
    from palantir_assets.release.reading import open_release
    from palantir_assets.release.sealing import Shelf

    candidate = open_release(Shelf(project.settings.releases).candidate(content), project.settings.indexes)
    try:
        return complaints(cases, lambda case: sees(candidate, case))
    finally:
        candidate.close()


def _edited(project: Project, cases: tuple[PolicyCase, ...], found: dict[str, str]) -> dict[str, str]:
    """The same complaints, each with the last edit of its object: what people did is no mistake in a rule."""
    asked = {case.name: case for case in cases if case.name in found}
    with project.warehouse.read() as con:
        said = {name: said_by_key(con, object_table(name)) for name in {case.object_type for case in asked.values()}}
    edits = {name: said[case.object_type].get(case.key) for name, case in asked.items()}
    return {
        name: told if (last := edits[name]) is None else f"{told}; edit {last.edit_no} changed it: test an object that nobody edits"
        for name, told in found.items()
    }


def _place(project: Project, test: str) -> str:
    return str(project.loaded.place("policy_tests", test))


def _fingerprint(project: Project) -> str:
    cases = [asdict(case) | {"roles": sorted(case.roles), "markings": sorted(case.markings)} for case in policy_cases(project.ontology)]
    return fingerprint(MAKERS["checks"], cases)


def _shown(project: Project, cases: tuple[PolicyCase, ...], found: dict[str, str]) -> dict[str, Any]:
    rows = [
        {
            "outcome": "broken" if case.name in found else "passed",
            "test": _place(project, case.name),
            "reads": f"{case.object_type}/{case.key}",
            "told": found.get(case.name, ""),
        }
        for case in cases
    ]
    ordered = sorted(rows, key=lambda row: row["outcome"])
    return {"tests": len(cases), "results": markdown_table(ordered)}
