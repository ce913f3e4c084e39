"""Station 2: every dbt model as an asset, its tests as checks, its columns with their lineage.

What a table contains is decided in the dbt project. dbt runs as a subprocess; when it has exited, rows,
versions and lineage are read from our own warehouse, so that nothing keeps the file open.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtCliResource, dbt_assets
from dagster_dbt.compat import DBT_PYTHON_VERSION

from palantir_assets.access.declared import is_marked
from palantir_assets.assets.keys import DBT_DOCS, EAGER, POOL, key
from palantir_assets.assets.model_versions import Macros, key_of_model, macros_of, model_version
from palantir_assets.assets.project import Project
from palantir_assets.assets.table_facts import facts_of
from palantir_assets.lineage.sql_text import without_comments
from palantir_assets.names import fingerprint, from_key
from palantir_assets.observability.masking import output_without_values, without_values
from palantir_assets.ontology.versioning import MAKERS
from palantir_assets.stores.records import CheckRecord
from palantir_assets.stores.warehouse import content_version


class Translator(DagsterDbtTranslator):
    """Model → asset: keyed by its schema, versioned by its text without comments."""

    def __init__(self, macros: Macros) -> None:
        super().__init__(settings=DagsterDbtTranslatorSettings(enable_asset_checks=True))
        self._macros = macros

    def get_asset_key(self, dbt_resource_props: Mapping[str, Any]) -> dg.AssetKey:
        if dbt_resource_props["resource_type"] == "source":
            return super().get_asset_key(dbt_resource_props)
        return key_of_model(dbt_resource_props)

    def get_group_name(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        return "tables"

    def get_code_version(self, dbt_resource_props: Mapping[str, Any]) -> str | None:
        return model_version(dbt_resource_props, self._macros)

    def get_automation_condition(self, dbt_resource_props: Mapping[str, Any]) -> dg.AutomationCondition[Any] | None:
        return EAGER


class Dbt(DbtCliResource):
    """dagster-dbt without the two things it does before each run that we have no use for and that cost 4 s: asking
    dbt for its version, and loading its adapter into this process."""

    @cached_property
    def _cli_version(self) -> Any:
        return DBT_PYTHON_VERSION

    def _initialize_dbt_core_adapter(self, args: Sequence[str]) -> Any:
        return None


def table_assets(project: Project) -> list[dg.AssetsDefinition]:
    """All models as one multi-asset that can be subset, and the dbt docs beside them."""
    translator = Translator(project.manifest["macros"])

    @dbt_assets(manifest=project.manifest, dagster_dbt_translator=translator, name="tables", pool=POOL)
    def tables(context: dg.AssetExecutionContext) -> Iterator[Any]:
        target = project.dbt.run_folder(context.run.run_id)
        invocation = _dbt(project).cli(["build"], context=context, target_path=target, raise_on_error=False)
        with output_without_values(is_marked(project.ontology)):
            events = list(invocation.stream())
        yield from _with_facts(project, events, target, tables)
        if not invocation.is_successful():
            raise _failure(target, hidden=is_marked(project.ontology))

    return [tables, _docs_asset(project, tables.keys)]


def wanted_checks(project: Project, tables: dg.AssetsDefinition) -> Iterator[tuple[dg.AssetCheckKey, bool, str]]:
    """Every dbt test that is a check: its key, whether it blocks, and the fingerprint of what it asks."""
    tests = {node["name"]: node for node in project.manifest["nodes"].values() if node["resource_type"] == "test"}
    for check in tables.check_specs:
        yield check.key, *_of_test(tests[check.name], project.manifest["macros"])


def _of_test(test: Mapping[str, Any], macros: Macros) -> tuple[bool, str]:
    config = test.get("config") or {}
    severity = str(config.get("severity") or "error").lower()
    asks = [test.get("test_metadata") or without_comments(test["raw_code"]), config.get("where"), config.get("error_if"), severity]
    return severity == "error", fingerprint(MAKERS["checks"], asks, *macros_of(test, macros))


def _dbt(project: Project) -> Dbt:
    with project.warehouse.write():
        pass  # makes the file and its schemas, and names whoever holds it before dbt would wait for it
    project.dbt.export_environment()
    folder = str(project.dbt.project)
    return Dbt(project_dir=folder, profiles_dir=folder, dbt_executable=project.dbt.executable)


def _with_facts(project: Project, events: list[Any], target: Path, tables: dg.AssetsDefinition) -> Iterator[Any]:
    """dbt's events; a model's gets rows, sample, SQL, lineage and a content version, a test's leaves a record."""
    made = [tables.keys_by_output_name[event.output_name] for event in events if isinstance(event, dg.Output)]
    versions: dict[str, str] = {}
    for result in facts_of(project, target, made):
        versions[_key_of(result).to_user_string()] = str(result.data_version.value if result.data_version else "")
        yield result
    known = {check_key: facts for check_key, *facts in wanted_checks(project, tables)}
    for event in events:
        if isinstance(event, dg.AssetCheckResult):
            _record(project, event, known, versions)
        if not isinstance(event, dg.Output):
            yield event


