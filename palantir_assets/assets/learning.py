"""Station 6: one asset per declared model: trained, judged in time, logged to MLflow, its scores written.

How a model learns and what may be a feature is decided in `learning`; whether it may be released, by its gate,
which is a check on this asset.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import dagster as dg

from palantir_assets.assets.borne_markings import markings_of
from palantir_assets.assets.checks import report
from palantir_assets.assets.keys import POOL, bears, folder_version, image, key, markdown_table, spec
from palantir_assets.assets.project import Project
from palantir_assets.errors import BuildError
from palantir_assets.names import Name, link_table, object_table
from palantir_assets.observability.masking import without_values
from palantir_assets.observability.redaction import HIDDEN
from palantir_assets.ontology.compiling import paths_select
from palantir_assets.ontology.paths import follow
from palantir_assets.ontology.spec import Model
from palantir_assets.ontology.versioning import model_gate_fingerprint, model_version

if TYPE_CHECKING:
    import pyarrow as pa

    from palantir_assets.learning.training import Trained

GATE = "gate"


def learning_assets(project: Project) -> list[dg.AssetsDefinition]:
    """`learning/<model>` for every declared model."""
    return [_model_asset(project, name, model) for name, model in project.ontology.models.items()]


def learning_checks(project: Project) -> list[dg.AssetChecksDefinition]:
    """The gate of every model that has one."""
    return [_gate_check(project, name, model) for name, model in project.ontology.models.items() if model.gate]


def wanted_checks(project: Project) -> Iterator[tuple[Name, str, bool, str]]:
    """(asset, check, blocking, fingerprint) of every check of this station."""
    for name, model in project.ontology.models.items():
        if model.gate:
            yield Name("learning", name), GATE, True, model_gate_fingerprint(model)


def mlflow_resource(project: Project) -> dg.ResourceDefinition:
    """dagster-mlflow's resource, imported when a run first needs it: the import costs seconds."""

    @dg.resource(description="MLflow tracking, as dagster-mlflow provides it.")
    def mlflow_tracking(context: dg.InitResourceContext) -> Iterator[Any]:
        from dagster_mlflow import mlflow_tracking as tracking

        from palantir_assets.stores.experiments import prepare

        prepare(_experiment(project))
        config = {
            "experiment_name": _experiment(project).name,
            "mlflow_tracking_uri": project.settings.experiments_url,
            "env": {},
            "extra_tags": {},
        }
        yield from tracking.resource_fn(
            context.replace_config({"mlflow_run_id": None, "parent_run_id": None, "env_to_tag": None, **config})
        )

    return mlflow_tracking


def _experiment(project: Project) -> Any:
    from palantir_assets.stores.experiments import Experiment

    return Experiment("palantir", project.settings.experiments_url, project.settings.artifacts / "mlflow")


def _model_asset(project: Project, model_name: str, model: Model) -> dg.AssetsDefinition:
    name = Name("learning", model_name)

    @dg.multi_asset(
        specs=[
            spec(
                name,
                version=model_version(project.ontology, model),
                deps=dict.fromkeys(_read_by(project, model)),
                description=model.description,
                owner=model.owner,
                kinds=["scikitlearn", "pytorch", "mlflow"],
            )
        ],
        name=f"learning__{model_name}",
        pool=POOL,
        required_resource_keys={"mlflow"},
    )
    def learn(context: dg.AssetExecutionContext) -> dg.MaterializeResult[Any]:
        from palantir_assets.learning.training import train

        plain = model.model_copy(update={"label": None, "description": "", "owner": None})  # a card tells content, not names
        trained = train(model_name, plain, _frame(project, model), lambda step, share: context.log.info(f"{step}: {share:.0%}"))
        return _kept(project, model_name, trained, context.run.run_id)

    return learn


