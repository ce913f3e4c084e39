"""What the documents say, taken apart: pages, headings, fenced blocks, code, links. What must hold of it is in the tests."""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
README, README_KO = ROOT / "README.md", ROOT / "README.ko.md"
TEMPLATE_README = ROOT / "palantir_assets" / "cli" / "template" / "README.md"
PAGES = (README, README_KO, ROOT / "CHANGELOG.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")))
EXAMPLES = ROOT / "tests" / "docs" / "every_keyword" / "ontology_specs"
LIBRARY = ROOT / "tests" / "stories" / "library" / "ontology_specs"

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"<!--.*?-->", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block: its language, its text, and the last line before it that is not empty."""

    language: str
    text: str
    before: str


def read(page: Path) -> str:
    """A page without its comments."""
    return _COMMENT.sub("", page.read_text(encoding="utf-8"))


def blocks(text: str) -> list[Block]:
    return [Block(found[1], found[2], text[: found.start()].rstrip().rpartition("\n")[2]) for found in _FENCE.finditer(text)]


def prose(text: str) -> str:
    """A page without its fenced blocks."""
    return _FENCE.sub("", text)


def headings(text: str) -> list[tuple[int, str]]:
    """(level, words) of every heading, in order."""
    return [(len(signs), words) for signs, words in re.findall(r"^(#+) (.+)$", prose(text), re.MULTILINE)]


def section(text: str, heading: str) -> str:
    """What stands under a heading of the second level, up to the next one."""
    return re.split(r"^## ", text.partition(f"\n## {heading}\n")[2], maxsplit=1, flags=re.MULTILINE)[0]


def code(text: str) -> list[str]:
    """Everything that is set as code: spans in backticks, and the lines of fenced blocks."""
    spans = re.findall(r"`([^`\n]+)`", prose(text))
    return spans + [line for block in blocks(text) for line in block.text.splitlines()]


def commands(text: str, program: str) -> list[list[str]]:
    """The words after `program` of every command that a page shows, comments aside."""
    found = []
    for line in code(text):
        for part in re.split(r"&&|;|\|", line):
            words = part.partition(" #")[0].split()
            while words and re.match(r"^[A-Z_]+=", words[0]):
                words = words[1:]
            if words and words[0] == program and len(words) > 1:
                found.append(words[1:])
    return found


def curls(text: str) -> list[list[str]]:
    """The arguments of every curl, as a shell would split them; what is asked of a project of one's own stands in `shell`."""
    asked = [block for block in blocks(text) if block.language != "shell"]
    return [shlex.split(line)[1:] for block in asked for line in block.text.splitlines() if line.startswith("curl ")]


def links(text: str) -> list[str]:
    return re.findall(r"\]\(([^)\s]+)\)", prose(text))


def anchors(text: str) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    return {re.sub(r"[^\w -]", "", words.lower()).replace(" ", "-") for _, words in headings(text)}


def table(text: str) -> list[list[str]]:
    """The cells of every table row, heads and rules aside."""
    rows = [line.strip("|").split(" | ") for line in text.splitlines() if line.startswith("|")]
    ruled = [index for index, row in enumerate(rows) if set("".join(row)) <= set("|- ")]
    skipped = {*ruled, *(index - 1 for index in ruled)}
    return [[cell.strip() for cell in row] for index, row in enumerate(rows) if index not in skipped]
