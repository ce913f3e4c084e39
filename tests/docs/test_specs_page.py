"""`docs/specs.md` has every keyword of the language, no other, and only examples that a tested file holds."""

from __future__ import annotations

import re
import typing
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from palantir_assets.functions.objects import Objects, ObjectSet
from palantir_assets.ontology import spec
from palantir_assets.ontology.aggregates import FUNCTIONS as AGGREGATES
from palantir_assets.ontology.expressions import FUNCTIONS
from palantir_assets.ontology.loading import load_ontology
from tests.docs import pages

PAGE = pages.ROOT / "docs" / "specs.md"
TESTED = (
    pages.ROOT / "ontology_specs",
    pages.ROOT / "palantir_assets" / "cli" / "template" / "ontology_specs",
    pages.EXAMPLES,
    pages.LIBRARY,
)
MODELS = {
    name: model
    for name, model in vars(spec).items()
    if isinstance(model, type) and issubclass(model, spec.Spec) and model not in (spec.Spec, spec.Ontology)
}
PARTS = dict(re.findall(r"<!-- model: (\w+) -->(.*?)(?=<!-- model: |\Z)", PAGE.read_text(encoding="utf-8"), re.DOTALL))


def keywords(model: type[BaseModel]) -> list[str]:
    return [info.alias or name for name, info in model.model_fields.items()]


def words_of(annotation: object) -> Iterator[str]:
    """The words a value may be, where it is one of a few."""
    if typing.get_origin(annotation) is typing.Literal:
        yield from (word for word in typing.get_args(annotation) if isinstance(word, str))
    else:
        for inner in typing.get_args(annotation):
            yield from words_of(inner)


def examples(part: str) -> list[pages.Block]:
    return [block for block in pages.blocks(part) if block.language == "yaml"]


def test_every_part_of_the_language_has_its_part_of_the_page() -> None:
    assert set(PARTS) == set(MODELS)


@pytest.mark.parametrize("name", MODELS)
def test_a_part_tells_every_keyword_in_its_order_and_no_other(name: str) -> None:
    first = PARTS[name].partition("\n### ")[0]  # the expression language has a table of its own
    told = [row[0].strip("`") for row in pages.table(first)]
    assert told == keywords(MODELS[name])


@pytest.mark.parametrize("name", MODELS)
def test_a_part_shows_every_keyword_in_an_example(name: str) -> None:
    shown = "".join(block.text for block in examples(PARTS[name]))
    assert [word for word in keywords(MODELS[name]) if not re.search(rf"\b{word}:", shown)] == []


@pytest.mark.parametrize("name", MODELS)
def test_a_part_tells_every_word_that_a_value_may_be(name: str) -> None:
    words = {word for info in MODELS[name].model_fields.values() for word in words_of(info.annotation)}
    assert {word for word in words if f"`{word}`" not in PARTS[name]} == set()


def test_every_example_is_a_verbatim_part_of_a_tested_file() -> None:
    found = examples(PAGE.read_text(encoding="utf-8"))
    assert len(found) > 40
    for block in found:
        file = pages.ROOT / block.before.strip("`")
        assert file.is_relative_to(pages.ROOT) and any(file.is_relative_to(folder) for folder in TESTED), block.before
        assert f"\n{block.text}" in f"\n{file.read_text(encoding='utf-8')}", f"{block.before} has no such lines:\n{block.text}"


@pytest.mark.parametrize("folder", TESTED, ids=lambda folder: folder.parent.name)
def test_the_files_that_examples_come_from_hold_together(folder: Path) -> None:
    assert load_ontology(folder).ontology.objects


def test_every_function_of_the_expression_language_is_told() -> None:
    text = PAGE.read_text(encoding="utf-8")
    told = {found[1]: found[2].count(",") + 1 for found in re.finditer(r"`(\w+)\(([^)`]*)\)`", text)}
    assert told == {name: len(function.takes) for name, function in FUNCTIONS.items()} | dict.fromkeys(AGGREGATES, 1)


def test_everything_a_function_can_ask_is_told() -> None:
    part = PAGE.read_text(encoding="utf-8").partition("### What a function asks")[2].partition("### Parameter")[0]
    asked = {f"objects.{name}" for name in vars(Objects) if not name.startswith("_")}
    of_a_set = {f"loans.{name}" for name in (*vars(ObjectSet), "form") if not name.startswith("_")}
    assert set(re.findall(r"^\| `((?:objects|loans)\.\w+)", part, re.MULTILINE)) == asked | of_a_set


def test_python_in_the_page_is_a_verbatim_part_of_a_tested_file() -> None:
    found = [block for block in pages.blocks(PAGE.read_text(encoding="utf-8")) if block.language == "python"]
    assert found
    for block in found:
        assert block.text in (pages.ROOT / block.before.strip("`")).read_text(encoding="utf-8")


def test_every_type_of_a_property_is_told() -> None:
    assert [name for name in spec.PROPERTY_TYPES if f"`{name}`" not in PARTS["Property"]] == []
