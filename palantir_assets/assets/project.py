"""An opened project: the specs, the dbt manifest and the stores, for the stations to be made of.

Opening reads files and, when the dbt project changed, runs `dbt parse`. It makes no asset.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

from palantir_assets.access.declared import is_marked
from palantir_assets.ontology.loading import load_ontology
from palantir_assets.ontology.reading import Loaded
from palantir_assets.ontology.served import ServedOntology
from palantir_assets.ontology.spec import Ontology
from palantir_assets.release.filesystem import FileSystem
from palantir_assets.settings import Settings
from palantir_assets.stores.dbt import DbtFolder
from palantir_assets.stores.records import CheckRecords
from palantir_assets.stores.warehouse import Warehouse


@dataclass(frozen=True)
class Project:
    """Everything declared, and the hands to build it with."""

    settings: Settings
    loaded: Loaded
    disk: FileSystem = field(default_factory=FileSystem)

    @property
    def ontology(self) -> Ontology:
        return self.loaded.ontology

    @cached_property
    def served(self) -> ServedOntology:
        from palantir_assets.ontology.compiling import served_ontology

        return served_ontology(self.ontology)

    @property
    def warehouse(self) -> Warehouse:
        return Warehouse(self.settings.warehouse, self.settings.memory_limit, hide_values=is_marked(self.ontology))

    @property
    def dbt(self) -> DbtFolder:
        return DbtFolder(self.settings.dbt_dir, self.settings.state / "dbt", self.settings.warehouse)

    @cached_property
    def manifest(self) -> Mapping[str, Any]:
        return self.dbt.manifest()

    @property
    def records(self) -> CheckRecords:
        return CheckRecords(self.settings.artifacts / "checks")

    def artifacts(self, station: str) -> Path:
        """The folder of what a station makes beside tables."""
        return self.settings.artifacts / station


def open_project(settings: Settings, disk: FileSystem | None = None) -> Project:
    """Read the specs; raises SpecError with every problem in them. `disk` is where candidates and releases are put."""
    return Project(settings, load_ontology(settings.specs_dir), disk or FileSystem())