def _read_by(project: Project, model: Model) -> Iterator[Name]:
    """The tables a model's rows come from: its objects, and those on the way to its features."""
    yield object_table(model.object)
    for feature in model.features:
        found = follow(project.ontology, model.object, feature)
        for step in found.steps if found else ():
            yield link_table(step.from_type, step.link)
            yield object_table(step.to_type)


def _frame(project: Project, model: Model) -> "pa.Table":
    also = dict.fromkeys([model.predict, model.split.by])
    sql = paths_select(project.ontology, model.object, [f for f in model.features if f not in also], also=also)
    with project.warehouse.read() as con:
        return con.sql(sql).to_arrow_table()


def _known_at(project: Project, model: Model) -> dict[str, str | None]:
    found = {feature: follow(project.ontology, model.object, feature) for feature in model.features}
    properties = {feature: project.ontology.find_property(end.object_type, end.property) for feature, end in found.items() if end}
    return {feature: prop.known_at if prop else None for feature, prop in properties.items()}


def _kept(project: Project, model_name: str, trained: "Trained", run_id: str) -> dg.MaterializeResult[Any]:
    """Everything of a model on disk and in MLflow, and what a person is shown of it."""
    from palantir_assets.learning.cards import card, markdown
    from palantir_assets.learning.drawing import calibration_png, roc_png
    from palantir_assets.learning.training import Passed, gate_result, model_files, predictions
    from palantir_assets.release.writing import write_json, write_table
    from palantir_assets.stores import experiments

    folder = project.artifacts("learning") / model_name
    folder.mkdir(parents=True, exist_ok=True)
    document, pictures = card(trained, _known_at(project, trained.spec)), {"calibration": calibration_png(trained), "roc": roc_png(trained)}
    for file, content in model_files(trained).items():
        (folder / file).write_bytes(content)
    write_table(predictions(trained), folder / "predictions.parquet")
    write_json(document, folder / "card.json")
    gate, marked = gate_result(trained.spec, trained.metrics), markings_of(project, Name("learning", model_name)).all
    with experiments.ended(model_name, {"dagster.run_id": run_id}):
        shown = ({**document, "features": HIDDEN}, {}) if marked else (document, {f"{name}.png": png for name, png in pictures.items()})
        logged = experiments.log(trained, *shown, champion=isinstance(gate, Passed))
    metrics = [{"estimator": label, **_rounded(values)} for label, values in document["metrics"].items()]
    metadata: dict[str, Any] = {
        "metrics": markdown_table(metrics),
        "gate": gate.reason,
        "card": dg.MetadataValue.md(markdown(document)),
        **{name: image(png) for name, png in pictures.items()},
    }
    metadata = {**(dict.fromkeys(metadata, HIDDEN) if marked else metadata), "mlflow_run": logged.run_id, **bears(marked)}
    return dg.MaterializeResult(metadata=metadata, data_version=dg.DataVersion(folder_version(folder, ".")))


def _rounded(values: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in values.items()}


def _gate_check(project: Project, model_name: str, model: Model) -> dg.AssetChecksDefinition:
    name = Name("learning", model_name)

    @dg.asset_check(asset=key(name), name=GATE, blocking=True, description="The served estimator reaches what the spec asks of it.")
    def ask_gate() -> dg.AssetCheckResult:
        import orjson

        from palantir_assets.learning.training import Metrics, Passed, gate_result

        folder = project.artifacts("learning") / model_name
        if not (folder / "card.json").exists():
            raise BuildError(f"model {model_name!r} has no card", next_step=f"run `palantir build --select learning/{model_name}`")
        measured = orjson.loads((folder / "card.json").read_bytes())["metrics"]
        verdict = gate_result(model, {label: Metrics(**values) for label, values in measured.items()})
        return report(
            project,
            name,
            GATE,
            passed=isinstance(verdict, Passed),
            blocking=True,
            fingerprint=model_gate_fingerprint(model),
            data_version=folder_version(folder, "."),
            details={"reason": without_values(verdict.reason) if markings_of(project, name).all else verdict.reason},
        )

    return ask_gate
