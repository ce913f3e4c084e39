"""What the tests of the command line share: settings in a temporary folder, and children that are tiny scripts."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from palantir_assets.cli import boot
from palantir_assets.cli.supervisor import Child
from palantir_assets.settings import Settings, load_settings
from tests.cli.helpers import MakeChild, free_port


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of an empty project whose state folder exists, with ports that are free."""
    for name in ("ontology_specs", "dbt_project"):
        (tmp_path / "project" / name).mkdir(parents=True)
    environment = {"PALANTIR_PORT": str(free_port()), "PALANTIR_DAGSTER_PORT": str(free_port())}
    made = load_settings(environment, project=tmp_path / "project")
    boot.make_layout(made)
    return made


@pytest.fixture
def script(tmp_path: Path) -> MakeChild:
    """Makes a child that runs a piece of Python."""

    def make(name: str, code: str, *arguments: str) -> Child:
        return Child(name, (sys.executable, "-IS", "-c", code, *arguments), tmp_path / f"{name}.log")

    return make
