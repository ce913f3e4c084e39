"""`docs/ERASURE.md` shows only what a tested file holds, and is linked from where `personal` is told."""

from __future__ import annotations

from tests.docs import pages

PAGE = pages.ROOT / "docs" / "ERASURE.md"


def test_its_example_is_a_verbatim_part_of_a_tested_file() -> None:
    (block,) = [block for block in pages.blocks(pages.read(PAGE)) if block.language == "yaml"]
    file = pages.ROOT / block.before.strip("`")
    assert file.is_relative_to(pages.EXAMPLES) and f"\n{block.text}" in f"\n{file.read_text(encoding='utf-8')}"


def test_where_personal_is_told_it_leads_here() -> None:
    specs = pages.read(pages.ROOT / "docs" / "specs.md")
    (row,) = [line for line in specs.splitlines() if line.startswith("| `personal` |")]
    assert "(ERASURE.md)" in row
