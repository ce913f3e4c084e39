"""`OntologyComponent`: the same walk inside anybody's Dagster project, with three lines of YAML.

    type: palantir_assets.assets.component.OntologyComponent
    attributes:
      specs_dir: "{{ context.project_root }}/ontology_specs"

A shell over `location.build_definitions`; the folder that holds `ontology_specs/` holds `dbt_project/` too.
"""

from __future__ import annotations

from pathlib import Path

import dagster as dg

from palantir_assets.assets.location import build_definitions
from palantir_assets.assets.project import open_project
from palantir_assets.errors import SettingsError
from palantir_assets.settings import load_settings


class OntologyComponent(dg.Component, dg.Model, dg.Resolvable):
    """Assets, checks, jobs and schedules generated from a folder of ontology specs."""

    specs_dir: str

    def build_defs(self, context: dg.ComponentLoadContext) -> dg.Definitions:
        """The definitions of the project that `specs_dir` belongs to."""
        specs = Path(self.specs_dir)
        if specs.name != "ontology_specs":
            raise SettingsError(
                f"specs_dir is {specs}; the folder is called ontology_specs", next_step="rename the folder, dbt_project beside it"
            )
        return build_definitions(open_project(load_settings(project=specs.parent)))
