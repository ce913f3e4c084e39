"""One edited model or object type, shown without making it: nothing is stored and nothing is published."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

from palantir_assets.access.declared import is_marked
from palantir_assets.assets.borne_markings import markings_of
from palantir_assets.assets.folding import folded
from palantir_assets.assets.keys import hidden_rows
from palantir_assets.assets.project import Project, open_project
from palantir_assets.errors import BuildError, SpecError, UnknownName
from palantir_assets.names import dbt_table, object_table, said_table
from palantir_assets.observability.masking import without_values
from palantir_assets.ontology.compiling import missing_columns, object_select
from palantir_assets.settings import Settings
from palantir_assets.stores.warehouse import columns


@dataclass(frozen=True, slots=True)
class Preview:
    """Column heads and rows of values."""

    columns: Sequence[str]
    rows: Sequence[Sequence[object]]


def preview(settings: Settings, target: str, limit: int) -> Preview:
    """The first rows of `marts.x` or `staging.x` (through `dbt show`), or of an object type by its name.

    What lies upstream is read as it was last built. Raises UnknownName for a type that is not declared, SpecError
    for a property without a column, BuildError for a model that fails.
    """
    project = open_project(settings)
    if "." in target:
        return _model(project, target, limit)
    return _objects(project, target.removeprefix("object").strip(" /"), limit)


def _model(project: Project, target: str, limit: int) -> Preview:
    try:
        name = dbt_table(target)
    except ValueError as error:
        raise BuildError(
            f"{target!r} is not a model; one is called like marts.orders", next_step="`palantir preview marts.orders`"
        ) from error
    said = _shown_by_dbt(project, ["show", "--quiet", "--select", name.local, "--limit", str(limit), "--output", "json"])
    found = json.loads(said[said.index("{") :])["show"]
    heads = list(found[0]) if found else []
    return Preview(heads, [list(row.values()) for row in hidden_rows(found, markings_of(project, name))])


def _shown_by_dbt(project: Project, arguments: Sequence[str]) -> str:
    """What dbt prints; where anything is marked, an error of it comes without the values that it may hold."""
    try:
        return project.dbt.run(arguments)
    except BuildError as error:
        if not is_marked(project.ontology):
            raise
        raise BuildError(without_values(error.message), next_step=error.advice) from None


def _objects(project: Project, name: str, limit: int) -> Preview:
    object_type = project.ontology.objects.get(name)
    if object_type is None:
        raise UnknownName("object type", name, project.ontology.objects)
    with project.warehouse.read() as con:
        problems = missing_columns(project.loaded, object_type, columns(con, dbt_table(object_type.table)))
        if problems:
            raise SpecError(problems)
        fold = folded(con, project, object_type) if columns(con, said_table(object_table(name))) else None
        rows = fold.rows if fold else ""
        result = con.execute(f"SELECT * FROM ({object_select(project.ontology, object_type, rows)}) LIMIT {int(limit)}")
        heads = [column[0] for column in result.description or ()]
        found = [dict(zip(heads, row, strict=True)) for row in result.fetchall()]
    return Preview(heads, [list(row.values()) for row in hidden_rows(found, markings_of(project, object_table(name)))])
