"""The JSON Schema that editors complete from: checked in, current, and true of the files here."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
import yaml

from palantir_assets.ontology.schema import json_schema

ROOT = Path(__file__).parents[2]
FOLDERS = ("ontology_specs", "palantir_assets/cli/template/ontology_specs", "tests/stories/library/ontology_specs")
SPECS = sorted(path for folder in FOLDERS for path in ROOT.glob(f"{folder}/**/*.yaml"))


def test_the_schema_checked_in_is_the_one_the_code_gives() -> None:
    checked_in = json.loads((ROOT / "docs/specs.schema.json").read_text(encoding="utf-8"))
    assert checked_in == json_schema(), "run `palantir specs schema > docs/specs.schema.json`"


@pytest.mark.parametrize("path", SPECS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_spec_here_is_valid_against_it(path: Path) -> None:
    values = yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CBaseLoader)  # noqa: S506 (text only)
    structure = jsonschema.Draft202012Validator(json_schema())
    unknown = [error for error in structure.iter_errors(values) if error.validator == "additionalProperties"]
    assert not unknown