def _key_of(result: dg.MaterializeResult[Any]) -> dg.AssetKey:
    assert result.asset_key is not None
    return dg.AssetKey.from_coercible(result.asset_key)


def _record(project: Project, event: dg.AssetCheckResult, known: Mapping[dg.AssetCheckKey, Any], versions: dict[str, str]) -> None:
    if event.asset_key is None or event.check_name is None:
        return
    asset = event.asset_key.to_user_string()
    if asset not in versions:
        with project.warehouse.read() as con:
            versions[asset] = content_version(con, from_key(event.asset_key.path))
    blocking, asked = known[dg.AssetCheckKey(event.asset_key, event.check_name)]
    project.records.write(CheckRecord(asset, event.check_name, bool(event.passed), blocking, asked, versions[asset]))


def _failure(target: Path, *, hidden: bool) -> dg.Failure:
    """What dbt said of every model and test that failed, by name; the rest is in its log. Where markings are declared, without values."""
    path, log = target / "run_results.json", target / "dbt.log"
    results = json.loads(path.read_bytes())["results"] if path.exists() else []
    messages = {r["unique_id"]: str(r["message"]).strip() for r in results if r["status"] in ("error", "fail", "runtime error")}
    failed = {unique_id: without_values(message) if hidden else message for unique_id, message in messages.items()}
    said = (
        "\n".join(f"  {_short(unique_id)}: {message}" for unique_id, message in failed.items())
        or "  it stopped before it could run anything"
    )
    shown = "\n\n".join(f"**{unique_id}**: {message}" for unique_id, message in failed.items())
    return dg.Failure(f"dbt build failed:\n{said}\nits log is {log}", metadata={"errors": dg.MetadataValue.md(shown), "log": str(log)})


def _short(unique_id: str) -> str:
    """`model.shop.orders` as `model orders`, a test by its name without the hash."""
    kind, _, name, *_ = unique_id.split(".")
    return f"{kind} {name}"


def _docs_asset(project: Project, tables: Iterable[dg.AssetKey]) -> dg.AssetsDefinition:
    nodes = {**project.manifest["nodes"], **project.manifest["sources"]}
    version = fingerprint(MAKERS["tables"], {key: _documented(node, project.manifest["macros"]) for key, node in nodes.items()})

    @dg.asset(
        key=key(DBT_DOCS),
        deps=list(tables),
        group_name=DBT_DOCS.station,
        code_version=version,
        kinds={"dbt"},
        pool=POOL,
        description="dbt's own documentation of all models, as one self-contained page.",
        automation_condition=EAGER,
    )
    def dbt_docs() -> dg.MaterializeResult[Any]:
        project.dbt.run(["docs", "generate", "--static", "--quiet"])
        page = project.dbt.target / "static_index.html"
        return dg.MaterializeResult(metadata={"page": dg.MetadataValue.path(page)}, data_version=dg.DataVersion(version))

    return dbt_docs


def _documented(node: Mapping[str, Any], macros: Macros) -> list[object]:
    """What the docs tell of a node; a comment in its SQL is not worth making them again."""
    columns = {name: column.get("description") for name, column in (node.get("columns") or {}).items()}
    return [model_version(node, macros), node.get("description"), columns, (node.get("depends_on") or {}).get("nodes")]
