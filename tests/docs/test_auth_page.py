"""The steps of `docs/AUTH.md` are done to a fresh project, in their order: each holds together, and does what is told of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from palantir_assets.cli import project as template
from palantir_assets.ontology.loading import load_ontology
from palantir_assets.ontology.policy_tests import policy_cases
from palantir_assets.ontology.serving_access import served_access
from palantir_assets.ontology.spec import Ontology
from tests.docs import pages

PAGE = pages.ROOT / "docs" / "AUTH.md"
STEPS = [
    block
    for block in pages.blocks(pages.section(f"\n{pages.read(PAGE)}", "Roles and policies"))
    if block.language == "yaml" and block.before.startswith("`ontology_specs/")
]
BORNE = {"customer": {"name": frozenset({"personal"})}}
"""What lineage tells of the marked column."""


@pytest.fixture
def steps(tmp_path: Path) -> list[Ontology]:
    """What the specs declare after every step."""
    template.write(tmp_path / "shop")
    return [_taken(tmp_path / "shop", block) for block in STEPS]


def test_every_step_holds_together(steps: list[Ontology]) -> None:
    assert len(steps) == 6
    assert {"support", "viewer", "admin"} == steps[0].roles.keys()


def test_what_the_guide_starts_from_is_what_init_writes() -> None:
    (start,) = [block for block in pages.blocks(pages.read(PAGE)) if block.before.startswith("`palantir_assets/")]
    assert start.text in (pages.ROOT / start.before.strip("`")).read_text(encoding="utf-8")


def test_the_policy_says_what_the_guide_tells_of_it(steps: list[Ontology]) -> None:
    order = served_access(steps[1], {}).types["order"]
    assert (order.read, order.properties["amount"].roles) == (("viewer",), ("support",))
    assert order.properties["is_large"].reads.properties == ("order.amount",)
    assert [case.visible for case in policy_cases(steps[1])] == [False, True, True]


def test_the_marking_travels_and_is_taken_off_where_it_is_said(steps: list[Ontology]) -> None:
    marked = served_access(steps[3], BORNE).types["customer"].properties
    assert marked["name"].needs == ("personal",)
    travelled = served_access(steps[4], BORNE).types["customer"].properties["name_length"]
    assert (travelled.needs, travelled.reads.properties) == ((), ("customer.name",))
    assert "name_length" not in served_access(steps[5], BORNE).types["customer"].properties


def _taken(project: Path, block: pages.Block) -> Ontology:
    """A step taken: a file that is new, or lines in place of those that begin alike, or behind the line before them."""
    file = project / block.before.strip("`")
    if not file.exists():
        file.write_text(block.text, encoding="utf-8")
    else:
        lines, behind = file.read_text(encoding="utf-8").splitlines(), 0
        for line in block.text.splitlines():
            head = line.partition(":")[0] + ":"
            place = next((index for index, old in enumerate(lines) if old.startswith(head)), None)
            if place is None:
                lines.insert(behind + 1, line)
            else:
                lines[place], behind = line, place
        file.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return load_ontology(project / "ontology_specs").ontology
