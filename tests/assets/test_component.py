"""`OntologyComponent`: three lines of YAML give any Dagster project the same assets, checks and jobs."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import dagster as dg
import pytest
from dagster.components.core.component_tree import ComponentTreeException

from palantir_assets.assets.location import build_definitions
from palantir_assets.assets.project import open_project
from palantir_assets.errors import SettingsError
from tests.assets.shop import BUILDS, EVERY_ASSET, Shop

pytestmark = [
    *BUILDS,
    pytest.mark.filterwarnings("ignore:`parse_obj_as` is deprecated"),
    pytest.mark.filterwarnings("ignore::dagster.BetaWarning"),  # Dagster's, of its own components
    pytest.mark.filterwarnings("ignore::dagster.PreviewWarning"),
]

COMPONENT = """\
type: palantir_assets.assets.component.OntologyComponent
attributes:
  specs_dir: "{specs}"
"""


@pytest.fixture
def foreign(shop: Shop, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A Dagster project of somebody else, with an asset of its own; give its folder of definitions."""
    (tmp_path / "pyproject.toml").write_text(
        '[tool.dg]\ndirectory_type = "project"\n[tool.dg.project]\nroot_module = "bakery"\n[project]\nname = "bakery"\nversion = "1"\n'
    )
    package = tmp_path / "src" / "bakery"
    (package / "defs" / "ontology").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "defs" / "__init__.py").touch()
    (package / "defs" / "bread.py").write_text("import dagster as dg\n\n\n@dg.asset\ndef bread() -> None: ...\n")
    monkeypatch.syspath_prepend(str(package.parent))
    for name in ("PALANTIR_PROJECT", "PALANTIR_STATE"):
        monkeypatch.delenv(name, raising=False)
    yield package / "defs"
    for name in [name for name in sys.modules if name.partition(".")[0] == "bakery"]:
        del sys.modules[name]


def names(definitions: dg.Definitions) -> set[str]:
    return {spec.key.to_user_string() for spec in definitions.resolve_all_asset_specs()}


def checks(definitions: dg.Definitions) -> set[str]:
    return {key.to_user_string() for key in definitions.resolve_asset_graph().asset_check_keys}


def test_it_gives_another_project_the_same_definitions_beside_its_own(shop: Shop, foreign: Path) -> None:
    (foreign / "ontology" / "defs.yaml").write_text(COMPONENT.format(specs=shop.settings.specs_dir))
    found = dg.ComponentTree.for_project(foreign.parents[2]).build_defs()
    ours = build_definitions(open_project(shop.settings))
    assert names(ours) == EVERY_ASSET
    assert names(found) == EVERY_ASSET | {"bread"}
    assert checks(found) == checks(ours) != set()
    assert {job.name for job in found.jobs or ()} >= {"refresh", "ingest", "model", "publish", "check"}
    dg.Definitions.validate_loadable(found)


def test_a_folder_of_another_name_is_refused_with_a_next_step(shop: Shop, foreign: Path) -> None:
    (foreign / "ontology" / "defs.yaml").write_text(COMPONENT.format(specs=shop.root / "specs"))
    with pytest.raises(ComponentTreeException, match=r"defs\.yaml") as caught:
        dg.ComponentTree.for_project(foreign.parents[2]).build_defs()
    assert isinstance(caught.value.__cause__, SettingsError)
    assert "the folder is called ontology_specs\n  next: rename the folder" in str(caught.value.__cause__)
