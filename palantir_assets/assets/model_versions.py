"""What makes a dbt model another one: its SQL, its macros, how it is stored, the types it promises.

No comment and no description counts. When a model is made is decided in `assets.tables`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg

from palantir_assets.lineage.sql_text import without_comments
from palantir_assets.names import fingerprint
from palantir_assets.ontology.versioning import MAKERS

Macros = Mapping[str, Mapping[str, Any]]
"""The macros of a manifest, by their unique ids."""


def key_of_model(model: Mapping[str, Any]) -> dg.AssetKey:
    """The asset of a model: its schema and its name."""
    return dg.AssetKey([model["schema"], model["name"]])


def model_version(model: Mapping[str, Any], macros: Macros) -> str:
    """Of what decides a model's content: its SQL and its macros without comments, how it is stored, the types it promises."""
    text = model.get("raw_code") or model.get("raw_sql") or ""
    types = {name: column.get("data_type") for name, column in (model.get("columns") or {}).items()}
    stored = (model.get("config") or {}).get("materialized")
    return fingerprint(MAKERS["tables"], without_comments(text), stored, types, *macros_of(model, macros))


def macros_of(node: Mapping[str, Any], macros: Macros) -> list[tuple[str, str]]:
    """Every macro a node uses, directly or not, but dbt's own, with its text."""
    found: dict[str, str] = {}
    front = list((node.get("depends_on") or {}).get("macros") or ())
    while front:
        name = front.pop()
        macro = macros.get(name)
        if macro is not None and name not in found and macro["package_name"] not in ("dbt", "dbt_duckdb"):
            found[name] = without_comments(macro["macro_sql"])
            front += (macro.get("depends_on") or {}).get("macros") or ()
    return sorted(found.items())
