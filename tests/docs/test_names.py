"""Whatever a page names exists: commands and their options, make targets, settings, tests, layers."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer.main

from palantir_assets.cli.app import app
from palantir_assets.settings import FOR_DBT, VARIABLES
from tests.docs import pages

WITH_COMMANDS = (*pages.PAGES, pages.TEMPLATE_README)
MAKE_TARGETS = set(re.findall(r"^([a-z]+):.*## ", (pages.ROOT / "Makefile").read_text(), re.MULTILINE))


def name(page: Path) -> str:
    return str(page.relative_to(pages.ROOT))


def leaves(command: Any, path: str = "") -> Iterator[str]:
    """Every command below a command, such as `release list`."""
    for word, inner in getattr(command, "commands", {}).items():
        here = f"{path} {word}".strip()
        yield from leaves(inner, here) if hasattr(inner, "commands") else [here]


def wrong_in(words: list[str]) -> str:
    """What of a command line of `palantir` does not exist; empty if all of it does."""
    command: Any = typer.main.get_command(app)
    for word in words:
        if hasattr(command, "commands"):
            if word not in command.commands:
                return "" if word == "--help" else word
            command = command.commands[word]
        elif word.startswith("-"):
            known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)}
            if word not in known | {"--help"}:
                return word
    return ""


@pytest.mark.parametrize("page", WITH_COMMANDS, ids=name)
def test_every_command_of_palantir_exists(page: Path) -> None:
    found = [words for words in pages.commands(pages.read(page), "palantir") if re.match(r"^[a-z-]", words[0])]
    assert [" ".join(words) for words in found if wrong_in(words)] == []


def test_a_command_that_does_not_exist_is_noticed() -> None:
    assert wrong_in(["release", "lst"]) == "lst"
    assert wrong_in(["build", "--selct", "x"]) == "--selct"
    assert pages.commands("`palantir nope`", "palantir") == [["nope"]]


def test_the_readme_s_table_has_every_command() -> None:
    told = [row[0].strip("`").removeprefix("palantir ") for row in pages.table(pages.section(pages.read(pages.README), "Commands"))]
    assert sorted(told) == sorted(leaves(typer.main.get_command(app)))


@pytest.mark.parametrize("page", WITH_COMMANDS, ids=name)
def test_every_make_target_exists(page: Path) -> None:
    words = [word for line in pages.commands(pages.read(page), "make") for word in line if re.fullmatch(r"[a-z]+", word)]
    assert set(words) - MAKE_TARGETS == set()


def test_the_settings_are_those_of_the_code() -> None:
    text = pages.read(pages.ROOT / "docs" / "settings.md").partition("\n## ")[0]
    assert {row[0].strip("`"): row[1] for row in pages.table(text)} == VARIABLES


@pytest.mark.parametrize("page", WITH_COMMANDS, ids=name)
def test_every_setting_that_is_named_exists(page: Path) -> None:
    assert set(re.findall(r"PALANTIR_[A-Z_]*[A-Z]", pages.read(page))) - {*VARIABLES, FOR_DBT} == set()


@pytest.mark.parametrize("page", pages.PAGES, ids=name)
def test_every_test_that_is_named_exists(page: Path) -> None:
    named = [word for line in pages.code(pages.read(page)) for word in line.split() if word.startswith("tests/")]
    assert [path for path in named if not (pages.ROOT / path.rstrip(",.")).exists()] == []


def test_states_are_one_of_three_words() -> None:
    rows = pages.table(pages.read(pages.ROOT / "docs" / "agents.md"))
    assert len(rows) > 30
    assert [row[0] for row in rows if not re.match(r"^(done|thin|not begun)(: .+)?$", row[2])] == []


def test_the_layers_are_those_that_are_enforced() -> None:
    contracts = tomllib.loads((pages.ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    (enforced,) = [contract["layers"] for contract in contracts if contract["type"] == "layers"]
    (drawn,) = pages.blocks(pages.section(pages.read(pages.ROOT / "docs" / "architecture.md"), "Layers"))
    assert drawn.text.splitlines() == enforced
