"""Station 9: the gate, the rename, the commit.

Whether a candidate may be released is decided in `quality.gate`, from what every check said of exactly this
content; how it is published, in `release.publishing`. The release served before stays served until the commit.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import dagster as dg

from palantir_assets.access.declared import declassifications
from palantir_assets.assets.keys import CANDIDATE, RELEASE, latest_version, latest_versions, spec
from palantir_assets.assets.project import Project
from palantir_assets.errors import GateClosed
from palantir_assets.names import Name, fingerprint
from palantir_assets.ontology.versioning import MAKERS
from palantir_assets.quality.gate import Verdict, Wanted, judge
from palantir_assets.stores.records import CheckRecord

if TYPE_CHECKING:
    from palantir_assets.release.publishing import Published

WantedCheck = tuple[Name, str, bool, str]
"""(asset, check, blocking, fingerprint), as every station lists its own."""


def release_assets(project: Project, wanted: Sequence[WantedCheck]) -> list[dg.AssetsDefinition]:
    """`release/release`: what is served. Its version is that of everything that was expected of it."""
    version = fingerprint(MAKERS["release"], sorted((str(name), check, blocking, asked) for name, check, blocking, asked in wanted))
    evals = [Name("evals", name) for name in project.ontology.evals]

    @dg.multi_asset(
        specs=[
            spec(
                RELEASE,
                version=version,
                deps=[CANDIDATE, *evals],
                kinds=["parquet"],
                description="The released content, committed in the ledger. The API serves the newest one and nothing else.",
            )
        ],
        name="release",
    )
    def publish_release(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        records = project.records.read()
        verdict = judge(_wanted(context.instance, wanted), records)
        if not verdict.is_open:
            raise GateClosed("the release gate is closed:\n" + "\n".join(f"  {refusal}" for refusal in verdict.refusals))
        published = _publish(project, latest_version(context.instance, CANDIDATE), _reports(project, wanted, records), context.run.run_id)
        return _reported(published, verdict)

    return [publish_release]


def _wanted(instance: dg.DagsterInstance, wanted: Sequence[WantedCheck]) -> list[Wanted]:
    versions = latest_versions(instance, (name for name, *_ in wanted))
    return [Wanted(str(name), check, blocking, asked, versions[name]) for name, check, blocking, asked in wanted]


def _reports(project: Project, wanted: Sequence[WantedCheck], records: Mapping[tuple[str, str], CheckRecord]) -> dict[str, object]:
    """What the checks and evals said, without times: equal content makes an equal release."""
    asked = {(str(name), check) for name, check, _, _ in wanted}
    checks = [asdict(record) for key, record in sorted(records.items()) if key in asked]
    evals = {name: json.loads((project.artifacts("evals") / f"{name}.json").read_bytes()) for name in sorted(project.ontology.evals)}
    return {"checks": checks, "evals": evals, **_declassified(project)}


def _declassified(project: Project) -> dict[str, object]:
    """What bears a marking no longer, why and by whose word; no report where nothing does."""
    found = [asdict(one) for one in declassifications(project.ontology)]
    return {"declassifications": found} if found else {}


def _publish(project: Project, content_id: str, reports: Mapping[str, object], run_id: str) -> "Published":
    from palantir_assets.release.collecting import collect_garbage
    from palantir_assets.release.publishing import publish
    from palantir_assets.release.sealing import Shelf, find_candidate
    from palantir_assets.stores.ledger import LedgerAt

    shelf, log = Shelf(project.settings.releases), LedgerAt(project.settings.ledger_url, project.settings.audit_key)
    candidate, reason = find_candidate(shelf, content_id), f"run {run_id}"
    published = publish(candidate, reports, shelf=shelf, log=log, reason=reason, actor="dagster", fs=project.disk)
    collect_garbage(shelf, project.settings.indexes, log)
    return published


def _reported(published: "Published", verdict: Verdict) -> dg.MaterializeResult[Any]:
    metadata: dict[str, Any] = {
        "release_id": published.release_id,
        "release_no": published.release_no,
        "outcome": published.outcome,
        "warnings": dg.MetadataValue.md("\n".join(f"- {warning}" for warning in verdict.warnings) or "none"),
        "folder": dg.MetadataValue.path(published.folder),
    }
    return dg.MaterializeResult(metadata=metadata, data_version=dg.DataVersion(published.release_id))
