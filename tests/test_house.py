"""House rules that no linter knows: the platform is generic, thin where it must be, and quiet at import."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "palantir_assets"
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if "template" not in path.parts)
FOREIGN_WORDS = re.compile(
    r"flight|airport|airline|aircraft|tailnum|dep_delay|arr_delay|(?<![a-z0-9])(?:faa|planes?|carriers?)(?![a-z0-9])", re.IGNORECASE
)


@pytest.mark.parametrize(
    "path", sorted(path for path in PACKAGE.rglob("*") if path.suffix in (".py", ".yaml", ".sql", ".csv", ".md")), ids=str
)
def test_no_word_of_the_default_projects_domain_occurs_in_the_package(path: Path) -> None:
    assert not FOREIGN_WORDS.findall(path.read_text(encoding="utf-8"))


def test_the_word_list_bites() -> None:
    assert FOREIGN_WORDS.findall("InFlight, an airport_code? FAA dep_delay $plane.home caller_carriers") == [
        "Flight", "airport", "FAA", "dep_delay", "plane", "carriers",
    ]  # fmt: skip
    assert FOREIGN_WORDS.findall("highlight explained, planes_of") == ["planes"]
    assert FOREIGN_WORDS.findall("highlight explained planet") == []


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_says_what_it_is_and_stays_small(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    tree = ast.parse(text)
    assert path.name == "__init__.py" or ast.get_docstring(tree), "a module opens with what it is and what it leaves to whom"
    assert text.count("\n") <= 300 or path.name == "spec.py", "a module of more than 300 lines is two modules"
    long = [
        f"{node.name} ({node.end_lineno - node.lineno + 1})"
        for node in _functions(tree)
        if node.end_lineno and node.end_lineno - node.lineno >= 45
    ]
    assert not long, "a function of more than 45 lines is two functions"


def _functions(tree: ast.Module) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Functions that are no factory of an asset: those hold the asset's declaration and its body."""
    found = [node for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]
    return [node for node in found if not _declares_an_asset(node)]


def _declares_an_asset(node: ast.AST) -> bool:
    return any(isinstance(inner, ast.FunctionDef) and inner.decorator_list for inner in ast.walk(node) if inner is not node)


def test_importing_the_package_does_nothing() -> None:
    code = (
        "import os, sys; before = set(os.environ.items()); import palantir_assets.settings, palantir_assets.definitions;"
        "assert set(os.environ.items()) == before; assert 'duckdb' not in sys.modules and 'dagster_dbt' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_only_the_build_sees_without_a_caller() -> None:
    """`access.views.whole` hides nothing: a release that is served is never asked through it."""
    texts = {path: path.read_text(encoding="utf-8") for path in MODULES}
    using = [path for path, text in texts.items() if re.search(r"access\.views import [^\n]*\bwhole\b", text)]
    assert using and all(path.is_relative_to(PACKAGE / "assets") for path in using), using
    assert not [path for path, text in texts.items() if "views.whole(" in text]


def test_what_is_marked_for_the_long_tier_is_in_its_command() -> None:
    recipe = re.search(r"^LONG := ((?:.*\\\n)*.*)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE)
    asked = recipe[1].replace("\\\n", " ").split() if recipe else []
    texts = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in ROOT.glob("tests/**/test_*.py")}
    marked = {path for path, text in texts.items() if re.search(r"\bpytest\.mark\.soundness", text)}
    assert marked, "nothing is marked"
    assert {path for path in marked if not any(path == one or path.startswith(f"{one}/") for one in asked)} == set()
