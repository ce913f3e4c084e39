"""`docs/ACTIONS.md` shows only what a tested file holds, and tells every conflict rule."""

from __future__ import annotations

import typing

from palantir_assets.ontology.spec_actions import Conflict
from tests.docs import pages

PAGE = pages.ROOT / "docs" / "ACTIONS.md"


def test_every_example_is_a_verbatim_part_of_a_tested_file() -> None:
    found = [block for block in pages.blocks(pages.read(PAGE)) if block.language == "yaml"]
    assert len(found) >= 6
    for block in found:
        file = pages.ROOT / block.before.strip("`")
        assert file.is_relative_to(pages.EXAMPLES) and f"\n{block.text}" in f"\n{file.read_text(encoding='utf-8')}", block.text


def test_every_conflict_rule_is_told() -> None:
    told = [row[0].strip("`") for row in pages.table(pages.section(pages.read(PAGE), "What a build keeps"))]
    assert told == list(typing.get_args(Conflict))
