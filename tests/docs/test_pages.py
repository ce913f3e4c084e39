"""The documents hold together: links lead somewhere, code can be read, both READMEs say the same."""

from __future__ import annotations

import ast
import json
import re
from pathlib import Path

import pytest

from tests.docs import pages

DECISIONS = sorted((pages.ROOT / "docs" / "decisions").glob("0*.md"))


def name(page: Path) -> str:
    return str(page.relative_to(pages.ROOT))


@pytest.mark.parametrize("page", pages.PAGES, ids=name)
def test_every_link_leads_somewhere(page: Path) -> None:
    lost = []
    for link in pages.links(pages.read(page)):
        if link.startswith(("http://", "https://")):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists() or (anchor and anchor not in pages.anchors(pages.read(target))):
            lost.append(link)
    assert lost == []


@pytest.mark.parametrize("page", pages.PAGES, ids=name)
def test_json_and_python_in_a_page_can_be_parsed(page: Path) -> None:
    for block in pages.blocks(pages.read(page)):
        if block.language == "json":
            json.loads(block.text)
        if block.language == "python":
            ast.parse(block.text)


def test_the_readmes_have_the_same_headings_and_the_same_blocks() -> None:
    english, korean = pages.read(pages.README), pages.read(pages.README_KO)
    assert [level for level, _ in pages.headings(english)] == [level for level, _ in pages.headings(korean)]
    assert [(block.language, block.text) for block in pages.blocks(english)] == [
        (block.language, block.text) for block in pages.blocks(korean)
    ]


def test_the_readmes_name_the_same_code_and_the_same_pages() -> None:
    english, korean = pages.read(pages.README), pages.read(pages.README_KO)
    assert set(pages.links(english)) - {"README.ko.md"} == set(pages.links(korean)) - {"README.md"}
    assert sorted(re.findall(r"`([^`\n]+)`", pages.prose(english))) == sorted(re.findall(r"`([^`\n]+)`", pages.prose(korean)))


def test_the_readmes_show_the_same_numbers() -> None:
    def numbers(page: Path, block: str) -> list[list[str]]:
        text = page.read_text(encoding="utf-8").partition(f"<!-- {block}:begin -->")[2].partition(f"<!-- {block}:end -->")[0]
        return [re.findall(r"\d[\d.,]*", " ".join(row)) for row in pages.table(text)]

    for block in ("numbers", "scorecard"):
        assert numbers(pages.README, block) == numbers(pages.README_KO, block)


def test_the_readme_quotes_the_scorecard() -> None:
    counted = json.loads((pages.ROOT / "scorecard.json").read_text(encoding="utf-8"))
    block = pages.README.read_text(encoding="utf-8").partition("<!-- scorecard:begin -->")[2].partition("<!-- scorecard:end -->")[0]
    quoted = re.findall(r"^\| (R\d\d|oracle|planted|overlay|story|CSV)\b.*?\| ([\d,]+) \w+, (\d+) violations", block, flags=re.MULTILINE)
    told = {row: (int(cases.replace(",", "")), int(violations)) for row, cases, violations in quoted}
    assert told == {row: (entry["cases"], entry["violations"]) for row, entry in counted.items()}


def test_the_quick_start_is_two_commands() -> None:
    (first,) = pages.blocks(pages.section(pages.read(pages.README), "Quick start"))
    assert first.text == "make run\nmake test\n"


def test_decisions_have_four_parts_and_stand_in_the_list() -> None:
    listed = pages.read(pages.ROOT / "docs" / "decisions" / "README.md")
    assert [page.name[:4] for page in DECISIONS] == [f"{number:04d}" for number in range(1, len(DECISIONS) + 1)]
    for page in DECISIONS:
        parts = [words for level, words in pages.headings(pages.read(page)) if level == 2]
        assert (page.name, parts) == (page.name, ["Context", "Decision", "Consequences", "Alternatives"])
        assert f"({page.name})" in listed
