"""`docs/ACTIONS.md` shows only what a tested file holds, and tells every conflict rule."""

from __future__ import annotations

import typing
from pathlib import Path

from palantir_assets.cli import project as template
from palantir_assets.ontology.loading import load_ontology
from palantir_assets.ontology.spec_actions import Conflict
from tests.docs import pages

PAGE = pages.ROOT / "docs" / "ACTIONS.md"


def test_every_example_is_a_verbatim_part_of_a_tested_file() -> None:
    found = [block for block in pages.blocks(pages.read(PAGE)) if block.language == "yaml" and block.before.startswith("`tests/")]
    assert len(found) >= 6
    for block in found:
        file = pages.ROOT / block.before.strip("`")
        assert file.is_relative_to(pages.EXAMPLES) and f"\n{block.text}" in f"\n{file.read_text(encoding='utf-8')}", block.text


def test_the_action_for_a_new_project_holds_together_there(tmp_path: Path) -> None:
    template.write(tmp_path / "shop")
    found = [block for block in pages.blocks(pages.read(PAGE)) if block.before.startswith("`ontology_specs/")]
    assert [block.before for block in found] == ["`ontology_specs/shop/order.yaml`", "`ontology_specs/shop/returns.yaml`"]
    for block in found:
        file = tmp_path / "shop" / block.before.strip("`")
        old = file.read_text(encoding="utf-8") if file.exists() else ""
        head, properties, rest = old.partition("properties:\n")
        file.write_text(head + properties + block.text + rest, encoding="utf-8")
    ontology = load_ontology(tmp_path / "shop" / "ontology_specs").ontology
    action = ontology.actions["return_order"]
    assert "return_reason" in ontology.objects["order"].properties
    assert (action.approve is not None and action.approve.four_eyes, len(action.then), len(action.undo)) == (True, 2, 1)


def test_every_conflict_rule_is_told() -> None:
    told = [row[0].strip("`") for row in pages.table(pages.section(pages.read(PAGE), "What a build keeps"))]
    assert told == list(typing.get_args(Conflict))
