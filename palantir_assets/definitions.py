"""Dagster's door: the code location of the project in `PALANTIR_PROJECT`. Nothing happens until Dagster calls."""

from __future__ import annotations

import dagster as dg


@dg.definitions
def defs() -> dg.Definitions:
    """The definitions of the project that the settings name."""
    from palantir_assets.assets.location import build_definitions
    from palantir_assets.assets.project import open_project
    from palantir_assets.settings import load_settings

    return build_definitions(open_project(load_settings()))
