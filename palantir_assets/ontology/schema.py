"""The JSON Schema of a spec file, so that an editor completes it. Checked in as `docs/specs.schema.json`."""

from __future__ import annotations

from typing import Any

from pydantic import TypeAdapter

from palantir_assets.ontology.spec import ObjectType, SharedFile


def json_schema() -> dict[str, Any]:
    """An object type, or the sections that stand beside them; shorthands included."""
    file: TypeAdapter[ObjectType | SharedFile] = TypeAdapter(ObjectType | SharedFile)
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "A spec file", **file.json_schema(mode="validation")}
